//! What can be chosen about a local cloud.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use bestow_webhooks::WebhookSecrets;
use url::{Host, Url};

use crate::StartError;
use crate::lambda::host::FunctionHost;
use crate::lambda::processes::LogSink;

/// The key that callers use where none was chosen. Everybody knows it, so it is taken on loopback only.
pub const DEFAULT_API_KEY: &str = "local-development-key";

/// What webhooks are signed with where nothing was chosen. Everybody knows it, so it is used on loopback only.
pub const DEFAULT_WEBHOOK_SECRET: &str = "whsec_YmVzdG93IGxvY2FsIGRldmVsb3BtZW50";

/// The address that everything listens on.
pub(crate) const HOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// What can be chosen about a local cloud.
#[derive(Clone)]
pub struct Options {
    /// The port of the API on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// The port of the DynamoDB endpoint; 0 takes a free one.
    pub dynamodb_port: u16,
    /// The port of the SQS endpoint; 0 takes a free one.
    pub sqs_port: u16,
    /// The port of the EventBridge endpoint; 0 takes a free one.
    pub eventbridge_port: u16,
    /// The data directory; `None` keeps everything in memory.
    pub data_dir: Option<PathBuf>,
    /// The key that callers of the API use.
    pub api_key: String,
    /// What webhooks are signed with: `whsec_` and base64. `None`: [`DEFAULT_WEBHOOK_SECRET`] on loopback, and a
    /// secret that is made and kept elsewhere.
    pub webhook_secret: Option<String>,
    /// The API's address as the world sees it; by default the address that it listens on.
    pub public_url: Option<String>,
    /// Where the functions run.
    pub functions: FunctionHost,
    /// Values for parameters of the template, by their names, instead of its defaults.
    pub parameters: BTreeMap<String, String>,
    /// Takes what functions write that run in processes of their own: by default this process's log.
    pub function_log: LogSink,
    /// Changes the environment of functions before they start.
    pub change_environment: Option<ChangeEnvironment>,
}

/// Changes the environment of the function with this binary.
pub type ChangeEnvironment = Arc<dyn Fn(&str, &mut BTreeMap<String, String>) + Send + Sync>;

impl Default for Options {
    /// In memory, on free ports, with [`DEFAULT_API_KEY`]: what a test needs.
    fn default() -> Self {
        Self {
            port: 0,
            dynamodb_port: 0,
            sqs_port: 0,
            eventbridge_port: 0,
            data_dir: None,
            api_key: DEFAULT_API_KEY.to_owned(),
            webhook_secret: None,
            public_url: None,
            functions: FunctionHost::InProcess,
            parameters: BTreeMap::new(),
            function_log: Arc::new(|line| {
                let (function, pid) = (line.function, line.pid);
                tracing::info!(function, pid, "{}", line.text);
            }),
            change_environment: None,
        }
    }
}

impl Options {
    /// Checks everything that can be checked before anything is started, and gives the public URL, if
    /// one was chosen. The key that everybody knows stays on loopback.
    pub(crate) fn checked_public_url(&self) -> Result<Option<Url>, StartError> {
        let refused = |flag, reason: String| StartError::Option { flag, reason };
        if self.api_key.trim().is_empty() {
            return Err(refused("--api-key", "it must not be empty".to_owned()));
        }
        if let FunctionHost::InvokeApi { endpoint } = &self.functions {
            parse_origin(endpoint).map_err(|reason| {
                let example = "Give the address that cargo lambda watch listens on, for example \
                               --lambda-endpoint http://127.0.0.1:9000";
                refused("--lambda-endpoint", format!("{reason}. {example}"))
            })?;
        }
        if let Some(secret) = &self.webhook_secret {
            secret
                .parse::<WebhookSecrets>()
                .map_err(|fault| refused("--webhook-secret", fault.to_string()))?;
        }
        let Some(text) = &self.public_url else {
            return Ok(None);
        };
        let url = parse_origin(text).map_err(|reason| {
            let example = "Give the address that reaches this machine, for example --public-url \
                           https://name.tunnel.example";
            refused("--public-url", format!("{reason}. {example}"))
        })?;
        if self.api_key == DEFAULT_API_KEY && !is_loopback(&url) {
            let reason = format!(
                "everybody knows the default API key, so it cannot protect {text}. Choose your own, for example \
                 --api-key \"$(openssl rand -hex 32)\""
            );
            return Err(refused("--api-key", reason));
        }
        Ok(Some(url))
    }
}

/// The URL of a scheme and a host; otherwise what is wrong with it.
fn parse_origin(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|fault| format!("{text} is no absolute URL ({fault})"))?;
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        "http" => return Err("wallets ask for https, except on loopback".to_owned()),
        other => return Err(format!("its scheme is {other}, not https")),
    }
    // An origin and a slash is what a URL without anything else is written as.
    match url.as_str() == url.origin().ascii_serialization() + "/" {
        true => Ok(url),
        false => Err("it must be scheme and host, with a port if need be, and no more".to_owned()),
    }
}

/// Whether a URL leads to this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// The identifier form of a URL without a path: no trailing slash.
pub(crate) fn without_slash(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

/// The loopback address with this port.
pub(crate) fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(HOST, port)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, api_key: &str) -> Result<Option<Url>, StartError> {
        let options = Options {
            public_url: Some(url.to_owned()),
            api_key: api_key.to_owned(),
            ..Options::default()
        };
        options.checked_public_url()
    }

    #[test]
    fn a_public_url_is_an_origin() {
        for good in [
            "https://name.tunnel.example",
            "https://name.tunnel.example/",
            "https://name.tunnel.example:8443",
            "http://localhost:3000",
            "http://127.0.0.1:3000",
        ] {
            assert!(check(good, "my-own-key").is_ok(), "{good}");
        }
        for bad in [
            "",
            "name.tunnel.example",
            "http://name.tunnel.example",
            "ftp://name.tunnel.example",
            "https://name.tunnel.example/path",
            "https://name.tunnel.example?x",
            "https://name.tunnel.example#x",
            "https://me@name.tunnel.example",
        ] {
            let fault = check(bad, "my-own-key").expect_err(bad).to_string();
            assert!(fault.contains("--public-url"), "{fault}");
        }
    }

    #[test]
    fn an_invoke_api_is_an_origin() {
        let options = Options {
            functions: FunctionHost::InvokeApi {
                endpoint: "localhost:9000".to_owned(),
            },
            ..Options::default()
        };
        let fault = options.checked_public_url().unwrap_err().to_string();
        assert!(fault.contains("--lambda-endpoint"), "{fault}");
    }

    #[test]
    fn a_webhook_secret_is_checked_and_not_shown() {
        let options = |secret: &str| Options {
            webhook_secret: Some(secret.to_owned()),
            ..Options::default()
        };
        assert!(options(DEFAULT_WEBHOOK_SECRET).checked_public_url().is_ok());
        let fault = options("hunter2")
            .checked_public_url()
            .unwrap_err()
            .to_string();
        assert!(
            fault.contains("--webhook-secret") && !fault.contains("hunter2"),
            "{fault}"
        );
    }

    #[test]
    fn the_key_that_everybody_knows_stays_on_loopback() {
        assert!(check("http://localhost:3000", DEFAULT_API_KEY).is_ok());
        let fault = check("https://name.tunnel.example", DEFAULT_API_KEY).unwrap_err();
        assert!(fault.to_string().contains("--api-key"), "{fault}");
        let fault = check("http://localhost:3000", " ").unwrap_err();
        assert!(fault.to_string().contains("--api-key"), "{fault}");
    }
}

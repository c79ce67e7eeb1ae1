//! Where the wallet is, and how we authenticate there.

use bestow_runtime::{ConfigError, Env};
use secrecy::SecretString;
use url::Url;

/// The configuration of the wallet that issues.
#[derive(Debug)]
pub struct WalletConfig {
    /// `WALLET_BASE_URL`: what the paths of the issue contract are appended to.
    pub base_url: Url,
    /// How requests are authenticated.
    pub credentials: WalletCredentials,
}

/// How requests to the wallet are authenticated. The secrets are not shown by `Debug`.
#[derive(Debug)]
pub enum WalletCredentials {
    /// `WALLET_API_KEY`, sent as `x-api-key`.
    ApiKey(SecretString),
    /// An access token, sent as Bearer.
    ClientCredentials(ClientCredentials),
}

/// The OAuth 2.0 client credentials grant (RFC 6749 §4.4).
#[derive(Debug)]
pub struct ClientCredentials {
    /// `WALLET_TOKEN_URL`: the token endpoint.
    pub token_url: Url,
    /// `WALLET_CLIENT_ID`.
    pub client_id: String,
    /// `WALLET_CLIENT_SECRET`.
    pub client_secret: SecretString,
    /// `WALLET_SCOPE`, if the token endpoint wants one.
    pub scope: Option<String>,
}

impl WalletConfig {
    /// Reads `WALLET_BASE_URL`, and either `WALLET_API_KEY` or `WALLET_TOKEN_URL`, `WALLET_CLIENT_ID`,
    /// `WALLET_CLIENT_SECRET` and, optionally, `WALLET_SCOPE`.
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let base_url = env.base_url("WALLET_BASE_URL")?;
        let base_url = Url::parse(&base_url)
            .map_err(|fault| ConfigError::invalid("WALLET_BASE_URL", fault))?;
        let api_key = env.optional("WALLET_API_KEY");
        let scope = env.optional("WALLET_SCOPE");
        let of_client = [
            "WALLET_TOKEN_URL",
            "WALLET_CLIENT_ID",
            "WALLET_CLIENT_SECRET",
        ]
        .map(|name| env.optional(name));
        let credentials = match (api_key, of_client) {
            (Some(key), [None, None, None]) if is_header_value(key) => {
                WalletCredentials::ApiKey(SecretString::from(key))
            }
            (Some(_), [None, None, None]) => {
                let reason = "it has a character that cannot stand in a header";
                return Err(ConfigError::invalid("WALLET_API_KEY", reason));
            }
            (Some(_), _) => {
                let reason = "set either this or WALLET_TOKEN_URL, WALLET_CLIENT_ID and \
                              WALLET_CLIENT_SECRET, not both";
                return Err(ConfigError::invalid("WALLET_API_KEY", reason));
            }
            (None, [None, None, None]) => {
                return Err(ConfigError::Missing {
                    name: "WALLET_API_KEY".to_owned(),
                    expected:
                        "the wallet's API key; or set WALLET_TOKEN_URL, WALLET_CLIENT_ID and \
                               WALLET_CLIENT_SECRET for OAuth 2.0 client credentials"
                            .to_owned(),
                });
            }
            (None, _) => WalletCredentials::ClientCredentials(ClientCredentials {
                token_url: env.endpoint_url("WALLET_TOKEN_URL")?,
                client_id: env
                    .required("WALLET_CLIENT_ID", "the OAuth 2.0 client id")?
                    .to_owned(),
                client_secret: SecretString::from(
                    env.required("WALLET_CLIENT_SECRET", "the OAuth 2.0 client secret")?,
                ),
                scope: scope.map(str::to_owned),
            }),
        };
        Ok(Self {
            base_url,
            credentials,
        })
    }
}

fn is_header_value(text: &str) -> bool {
    text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: (&str, &str) = ("WALLET_BASE_URL", "https://wallet.example/wallet");
    const TOKEN_URL: (&str, &str) = ("WALLET_TOKEN_URL", "https://login.example/token");
    const CLIENT_ID: (&str, &str) = ("WALLET_CLIENT_ID", "bestow");
    const CLIENT_SECRET: (&str, &str) = ("WALLET_CLIENT_SECRET", "hunter2");
    const API_KEY: (&str, &str) = ("WALLET_API_KEY", "hunter2");

    fn config<const N: usize>(variables: [(&str, &str); N]) -> Result<WalletConfig, ConfigError> {
        WalletConfig::from_env(&Env::from_iter(variables))
    }

    #[test]
    fn either_way_to_authenticate_is_taken() {
        let by_key = config([BASE, API_KEY, ("WALLET_TOKEN_URL", "")]).unwrap();
        assert!(matches!(by_key.credentials, WalletCredentials::ApiKey(_)));
        let by_token = config([BASE, TOKEN_URL, CLIENT_ID, CLIENT_SECRET]).unwrap();
        assert!(matches!(
            by_token.credentials,
            WalletCredentials::ClientCredentials(ClientCredentials { scope: None, .. })
        ));
        assert!(!format!("{by_key:?} {by_token:?}").contains("hunter2"));
    }

    #[test]
    fn a_token_endpoint_may_end_in_a_slash_or_have_a_query() {
        for url in [
            "https://login.example/o/token/",
            "https://login.example/token?p=POLICY",
        ] {
            let token_url = ("WALLET_TOKEN_URL", url);
            let config = config([BASE, token_url, CLIENT_ID, CLIENT_SECRET]).unwrap();
            assert!(matches!(
                config.credentials,
                WalletCredentials::ClientCredentials(client) if client.token_url.as_str() == url
            ));
        }
    }

    #[test]
    fn a_fault_names_the_variable() {
        for (result, name) in [
            (config([API_KEY]), "WALLET_BASE_URL"),
            (
                config([("WALLET_BASE_URL", "wallet.example"), API_KEY]),
                "WALLET_BASE_URL",
            ),
            (config([BASE]), "WALLET_API_KEY"),
            (
                config([BASE, ("WALLET_API_KEY", "hunter2\n")]),
                "WALLET_API_KEY",
            ),
            (config([BASE, API_KEY, TOKEN_URL]), "WALLET_API_KEY"),
            (config([BASE, TOKEN_URL, CLIENT_ID]), "WALLET_CLIENT_SECRET"),
            (config([BASE, CLIENT_ID, CLIENT_SECRET]), "WALLET_TOKEN_URL"),
        ] {
            let fault = result.unwrap_err().to_string();
            assert!(
                fault.contains(name) && !fault.contains("hunter2"),
                "{fault}"
            );
        }
    }
}

//! How we authenticate at the wallet.

use std::time::Duration;

use bestow_runtime::{ConfigError, Env};
use secrecy::SecretString;
use tokio::sync::Mutex;

use crate::token::TokenSource;

/// How requests to the wallet are authenticated.
pub(crate) enum Credentials {
    /// `WALLET_API_KEY`, sent as `x-api-key`.
    ApiKey(SecretString),
    /// An access token, sent as Bearer.
    Token(Box<TokenSource>),
}

impl Credentials {
    /// Reads either `WALLET_API_KEY`, or `WALLET_TOKEN_URL`, `WALLET_CLIENT_ID`, `WALLET_CLIENT_SECRET` and, optionally,
    /// `WALLET_SCOPE`. Getting a token may take `timeout`.
    pub(crate) fn from_env(env: &Env, timeout: Duration) -> Result<Self, ConfigError> {
        const KEY: &str = "WALLET_API_KEY";
        let scope = env.optional("WALLET_SCOPE");
        let of_client = [
            "WALLET_TOKEN_URL",
            "WALLET_CLIENT_ID",
            "WALLET_CLIENT_SECRET",
        ]
        .map(|name| env.optional(name));
        match (env.optional(KEY), of_client) {
            (Some(key), [None, None, None]) if is_header_value(key) => {
                Ok(Self::ApiKey(SecretString::from(key)))
            }
            (Some(_), [None, None, None]) => {
                let reason = "it has a character that cannot stand in a header";
                Err(ConfigError::invalid(KEY, reason))
            }
            (Some(_), _) => {
                let reason = "set either this or WALLET_TOKEN_URL, WALLET_CLIENT_ID and \
                              WALLET_CLIENT_SECRET, not both";
                Err(ConfigError::invalid(KEY, reason))
            }
            (None, [None, None, None]) => Err(ConfigError::Missing {
                name: KEY.to_owned(),
                expected: "the wallet's API key; or set WALLET_TOKEN_URL, WALLET_CLIENT_ID and \
                           WALLET_CLIENT_SECRET for OAuth 2.0 client credentials"
                    .to_owned(),
            }),
            (None, _) => {
                let token_url = env.endpoint_url("WALLET_TOKEN_URL")?;
                let id = env.required("WALLET_CLIENT_ID", "the OAuth 2.0 client id")?;
                let secret = env.required("WALLET_CLIENT_SECRET", "the OAuth 2.0 client secret")?;
                Ok(Self::Token(Box::new(TokenSource {
                    token_url,
                    client_id: id.to_owned(),
                    client_secret: SecretString::from(secret),
                    scope: scope.map(str::to_owned),
                    timeout,
                    cached: Mutex::default(),
                })))
            }
        }
    }
}

fn is_header_value(text: &str) -> bool {
    text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN_URL: (&str, &str) = ("WALLET_TOKEN_URL", "https://login.example/token");
    const CLIENT_ID: (&str, &str) = ("WALLET_CLIENT_ID", "bestow");
    const CLIENT_SECRET: (&str, &str) = ("WALLET_CLIENT_SECRET", "hunter2");
    const API_KEY: (&str, &str) = ("WALLET_API_KEY", "hunter2");

    fn read<const N: usize>(variables: [(&str, &str); N]) -> Result<Credentials, ConfigError> {
        Credentials::from_env(&Env::from_iter(variables), Duration::ZERO)
    }

    #[test]
    fn either_way_to_authenticate_is_taken() {
        let by_key = read([API_KEY, ("WALLET_TOKEN_URL", "")]);
        assert!(matches!(by_key, Ok(Credentials::ApiKey(_))));
        let by_token = read([TOKEN_URL, CLIENT_ID, CLIENT_SECRET]);
        assert!(matches!(by_token, Ok(Credentials::Token(_))));
    }

    #[test]
    fn a_token_endpoint_may_end_in_a_slash_or_have_a_query() {
        for url in [
            "https://login.example/o/token/",
            "https://login.example/token?p=POLICY",
        ] {
            let token_url = ("WALLET_TOKEN_URL", url);
            let Ok(Credentials::Token(source)) = read([token_url, CLIENT_ID, CLIENT_SECRET]) else {
                panic!("{url}");
            };
            assert_eq!(source.token_url.as_str(), url);
        }
    }

    #[test]
    fn a_fault_names_the_variable() {
        for (result, name) in [
            (read([]), "WALLET_API_KEY"),
            (read([("WALLET_API_KEY", "hunter2\n")]), "WALLET_API_KEY"),
            (read([API_KEY, TOKEN_URL]), "WALLET_API_KEY"),
            (read([TOKEN_URL, CLIENT_ID]), "WALLET_CLIENT_SECRET"),
            (read([CLIENT_ID, CLIENT_SECRET]), "WALLET_TOKEN_URL"),
        ] {
            let fault = result.err().unwrap().to_string();
            assert!(
                fault.contains(name) && !fault.contains("hunter2"),
                "{fault}"
            );
        }
    }
}

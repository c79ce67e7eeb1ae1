//! A missing or bad environment variable: the function does not start, and says which one and why.

use std::collections::BTreeMap;
use std::time::Duration;

use bestow_functions::Function;
use bestow_runtime::{ConfigError, Env};

use crate::cloud;

/// What each function does not start without.
const NEEDED: &[(&str, &[&str])] = &[
    ("purge-expired-claims", &["JOB_TABLE"]),
    (
        "start-issue",
        &[
            "ISSUANCE_TABLE",
            "POLL_QUEUE_URL",
            "PUBLIC_BASE_URL",
            "ACCESS_TABLE",
            "ACCESS_CACHE_SECONDS",
            "REQUEST_HASH_SECRET",
            "WALLET_TABLE",
            "CREDENTIAL_ISSUER",
            "WALLET_SECRET",
        ],
    ),
    (
        "wallet-callback",
        &["POLL_QUEUE_URL", "WALLET_CALLBACK_SECRET"],
    ),
    (
        "start-bulk",
        &[
            "ACCESS_TABLE",
            "ACCESS_CACHE_SECONDS",
            "JOB_TABLE",
            "START_QUEUE_URL",
            "JOB_SECRET",
            "PUBLIC_BASE_URL",
        ],
    ),
    (
        "start-queued",
        &[
            "JOB_TABLE",
            "START_QUEUE_URL",
            "JOB_SECRET",
            "QUEUED_STARTS_AT_ONCE",
            "ISSUANCE_TABLE",
            "POLL_QUEUE_URL",
            "REQUEST_HASH_SECRET",
            "WALLET_TABLE",
            "CREDENTIAL_ISSUER",
            "WALLET_SECRET",
        ],
    ),
    (
        "get-status",
        &[
            "ISSUANCE_TABLE",
            "POLL_QUEUE_URL",
            "PUBLIC_BASE_URL",
            "ACCESS_TABLE",
            "ACCESS_CACHE_SECONDS",
        ],
    ),
    (
        "poll-status",
        &[
            "ISSUANCE_TABLE",
            "POLL_QUEUE_URL",
            "WALLET_TABLE",
            "CREDENTIAL_ISSUER",
        ],
    ),
    (
        "publish-changes",
        &[
            "EVENT_BUS_NAME",
            "ISSUANCE_TABLE",
            "PUBLIC_BASE_URL",
            "PUBLISH_DEAD_LETTER_QUEUE_URL",
            "DELIVERY_TABLE",
            "WEBHOOK_QUEUE_URL",
        ],
    ),
    (
        "deliver-webhook",
        &["DELIVERY_TABLE", "WEBHOOK_QUEUE_URL", "WEBHOOK_SECRETS"],
    ),
    (
        "deliveries",
        &[
            "ACCESS_TABLE",
            "ACCESS_CACHE_SECONDS",
            "ISSUANCE_TABLE",
            "DELIVERY_TABLE",
            "WEBHOOK_QUEUE_URL",
        ],
    ),
    (
        "set-credential-status",
        &[
            "ACCESS_TABLE",
            "ACCESS_CACHE_SECONDS",
            "ISSUANCE_TABLE",
            "POLL_QUEUE_URL",
            "WALLET_TABLE",
            "CREDENTIAL_ISSUER",
        ],
    ),
    (
        "wallet",
        &["WALLET_TABLE", "CREDENTIAL_ISSUER", "WALLET_SECRET"],
    ),
];

/// Starts a function as its own `main` does.
async fn start(name: &str, variables: BTreeMap<String, String>) -> Result<(), ConfigError> {
    let env: Env = variables.into_iter().collect();
    let function = Function::named(name).expect(name);
    function.start(&env, Duration::ZERO).await.map(drop)
}

/// The environment where another wallet issues than the bundled one.
fn with_external_wallet(binary: &str) -> BTreeMap<String, String> {
    let external = [
        ("WALLET_BASE_URL", "https://wallet.example"),
        ("WALLET_API_KEY", "the wallet's key"),
        ("WALLET_CALLBACK_BASE_URL", "https://issuer.example"),
        (
            "WALLET_CALLBACK_SECRET",
            "a secret of at least thirty-two characters",
        ),
    ];
    let external = external.map(|(name, value)| (name.to_owned(), value.to_owned()));
    environment(binary).into_iter().chain(external).collect()
}

fn environment(binary: &str) -> BTreeMap<String, String> {
    [cloud::shared, cloud::shared_external]
        .into_iter()
        .find_map(|cloud| cloud().running.function_environment(binary))
        .expect("it has one")
        .clone()
}

#[tokio::test]
async fn a_missing_variable_is_named() {
    for &(binary, needed) in NEEDED {
        start(binary, environment(binary))
            .await
            .expect("it starts with what the template sets");
        for &name in needed {
            for empty in [None, Some(String::new())] {
                let mut variables = environment(binary);
                variables
                    .remove(name)
                    .unwrap_or_else(|| panic!("{binary} has no {name}"));
                variables.extend(empty.map(|value| (name.to_owned(), value)));
                let fault = start(binary, variables).await.expect_err(name).to_string();
                assert!(fault.contains(name), "{binary}: {fault}");
            }
        }
    }
}

#[tokio::test]
async fn a_missing_variable_of_an_external_wallet_is_named() {
    for name in [
        "WALLET_API_KEY",
        "WALLET_CALLBACK_BASE_URL",
        "WALLET_CALLBACK_SECRET",
    ] {
        let mut variables = with_external_wallet("start-issue");
        start("start-issue", variables.clone())
            .await
            .expect("it needs no more");
        variables.remove(name);
        let fault = start("start-issue", variables).await.expect_err(name);
        assert!(fault.to_string().contains(name), "{fault}");
    }
}

#[tokio::test]
async fn a_bad_value_is_named_and_not_repeated() {
    let pem = "-----BEGIN PRIVATE KEY-----\nSECRETSECRETSECRET\n-----END PRIVATE KEY-----\n";
    for (binary, name, value) in [
        ("start-issue", "PUBLIC_BASE_URL", "http://issuer.example"),
        ("start-issue", "PUBLIC_BASE_URL", "https://issuer.example/"),
        ("start-issue", "PUBLIC_BASE_URL", "issuer.example"),
        ("start-issue", "ACCESS_CACHE_SECONDS", "0"),
        ("start-issue", "ACCESS_CACHE_SECONDS", "half a minute"),
        ("start-issue", "REQUEST_HASH_SECRET", "too-short-secret"),
        ("start-issue", "WALLET_BASE_URL", "wallet.example"),
        (
            "start-issue",
            "WALLET_TOKEN_URL",
            "https://wallet.example/token",
        ),
        ("start-issue", "WALLET_CALLBACKS", "on"),
        (
            "start-issue",
            "WALLET_CALLBACK_BASE_URL",
            "http://issuer.example",
        ),
        ("start-issue", "WALLET_CALLBACK_SECRET", "too-short-secret"),
        (
            "wallet-callback",
            "WALLET_CALLBACK_SECRET",
            "too-short-secret",
        ),
        ("start-issue", "EGRESS_ALLOW", "10.0.0.1/8"),
        ("get-status", "ACCESS_CACHE_SECONDS", "301"),
        ("get-status", "OAUTH_ISSUER", "http://login.example"),
        ("get-status", "OAUTH_AUDIENCE", "https://issuer.example"),
        ("set-credential-status", "OAUTH_RATE_LIMIT", "fast"),
        (
            "deliver-webhook",
            "WEBHOOK_SECRETS",
            "whsec_too-short-secret",
        ),
        (
            "deliver-webhook",
            "WEBHOOK_SUBSCRIPTIONS",
            "https://backend.example/user:pass#x",
        ),
        (
            "deliver-webhook",
            "WEBHOOK_SUBSCRIPTIONS",
            "https://user:pass@backend.example/hook",
        ),
        (
            "publish-changes",
            "WEBHOOK_SUBSCRIPTIONS",
            "http://backend.example/hook",
        ),
        ("start-bulk", "JOB_SECRET", "too-short-secret"),
        ("start-queued", "QUEUED_STARTS_AT_ONCE", "0"),
        ("start-queued", "QUEUED_STARTS_AT_ONCE", "51"),
        ("start-queued", "QUEUED_STARTS_AT_ONCE", "a few"),
        ("poll-status", "WALLET_BASE_URL", "ftp://wallet.example"),
        (
            "publish-changes",
            "PUBLIC_BASE_URL",
            "http://issuer.example",
        ),
        (
            "set-credential-status",
            "WALLET_BASE_URL",
            "https://user:pass@wallet.example",
        ),
        ("wallet", "CREDENTIAL_ISSUER", "https://issuer.example/"),
        ("wallet", "WALLET_SECRET", "too-short-secret"),
        ("wallet", "OFFER_LIFETIME_SECONDS", "59"),
        ("wallet", "OFFER_LIFETIME_SECONDS", "15 minutes"),
        ("wallet", "SIGNING_KEY", pem),
        (
            "wallet",
            "SIGNING_KMS_KEY_ID",
            "arn:aws:kms:eu-west-1:1:key/both-keys-are-set",
        ),
        (
            "wallet",
            "SIGNING_CERTIFICATE_CHAIN",
            "no certificates at all",
        ),
    ] {
        let mut variables =
            if name.starts_with("WALLET_CALLBACK") || name.starts_with("WALLET_TOKEN") {
                with_external_wallet(binary)
            } else {
                environment(binary)
            };
        variables.insert(name.to_owned(), value.to_owned());
        let fault = start(binary, variables).await.expect_err(name).to_string();
        assert!(fault.contains(name), "{binary} {name}: {fault}");
        for secret in ["too-short-secret", "SECRETSECRET", "user:pass"] {
            assert!(!fault.contains(secret), "{binary} {name}: {fault}");
        }
    }
}

#[tokio::test]
async fn a_certificate_of_another_key_is_refused() {
    let mut variables = environment("wallet");
    let other = rcgen::KeyPair::generate().expect("a key").serialize_pem();
    variables.insert("SIGNING_KEY".to_owned(), other);
    let fault = start("wallet", variables)
        .await
        .expect_err("the chain is another key's");
    assert!(
        fault.to_string().contains("SIGNING_CERTIFICATE_CHAIN"),
        "{fault}"
    );
}

#[tokio::test]
async fn the_wallet_needs_a_key_to_sign_with() {
    let mut variables = environment("wallet");
    variables.remove("SIGNING_KEY");
    let fault = start("wallet", variables)
        .await
        .expect_err("no key")
        .to_string();
    assert!(
        fault.contains("SIGNING_KEY") && fault.contains("SIGNING_KMS_KEY_ID"),
        "{fault}"
    );
}

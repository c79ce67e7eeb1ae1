//! No claim value, token, code or key leaves for a queue, a table of the backend, or a log (invariant 7).

use serde_json::json;

use crate::backend::{Backend, PATIENCE, iban, unique};
use crate::command::RunningCommand;
use crate::eventually::eventually;
use crate::wallet_client::{Taken, WalletClient};
use crate::wiretap::Wiretap;

/// Claim values that occur nowhere by chance, nor in the banner's example.
const PLANTED_NAME: &str = "Planted Claim Value 4711 B.V.";
const PLANTED_IBAN: &str = "NL47PLAN0000004711";

/// Issues a credential with a planted claim and a transaction code, and gives every secret of it.
async fn issue_with_secrets(backend: &Backend) -> Vec<(&'static str, String)> {
    let id = unique("secrets");
    let mut body = iban(&id);
    body["claims"]["companyname"] = json!(PLANTED_NAME);
    body["claims"]["iban"] = json!(PLANTED_IBAN);
    body["tx_code"] = json!({"length": 12});
    let started = backend.start(&body).await.expect(201);
    let tx_code = started.str("tx_code").to_owned();
    let wallet = WalletClient::new();
    let offer = wallet.read_offer(started.str("request_uri")).await;
    wallet.token(&offer, Some("000000000000")).await;
    let access_token = wallet
        .token(&offer, Some(&tx_code))
        .await
        .expect(200)
        .str("access_token")
        .to_owned();
    let nonce = wallet.nonce(&offer).await;
    let Taken {
        offer,
        access_token,
        credential,
        ..
    } = wallet.take_with_token(offer, access_token).await;
    backend.until_status(&id, "issue_completed").await;
    vec![
        ("name", PLANTED_NAME.to_owned()),
        ("IBAN", PLANTED_IBAN.to_owned()),
        ("transaction code", tx_code),
        ("pre-authorized code", offer.code),
        ("access token", access_token),
        ("c_nonce", nonce),
        ("credential", credential),
        ("API key", backend.api_key.clone()),
    ]
}

#[tokio::test]
async fn nothing_secret_is_sent_to_a_table_or_a_queue_in_the_clear() {
    let (tap, functions) = Wiretap::start().await;
    let backend = &functions.backend;
    let secrets = issue_with_secrets(backend).await;
    let pending = unique("pending");
    backend.start_iban(&pending).await;
    functions.queues().poll(&pending, 0).await;
    let next_is_sent = async || {
        let calls = tap.calls();
        let mut polls = calls.iter().filter(|call| call.function == "poll-status");
        polls
            .any(|call| call.operation == "SendMessage")
            .then_some(())
    };
    eventually("the next poll is on the queue", PATIENCE, next_is_sent).await;

    let calls = tap.calls();
    assert!(calls.len() > 10, "{calls:?}");
    for (call, (kind, secret)) in calls
        .iter()
        .flat_map(|call| secrets.iter().map(move |secret| (call, secret)))
    {
        assert!(
            !call.body.to_string().contains(secret.as_str()),
            "{kind} in {call:?}"
        );
    }
}

#[tokio::test]
async fn nothing_secret_is_logged_even_at_the_finest_level() {
    let command = RunningCommand::serve_ephemeral(&[
        ("RUST_LOG", "trace"),
        ("AWS_LAMBDA_LOG_LEVEL", "TRACE"),
    ])
    .await;
    let backend = Backend::new(&command.base_url, bestow_local::DEFAULT_API_KEY);
    let mut secrets = issue_with_secrets(&backend).await;
    // What fails is what gets logged.
    let mut refused = iban(&unique("refused"));
    refused["claims"] = json!({"iban": "PLANTED-REFUSED-IBAN"});
    backend.start(&refused).await.expect(422);
    backend
        .start(&json!({"claims": {"x": "PLANTED-MALFORMED"}}))
        .await
        .expect(400);
    secrets.push(("refused claim", "PLANTED-REFUSED-IBAN".to_owned()));
    secrets.push(("malformed claim", "PLANTED-MALFORMED".to_owned()));
    // The default key is printed on purpose, in the commands to paste.
    secrets.retain(|(kind, _)| *kind != "API key");

    let printed = command.stop().await;
    assert!(printed.len() > 200, "it prints what it does");
    for (kind, secret) in &secrets {
        let line = printed.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{kind} was printed");
    }
}

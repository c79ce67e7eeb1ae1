//! The local cloud itself: what outlives a run, and what it refuses to start with.

use bestow_local::{LocalCloud, Options};
use serde_json::Value;

use crate::answer::Answer;
use crate::backend::{Backend, http_client, unique};
use crate::cloud::Cloud;
use crate::status_list::{INVALID, PublishedList, status_reference};
use crate::wallet_client::WalletClient;

#[tokio::test]
async fn everything_outlives_a_restart_on_the_same_data_directory() {
    let directory = tempfile::tempdir().unwrap();
    let first = Cloud::start_in(directory.path(), 0).await;
    let backend = first.backend();
    let port = port_of(&first);
    let (done, open) = (unique("done"), unique("open"));
    let started = backend.start_iban(&done).await;
    let taken = WalletClient::new().take(started.str("request_uri")).await;
    let completed = backend.until_status(&done, "issue_completed").await;
    let uuid = completed["revocation_uuid"].as_str().unwrap();
    backend
        .set_credential_status(uuid, "revoked")
        .await
        .expect(200);
    let pending = backend.start_iban(&open).await;
    let keys = published_keys(&backend).await;
    let authority = first.running.certificate_authority().to_owned();
    first.running.shutdown().await;

    let second = Cloud::start_in(directory.path(), port).await;
    let backend = second.backend();
    assert_eq!(backend.status(&done).await.expect(200).body, completed);
    assert_eq!(published_keys(&backend).await, keys);
    assert_eq!(second.running.certificate_authority(), authority);
    let (list, index) = status_reference(&taken.credential);
    assert_eq!(
        PublishedList::fetch(&backend.http, &list)
            .await
            .status(index),
        INVALID
    );
    assert_eq!(
        backend.start_iban(&open).await.body,
        pending.body,
        "a repeat gets the first answer"
    );
    WalletClient::new().take(pending.str("request_uri")).await;
    backend.until_status(&open, "issue_completed").await;
}

#[tokio::test]
async fn a_poll_that_was_due_while_it_was_down_is_made_up_for() {
    let directory = tempfile::tempdir().unwrap();
    let first = Cloud::start_in(directory.path(), 0).await;
    let (port, id) = (port_of(&first), unique("down"));
    let started = first.backend().start_iban(&id).await;
    WalletClient::new().take(started.str("request_uri")).await;
    // Killed, not stopped: what is under way is lost.
    drop(first);

    let second = restart(directory.path(), port).await;
    second.backend().until_status(&id, "issue_completed").await;
}

#[tokio::test]
async fn one_data_directory_serves_one_cloud() {
    let directory = tempfile::tempdir().unwrap();
    let _first = Cloud::start_in(directory.path(), 0).await;
    let options = Options {
        data_dir: Some(directory.path().to_owned()),
        ..Options::default()
    };
    let refusal = LocalCloud::start(options).await.unwrap_err().to_string();
    assert!(
        refusal.contains(directory.path().to_str().unwrap()),
        "{refusal}"
    );
    assert!(
        refusal.contains("--data-dir"),
        "it says what to do: {refusal}"
    );
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let first = Cloud::start_ephemeral().await;
    let port = port_of(&first);
    let options = Options {
        port,
        ..Options::default()
    };
    let refusal = LocalCloud::start(options).await.unwrap_err().to_string();
    assert!(
        refusal.contains(&port.to_string()) && refusal.contains("--port"),
        "{refusal}"
    );
}

#[tokio::test]
async fn the_key_that_everybody_knows_is_refused_in_public() {
    let options = Options {
        public_url: Some("https://issuer.example".to_owned()),
        ..Options::default()
    };
    let refusal = LocalCloud::start(options).await.unwrap_err().to_string();
    assert!(refusal.contains("--api-key"), "{refusal}");
}

#[tokio::test]
async fn a_public_url_is_what_wallets_see_and_credentials_name() {
    let options = Options {
        public_url: Some("https://issuer.example".to_owned()),
        api_key: "a-key-of-my-own".to_owned(),
        ..Options::default()
    };
    let running = LocalCloud::start(options)
        .await
        .unwrap_or_else(|fault| panic!("{fault}"));
    let url = format!(
        "{}/.well-known/openid-credential-issuer",
        running.base_url()
    );
    let metadata = Answer::to(http_client().get(url)).await.expect(200);
    assert_eq!(metadata.str("credential_issuer"), "https://issuer.example");
    assert!(
        metadata
            .str("nonce_endpoint")
            .starts_with("https://issuer.example/")
    );
}

#[tokio::test]
async fn a_browser_is_told_where_to_look() {
    let cloud = Cloud::start_ephemeral().await;
    let base_url = cloud.running.base_url();
    let page = Answer::to(http_client().get(format!("{base_url}/"))).await;
    let page = page.expect(200).text().to_owned();
    for path in ["/openapi.json", "/local/events"] {
        assert!(page.contains(&format!("href=\"{path}\"")), "{page}");
        Answer::to(http_client().get(format!("{base_url}{path}")))
            .await
            .expect(200);
    }
}

#[tokio::test]
async fn health_is_answered_once_everything_is_up() {
    let cloud = Cloud::start_ephemeral().await;
    let url = format!("{}/health", cloud.running.base_url());
    Answer::to(http_client().get(url)).await.expect(200);
}

/// Names and public keys that the issuer publishes; their certificates are renewed with each start.
async fn published_keys(backend: &Backend) -> Vec<[Value; 3]> {
    let url = format!("{}/wallet/jwks", backend.base_url);
    let jwks = Answer::to(backend.http.get(url)).await.expect(200).body;
    let keys = jwks["keys"].as_array().unwrap();
    keys.iter()
        .map(|key| ["kid", "x", "y"].map(|member| key[member].clone()))
        .collect()
}

fn port_of(cloud: &Cloud) -> u16 {
    let url: reqwest::Url = cloud.running.base_url().parse().unwrap();
    url.port().unwrap()
}

/// Starts again on a data directory whose last process was killed: its sockets and its lock are released
/// when its tasks are gone.
async fn restart(data_dir: &std::path::Path, port: u16) -> Cloud {
    crate::eventually::eventually("it starts again", crate::backend::PATIENCE, async || {
        let options = Options {
            data_dir: Some(data_dir.to_owned()),
            port,
            ..Options::default()
        };
        let running = LocalCloud::start(options).await.ok()?;
        Some(Cloud { running })
    })
    .await
}

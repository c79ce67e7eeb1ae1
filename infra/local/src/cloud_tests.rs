//! Starting and stopping. What the started functions do is tested over HTTP, in the crate `tests`.

use super::*;

#[tokio::test]
async fn everything_is_up_when_start_returns_and_gone_after_shutdown() {
    let cloud = LocalCloud::start(Options::default()).await.unwrap();
    let ask = async |path: &str| {
        let response = reqwest::get(format!("{}{path}", cloud.base_url()))
            .await
            .unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    assert_eq!(ask("/health").await.0, 200);
    assert_eq!(
        ask("/nowhere").await,
        (404, r#"{"message":"Not Found"}"#.to_owned())
    );

    assert_eq!(cloud.function_names().count(), cloud.stack.functions.len());
    let environment = cloud.function_environment("start-issue").unwrap();
    assert_eq!(environment["ISSUANCE_TABLE"], cloud.issuance_table());
    assert_eq!(
        environment["POLL_QUEUE_URL"],
        cloud.queue_url("PollQueue").unwrap()
    );
    assert_eq!(environment["PUBLIC_BASE_URL"], cloud.base_url());
    assert!(
        !environment
            .values()
            .any(|value| value.contains("{{resolve"))
    );

    let url = cloud.base_url().to_owned();
    cloud.shutdown().await;
    assert!(reqwest::get(url).await.is_err());
}

#[tokio::test]
async fn a_port_that_is_taken_is_named_with_the_option_that_chooses_another() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port();
    let options = Options {
        port,
        ..Options::default()
    };
    let fault = LocalCloud::start(options).await.unwrap_err().to_string();
    assert!(
        fault.contains(&port.to_string()) && fault.contains("--port"),
        "{fault}"
    );
}

#[tokio::test]
async fn keys_and_secrets_survive_a_restart_and_the_public_url_is_the_chosen_one() {
    let directory = tempfile::tempdir().unwrap();
    let mut environments = Vec::new();
    for public_url in [None, Some("https://name.tunnel.example/".to_owned())] {
        let options = Options {
            data_dir: Some(directory.path().to_owned()),
            api_key: "my-own-key".to_owned(),
            public_url,
            ..Options::default()
        };
        let cloud = LocalCloud::start(options).await.unwrap();
        environments.push(cloud.function_environment("wallet").unwrap().clone());
        cloud.shutdown().await;
    }
    for kept in ["WALLET_SECRET", "SIGNING_KEY"] {
        assert_eq!(environments[0][kept], environments[1][kept], "{kept}");
    }
    assert_eq!(
        environments[1]["CREDENTIAL_ISSUER"],
        "https://name.tunnel.example"
    );
}

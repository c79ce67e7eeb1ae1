//! A wallet that is down, slow, talks nonsense or floods: a clear answer, and nothing half written.

use futures::StreamExt;
use futures::stream::iter;
use serde_json::json;

use crate::backend::{PATIENCE, iban, unique};
use crate::eventually::eventually;
use crate::external_wallet::{Behaviour, ExternalWallet};

#[tokio::test]
async fn an_external_wallet_issues_through_the_same_contract() {
    let wallet = ExternalWallet::start().await;
    let backend = &wallet.backend;
    let id = unique("external");
    let mut body = iban(&id);
    body["request_uri_base"] = json!("https://customerwallet.com");
    body["qr_code"] = json!({});
    let started = backend.start(&body).await.expect(201);
    assert!(
        started.str("status_uri").starts_with(&backend.base_url),
        "status_uri is ours"
    );
    assert!(started.str("qr_uri").starts_with("data:image/png;base64,"));

    let sent = &wallet.started_with()[0];
    assert_eq!(sent["correlation_id"], id);
    assert_eq!(sent["template_id"], "issue_iban");
    assert_eq!(sent["claims"], body["claims"]);
    assert_eq!(
        sent["request_uri_base"],
        json!("https://customerwallet.com/")
    );

    wallet.on_status([Behaviour::Status("issue_completed")]);
    backend.until_status(&id, "issue_completed").await;
}

#[tokio::test]
async fn client_credentials_are_exchanged_for_a_token_that_is_kept() {
    let wallet = ExternalWallet::start_with_client_credentials().await;
    for _ in 0..4 {
        wallet.backend.start_iban(&unique("oauth")).await;
    }
    assert_eq!((wallet.asked("start"), wallet.asked("token")), (4, 1));
}

#[tokio::test]
async fn a_wallet_that_fails_is_told_apart_and_a_retry_works_at_once() {
    let wallet = ExternalWallet::start().await;
    let backend = &wallet.backend;
    let redirect = vec![("location", "http://127.0.0.1:1/".to_owned())];
    let later = vec![("retry-after", "7".to_owned())];
    for (behaviour, status) in [
        (
            Behaviour::Answer(500, vec![], "stack trace at secret.rs:1".to_owned()),
            502,
        ),
        (
            Behaviour::Answer(200, vec![], "<html>hello</html>".to_owned()),
            502,
        ),
        (Behaviour::json(201, &json!({"unexpected": true})), 502),
        (Behaviour::Flood(10 << 20), 502),
        (Behaviour::BreakOff, 502),
        (Behaviour::Answer(302, redirect, String::new()), 502),
        (Behaviour::Answer(429, later.clone(), String::new()), 503),
        (Behaviour::Answer(503, later, String::new()), 503),
        (Behaviour::json(401, &json!({"detail": "wrong key"})), 502),
    ] {
        let id = unique("failing");
        wallet.on_start(behaviour.clone());
        let refused = backend.start(&iban(&id)).await;
        assert!(
            refused.status == status || (status == 503 && refused.status == 429),
            "{behaviour:?}: {}",
            refused.text()
        );
        refused.expect_problem(refused.status);
        assert!(!refused.text().contains("secret.rs"), "{}", refused.text());
        if matches!(refused.status, 429 | 503) {
            assert_eq!(refused.header("retry-after"), "7");
        }
        backend.status(&id).await.expect_problem(404);

        let accepted = json!({"correlation_id": id, "request_uri": "openid-credential-offer://?credential_offer_uri=https%3A%2F%2Fw.example"});
        wallet.on_start(Behaviour::json(201, &accepted));
        backend.start(&iban(&id)).await.expect(201);
    }
}

#[tokio::test]
async fn a_link_that_no_wallet_has_is_not_passed_on() {
    let wallet = ExternalWallet::start().await;
    let id = unique("link");
    for (link, status) in [
        ("javascript:alert(1)", 502),
        ("data:text/html,hello", 502),
        ("/offers/1", 502),
        ("https://customerwallet.com/?credential_offer_uri=x", 201),
    ] {
        let answer = json!({"correlation_id": id, "request_uri": link});
        wallet.on_start(Behaviour::json(201, &answer));
        let started = wallet.backend.start(&iban(&id)).await;
        assert_eq!(started.status, status, "{link}: {}", started.text());
    }
}

#[tokio::test]
async fn a_refusal_of_something_before_the_wallet_is_not_the_callers() {
    let wallet = ExternalWallet::start().await;
    let page = Behaviour::Answer(404, vec![], "<h1>404 Not Found</h1>".to_owned());
    let gateway = |status| Behaviour::json(status, &json!({"message": "Not Found"}));
    let id = unique("misrouted");
    for refusal in [page, gateway(400), gateway(404), gateway(410)] {
        wallet.on_start(refusal);
        let refused = wallet.backend.start(&iban(&id)).await;
        refused.expect_problem(502);
    }

    wallet.on_start(Behaviour::json(
        201,
        &json!({"correlation_id": id, "request_uri": "openid-credential-offer://?x=y"}),
    ));
    wallet.backend.start(&iban(&id)).await.expect(201);
    wallet.on_status([gateway(405), Behaviour::Status("issue_completed")]);
    wallet.backend.until_status(&id, "issue_completed").await;
}

#[tokio::test]
async fn a_wallet_that_is_down_is_said_to_be_down() {
    let wallet = ExternalWallet::start_unreachable().await;
    let id = unique("down");
    let refused = wallet.backend.start(&iban(&id)).await;
    assert!(matches!(refused.status, 502 | 503), "{}", refused.text());
    refused.expect_problem(refused.status);
    wallet.backend.status(&id).await.expect_problem(404);
}

#[tokio::test]
async fn a_wallet_that_hangs_is_given_up_in_time() {
    let wallet = ExternalWallet::start().await;
    wallet.on_start(Behaviour::Hang);
    // API Gateway waits 30 seconds: the answer must still be ours.
    let refused = wallet.backend.start(&iban(&unique("slow"))).await;
    refused.expect_problem(504);
}

#[tokio::test]
async fn a_refusal_of_the_wallet_is_passed_on_and_frees_the_id() {
    let wallet = ExternalWallet::start().await;
    let backend = &wallet.backend;
    for status in [400, 404, 409, 413, 422] {
        let id = unique("refused");
        let problem = json!({
            "status": status, "title": "No", "detail": "the template says no",
            "errors": [{"pointer": "/claims/iban", "reason": "is too short"}]
        });
        wallet.on_start(Behaviour::json(status, &problem));
        let refused = backend.start(&iban(&id)).await;
        refused.expect_problem(status);
        assert!(
            refused.str("detail").contains("the template says no"),
            "{}",
            refused.text()
        );
        if status == 422 {
            assert_eq!(refused.body["errors"][0]["pointer"], "/claims/iban");
        }
        backend.status(&id).await.expect_problem(404);
    }
}

#[tokio::test]
async fn a_wallets_failures_while_polling_are_sat_out() {
    let elsewhere = vec![("location", "http://127.0.0.1:1/".to_owned())];
    let another = json!({"status": "issue_completed", "correlation_id": "another"});
    let failures = [
        Behaviour::Answer(500, vec![], String::new()),
        Behaviour::Answer(200, vec![], "<html>".to_owned()),
        Behaviour::json(410, &json!({"message": "Gone"})),
        Behaviour::json(200, &another),
        Behaviour::Flood(10 << 20),
        Behaviour::BreakOff,
        Behaviour::Answer(302, elsewhere, String::new()),
    ];
    // Two at a time: each has a local cloud of its own, and all of them one thread.
    let sat_out = async |failure: Behaviour| {
        let wallet = ExternalWallet::start().await;
        let id = unique("sat-out");
        wallet.backend.start(&iban(&id)).await.expect(201);
        wallet.on_status([failure.clone()]);
        wallet.queues().poll(&id, 0).await;
        let was_asked = async || (wallet.asked("status") > 0).then_some(());
        eventually("the wallet was asked", PATIENCE, was_asked).await;
        let pending = wallet.backend.status(&id).await.expect(200);
        assert_eq!(
            pending.str("status"),
            "issue_request_created",
            "{failure:?}"
        );

        wallet.on_status([Behaviour::Status("issue_completed")]);
        wallet.backend.until_status(&id, "issue_completed").await;
    };
    iter(failures).for_each_concurrent(2, sat_out).await;
}

#[tokio::test]
async fn a_wallet_that_says_no_for_good_while_polling_ends_in_error() {
    let wallet = ExternalWallet::start().await;
    let id = unique("for-good");
    wallet.backend.start(&iban(&id)).await.expect(201);
    wallet.on_status([Behaviour::json(
        200,
        &json!({"status": "error", "correlation_id": id}),
    )]);
    let ended = wallet.backend.until_status(&id, "error").await;
    assert!(
        ended["error"]["code"].is_string() && ended["error"]["message"].is_string(),
        "{ended}"
    );
}

#[tokio::test]
async fn an_unknown_status_is_not_the_end() {
    let wallet = ExternalWallet::start().await;
    let id = unique("unknown-status");
    wallet.backend.start(&iban(&id)).await.expect(201);
    wallet.on_status([
        Behaviour::Status("waiting_for_the_moon"),
        Behaviour::Status("issue_completed"),
    ]);
    wallet.queues().poll(&id, 0).await;
    let asked_once = async || (wallet.asked("status") == 1).then_some(());
    eventually("the wallet was asked", PATIENCE, asked_once).await;
    wallet.backend.until_status(&id, "issue_completed").await;
}

#[tokio::test]
async fn a_status_that_goes_back_changes_nothing_that_was_said() {
    let wallet = ExternalWallet::start().await;
    let id = unique("back");
    wallet.backend.start(&iban(&id)).await.expect(201);
    wallet.on_status([
        Behaviour::Status("issue_completed"),
        Behaviour::Status("issue_request_created"),
    ]);
    let completed = wallet.backend.until_status(&id, "issue_completed").await;
    for attempt in 0..3 {
        wallet.queues().poll(&id, attempt).await;
    }
    wallet.queues().settle().await;
    assert_eq!(wallet.backend.status(&id).await.expect(200).body, completed);
}

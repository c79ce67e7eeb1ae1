//! One correlation id, one offer, one answer (invariant 2).

use futures::future::join_all;
use serde_json::json;

use crate::backend::{iban, unique};
use crate::cloud;
use crate::wallet_client::{WalletClient, offer_uri};

#[tokio::test]
async fn the_same_body_again_gets_the_same_answer() {
    let backend = cloud::shared().backend();
    let id = unique("again");
    let mut body = iban(&id);
    body["qr_code"] = json!({"size": 300});
    let first = backend.start(&body).await.expect(201);
    let uuid = backend.status(&id).await.expect(200).body["revocation_uuid"].clone();
    assert_eq!(first.body["revocation_uuid"], uuid);
    assert!(first.body["expires_at"].is_u64(), "{}", first.text());

    let again = backend.start(&body).await.expect(201);
    assert_eq!(again.body, first.body);
    assert_eq!(
        backend.status(&id).await.expect(200).body["revocation_uuid"],
        uuid
    );
}

#[tokio::test]
async fn spelling_does_not_make_another_request() {
    let backend = cloud::shared().backend();
    let id = unique("spelling");
    let mut body = iban(&id);
    body["tx_code"] = json!({"length": 7});
    let first = backend.start(&body).await.expect(201);

    let mut respelled = serde_json::Map::new();
    respelled.insert("ignored".to_owned(), json!(1));
    for (name, value) in body.as_object().unwrap().iter().rev() {
        respelled.insert(name.clone(), value.clone());
    }
    respelled.insert("tx_code".to_owned(), json!({"length": "7"}));
    let again = backend.start(&respelled.into()).await.expect(201);
    assert_eq!(again.body, first.body);
}

#[tokio::test]
async fn a_repeat_may_ask_for_another_picture_of_the_same_link() {
    let backend = cloud::shared().backend();
    let id = unique("picture");
    let mut body = iban(&id);
    let plain = backend.start(&body).await.expect(201);
    assert!(plain.body.get("qr_uri").is_none());
    let mut pictures = Vec::new();
    for size in [300, 400] {
        body["qr_code"] = json!({"size": size});
        let painted = backend.start(&body).await.expect(201);
        assert_eq!(painted.str("request_uri"), plain.str("request_uri"));
        pictures.push(painted.str("qr_uri").to_owned());
    }
    assert_ne!(pictures[0], pictures[1]);
}

#[tokio::test]
async fn another_body_under_the_same_id_is_a_conflict() {
    let backend = cloud::shared().backend();
    let id = unique("conflict");
    let first = backend.start_iban(&id).await;

    let mut other = iban(&id);
    other["claims"]["companyname"] = json!("Another B.V.");
    backend.start(&other).await.expect_problem(409);
    let mut other = iban(&id);
    other["request_uri_base"] = json!("https://elsewhere.example");
    backend.start(&other).await.expect_problem(409);

    let again = backend.start_iban(&id).await;
    assert_eq!(again.body, first.body, "the first answer stands");
}

#[tokio::test]
async fn a_repeat_after_completion_still_gets_the_first_answer() {
    let backend = cloud::shared().backend();
    let id = unique("late");
    let first = backend.start_iban(&id).await;
    WalletClient::new().take(first.str("request_uri")).await;
    backend.until_status(&id, "issue_completed").await;
    let again = backend.start_iban(&id).await;
    assert_eq!(again.body, first.body);
    assert_eq!(
        backend.status(&id).await.expect(200).str("status"),
        "issue_completed"
    );
}

#[tokio::test]
async fn simultaneous_repeats_make_one_offer() {
    let backend = cloud::shared().backend();
    let id = unique("simultaneous");
    let answers = join_all((0..12).map(|_| async {
        loop {
            let answer = backend.start(&iban(&id)).await;
            match answer.status {
                201 => return answer.body,
                // The first one is still at work: the answer says so, and when to come again.
                409 | 503 => {
                    answer.expect_problem(answer.status);
                    assert_ne!(answer.header("retry-after"), "", "{}", answer.text());
                    tokio::task::yield_now().await;
                }
                status => panic!("{status}: {}", answer.text()),
            }
        }
    }))
    .await;
    assert!(
        answers.iter().all(|answer| answer == &answers[0]),
        "{answers:?}"
    );
}

#[tokio::test]
async fn of_simultaneous_different_bodies_one_wins() {
    let backend = cloud::shared().backend();
    let id = unique("race");
    let answers = join_all((0..8).map(|number| {
        let mut body = iban(&id);
        body["claims"]["companyname"] = json!(format!("Company {number}"));
        let backend = backend.clone();
        async move { backend.start(&body).await }
    }))
    .await;
    let accepted: Vec<_> = answers
        .iter()
        .filter(|answer| answer.status == 201)
        .collect();
    assert_eq!(accepted.len(), 1, "{answers:?}");
    assert!(
        answers
            .iter()
            .all(|answer| matches!(answer.status, 201 | 409)),
        "{answers:?}"
    );
}

#[tokio::test]
async fn different_ids_get_different_offers() {
    let backend = cloud::shared().backend();
    let one = backend.start_iban(&unique("one")).await;
    let two = backend.start_iban(&unique("two")).await;
    assert_ne!(
        offer_uri(one.str("request_uri")),
        offer_uri(two.str("request_uri"))
    );
}

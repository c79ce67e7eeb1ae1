//! Queued starts when the wallet, the queue or a pipeline misbehaves; and what is left of their claims.

use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};

use crate::backend::{PATIENCE, iban, unique};
use crate::cloud::{self, Cloud};
use crate::eventually::eventually;
use crate::external_wallet::{Behaviour, ExternalWallet};
use crate::job::Job;
use crate::tables;
use crate::wiretap::Wiretap;

#[tokio::test]
async fn a_wallet_that_is_busy_is_waited_for() {
    let wallet = ExternalWallet::start().await;
    let later = vec![("retry-after", "1".to_owned())];
    wallet.on_start(Behaviour::Answer(429, later, String::new()));
    let lines: Vec<Value> = (0..10).map(|_| iban(&unique("busy"))).collect();
    let job = Job::start(&wallet.backend, &lines).await;
    let was_asked = async || (wallet.asked("start") > 0).then_some(());
    eventually("the wallet was asked", PATIENCE, was_asked).await;
    let status = job.status().await;
    assert_eq!((&status["done"], &status["failed"]), (&json!(0), &json!(0)));

    wallet.on_start_accept();
    assert_eq!(job.finished().await["failed"], 0);
    assert!(
        wallet.asked("start") < 30,
        "a wallet that is busy is left alone"
    );
}

#[tokio::test]
async fn doubled_messages_start_nothing_twice() {
    let wallet = ExternalWallet::start().await;
    let queues = wallet.queues();
    let lines: Vec<Value> = (0..30).map(|_| iban(&unique("doubled"))).collect();
    let job = Job::start(&wallet.backend, &lines).await;
    let again = async || {
        let chunks = [1, 26, 1, 26, 26, 7].map(|line| json!({"job_id": job.id, "chunk": line}));
        let messages = chunks.into_iter().chain([json!({"job_id": job.id})]);
        join_all(messages.map(|message| {
            let queues = &queues;
            async move { queues.send_start(&message.to_string()).await }
        }))
        .await;
    };
    again().await;
    let status = job.finished().await;
    assert_eq!(
        (&status["done"], &status["failed"]),
        (&json!(30), &json!(0))
    );
    queues.settle_starts().await;
    let (asked, results) = (wallet.asked("start"), job.results().await);
    again().await;
    queues.settle_starts().await;
    assert_eq!(
        wallet.asked("start"),
        asked,
        "what is done is not asked for"
    );
    assert_eq!(job.results().await, results);
    assert_eq!(job.status().await, status);
    assert_eq!(queues.dead_starts().await, 0);
}

#[tokio::test]
async fn a_pipeline_starts_issuances_by_messages_of_its_own() {
    let cloud = cloud::shared();
    let (backend, queues) = (cloud.backend(), cloud.queues());
    let id = unique("pipeline");
    let unnamed = json!({"template_id": "issue_iban", "claims": iban("")["claims"]});
    for _ in 0..3 {
        queues.send_start(&iban(&id).to_string()).await;
    }
    let message_id = queues.send_start(&unnamed.to_string()).await;
    for name in [&id, &message_id] {
        let is_known = async || (backend.status(name).await.status == 200).then_some(());
        eventually("the issuance is known", PATIENCE, is_known).await;
    }
}

#[tokio::test]
async fn what_a_pipeline_cannot_start_goes_to_the_dead_letters() {
    let cloud = Cloud::start_ephemeral().await;
    let (backend, queues) = (cloud.backend(), cloud.queues());
    let mut with_code = iban(&unique("code"));
    with_code["tx_code"] = json!({});
    let mut rejected = iban(&unique("rejected"));
    rejected["claims"] = json!({});
    for body in [
        "poison".to_owned(),
        json!({"claims": {}}).to_string(),
        with_code.to_string(),
        rejected.to_string(),
    ] {
        queues.send_start(&body).await;
    }
    let job = Job::start(&backend, &[iban(&unique("beside-poison"))]).await;
    assert_eq!(job.finished().await["failed"], 0);
    let all_dead = async || (queues.dead_starts().await == 4).then_some(());
    eventually("four are dead", Duration::from_secs(60), all_dead).await;
}

#[tokio::test]
async fn the_claims_of_an_upload_are_nowhere_and_then_gone() {
    const PLANTED: &str = "PLANTED BULK CLAIM 4711";
    let (tap, functions) = Wiretap::start().await;
    let backend = &functions.backend;
    let planted = |name: &str| {
        let mut line = iban(&unique(name));
        line["claims"]["companyname"] = json!(PLANTED);
        line
    };
    let mut rejected = planted("rejected");
    rejected["claims"]["iban"] = json!(7);
    let mut malformed = planted("malformed");
    malformed["template_id"] = json!({"x": PLANTED});
    let mut coded = planted("coded");
    coded["tx_code"] = json!({"length": 12});
    let job = Job::start(backend, &[planted("fine"), rejected, malformed, coded]).await;
    assert_eq!(job.finished().await["failed"], 2);

    let results = job.results().await;
    assert!(!json!(results).to_string().contains(PLANTED), "{results:?}");
    let code = results[3]["tx_code"].as_str().expect("a code");
    let calls = tap.calls();
    assert!(calls.iter().any(|call| call.function == "start-queued"));
    for call in &calls {
        let body = call.body.to_string();
        assert!(!body.contains(PLANTED) && !body.contains(code), "{call:?}");
    }
    let environment = functions.running.function_environment("start-bulk");
    let table = &environment.expect("it has one")["JOB_TABLE"];
    let items = tables::of(&functions.running).items(table).await;
    assert_eq!(items.len(), 2, "a job and its chunk");
    for item in items {
        assert!(
            item.get("lines").is_none(),
            "no line is left, not even sealed: {item}"
        );
    }
}

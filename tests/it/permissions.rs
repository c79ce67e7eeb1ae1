//! The policies of `template.yaml` against the calls that the functions make (invariant 10).

use std::collections::BTreeSet;

use bestow_access::Scope;
use bestow_issuance::CallbackTokens;
use serde_json::{Value, json};

use crate::access_keys::{AccessKeys, with_key};
use crate::answer::Answer;
use crate::backend::{Backend, PATIENCE, badge, iban, unique};
use crate::cloud::EXTERNAL;
use crate::eventually::eventually;
use crate::function_host::Functions;
use crate::job::{Job, NDJSON, UPLOAD, ndjson};
use crate::receiver::{Receiver, status};
use crate::status_list::status_reference;
use crate::tables::{self, an_hour_later, job_table, put_due_chunk};
use crate::template::{Permission, Template};
use crate::wallet_client::WalletClient;
use crate::wiretap::Wiretap;

#[tokio::test]
async fn each_function_may_make_the_calls_that_it_makes_and_no_more() {
    let (tap, functions) = Wiretap::start().await;
    exercise(&functions, &tap).await;

    let template = Template::read();
    // The only resource with a name of its own.
    let bus = &functions
        .running
        .function_environment("publish-changes")
        .expect("it has one")["EVENT_BUS_NAME"];
    for binary in functions.running.function_names() {
        let mut needed = tap.permissions_of(binary);
        if needed.remove(&on("events:PutEvents", bus)) {
            needed.insert(on("events:PutEvents", "EventBus"));
        }
        if binary == "wallet" {
            // The key is not embedded locally.
            needed.extend(["kms:Sign", "kms:GetPublicKey"].map(|action| on(action, "SigningKey")));
        }
        is_allowed_exactly(&template, binary, needed);
    }
}

/// It is there with an external wallet only.
#[tokio::test]
async fn wallet_callback_may_make_the_calls_that_it_makes_and_no_more() {
    let (tap, functions) = Wiretap::start_with(&EXTERNAL).await;
    let binary = "wallet-callback";
    let variables = functions.running.function_environment(binary);
    let secret = &variables.expect("it has one")["WALLET_CALLBACK_SECRET"];
    let tokens = CallbackTokens::new(&secret.as_str().into()).expect("keys");
    let id = unique("called-back").parse().expect("an id");
    let token = tokens.token(&id).expect("a token");
    let path = format!("/api/v2/wallet-callbacks/{token}");
    let called = Answer::to(functions.backend.request("POST", &path)).await;
    called.expect(202);
    is_allowed_exactly(&Template::read(), binary, tap.permissions_of(binary));
}

fn is_allowed_exactly(template: &Template, binary: &str, mut needed: BTreeSet<Permission>) {
    needed.extend(template.permissions_for_lambda(binary));
    let allowed = template.permissions(binary);
    let denied: Vec<_> = needed.difference(&allowed).collect();
    assert!(
        denied.is_empty(),
        "{binary} calls {denied:?}, which its policy does not allow"
    );
    let unused: Vec<_> = allowed.difference(&needed).collect();
    assert!(
        unused.is_empty(),
        "{binary} may call {unused:?}, and never does"
    );
}

fn on(action: &str, resource: &str) -> Permission {
    (action.to_owned(), resource.to_owned())
}

/// Everything that makes a function call AWS.
async fn exercise(functions: &Functions, tap: &Wiretap) {
    let backend = &functions.backend;
    // A caller whose requests are counted, at each function that is guarded.
    let keys = AccessKeys::of(&functions.running);
    let counted = keys
        .give_changed(Scope::ALL.iter().copied(), |key| {
            key.rate_limit = "9/h".parse().ok()
        })
        .await;
    let caller = with_key(backend, &counted.1);
    eventually("its requests are counted", PATIENCE, async || {
        caller.start(&badge(&unique("counted"))).await;
        caller.status("x").await;
        caller
            .credential_status("0e2c1f62-3392-462e-a25e-483fa0e2a3a3")
            .await;
        caller.deliveries("x").await;
        Answer::to(caller.request("GET", "/api/v2/jobs/x")).await;
        let count = on("dynamodb:UpdateItem", "AccessTable");
        [
            "start-issue",
            "get-status",
            "set-credential-status",
            "deliveries",
            "start-bulk",
        ]
        .into_iter()
        .all(|binary| tap.permissions_of(binary).contains(&count))
        .then_some(())
    })
    .await;

    // A start that is repeated, one without a status list, one that the wallet refuses.
    let id = unique("exercise");
    let mut body = iban(&id);
    body["tx_code"] = json!({});
    let started = backend.start(&body).await.expect(201);
    backend.start(&body).await.expect(201);
    let waiting = unique("badge");
    backend.start(&badge(&waiting)).await.expect(201);
    let mut rejected = iban(&unique("rejected"));
    rejected["claims"] = json!({});
    backend.start(&rejected).await.expect(422);

    // A query of an issuance of which nothing new was heard for a while.
    let is_hastened = async || {
        backend.status(&waiting).await.expect(200);
        let calls = tap.permissions_of("get-status");
        calls
            .contains(&on("sqs:SendMessage", "PollQueue"))
            .then_some(())
    };
    eventually("a query brings a poll forward", PATIENCE, is_hastened).await;

    // A poll that finds a pending issuance, one whose wallet fails, and one that its wallet never took up.
    functions.queues().poll(&id, 0).await;
    let unlucky = unique("unlucky");
    backend.start(&iban(&unlucky)).await.expect(201);
    tap.wallet_is_down(true);
    functions.queues().poll(&unlucky, 0).await;
    tap.until_called("poll-status", "sqs:ChangeMessageVisibility", "PollQueue")
        .await;
    tap.wallet_is_down(false);
    let abandoned = unique("abandoned");
    put_item(functions, &abandoned, |_| {}).await;
    functions.queues().poll(&abandoned, 0).await;
    for (action, resource) in [
        ("sqs:SendMessage", "PollQueue"),
        ("dynamodb:DeleteItem", "IssuanceTable"),
    ] {
        tap.until_called("poll-status", action, resource).await;
    }

    // A change that is announced, and one that never can be.
    put_item(functions, &unique("unreadable"), |item| {
        item["state"] = json!({"S": "no state"});
    })
    .await;
    for (action, resource) in [
        ("dynamodb:UpdateItem", "IssuanceTable"),
        ("sqs:SendMessage", "PublishDeadLetterQueue"),
    ] {
        tap.until_called("publish-changes", action, resource).await;
    }
    exercise_jobs(functions, tap).await;

    // A status list that is full, by a request and by a line of an upload.
    tap.places_are_taken(8);
    backend.start(&iban(&unique("full"))).await.expect(201);
    tap.places_are_taken(8);
    Job::start(backend, &[iban(&unique("full"))])
        .await
        .finished()
        .await;

    // A wallet that takes its credential and reports it; every status.
    let wallet = WalletClient::new();
    let offer = wallet.read_offer(started.str("request_uri")).await;
    wallet.token(&offer, Some("not-it")).await.expect(400);
    let token = wallet
        .token(&offer, Some(started.str("tx_code")))
        .await
        .expect(200);
    let taken = wallet
        .take_with_token(offer, token.str("access_token").to_owned())
        .await;
    wallet
        .notify(&taken, "credential_accepted")
        .await
        .expect(204);
    let completed = backend.until_status(&id, "issue_completed").await;
    let uuid = completed["revocation_uuid"].as_str().expect("a UUID");
    let (list, _) = status_reference(&taken.credential);
    for status in ["suspended", "valid", "revoked"] {
        backend
            .set_credential_status(uuid, status)
            .await
            .expect(200);
        Answer::to(backend.http.get(&list)).await.expect(200);
    }
    backend.credential_status(uuid).await.expect(200);

    // Claims that are due: of an offer, and of lines that nobody has started.
    let forgotten = unique("forgotten");
    backend.start_iban(&forgotten).await;
    an_hour_later(&functions.running, &forgotten).await;
    put_due_chunk(&functions.running).await;
    let erased = functions
        .running
        .invoke("purge-expired-claims", json!({}))
        .await;
    assert_eq!(erased.expect("it runs")["erased"], 2);

    deliver(backend, &id).await;
}

/// Callbacks: one that fails and is tried again, one that is ended and resumed, and a look at them.
async fn deliver(backend: &Backend, without_callback: &str) {
    backend.deliveries(without_callback).await.expect(200);
    let receiver = Receiver::start().await;
    let mut body = badge(&unique("told"));
    body["callback"] = json!({"url": receiver.url});
    receiver.answers([status(500)]);
    backend.start(&body).await.expect(201);
    receiver.until("it is posted", |_| true).await;

    receiver.answers([status(410)]);
    let id = unique("ended");
    body["correlation_id"] = json!(id);
    backend.start(&body).await.expect(201);
    let is_gone = |one: &Value| one["reason"] == "gone";
    let gone = backend.until_delivery(&id, "it is gone", is_gone).await;
    backend
        .replay(gone["id"].as_str().expect("an id"))
        .await
        .expect(202);
    let is_delivered = |one: &Value| one["status"] == "delivered";
    backend
        .until_delivery(&id, "it is delivered", is_delivered)
        .await;
}

/// Everything that makes start-bulk and start-queued call AWS.
async fn exercise_jobs(functions: &Functions, tap: &Wiretap) {
    let backend = &functions.backend;
    let mut rejected = iban(&unique("rejected"));
    rejected["claims"] = json!({});
    let lines = [iban(&unique("line")), rejected];
    let job = Job::start(backend, &lines).await;
    job.finished().await;
    job.results().await;
    let keyed = backend.request("POST", UPLOAD).body(ndjson(&lines));
    let keyed = keyed.header("content-type", NDJSON);
    Answer::to(keyed.header("idempotency-key", unique("key")))
        .await
        .expect(202);

    // A message that will be dead, and a job that was never accepted.
    let queues = functions.queues();
    queues.send_start("poison").await;
    let job_id = "0e2c1f62-3392-462e-a25e-483fa0e2a3a3";
    let key = json!({"S": format!("job#{job_id}")});
    let chunk = json!({"pk": key, "sk": {"S": "chunk#00000001"}});
    let table = job_table(&functions.running);
    let tables = tables::of(&functions.running);
    let put = json!({"TableName": table, "Item": chunk});
    tables.call("PutItem", &put).await;
    queues
        .send_start(&json!({"job_id": job_id}).to_string())
        .await;

    // A job whose upload died before its chunks had messages.
    let key = json!({"pk": {"S": format!("job#{}", job.id)}, "sk": {"S": "job"}});
    let set = async |key: &Value, name: &str, value: bool| {
        let update = json!({
            "TableName": table,
            "Key": key,
            "UpdateExpression": format!("SET {name} = :value"),
            "ConditionExpression": "attribute_exists(pk)",
            "ExpressionAttributeValues": {":value": {"BOOL": value}},
        });
        tables.call("UpdateItem", &update).await;
    };
    set(&key, "is_queued", false).await;
    let chunk = json!({"pk": key["pk"], "sk": {"S": "chunk#00000001"}});
    set(&chunk, "is_open", true).await;
    queues
        .send_start(&json!({"job_id": job.id}).to_string())
        .await;
    for (action, resource) in [
        ("sqs:ChangeMessageVisibility", "StartQueue"),
        ("dynamodb:BatchWriteItem", "JobTable"),
        ("dynamodb:Query", "JobTable/index/progress"),
        ("sqs:SendMessage", "StartQueue"),
    ] {
        tap.until_called("start-queued", action, resource).await;
    }
}

/// What start-issue leaves behind that dies before it calls the wallet, as it is when a minute has passed,
/// with this change.
async fn put_item(functions: &Functions, correlation_id: &str, change: impl Fn(&mut Value)) {
    let (text, zero) = (|text: &str| json!({"S": text}), json!({"N": "0"}));
    let mut item = json!({
        "pk": text(&format!("issuance#{correlation_id}")),
        "sk": text("record"),
        "correlation_id": text(correlation_id),
        "template_id": text("issue_iban"),
        "request_hash": text("00"),
        "write_id": text("0e2c1f62-3392-462e-a25e-483fa0e2a3a3"),
        "state": text("reserved"),
        "lease_until_ms": zero,
        "reserved_at_ms": zero,
        "quiet_until_ms": zero,
        "last_updated_ms": zero,
        "attempt": zero,
        "sequence": zero,
    });
    let reserved = item.clone();
    change(&mut item);
    for item in [reserved, item] {
        let put = json!({"TableName": functions.running.issuance_table(), "Item": item});
        tables::of(&functions.running).call("PutItem", &put).await;
    }
}

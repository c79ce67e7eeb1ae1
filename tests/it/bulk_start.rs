//! Bulk start: many issuances by one upload, each line for itself.

use std::collections::BTreeSet;

use bestow_contract::{MAX_UPLOAD_BYTES, MAX_UPLOAD_LINES};
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::backend::{iban, unique};
use crate::cloud::{self, Cloud};
use crate::job::{Job, NDJSON, UPLOAD, ndjson, upload};
use crate::wallet_client::WalletClient;

#[tokio::test]
async fn three_lines_of_which_one_is_bad() {
    let backend = cloud::shared().backend();
    let (first, third) = (unique("first"), unique("third"));
    let second = unique("second");
    let bad = json!({"correlation_id": second, "template_id": "issue_iban", "claims": 7});
    let job = Job::start(&backend, &[iban(&first), bad, iban(&third)]).await;
    let status = job.finished().await;
    assert_eq!(
        status,
        json!({
            "job_id": job.id,
            "total": 3,
            "done": 3,
            "failed": 1,
            "results_uri": format!("{}/api/v2/jobs/{}/results", backend.base_url, job.id),
        })
    );

    let results = job.results().await;
    assert_eq!(results.len(), 3);
    for (result, id, line) in [(&results[0], &first, 1), (&results[2], &third, 3)] {
        assert_eq!(result["line"], line);
        assert_eq!(result["status"], "started");
        assert_eq!(result["correlation_id"], **id);
        let again = backend.start_iban(id).await;
        for same in ["request_uri", "status_uri", "revocation_uuid", "expires_at"] {
            assert_eq!(result[same], again.body[same], "{same}");
        }
    }
    assert_eq!(results[1]["line"], 2);
    assert_eq!(results[1]["status"], "failed");
    assert_eq!(results[1]["correlation_id"], second);
    assert_eq!(results[1]["problem"]["status"], 400);
    assert_eq!(results[1]["problem"]["errors"][0]["pointer"], "/claims");

    // What was started is a whole issuance.
    let link = results[0]["request_uri"].as_str().expect("a link");
    WalletClient::new().take(link).await;
    backend.until_status(&first, "issue_completed").await;
}

#[tokio::test]
async fn an_array_is_an_upload_too_and_a_name_is_for_one_request() {
    let backend = cloud::shared().backend();
    let (id, rejected) = (unique("twice"), unique("rejected"));
    let mut other = iban(&id);
    other["claims"]["companyname"] = json!("Another B.V.");
    let mut nothing_claimed = iban(&rejected);
    nothing_claimed["claims"] = json!({});
    let unnamed = json!({"template_id": "issue_iban", "claims": iban("")["claims"]});
    let mut inward = iban(&unique("inward"));
    inward["callback"] = json!({"url": "https://10.0.0.1/hook"});
    let lines = json!([
        iban(&id),
        iban(&id),
        other,
        nothing_claimed,
        unnamed,
        "text",
        inward
    ]);
    let accepted = upload(&backend, "application/json", lines.to_string()).await;
    let job = Job::of(&backend, &accepted.expect(202));
    assert_eq!(job.finished().await["failed"], 4);

    let results = job.results().await;
    assert_eq!(results[0]["request_uri"], results[1]["request_uri"]);
    assert_eq!(results[1]["status"], "started");
    assert_eq!(results[2]["problem"]["status"], 409);
    assert_eq!(results[2]["correlation_id"], id);
    assert_eq!(results[3]["problem"]["status"], 422);
    assert_eq!(results[3]["correlation_id"], rejected);
    let made = results[4]["correlation_id"]
        .as_str()
        .expect("a name was made");
    backend.status(made).await.expect(200);
    assert_eq!(results[5]["problem"]["status"], 400);
    assert_eq!(
        results[6]["problem"]["errors"][0]["pointer"],
        "/callback/url"
    );
}

#[tokio::test]
async fn hundreds_of_lines_get_an_offer_each() {
    let cloud = Cloud::start_ephemeral().await;
    let backend = cloud.backend();
    let lines: Vec<Value> = (0..300).map(|_| iban(&unique("many"))).collect();
    let job = Job::start(&backend, &lines).await;
    assert_eq!(job.finished().await["failed"], 0);
    let results = job.results().await;
    let links: BTreeSet<_> = results
        .iter()
        .map(|result| result["request_uri"].to_string())
        .collect();
    assert_eq!((results.len(), links.len()), (300, 300));
    for (result, line) in results.iter().zip(&lines) {
        assert_eq!(result["correlation_id"], line["correlation_id"]);
    }
    assert_eq!(cloud.queues().dead_starts().await, 0);
}

#[tokio::test]
async fn as_many_lines_as_may_be_are_taken_at_once() {
    let cloud = Cloud::start_ephemeral().await;
    let backend = cloud.backend();
    // What is wrong with each is known at once, so that nothing is left to be started.
    let line = json!({"template_id": "issue_iban", "padding": "x".repeat(300)});
    let lines = vec![line; MAX_UPLOAD_LINES];
    let job = Job::start(&backend, &lines).await;
    assert_eq!(job.finished().await["failed"], MAX_UPLOAD_LINES);
    let results = job.results().await;
    assert_eq!(results.len(), MAX_UPLOAD_LINES);
    assert_eq!(results[MAX_UPLOAD_LINES - 1]["line"], MAX_UPLOAD_LINES);
}

#[tokio::test]
async fn the_same_upload_under_the_same_key_is_the_same_job() {
    let backend = cloud::shared().backend();
    let (id, key) = (unique("keyed"), unique("key"));
    let body = ndjson(&[iban(&id), iban(&unique("keyed"))]);
    let send = async |body: &str| {
        let request = backend
            .request("POST", UPLOAD)
            .header("content-type", NDJSON);
        Answer::to(
            request
                .header("idempotency-key", &key)
                .body(body.to_owned()),
        )
        .await
    };
    let first = send(&body).await.expect(202);
    assert_eq!(send(&body).await.expect(202).body, first.body);
    let job = Job::of(&backend, &first);
    job.finished().await;
    assert_eq!(send(&body).await.expect(202).body, first.body);
    send(&ndjson(&[iban(&id)])).await.expect_problem(409);

    // Without a key it is another job, and the same issuances.
    let second = Job::of(&backend, &upload(&backend, NDJSON, body).await.expect(202));
    assert_ne!(second.id, job.id);
    assert_eq!(second.finished().await["failed"], 0);
    let links = async |job: &Job<'_>| -> Vec<Value> {
        let results = job.results().await;
        results
            .iter()
            .map(|result| result["request_uri"].clone())
            .collect()
    };
    assert_eq!(links(&job).await, links(&second).await);
}

#[tokio::test]
async fn an_upload_that_cannot_be_taken_is_refused_whole() {
    let backend = cloud::shared().backend();
    let one = iban(&unique("refused")).to_string();
    let many = "{}\n".repeat(MAX_UPLOAD_LINES + 1);
    let large = " ".repeat(MAX_UPLOAD_BYTES) + &one;
    for (media_type, body, status, says) in [
        (NDJSON, String::new(), 400, "no lines"),
        (NDJSON, "\n\r\n".to_owned(), 400, "no lines"),
        ("application/json", "[]".to_owned(), 400, "no lines"),
        ("application/json", one.clone(), 400, "not a JSON array"),
        (
            "application/json",
            format!("[{one}"),
            400,
            "not a JSON array",
        ),
        ("text/csv", one.clone(), 415, NDJSON),
        (NDJSON, many, 413, "10000"),
        (NDJSON, large, 413, "4500000"),
    ] {
        let answer = upload(&backend, media_type, body).await;
        let detail = answer.expect_problem(status);
        assert!(detail.contains(says), "{detail}");
    }
    let compressed = backend
        .request("POST", UPLOAD)
        .header("content-type", NDJSON);
    let compressed = compressed.header("content-encoding", "gzip").body("x");
    Answer::to(compressed).await.expect_problem(415);
    let stranger = backend.http.post(format!("{}{UPLOAD}", backend.base_url));
    Answer::to(stranger.body(one)).await.expect_problem(401);
}

#[tokio::test]
async fn a_job_that_is_not_there_is_said_not_to_be() {
    let backend = cloud::shared().backend();
    let nobody = "0e2c1f62-3392-462e-a25e-483fa0e2a3a3";
    for (path, status) in [
        (format!("/api/v2/jobs/{nobody}"), 404),
        (format!("/api/v2/jobs/{nobody}/results"), 404),
        (format!("/api/v2/jobs/{nobody}/results?cursor=x"), 400),
        ("/api/v2/jobs/x".to_owned(), 400),
        ("/api/v2/jobs/x/results".to_owned(), 400),
    ] {
        Answer::to(backend.request("GET", &path))
            .await
            .expect_problem(status);
        let stranger = backend.http.get(format!("{}{path}", backend.base_url));
        Answer::to(stranger).await.expect_problem(401);
    }
}

#[tokio::test]
async fn a_transaction_code_comes_with_the_result() {
    let backend = cloud::shared().backend();
    let mut line = iban(&unique("code"));
    line["tx_code"] = json!({"length": 8});
    line["qr_code"] = json!({});
    let job = Job::start(&backend, &[line]).await;
    job.finished().await;
    let result = job.results().await.remove(0);
    let code = result["tx_code"].as_str().expect("a code");
    assert_eq!(code.len(), 8);
    assert!(result.get("qr_uri").is_none(), "{result}");
    let wallet = WalletClient::new();
    let offer = wallet
        .read_offer(result["request_uri"].as_str().expect("a link"))
        .await;
    wallet.token(&offer, Some(code)).await.expect(200);
}

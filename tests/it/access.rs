//! Who may do what: each way of not being let in has its own answer, and none of them costs us more than the caller.

use std::time::{Duration, Instant};

use bestow_access::Scope;
use futures::future::join_all;
use jiff::Timestamp;
use serde_json::json;

use crate::access_keys::{AccessKeys, with_key};
use crate::answer::Answer;
use crate::backend::{Backend, PATIENCE, badge, http_client, unique};
use crate::cloud::{self, Cloud};
use crate::command::{RunningCommand, printed, run};
use crate::eventually::eventually;
use crate::function_host::Functions;
use crate::wiretap::Wiretap;

/// An operation of the contract, and the scope that it needs.
const OPERATIONS: [(&str, &str, Scope); 10] = [
    ("POST", "/api/v2/credential/issue", Scope::IssueWrite),
    ("GET", "/api/v2/issue/no-such-issuance", Scope::IssueRead),
    (
        "GET",
        "/api/v2/credential/issue/no-such-issuance",
        Scope::IssueRead,
    ),
    (
        "GET",
        "/api/v2/credential/status/0e2c1f62-3392-462e-a25e-483fa0e2a3a3",
        Scope::CredentialStatus,
    ),
    (
        "PUT",
        "/api/v2/credential/status/0e2c1f62-3392-462e-a25e-483fa0e2a3a3",
        Scope::CredentialStatus,
    ),
    ("POST", "/api/v2/credential/issue/batch", Scope::IssueWrite),
    (
        "GET",
        "/api/v2/jobs/0e2c1f62-3392-462e-a25e-483fa0e2a3a3",
        Scope::IssueRead,
    ),
    (
        "GET",
        "/api/v2/jobs/0e2c1f62-3392-462e-a25e-483fa0e2a3a3/results",
        Scope::IssueRead,
    ),
    (
        "GET",
        "/api/v2/deliveries/no-such-issuance",
        Scope::DeliveryRead,
    ),
    (
        "POST",
        "/api/v2/deliveries/AQAAAaIJjw5gAAAAAAAAAAQAAAAAAAAAADg5Y2JhODk/replay",
        Scope::DeliveryReplay,
    ),
];

/// Asks for a status until the key is known: a process reads the table again after two seconds at the latest.
async fn until_known(backend: &Backend, key: &str) -> Answer {
    let backend = with_key(backend, key);
    eventually("the key is known", PATIENCE, async || {
        let answer = backend.status("no-such-issuance").await;
        let detail = answer.body["detail"].as_str().unwrap_or_default();
        (!detail.contains("is not known")).then_some(answer)
    })
    .await
}

#[tokio::test]
async fn each_way_of_not_being_let_in_has_its_own_answer() {
    let cloud = Cloud::start_ephemeral().await;
    let (backend, keys) = (cloud.backend(), AccessKeys::of(&cloud.running));
    let all = || Scope::ALL.iter().copied();
    let (expired, expired_key) = keys
        .give_changed(all(), |key| key.valid_until = Some(at(1)))
        .await;
    let (revoked, revoked_key) = keys.give(all()).await;
    keys.table.revoke(&revoked, at(2)).await.expect("revoked");
    let (_, writers_key) = keys.give([Scope::IssueWrite]).await;

    for (key, status, words) in [
        (
            expired_key,
            401,
            vec![expired.as_str(), "expired", "1970-01-01T00:00:01Z"],
        ),
        (
            revoked_key,
            401,
            vec![revoked.as_str(), "revoked", "1970-01-01T00:00:02Z"],
        ),
        (writers_key, 403, vec!["issue:read"]),
    ] {
        let answer = until_known(&backend, &key).await;
        let detail = answer.expect_problem(status);
        for word in words {
            assert!(detail.contains(word), "{word}: {detail}");
        }
        assert_ne!(answer.header("www-authenticate"), "");
        assert!(!answer.text().contains(&key));
    }

    let url = format!("{}/api/v2/issue/no-such-issuance", backend.base_url);
    let none = Answer::to(backend.http.get(&url)).await;
    assert!(none.expect_problem(401).contains("x-api-key"));
    let unknown = with_key(&backend, "bestow_nobodys_key").status("x").await;
    assert!(unknown.expect_problem(401).contains("not known"));
    let two = backend.http.get(&url);
    let two = two.header("x-api-key", &backend.api_key);
    let two = Answer::to(two.header("x-api-key", &backend.api_key)).await;
    assert!(two.expect_problem(400).contains("exactly one"));
}

#[tokio::test]
async fn a_key_may_do_what_its_scopes_say_and_no_more() {
    let cloud = cloud::shared();
    let keys = AccessKeys::of(&cloud.running);
    for &scope in Scope::ALL {
        let (_, key) = keys.give([scope]).await;
        let backend = with_key(&cloud.backend(), &key);
        let asked = OPERATIONS.map(async |(method, path, needed)| {
            let answer = eventually("the key is known", PATIENCE, async || {
                let answer = Answer::to(backend.request(method, path).json(&json!({}))).await;
                (answer.status != 401).then_some(answer)
            })
            .await;
            (method, path, needed, answer)
        });
        for (method, path, needed, answer) in join_all(asked).await {
            if needed == scope {
                assert_ne!(answer.status, 403, "{method} {path} with {scope}");
            } else {
                let detail = answer.expect_problem(403);
                assert!(
                    detail.contains(needed.as_str()),
                    "{method} {path}: {detail}"
                );
                let challenge = answer.header("www-authenticate");
                assert!(challenge.contains("insufficient_scope"), "{challenge}");
                assert!(challenge.contains(needed.as_str()), "{challenge}");
            }
        }
    }
}

/// What anybody may read needs no key.
#[tokio::test]
async fn the_description_of_the_api_stays_public() {
    let url = format!("{}/openapi.json", cloud::shared().running.base_url());
    Answer::to(http_client().get(url)).await.expect(200);
}

#[tokio::test]
async fn a_revoked_key_is_refused_when_the_kept_records_are_too_old() {
    let functions = Functions::start(|_, variables| {
        let seconds = variables.get_mut("ACCESS_CACHE_SECONDS");
        seconds
            .into_iter()
            .for_each(|seconds| *seconds = "1".to_owned());
    })
    .await;
    let keys = AccessKeys::of(&functions.running);
    let (id, key) = keys.give([Scope::IssueWrite, Scope::IssueRead]).await;
    until_known(&functions.backend, &key).await.expect(404);
    let started = with_key(&functions.backend, &key);
    eventually("the other function knows it too", PATIENCE, async || {
        let answer = started.start(&badge(&unique("before"))).await;
        (answer.status == 201).then_some(())
    })
    .await;

    keys.table.revoke(&id, at(0)).await.expect("it is revoked");
    let revoked_at = Instant::now();
    let refused = eventually("it is refused", PATIENCE, async || {
        let answer = started.status("no-such-issuance").await;
        (answer.status == 401).then_some(answer)
    })
    .await;
    assert!(refused.expect_problem(401).contains("revoked"));
    assert!(revoked_at.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn wrong_keys_cost_no_more_reads_than_time_goes_by() {
    let (tap, functions) = Wiretap::start().await;
    let reads = || {
        let calls = tap.calls();
        let queries = calls
            .iter()
            .filter(|call| call.function == "get-status" && call.operation == "Query");
        queries.count()
    };
    let before = reads();
    let started = Instant::now();
    let guesses = (0..100).map(async |number| {
        let guess = with_key(&functions.backend, &format!("wrong-{number}"));
        guess.status("x").await
    });
    for answer in join_all(guesses).await {
        answer.expect_problem(401);
    }
    // A caller with a key is not kept out by others without.
    functions.backend.status("x").await.expect(404);
    let allowed = 2 + started.elapsed().as_secs() / 2;
    let reads = reads() - before;
    assert!(reads as u64 <= allowed, "{reads} reads, {allowed} allowed");
}

#[tokio::test]
async fn without_its_table_nobody_is_let_in_and_nobody_is_turned_away_for_good() {
    let functions = Functions::start(|_, variables| {
        if let Some(table) = variables.get_mut("ACCESS_TABLE") {
            *table = "no-such-table".to_owned();
        }
    })
    .await;
    for key in [functions.backend.api_key.as_str(), "wrong"] {
        let backend = with_key(&functions.backend, key);
        for answer in [
            backend.status("x").await,
            backend.start(&badge(&unique("outage"))).await,
        ] {
            answer.expect_problem(503);
            assert_ne!(answer.header("retry-after"), "");
        }
    }
}

/// The id in what `keys create` and `keys rotate` printed, and the key itself.
fn shown(text: &str) -> (String, String) {
    let key = text
        .split_whitespace()
        .find(|word| word.starts_with("bestow_"));
    let key = key.unwrap_or_else(|| panic!("no key: {text}")).to_owned();
    let id = key.split('_').nth(1).expect("an id").to_owned();
    (id, key)
}

#[tokio::test]
async fn keys_are_made_listed_rotated_and_revoked_by_command() {
    let directory = tempfile::tempdir().unwrap();
    let data_dir = directory.path().to_str().unwrap();
    let cloud = RunningCommand::serve_in(data_dir, crate::command::free_port()).await;
    let backend = Backend::new(&cloud.base_url, bestow_local::DEFAULT_API_KEY);
    let keys = async |arguments: &[&str]| {
        let arguments = [&["keys"], arguments, &["--data-dir", data_dir]].concat();
        let output = run(&arguments).await;
        let text = printed(&output);
        assert!(output.status.success(), "{arguments:?}: {text}");
        text
    };

    let made = keys(&[
        "create",
        "--scope",
        "issue:write,issue:read",
        "--note",
        "the web shop",
        "--expires",
        "90d",
    ])
    .await;
    let (old_id, old_key) = shown(&made);
    until_known(&backend, &old_key).await.expect(404);
    let (new_id, new_key) = shown(&keys(&["rotate", &old_id]).await);
    // Without a gap: both are taken.
    until_known(&backend, &new_key).await.expect(404);
    until_known(&backend, &old_key).await.expect(404);

    let said = keys(&["revoke", &old_id]).await;
    assert!(said.contains("is revoked"), "{said}");
    let said = keys(&["revoke", &old_id]).await;
    assert!(said.contains("revoked before"), "{said}");
    let list = keys(&["list"]).await;
    for words in [
        vec!["local", "--api-key of the local cloud"],
        vec![old_id.as_str(), "revoked", &new_id, "the web shop"],
        vec![new_id.as_str(), "valid", "issue:write,issue:read"],
    ] {
        let has_all = |line: &str| words.iter().all(|word| line.contains(word));
        assert!(list.lines().any(has_all), "{words:?}: {list}");
    }
    assert!(!list.contains(&new_key) && !list.contains(&old_key));

    let log = cloud.stop().await;
    for key in [&old_key, &new_key] {
        assert!(!log.contains(key.as_str()), "{log}");
    }
}

#[tokio::test]
async fn what_a_keys_command_cannot_do_is_said_in_plain_words() {
    let directory = tempfile::tempdir().unwrap();
    let data_dir = directory.path().to_str().unwrap();
    let fails = async |arguments: &[&str], words: &[&str]| {
        let output = run(&[&["keys"], arguments, &["--data-dir", data_dir]].concat()).await;
        let text = printed(&output);
        assert!(!output.status.success(), "{arguments:?}: {text}");
        for word in words {
            assert!(text.contains(word), "{arguments:?} {word}: {text}");
        }
        assert!(!text.contains("panicked"), "{text}");
    };
    fails(
        &["list"],
        &[
            "no local cloud is running",
            data_dir,
            "cargo run",
            "--table",
        ],
    )
    .await;
    fails(
        &["list", "--table", "x"],
        &["AWS_REGION", "export-credentials"],
    )
    .await;
    fails(&["create"], &["--scope"]).await;
    fails(
        &["create", "--scope", "issue:wirte"],
        &["issue:wirte", "issue:write"],
    )
    .await;
    fails(
        &["create", "--scope", "issue:read", "--expires", "soon"],
        &["90d"],
    )
    .await;

    let cloud = RunningCommand::serve_in(data_dir, crate::command::free_port()).await;
    fails(&["revoke", "nobodys"], &["nobodys", "keys list"]).await;
    fails(&["rotate", "nobodys"], &["nobodys", "keys list"]).await;
    let id = "local";
    assert!(
        run(&["keys", "rotate", id, "--data-dir", data_dir])
            .await
            .status
            .success()
    );
    fails(&["rotate", id], &["was replaced by"]).await;
    assert!(
        run(&["keys", "revoke", id, "--data-dir", data_dir])
            .await
            .status
            .success()
    );
    // One that was killed has left its note behind.
    cloud.stop().await;
    fails(&["list"], &["no local cloud is running"]).await;
}

#[tokio::test]
async fn the_log_tells_who_called() {
    let command = RunningCommand::serve_ephemeral(&[("RUST_LOG", "info")]).await;
    let backend = Backend::new(&command.base_url, bestow_local::DEFAULT_API_KEY);
    backend.start(&badge(&unique("logged"))).await.expect(201);
    with_key(&backend, "wrong").status("x").await.expect(401);
    let log = command.stop().await;
    let line = log
        .lines()
        .find(|line| line.contains("an issuance was started"));
    assert!(line.is_some_and(|line| line.contains("key:local")), "{log}");
    let line = log
        .lines()
        .find(|line| line.contains("a caller was refused"));
    assert!(line.is_some_and(|line| line.contains("not known")), "{log}");
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a time")
}

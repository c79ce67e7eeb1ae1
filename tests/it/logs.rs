//! What the functions write, as processes: lines of JSON by the rules of `infra/docs/logging.md`, metrics in
//! CloudWatch's embedded metric format, and one trace from Start issue to the end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use bestow_local::Options;
use serde_json::{Map, Value, json};

use crate::answer::Answer;
use crate::backend::{Backend, PATIENCE, iban, unique};
use crate::eventually::eventually;
use crate::external_wallet::{WALLET_KEY, serve_wallet};
use crate::function_processes::Processes;
use crate::logging_rules::documented_keys;
use crate::queues::Queues;
use crate::receiver::{Receiver, status};
use crate::template::workspace_file;
use crate::wallet_client::WalletClient;

/// What the test harness around a function prints, which is none of its lines.
const HARNESS: [&str; 4] = ["", "running ", "test ", "successes"];

type Line = Map<String, Value>;

/// A cloud of processes, and what they write.
struct Listening {
    processes: Processes,
    backend: Backend,
    lines: Arc<Mutex<Vec<(String, String)>>>,
}

impl Listening {
    async fn start() -> Self {
        Self::start_with(Options::default()).await
    }

    async fn start_with(options: Options) -> Self {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&lines);
        let processes = Processes::start(Options {
            function_log: Arc::new(move |line| {
                let line = (line.function.to_owned(), line.text.to_owned());
                sink.lock().expect("nobody panics").push(line);
            }),
            ..options
        })
        .await;
        let running = &processes.running;
        let backend = Backend::new(running.base_url(), running.api_key());
        Self {
            processes,
            backend,
            lines,
        }
    }

    fn queues(&self) -> Queues {
        Queues::of(&self.processes.running)
    }

    /// Every line so far, by the function that wrote it.
    fn lines(&self) -> Vec<(String, Line)> {
        let lines = self.lines.lock().expect("nobody panics");
        lines
            .iter()
            .filter(|(_, text)| {
                !HARNESS.contains(&text.as_str())
                    && !HARNESS[1..].iter().any(|start| text.starts_with(start))
            })
            .map(|(function, text)| {
                let line = serde_json::from_str(text)
                    .unwrap_or_else(|fault| panic!("{function}: {fault}: {text}"));
                (function.clone(), line)
            })
            .collect()
    }

    /// Waits until a line has this message, and these members.
    async fn heard(&self, message: &str, members: Value) -> Line {
        let wanted = members.as_object().expect("an object").clone();
        eventually(message, PATIENCE, async || {
            self.lines().into_iter().map(|(_, line)| line).find(|line| {
                line["message"] == message
                    && wanted
                        .iter()
                        .all(|(name, value)| line.get(name) == Some(value))
            })
        })
        .await
    }

    /// The sum of a metric over all lines.
    fn total(&self, metric: &str) -> u64 {
        let lines = self.lines();
        let values = lines
            .iter()
            .filter_map(|(_, line)| line.get(metric)?.as_u64());
        values.sum()
    }

    /// An issuance that ends with a credential, and the `revocation_uuid`.
    async fn issue(&self, id: &str) -> String {
        let started = self.backend.start(&iban(id)).await.expect(201);
        WalletClient::new().take(started.str("request_uri")).await;
        let status = self.backend.until_status(id, "issue_completed").await;
        status["revocation_uuid"]
            .as_str()
            .expect("a UUID")
            .to_owned()
    }
}

/// Everything that makes a function write: what is granted, what is refused, what is broken.
async fn exercise(listening: &Listening) -> String {
    let backend = &listening.backend;
    let id = unique("logged");
    let revocation_uuid = listening.issue(&id).await;
    let path = format!("/api/v2/credential/status/{revocation_uuid}");
    let change = json!({"status": "revoked", "reason": "PLANTED-REASON"});
    Answer::to(backend.request("PUT", &path).json(&change))
        .await
        .expect(200);
    backend.status(&unique("nobody")).await.expect(404);
    let mut refused = iban(&unique("refused"));
    refused["claims"] = json!({"iban": "PLANTED-REFUSED-IBAN"});
    backend.start(&refused).await.expect(422);
    listening.queues().send("PLANTED-POISON").await;
    let poison = "a message on the poll queue is not a poll message";
    listening.heard(poison, json!({})).await;
    id
}

#[tokio::test]
async fn every_line_keeps_the_rules() {
    let listening = Listening::start().await;
    let id = exercise(&listening).await;
    let documented = documented_keys();
    let lines = listening.lines();
    let mut functions: Vec<_> = lines
        .iter()
        .map(|(function, _)| function.as_str())
        .collect();
    functions.sort_unstable();
    functions.dedup();
    for function in [
        "get-status",
        "poll-status",
        "publish-changes",
        "set-credential-status",
        "start-issue",
        "wallet",
    ] {
        assert!(functions.contains(&function), "{function} writes nothing");
    }
    for (function, line) in &lines {
        let is_metrics = line.contains_key("_aws");
        for key in line.keys() {
            let is_metric = is_metrics && line[key].is_number() || line[key].is_array();
            assert!(
                documented.contains(key) || is_metric || key == "_aws",
                "{key} is not in infra/docs/logging.md: {line:?}"
            );
        }
        assert_eq!(line["service"], "local");
        assert_eq!(line["function_name"], *function);
        assert_eq!(
            line["timestamp"].as_str().map(str::len),
            Some(24),
            "{line:?}"
        );
        let level = line["level"].as_str().expect("a level");
        assert!(["INFO", "WARN", "ERROR"].contains(&level), "{line:?}");
        assert!(!line["message"].as_str().expect("a message").is_empty());
        // None of these happens at start.
        assert!(line["function_request_id"].is_string(), "{line:?}");
        if !is_metrics {
            assert!(line["xray_trace_id"].is_string(), "{line:?}");
        }
        let is_cold = line.get("cold_start");
        assert!(is_cold.is_none_or(|is_cold| *is_cold == true), "{line:?}");
        let text = Value::from(line.clone()).to_string();
        assert!(!text.contains("PLANTED"), "{text}");
    }
    let cold = lines
        .iter()
        .filter(|(_, line)| line.contains_key("cold_start"));
    assert!((1..lines.len()).contains(&cold.count()), "the first ones");
    let about_it = lines
        .iter()
        .filter(|(_, line)| line.get("correlation_id") == Some(&json!(id)));
    assert!(
        about_it.count() >= 4,
        "Start issue, a poll, a query, the end"
    );
}

#[tokio::test]
async fn one_trace_leads_from_start_issue_through_the_queue_to_the_end() {
    // A wallet that has to be asked.
    let wallet = [
        ("WalletBaseUrl", serve_wallet().await),
        ("WalletApiKey", WALLET_KEY.to_owned()),
    ];
    let listening = Listening::start_with(Options {
        parameters: wallet.map(|(name, value)| (name.to_owned(), value)).into(),
        ..Options::default()
    })
    .await;
    let id = unique("traced");
    let about_it = json!({"correlation_id": id});
    listening.backend.start(&iban(&id)).await.expect(201);
    let started = listening
        .heard("an issuance was started", about_it.clone())
        .await;
    // The first poll was sent by Start issue, the second one by the first.
    for attempt in [0, 1] {
        let polled = json!({"correlation_id": id, "attempt": attempt});
        let line = listening.heard("an issuance is pending", polled).await;
        assert_eq!(line["xray_trace_id"], started["xray_trace_id"]);
        assert_ne!(line["function_request_id"], started["function_request_id"]);
    }
}

#[tokio::test]
async fn metrics_are_embedded_as_cloudwatch_reads_them_and_count_what_happened() {
    let listening = Listening::start().await;
    let ids = [unique("counted"), unique("counted")];
    for id in &ids {
        listening.issue(id).await;
    }
    let pending = unique("pending");
    listening.backend.start(&iban(&pending)).await.expect(201);
    // What was done already is not counted again.
    listening.backend.start(&iban(&ids[0])).await.expect(201);
    listening.queues().poll(&ids[0], 99).await;
    let ended = json!({"correlation_id": ids[0], "reason": "Ended"});
    listening.heard("a poll message was dropped", ended).await;
    listening.queues().settle().await;

    let expected = BTreeMap::from([
        ("IssuancesStarted", 3),
        ("IssuancesCompleted", 2),
        ("IssuancesFailed", 0),
        ("IssuancesExpired", 0),
    ]);
    eventually("all is counted", PATIENCE, async || {
        let totals = expected
            .keys()
            .map(|metric| (*metric, listening.total(metric)));
        (totals.collect::<BTreeMap<_, _>>() == expected).then_some(())
    })
    .await;
    assert!(listening.total("Polls") >= 2);
    let first = json!({"correlation_id": ids[0], "is_repeat": false});
    let started = listening.heard("an issuance was started", first).await;
    assert_eq!(
        started["IssuancesStarted"], 1,
        "with the line that tells of it"
    );
    let running = &listening.processes.running;
    let processes = running.function_names().map(|binary| {
        let processes = running.processes(binary).expect("it has some");
        u64::try_from(processes.processes().len()).expect("a few")
    });
    let processes = processes.sum();
    assert!((4..=processes).contains(&listening.total("ColdStarts")));
    let counted = [
        "IssuancesStarted",
        "IssuancesCompleted",
        "Polls",
        "EventsPublished",
        "ColdStarts",
    ];
    check_format(&listening.lines(), &counted);
}

/// What the runbook's page for a failing webhook is about, from the metric to the replay.
#[tokio::test]
async fn a_webhook_that_fails_is_counted_and_belongs_to_the_trace_of_its_issuance() {
    let (listening, receiver) = (Listening::start().await, Receiver::start().await);
    receiver.answers([status(500), status(500), status(500)]);
    let id = unique("webhook");
    let mut body = iban(&id);
    body["callback"] = json!({"url": receiver.url});
    listening.backend.start(&body).await.expect(201);
    let about_it = json!({"correlation_id": id});
    let started = listening
        .heard("an issuance was started", about_it.clone())
        .await;
    let failed = listening
        .heard("a delivery failed and is tried again", about_it.clone())
        .await;
    assert_eq!(failed["xray_trace_id"], started["xray_trace_id"]);
    assert_eq!(failed["http_status"], 500);
    let attempts = |outcome: &str| {
        let lines = listening.lines();
        let of_it = lines
            .iter()
            .filter(|(_, line)| line.get("outcome") == Some(&json!(outcome)));
        of_it
            .filter_map(|(_, line)| line.get("DeliveryAttempts")?.as_u64())
            .sum::<u64>()
    };
    eventually("the failure is counted", PATIENCE, async || {
        (attempts("retry") >= 1).then_some(())
    })
    .await;

    receiver.answers([]);
    let delivery_id = failed["delivery_id"].as_str().expect("an id");
    listening.backend.replay(delivery_id).await.expect(202);
    listening.heard("a change was delivered", about_it).await;
    eventually("the success is counted", PATIENCE, async || {
        (attempts("delivered") >= 1).then_some(())
    })
    .await;
    let counted = ["IssuancesStarted", "EventsPublished", "DeliveryAttempts"];
    check_format(&listening.lines(), &counted);
}

/// Every line with metrics has the format, and each of `counted` is the metric of one.
fn check_format(lines: &[(String, Line)], counted: &[&str]) {
    let schema = workspace_file("tests/fixtures/embedded-metric-format.schema.json");
    let schema: Value = serde_json::from_str(&schema).expect("JSON");
    let schema = jsonschema::validator_for(&schema).expect("a schema");
    let mut missing: BTreeSet<&str> = counted.iter().copied().collect();
    let documents = lines.iter().map(|(_, line)| line);
    for line in documents.filter(|line| line.contains_key("_aws")) {
        let document = Value::from(line.clone());
        if let Err(fault) = schema.validate(&document) {
            panic!("{fault}: {document}");
        }
        for directive in document["_aws"]["CloudWatchMetrics"]
            .as_array()
            .expect("a list")
        {
            assert_eq!(directive["Namespace"], "Bestow");
            // What the schema cannot say: every reference has its target.
            for dimension in directive["Dimensions"][0].as_array().expect("a list") {
                let name = dimension.as_str().expect("a name");
                assert!(
                    ["service", "function_name", "outcome"].contains(&name),
                    "unbounded: {name}"
                );
                assert!(document[name].is_string(), "{name}: {document}");
            }
            for metric in directive["Metrics"].as_array().expect("a list") {
                let name = metric["Name"].as_str().expect("a name");
                missing.remove(name);
                let value = &document[name];
                let is_list = value.as_array().is_some_and(|values| {
                    (1..=100).contains(&values.len()) && values.iter().all(Value::is_number)
                });
                assert!(value.is_number() || is_list, "{metric}: {document}");
            }
        }
    }
    assert!(missing.is_empty(), "no line has {missing:?}");
}

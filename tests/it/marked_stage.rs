//! Everything that can be heard of a local cloud: its functions run as processes, whose output is kept in full;
//! their calls to AWS, and all calls of its API, go through proxies that keep them.

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bestow_local::{AwsEndpoints, Options};
use serde_json::{Value, json};

use crate::backend::{Backend, PATIENCE};
use crate::eventually::eventually;
use crate::function_processes::Processes;
use crate::marks::{Marks, Place, Written};
use crate::queues::Queues;
use crate::receiver::Receiver;
use crate::recorder::{Exchange, Recorder};
use crate::tables;

/// The key of the backend's callers.
const API_KEY: &str = "Marked-API-key-Xq7Lf0Wz3Kd9";
/// What webhooks are signed with.
const WEBHOOK_SECRET: &str = "MarkedWebhookSecretGy8Tx2Vh";

/// A cloud that is listened to, and the marks that were planted in it.
pub struct Stage {
    pub processes: Processes,
    pub backend: Backend,
    /// Where callbacks go.
    pub receiver: Receiver,
    pub marks: Marks,
    api: Recorder,
    dynamodb: Recorder,
    sqs: Recorder,
    eventbridge: Recorder,
    log: Arc<Mutex<String>>,
}

impl Stage {
    /// Starts it with these values for parameters of the template.
    pub async fn start<const N: usize>(parameters: [(&str, &str); N]) -> Self {
        let [api, dynamodb, sqs, eventbridge] = [
            Recorder::start().await,
            Recorder::start().await,
            Recorder::start().await,
            Recorder::start().await,
        ];
        let log = Arc::new(Mutex::new(String::new()));
        let sink = Arc::clone(&log);
        let options = Options {
            api_key: API_KEY.to_owned(),
            webhook_secret: Some(format!("whsec_{}", STANDARD.encode(WEBHOOK_SECRET))),
            public_url: Some(api.url.clone()),
            parameters: parameters
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            function_log: Arc::new(move |line| {
                let mut log = sink.lock().expect("nobody panicked");
                log.push_str(line.text);
                log.push('\n');
            }),
            ..Options::default()
        };
        let aws = AwsEndpoints {
            dynamodb: dynamodb.url.clone(),
            sqs: sqs.url.clone(),
            eventbridge: eventbridge.url.clone(),
        };
        let processes = Processes::start_with(options, Some(aws), "TRACE").await;
        let running = &processes.running;
        api.lead_to(running.base_url());
        dynamodb.lead_to(running.dynamodb_endpoint());
        sqs.lead_to(running.sqs_endpoint());
        eventbridge.lead_to(running.eventbridge_endpoint());

        let mut marks = Marks::default();
        marks.add("the API key", API_KEY);
        marks.add("the webhook secret", WEBHOOK_SECRET);
        for function in running.function_names() {
            let variables = running.function_environment(function).expect("it has one");
            for (name, value) in variables {
                for secret in secrets_in(name, value) {
                    marks.add(&format!("{name} of {function}"), secret);
                }
            }
        }
        Self {
            backend: Backend::new(&api.url, API_KEY),
            receiver: Receiver::start().await,
            processes,
            marks,
            api,
            dynamodb,
            sqs,
            eventbridge,
            log,
        }
    }

    pub fn queues(&self) -> Queues {
        Queues::of(&self.processes.running)
    }

    pub fn tables(&self) -> bestow_embedded_aws::Tables {
        tables::of(&self.processes.running)
    }

    /// What the functions have written so far.
    pub fn logged(&self) -> String {
        self.log.lock().expect("nobody panicked").clone()
    }

    /// Waits until a function has written this.
    pub async fn until_logged(&self, what: &str) {
        eventually(what, PATIENCE, async || {
            self.logged().contains(what).then_some(())
        })
        .await;
    }

    /// Waits until an event of this type was published.
    pub async fn until_published(&self, event_type: &str) {
        eventually(event_type, PATIENCE, async || {
            let published = self.eventbridge.exchanges();
            let is_it = |put: &Exchange| String::from_utf8_lossy(&put.request).contains(event_type);
            published.iter().any(is_it).then_some(())
        })
        .await;
    }

    /// Everything that was written down so far, wherever.
    pub async fn everything(&self) -> Vec<Written> {
        let mut everything = Vec::new();
        let mut add = |place, label: String, bytes: &[u8]| {
            everything.push(Written {
                place,
                label,
                bytes: bytes.to_owned(),
            });
        };
        for line in self.logged().lines() {
            let start: String = line.chars().take(100).collect();
            add(Place::Log, start, line.as_bytes());
        }
        for (recorder, place) in [
            (&self.dynamodb, Place::Table),
            (&self.sqs, Place::Queue),
            (&self.eventbridge, Place::Bus),
        ] {
            for exchange in recorder.exchanges() {
                add(place, exchange.operation().to_owned(), &exchange.request);
            }
        }
        for exchange in self.api.exchanges() {
            if tells_no_secret(&exchange) {
                let label = format!("{} {}", exchange.status, exchange.line);
                add(Place::Answer, label, &exchange.answer);
                let headers = format!("{:?}", exchange.answer_headers);
                add(Place::Answer, exchange.line, headers.as_bytes());
            }
        }
        for post in self.receiver.posts() {
            let headers = format!("{:?}", post.headers);
            add(Place::Callback, "the body".to_owned(), post.body.as_bytes());
            add(
                Place::Callback,
                "the headers".to_owned(),
                headers.as_bytes(),
            );
        }
        for (name, items) in self.every_item().await {
            for item in items {
                let label = format!("{name} {}", item["pk"]["S"]);
                add(Place::Table, label, item.to_string().as_bytes());
            }
        }
        for (name, message) in self.queues().every_message().await {
            add(Place::Queue, name, message.to_string().as_bytes());
        }
        everything
    }

    /// Fails if a mark is anywhere where it does not belong.
    #[track_caller]
    pub fn assert_no_leak(&self) -> impl Future<Output = ()> {
        let caller = std::panic::Location::caller();
        async move {
            let leaks = self.marks.found_in(&self.everything().await);
            let some = leaks.iter().take(30).map(String::as_str);
            let some: Vec<_> = some.collect();
            assert!(
                leaks.is_empty(),
                "{caller}: {} leaks, such as\n{}",
                leaks.len(),
                some.join("\n")
            );
        }
    }

    /// The correlation ids of the offers that have claims.
    pub async fn offers_with_claims(&self) -> Vec<String> {
        let wallet = self.processes.running.wallet_table().to_owned();
        let items = self.tables().items(&wallet).await;
        let with_claims = items
            .iter()
            .filter(|item| item.get("encrypted_claims").is_some());
        with_claims
            .map(|offer| {
                offer["correlation_id"]["S"]
                    .as_str()
                    .expect("one")
                    .to_owned()
            })
            .collect()
    }

    /// Every item of every table.
    pub async fn every_item(&self) -> Vec<(String, Vec<Value>)> {
        let tables = self.tables();
        let names = tables.call("ListTables", &json!({})).await;
        let mut all = Vec::new();
        for name in names["TableNames"].as_array().expect("names") {
            let name = name.as_str().expect("a name");
            all.push((name.to_owned(), tables.items(name).await));
        }
        all
    }
}

/// The answers that hold nothing of what was sent, nor anything that only their caller may know.
fn tells_no_secret(exchange: &Exchange) -> bool {
    let is_query = exchange.line.starts_with("GET /api/v2/") || exchange.line.starts_with("PUT ");
    exchange.status >= 400 || is_query
}

/// The secrets in a variable; a key in PEM has one in each line.
fn secrets_in<'v>(name: &str, value: &'v str) -> Vec<&'v str> {
    const SECRET: [&str; 4] = ["_SECRET", "_API_KEY", "SIGNING_KEY", "_SECRETS"];
    if !SECRET.iter().any(|end| name.ends_with(end)) {
        return Vec::new();
    }
    value
        .lines()
        .filter(|line| line.len() >= 16 && !line.starts_with("-----"))
        .collect()
}

use super::*;
use crate::data::data_dir::DataDir;
use crate::template::event_sources::EventSourceMapping;
use bestow_queue_service::Receive;
use dynoxide::Database;
use dynoxide::actions::create_table::CreateTableRequest;
use dynoxide::actions::get_shard_iterator::GetShardIteratorRequest;
use dynoxide::actions::put_item::PutItemRequest;
use futures::FutureExt;
use std::path::Path;
use std::sync::{Arc, Mutex};
use tokio::sync::broadcast;

const TABLE: &str = "things";

fn database() -> Database {
    let database = Database::memory().unwrap();
    create_table(&database);
    database
}

fn create_table(database: &Database) {
    let request: CreateTableRequest = serde_json::from_value(json!({
        "TableName": TABLE,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "StreamSpecification": {"StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    }))
    .unwrap();
    database.create_table(request).unwrap();
}

fn put(database: &Database, keys: &[&str]) {
    for key in keys {
        let request = json!({"TableName": TABLE, "Item": {"pk": {"S": key}}});
        let request: PutItemRequest = serde_json::from_value(request).unwrap();
        database.put_item(request).unwrap();
    }
}

fn source() -> StreamSource {
    StreamSource {
        table: TABLE.to_owned(),
        mapping: EventSourceMapping {
            function: "Function".to_owned(),
            batch_size: 10,
            batching_window: Duration::ZERO,
            reports_item_failures: true,
        },
        bisects: true,
        maximum_retries: None,
        maximum_age: None,
        dead_letter_queue: Some("failures".to_owned()),
        filters: Vec::new(),
    }
}

/// The keys of the records of a batch.
fn keys(event: &Value) -> Vec<String> {
    let records = event["Records"].as_array().unwrap().iter();
    records
        .map(|record| {
            record["dynamodb"]["Keys"]["pk"]["S"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect()
}

fn failure_of(event: &Value, place: usize) -> Value {
    let failed = sequence_number(&event["Records"][place]);
    json!({"batchItemFailures": [{"itemIdentifier": failed}]})
}

/// A loop over a stream, and what it delivered.
struct Bench {
    delivered: Arc<Mutex<Vec<Vec<String>>>>,
    queues: QueueService,
    events: broadcast::Receiver<Event>,
    stop: CancellationToken,
    running: tokio::task::JoinHandle<()>,
}

impl Bench {
    fn start(
        database: &Database,
        source: StreamSource,
        data_dir: Option<&Path>,
        handler: impl Fn(&Value) -> Result<Value, String> + Send + Sync + 'static,
    ) -> Self {
        let records = StreamRecords {
            database: database.clone(),
            file: None,
        };
        Self::start_with(records, source, data_dir, handler)
    }

    fn start_with(
        records: StreamRecords,
        source: StreamSource,
        data_dir: Option<&Path>,
        handler: impl Fn(&Value) -> Result<Value, String> + Send + Sync + 'static,
    ) -> Self {
        let queues = QueueService::in_memory().unwrap();
        queues
            .create_queue("failures", [("DelaySeconds", "0")])
            .unwrap();
        let data = data_dir.map_or(DataDir::Memory, |path| DataDir::open(path).unwrap());
        let delivered = Arc::new(Mutex::new(Vec::new()));
        let (events, stop, noted) = (
            Events::new(),
            CancellationToken::new(),
            Arc::clone(&delivered),
        );
        let stream_loop = StreamLoop {
            records,
            queues: queues.clone(),
            source,
            function: Target {
                name: "function".to_owned(),
                handler: Arc::new(move |event| {
                    noted.lock().unwrap().push(keys(&event));
                    let answer = handler(&event);
                    async move { answer }.boxed()
                }),
                timeout: Duration::from_secs(5),
            },
            checkpoints: Checkpoints::open(Arc::new(data)).unwrap(),
            events: events.clone(),
        };
        Self {
            delivered,
            queues,
            events: events.subscribe(),
            running: tokio::spawn(stream_loop.run(stop.clone())),
            stop,
        }
    }

    /// Waits for this many invocations more, and gives the keys of each so far.
    async fn invocations(&mut self, count: usize) -> Vec<Vec<String>> {
        for _ in 0..count {
            let event = self.events.recv().await.unwrap();
            assert!(matches!(event, Event::StreamBatch { .. }), "{event:?}");
        }
        self.delivered.lock().unwrap().clone()
    }

    /// What the failure queue is told first.
    async fn told_of_failure(&self) -> Value {
        let how = Receive {
            max_messages: 10,
            wait: Some(Duration::from_secs(5)),
            visibility_timeout: None,
        };
        let told = self.queues.receive("failures", how).await.unwrap();
        assert_eq!(told.len(), 1);
        serde_json::from_str(&told[0].body).unwrap()
    }

    async fn end(self) {
        self.stop.cancel();
        self.running.await.unwrap();
    }
}

fn succeeds(_: &Value) -> Result<Value, String> {
    Ok(json!({"batchItemFailures": []}))
}

#[tokio::test]
async fn records_come_in_order_from_the_first_one_on() {
    let database = database();
    put(&database, &["a", "b", "c"]);
    let mut bench = Bench::start(&database, source(), None, succeeds);
    assert_eq!(bench.invocations(1).await, [["a", "b", "c"]]);
    put(&database, &["d"]);
    assert_eq!(bench.invocations(1).await[1], ["d"]);
    bench.end().await;
}

#[tokio::test]
async fn everything_from_the_first_failure_on_comes_again_and_nothing_before() {
    let database = database();
    put(&database, &["a", "b", "c"]);
    let tries = Mutex::new(0);
    let whole = StreamSource {
        bisects: false,
        ..source()
    };
    let mut bench = Bench::start(&database, whole, None, move |event| {
        let mut tries = tries.lock().unwrap();
        *tries += 1;
        match *tries {
            1 => Ok(failure_of(event, 1)),
            _ => succeeds(event),
        }
    });
    let delivered = bench.invocations(2).await;
    assert_eq!(delivered[0], ["a", "b", "c"]);
    assert_eq!(delivered[1], ["b", "c"]);
    bench.end().await;
}

#[tokio::test]
async fn a_record_that_always_fails_is_cut_out_and_told_of_and_the_others_go_on() {
    let database = database();
    put(&database, &["a", "poison", "c", "d"]);
    let twice = StreamSource {
        maximum_retries: Some(1),
        ..source()
    };
    let mut bench = Bench::start(&database, twice, None, |event| {
        if keys(event).contains(&"poison".to_owned()) {
            return Err("on purpose".to_owned());
        }
        succeeds(event)
    });
    // All, the first half, a, poison twice, the second half.
    let delivered = bench.invocations(6).await;
    assert_eq!(
        delivered,
        [
            vec!["a", "poison", "c", "d"],
            vec!["a", "poison"],
            vec!["a"],
            vec!["poison"],
            vec!["poison"],
            vec!["c", "d"],
        ]
    );
    let message = bench.told_of_failure().await;
    assert_eq!(message["DDBStreamBatchInfo"]["batchSize"], 1);
    assert_eq!(
        message["requestContext"]["condition"],
        "RetryAttemptsExhausted"
    );
    bench.end().await;
}

#[tokio::test]
async fn a_record_that_is_too_old_is_told_of_with_where_it_is() {
    let database = database();
    put(&database, &["a"]);
    let strict = StreamSource {
        // Old at once: the table's clock counts whole seconds.
        maximum_age: Some(Duration::ZERO),
        ..source()
    };
    let bench = Bench::start(&database, strict, None, |_| Err("on purpose".to_owned()));
    let message = bench.told_of_failure().await;
    assert_eq!(message["requestContext"]["condition"], "RecordAgeExceeded");
    let info = &message["DDBStreamBatchInfo"];
    let request = GetShardIteratorRequest {
        stream_arn: info["streamArn"].as_str().unwrap().to_owned(),
        shard_id: info["shardId"].as_str().unwrap().to_owned(),
        shard_iterator_type: "AT_SEQUENCE_NUMBER".to_owned(),
        sequence_number: info["startSequenceNumber"].as_str().map(str::to_owned),
    };
    assert!(database.get_shard_iterator(request).is_ok());
    bench.end().await;
}

#[tokio::test]
async fn records_that_do_not_fill_a_batch_wait_for_others() {
    let database = database();
    put(&database, &["a"]);
    let mut patient = source();
    patient.mapping.batching_window = Duration::from_millis(500);
    let mut bench = Bench::start(&database, patient, None, succeeds);
    tokio::time::sleep(PAUSE).await;
    put(&database, &["b"]);
    assert_eq!(bench.invocations(1).await, [["a", "b"]]);
    bench.end().await;
}

#[tokio::test]
async fn an_answer_that_names_no_record_of_the_batch_fails_all_of_it() {
    let database = database();
    put(&database, &["a"]);
    let tries = Mutex::new(0);
    let mut bench = Bench::start(&database, source(), None, move |event| {
        let mut tries = tries.lock().unwrap();
        *tries += 1;
        match *tries {
            1 => Ok(json!({"batchItemFailures": [{"itemIdentifier": "nobody"}]})),
            2 => panic!("on purpose"),
            _ => succeeds(event),
        }
    });
    assert_eq!(bench.invocations(3).await, [["a"], ["a"], ["a"]]);
    bench.end().await;
}

#[tokio::test]
async fn what_the_filters_leave_out_is_passed_over() {
    let database = database();
    put(&database, &["job#1", "issuance#1"]);
    let template = r#"{"dynamodb": {"Keys": {"pk": {"S": [{"prefix": "issuance#"}]}}}}"#;
    let filtered = StreamSource {
        filters: vec![crate::template::stream_filter::StreamFilter::of(template)],
        ..source()
    };
    let mut bench = Bench::start(&database, filtered, None, succeeds);
    assert_eq!(bench.invocations(1).await, [["issuance#1"]]);
    bench.end().await;
}

#[tokio::test]
async fn after_a_restart_it_goes_on_where_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let database = database();
    put(&database, &["a"]);
    let mut bench = Bench::start(&database, source(), Some(directory.path()), succeeds);
    bench.invocations(1).await;
    bench.end().await;

    put(&database, &["while it was down"]);
    let mut bench = Bench::start(&database, source(), Some(directory.path()), succeeds);
    assert_eq!(bench.invocations(1).await, [["while it was down"]]);
    bench.end().await;
}

#[tokio::test]
async fn what_was_delivered_is_forgotten_but_for_the_last_record() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("dynamodb.sqlite");
    let database = Database::new(&file.to_string_lossy()).unwrap();
    create_table(&database);
    let records = StreamRecords::index(database.clone(), &file).unwrap();
    let mut bench = Bench::start_with(records.clone(), source(), None, succeeds);
    put(&database, &["a", "b", "c"]);
    let left = || records.read(TABLE, None).unwrap().len();
    while left() > 1 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    put(&database, &["d"]);
    while bench.delivered.lock().unwrap().last() != Some(&vec!["d".to_owned()]) {
        bench.invocations(1).await;
    }
    bench.end().await;
}

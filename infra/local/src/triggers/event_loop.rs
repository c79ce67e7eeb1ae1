//! What Lambda does for a queue that invokes a function: receive, invoke, delete what succeeded.
//!
//! What failed stays in the queue, hidden until its visibility time-out is over, and goes to the
//! dead-letter queue when it was received too often; both are the queue's own doing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bestow_queue_service::{Message, QueueService, Receive};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::events::{Event, Events};
use crate::lambda::host::Target;
use crate::template::{EventSource, LOCAL_REGION};

/// How long one receive waits, as Lambda's does.
const LONG_POLL: Duration = Duration::from_secs(20);
/// The pause after a receive that failed.
const AFTER_FAULT: Duration = Duration::from_secs(1);

/// Feeds a function from a queue.
#[derive(Clone)]
pub(crate) struct EventLoop {
    pub(crate) queues: QueueService,
    pub(crate) source: EventSource,
    pub(crate) function: Target,
    pub(crate) events: Events,
}

impl EventLoop {
    /// Runs until `stop`, then waits for the invocations that are under way.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let permits = Arc::new(Semaphore::new(self.source.maximum_concurrency.max(1)));
        let mut invocations = JoinSet::new();
        loop {
            let receive = async {
                // The permit comes first: a message that nobody can take on must stay visible.
                let permit = Arc::clone(&permits).acquire_owned().await;
                (permit, self.batch().await)
            };
            let (permit, batch) = tokio::select! {
                () = stop.cancelled() => break,
                received = receive => received,
            };
            match batch {
                Ok(batch) if batch.is_empty() => {}
                Ok(batch) => {
                    let this = self.clone();
                    invocations.spawn(async move {
                        this.invoke(batch).await;
                        drop(permit);
                    });
                }
                Err(fault) => {
                    tracing::error!(queue = self.source.queue, %fault, "receiving failed");
                    tokio::time::sleep(AFTER_FAULT).await;
                }
            }
            while invocations.try_join_next().is_some() {}
        }
        while invocations.join_next().await.is_some() {}
    }

    /// Up to a batch of messages: the first that come, and what else comes within the window.
    async fn batch(&self) -> Result<Vec<Message>, bestow_queue_service::Error> {
        let mut batch = self
            .receive(self.source.mapping.batch_size, LONG_POLL)
            .await?;
        let window_ends = Instant::now() + self.source.mapping.batching_window;
        while !batch.is_empty() && batch.len() < self.source.mapping.batch_size {
            let wait = window_ends.saturating_duration_since(Instant::now());
            if wait.is_zero() {
                break;
            }
            let missing = self.source.mapping.batch_size - batch.len();
            batch.extend(self.receive(missing, wait).await?);
        }
        Ok(batch)
    }

    async fn receive(
        &self,
        max_messages: usize,
        wait: Duration,
    ) -> Result<Vec<Message>, bestow_queue_service::Error> {
        let how = Receive {
            max_messages,
            wait: Some(wait),
            visibility_timeout: None,
        };
        self.queues.receive(&self.source.queue, how).await
    }

    async fn invoke(&self, batch: Vec<Message>) {
        let started = Instant::now();
        let (queue, mapping) = (&self.source.queue, &self.source.mapping);
        let arn = bestow_queue_service::queue_arn(queue);
        let records: Vec<Value> = batch.iter().map(|one| record(one, &arn)).collect();
        let ids: Vec<String> = batch.iter().map(|one| one.message_id.clone()).collect();
        let failed = super::invoke_batch(&self.function, mapping, &records, &ids).await;
        let failed = failed.unwrap_or_else(|| (0..batch.len()).collect());
        for (place, message) in batch.iter().enumerate() {
            if failed.contains(&place) {
                continue;
            }
            if let Err(fault) = self.queues.delete(queue, &message.receipt_handle) {
                // It is delivered again, which the function must bear anyway.
                tracing::warn!(queue, %fault, "a message was not deleted");
            }
        }
        self.events.send(Event::Batch {
            queue: queue.clone(),
            function: mapping.function.clone(),
            messages: batch.len(),
            failed: failed.len(),
            took: started.elapsed(),
        });
    }
}

/// A message as Lambda writes it.
fn record(message: &Message, queue_arn: &str) -> Value {
    json!({
        "messageId": message.message_id,
        "receiptHandle": message.receipt_handle,
        "body": message.body,
        "md5OfBody": message.md5_of_body(),
        "attributes": message.system_attributes(),
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": LOCAL_REGION,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::event_sources::EventSourceMapping;
    use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
    use bestow_queue_service::NewMessage;
    use futures::FutureExt;
    use std::sync::Mutex;
    use tokio::sync::broadcast;

    const QUEUE: &str = "jobs";

    /// Runs a loop over a queue with dead letters after `receives`, with messages that are visible
    /// again at once, and the handler given.
    struct Bench {
        queues: QueueService,
        events: broadcast::Receiver<Event>,
        stop: CancellationToken,
        running: tokio::task::JoinHandle<()>,
    }

    impl Bench {
        fn start(
            bodies: &[&str],
            receives: u32,
            reports_item_failures: bool,
            handler: impl Fn(SqsEvent) -> Result<Value, String> + Send + Sync + 'static,
        ) -> Self {
            let queues = QueueService::in_memory().unwrap();
            queues
                .create_queue("dead", [("DelaySeconds", "0")])
                .unwrap();
            let redrive = json!({
                "deadLetterTargetArn": bestow_queue_service::queue_arn("dead"),
                "maxReceiveCount": receives,
            });
            let attributes = [
                ("VisibilityTimeout", "0".to_owned()),
                ("RedrivePolicy", redrive.to_string()),
            ];
            queues.create_queue(QUEUE, attributes).unwrap();
            for body in bodies {
                queues.send(QUEUE, &NewMessage::new(*body)).unwrap();
            }
            let (events, stop) = (Events::new(), CancellationToken::new());
            let event_loop = EventLoop {
                queues: queues.clone(),
                source: EventSource {
                    queue: QUEUE.to_owned(),
                    mapping: EventSourceMapping {
                        function: "Function".to_owned(),
                        batch_size: 10,
                        batching_window: Duration::ZERO,
                        reports_item_failures,
                    },
                    maximum_concurrency: 1,
                },
                function: Target {
                    name: "function".to_owned(),
                    handler: Arc::new(move |event| {
                        let answer = handler(serde_json::from_value(event).unwrap());
                        async move { answer }.boxed()
                    }),
                    timeout: Duration::from_secs(5),
                },
                events: events.clone(),
            };
            Self {
                queues,
                events: events.subscribe(),
                running: tokio::spawn(event_loop.run(stop.clone())),
                stop,
            }
        }

        /// How many messages the next batch has, and how many of them fail.
        async fn batch(&mut self) -> (usize, usize) {
            match self.events.recv().await.unwrap() {
                Event::Batch {
                    messages, failed, ..
                } => (messages, failed),
                other => panic!("unexpected {other:?}"),
            }
        }

        async fn end(self) {
            self.stop.cancel();
            self.running.await.unwrap();
        }
    }

    async fn dead_letters(queues: &QueueService) -> Vec<String> {
        let how = Receive {
            max_messages: 10,
            wait: Some(Duration::from_secs(10)),
            visibility_timeout: None,
        };
        let letters = queues.receive("dead", how).await.unwrap();
        letters.into_iter().map(|letter| letter.body).collect()
    }

    #[tokio::test]
    async fn only_the_messages_that_failed_come_again() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let record = Arc::clone(&seen);
        let mut bench = Bench::start(&["good", "bad"], 1000, true, move |event| {
            let mut response = SqsBatchResponse::default();
            for message in event.records {
                let body = message.body.unwrap();
                let mut seen = record.lock().unwrap();
                if body == "bad" && !seen.contains(&body) {
                    response.add_failure(message.message_id.unwrap());
                }
                seen.push(body);
            }
            Ok(serde_json::to_value(response).unwrap())
        });
        assert_eq!(bench.batch().await, (2, 1));
        assert_eq!(bench.batch().await, (1, 0));
        assert_eq!(*seen.lock().unwrap(), ["good", "bad", "bad"]);
        bench.end().await;
    }

    #[tokio::test]
    async fn a_handler_that_panics_fails_its_batch_and_not_the_loop() {
        let mut bench = Bench::start(&["poison"], 2, true, |_| panic!("on purpose"));
        assert_eq!(bench.batch().await, (1, 1));
        assert_eq!(bench.batch().await, (1, 1));
        assert_eq!(dead_letters(&bench.queues).await, ["poison"]);
        bench.end().await;
    }

    #[tokio::test]
    async fn an_answer_that_cannot_be_meant_fails_the_whole_batch() {
        for answer in [
            json!({"batchItemFailures": [{"itemIdentifier": "nobody"}]}),
            json!([]),
        ] {
            let mut bench = Bench::start(&["a", "b"], 1, true, move |_| Ok(answer.clone()));
            assert_eq!(bench.batch().await, (2, 2));
            bench.end().await;
        }
    }

    #[tokio::test]
    async fn without_item_failures_a_batch_succeeds_or_fails_as_a_whole() {
        let mut bench = Bench::start(&["a"], 1000, false, |event| {
            let mut response = SqsBatchResponse::default();
            response.add_failure(event.records[0].message_id.clone().unwrap());
            Ok(serde_json::to_value(response).unwrap())
        });
        assert_eq!(bench.batch().await, (1, 0));
        bench.end().await;

        let mut bench = Bench::start(&["a"], 1, false, |_| Err("refused".to_owned()));
        assert_eq!(bench.batch().await, (1, 1));
        assert_eq!(dead_letters(&bench.queues).await, ["a"]);
        bench.end().await;
    }
}

//! Publish changes: reads the stream of the issuance table and announces each change that readers can see, at least once,
//! and for each issuance in order.
//!
//! What fails for now stops the batch: everything from there on is delivered again, until it succeeds or leaves the
//! stream. What can never succeed is sent to a queue of its own at once, because a stream waits for its first record.

mod config;

use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::SystemTime;

use aws_lambda_events::sqs::SqsBatchResponse;
use bestow_issuance::{Announcement, PublishError, may_go_out_together};
use bestow_runtime::lambda::EventFunction;
use bestow_runtime::metrics::{self, Counter};
use bestow_runtime::stream::{StreamEvent, StreamRecord, again_from};
use bestow_runtime::trace::{self, TraceHeader};
use bestow_runtime::{ConfigError, Env};
use bestow_webhooks::AnnounceError;
use futures::future::{join, join_all};
use serde_json::{Value, json};
use tracing::Instrument;

use crate::config::Config;

/// The handler of the table's stream.
pub struct PublishChanges {
    config: Config,
}

/// A record, and what is to be done about it.
struct Job<'r> {
    record: &'r StreamRecord,
    task: Task,
    /// The trace that the issuance began with.
    trace: Option<TraceHeader>,
    /// The span of the log, with that trace.
    span: tracing::Span,
}

enum Task {
    /// Readers see no change by it.
    Nothing,
    Announce(Announcement),
    /// It can never be announced.
    PutAside {
        reason: String,
    },
}

/// A record that has to be delivered again, and all after it.
struct Stop<'r>(&'r StreamRecord);

impl EventFunction for PublishChanges {
    type Event = StreamEvent;
    type Answer = SqsBatchResponse;

    /// Reads the variables that `config.rs` lists. A fault names its variable.
    async fn from_env(env: &Env) -> Result<Self, ConfigError> {
        Ok(Self {
            config: Config::from_env(env)?,
        })
    }

    /// Deals with a batch of records, and answers from which one on they are to be delivered again.
    async fn handle(
        &self,
        event: StreamEvent,
        _deadline: SystemTime,
    ) -> Result<SqsBatchResponse, bestow_runtime::lambda::Error> {
        metrics::go_with_lines(event.records.len() <= metrics::MOST_LINES);
        let jobs = event.records.iter().map(|record| {
            let trace = record
                .change
                .new_image
                .as_ref()
                .and_then(bestow_backend::trace_of);
            let span = span(trace.as_ref());
            Job {
                record,
                task: span.in_scope(|| task(record)),
                trace,
                span,
            }
        });
        for wave in waves(jobs) {
            if let Err(Stop(record)) = self.carry_out(&wave).await {
                return Ok(again_from(record));
            }
        }
        Ok(SqsBatchResponse::default())
    }
}

impl PublishChanges {
    /// Announces what may go out together. The records are looked at in their order, so that what comes
    /// after one that failed goes to the dead letters only when it comes again.
    async fn carry_out<'r>(&self, wave: &[Job<'r>]) -> Result<(), Stop<'r>> {
        let announcements: Vec<&Announcement> = wave.iter().filter_map(Job::announcement).collect();
        let (announced, told) = match announcements.as_slice() {
            [] => Default::default(),
            some => join(self.config.use_case.announce(some), self.tell(wave)).await,
        };
        let mut announced = announced.into_iter();
        let mut told = told.into_iter();
        for Job {
            record, task, span, ..
        } in wave
        {
            match task {
                Task::Nothing => {}
                Task::PutAside { reason } => {
                    self.dead_letter(record, reason)
                        .instrument(span.clone())
                        .await?;
                }
                Task::Announce(announcement) => match fate(announced.next(), told.next()) {
                    Some(Fate::Announced) => span.in_scope(|| done(announcement)),
                    Some(Fate::Never { reason }) => {
                        self.dead_letter(record, &reason)
                            .instrument(span.clone())
                            .await?;
                    }
                    Some(Fate::NotYet(fault)) => {
                        let sequence_number = &record.change.sequence_number;
                        span.in_scope(|| {
                            tracing::error!(sequence_number, %fault, "a change could not be announced and is delivered again");
                        });
                        return Err(Stop(record));
                    }
                    None => return Err(Stop(record)),
                },
            }
        }
        Ok(())
    }

    /// Has the changes delivered to whoever wants to be told by webhook; in the announcements' order. Each
    /// delivery belongs to the trace of its issuance.
    async fn tell(&self, wave: &[Job<'_>]) -> Vec<Result<usize, AnnounceError>> {
        let each = wave.iter().filter_map(|job| {
            let telling = self.tell_of(job.announcement()?);
            Some(trace::within(
                job.trace.clone(),
                telling.instrument(job.span.clone()),
            ))
        });
        join_all(each).await
    }

    async fn tell_of(&self, announcement: &Announcement) -> Result<usize, AnnounceError> {
        match announcement {
            Announcement::Issuance { change, .. } => self.config.webhooks.announce(change).await,
            Announcement::Credential(_) => Ok(0),
        }
    }

    /// Leaves a record that can never be announced to a human, and lets the stream go on.
    async fn dead_letter<'r>(
        &self,
        record: &'r StreamRecord,
        reason: &str,
    ) -> Result<(), Stop<'r>> {
        let sequence_number = &record.change.sequence_number;
        tracing::error!(
            sequence_number,
            reason,
            "a change can never be announced and goes to the dead letters"
        );
        let message = given_up(record, reason);
        let sent = self.config.failures.send_json(&message, 0).await;
        sent.map_err(|fault| {
            tracing::error!(sequence_number, %fault, "a change could not be put aside and is delivered again");
            Stop(record)
        })
    }
}

/// Where the record is and why it was given up, in the words that Lambda itself uses for the on-failure
/// destination of a stream. Of the item only its key, which names an issuance.
fn given_up(record: &StreamRecord, reason: &str) -> Value {
    let sequence_number = &record.change.sequence_number;
    json!({
        "version": "1.0",
        "requestContext": {"condition": "RecordNotPublishable"},
        "reason": reason,
        "keys": record.change.keys,
        "DDBStreamBatchInfo": {
            "streamArn": record.stream_arn,
            "startSequenceNumber": sequence_number,
            "endSequenceNumber": sequence_number,
            "batchSize": 1,
        },
    })
}

/// What became of an announcement, on the bus and to the webhooks together.
enum Fate {
    Announced,
    /// It has to be made again.
    NotYet(Box<dyn Error + Send + Sync>),
    /// It can never be made, or not wholly.
    Never {
        reason: String,
    },
}

fn fate(
    announced: Option<Result<(), PublishError>>,
    told: Option<Result<usize, AnnounceError>>,
) -> Option<Fate> {
    Some(match (announced?, told?) {
        (Err(fault), _) if !fault.is_final() => Fate::NotYet(fault.into()),
        (_, Err(fault)) if !fault.is_final() => Fate::NotYet(fault.into()),
        (Ok(()), Ok(_)) => Fate::Announced,
        (Err(bus), Ok(_)) => Fate::Never {
            reason: bus.to_string(),
        },
        (Err(bus), Err(webhooks)) => Fate::Never {
            reason: format!("{bus}; and not every webhook is on its way: {webhooks}"),
        },
        (Ok(()), Err(webhooks)) => Fate::Never {
            reason: format!(
                "the event is on the bus, but not every webhook is on its way: {webhooks}"
            ),
        },
    })
}

impl Job<'_> {
    fn announcement(&self) -> Option<&Announcement> {
        match &self.task {
            Task::Announce(announcement) => Some(announcement),
            Task::Nothing | Task::PutAside { .. } => None,
        }
    }
}

fn task(record: &StreamRecord) -> Task {
    let change = &record.change;
    // A panic would come again with each delivery, and the stream would wait for it.
    let read = catch_unwind(AssertUnwindSafe(|| {
        bestow_backend::announcement(change.old_image.as_ref(), change.new_image.as_ref())
    }));
    match read {
        Ok(Ok(None)) => Task::Nothing,
        Ok(Ok(Some(announcement))) => Task::Announce(announcement),
        Ok(Err(fault)) => Task::PutAside {
            reason: fault.to_string(),
        },
        Err(_panic) => Task::PutAside {
            reason: "reading it panicked".to_owned(),
        },
    }
}

/// The jobs in their order, cut where announcements must not go out together.
fn waves<'r>(jobs: impl Iterator<Item = Job<'r>>) -> Vec<Vec<Job<'r>>> {
    let mut waves: Vec<Vec<Job<'r>>> = Vec::new();
    for job in jobs {
        match waves.last_mut() {
            Some(wave) if may_join(wave, &job) => wave.push(job),
            _ => waves.push(vec![job]),
        }
    }
    waves
}

fn may_join(wave: &[Job<'_>], job: &Job<'_>) -> bool {
    job.announcement().is_none_or(|next| {
        let together: Vec<_> = wave.iter().filter_map(Job::announcement).collect();
        may_go_out_together(&together, next)
    })
}

fn span(trace: Option<&TraceHeader>) -> tracing::Span {
    tracing::info_span!("record", xray_trace_id = trace.map(TraceHeader::trace_id))
}

fn done(announcement: &Announcement) {
    metrics::count(Counter::EventsPublished, 1);
    let (event_type, correlation_id, sequence) = match announcement {
        Announcement::Issuance { change, .. } => {
            (change.event_type(), &change.correlation_id, change.sequence)
        }
        Announcement::Credential(change) => (
            change.event_type(),
            &change.credential.correlation_id,
            change.sequence,
        ),
    };
    tracing::info!(%event_type, %correlation_id, sequence, "a change was announced");
}

#[cfg(test)]
mod tests {
    use super::*;
    use bestow_issuance::ports::EventBusError;
    use bestow_webhooks::ports::DeliveriesError;

    fn refused() -> PublishError {
        EventBusError::Refused("too large".to_owned()).into()
    }

    fn garbled() -> AnnounceError {
        let reason = "it has no url".to_owned();
        DeliveriesError::Malformed { reason }.into()
    }

    fn table_is_down() -> AnnounceError {
        DeliveriesError::Unavailable("down".into()).into()
    }

    /// The stream waits for what is announced again, and for nothing that would never be different.
    #[test]
    fn only_what_may_pass_is_announced_again() {
        let bus_is_down = || EventBusError::Failed("down".into()).into();
        let is_again = |announced, told| match fate(Some(announced), Some(told)) {
            Some(Fate::Announced) => None,
            Some(Fate::NotYet(_)) => Some(true),
            Some(Fate::Never { .. }) => Some(false),
            None => panic!("both are there"),
        };
        assert_eq!(is_again(Ok(()), Ok(1)), None);
        assert_eq!(is_again(Err(refused()), Ok(1)), Some(false));
        assert_eq!(is_again(Ok(()), Err(garbled())), Some(false));
        assert_eq!(is_again(Err(refused()), Err(garbled())), Some(false));
        for (announced, told) in [
            (Ok(()), Err(table_is_down())),
            (Err(refused()), Err(table_is_down())),
            (Err(bus_is_down()), Ok(1)),
            (Err(bus_is_down()), Err(garbled())),
        ] {
            assert_eq!(is_again(announced, told), Some(true));
        }
    }

    /// Whoever looks at what was put aside is told all that is wrong with it.
    #[test]
    fn the_reason_names_the_bus_and_the_webhooks() {
        let reason = |announced, told| match fate(Some(announced), Some(told)) {
            Some(Fate::Never { reason }) => reason,
            _ => panic!("it can never be announced"),
        };
        let bus = "the event bus refuses the event: too large";
        let webhook = "not every webhook is on its way: \
                       the stored delivery cannot be read: it has no url";
        assert_eq!(reason(Err(refused()), Ok(1)), bus);
        assert_eq!(
            reason(Err(refused()), Err(garbled())),
            format!("{bus}; and {webhook}")
        );
        assert_eq!(
            reason(Ok(()), Err(garbled())),
            format!("the event is on the bus, but {webhook}")
        );
    }
}

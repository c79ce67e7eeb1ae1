//! What the messages of one batch ask for.

use std::collections::HashMap;

use aws_lambda_events::sqs::SqsMessage;
use contract::CorrelationId;
use issuance::ports::PollMessage;

/// The messages of a batch that are to be polled, by their correlation ids: of several about one issuance
/// only one, a hint before all others, then the highest attempt. The others would ask the same thing at the
/// same time.
pub(crate) struct Batch {
    chosen: HashMap<CorrelationId, Chosen>,
}

struct Chosen {
    attempt: Option<u32>,
    message_id: Option<String>,
}

/// What is to be done about one message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Task {
    /// Ask the wallet.
    Poll(PollMessage),
    /// Nothing: another message of the batch does it.
    Overtaken,
    /// Nothing can be done: this is no poll message. It is delivered again until the queue moves it to
    /// the dead letters, where someone looks at it.
    Malformed,
}

impl Batch {
    pub(crate) fn of(records: &[SqsMessage]) -> Self {
        let mut chosen: HashMap<CorrelationId, Chosen> = HashMap::new();
        for record in records {
            let Some(PollMessage {
                correlation_id,
                attempt,
            }) = parse(record)
            else {
                continue;
            };
            let is_later = chosen
                .get(&correlation_id)
                .is_none_or(|known| rank(attempt) > rank(known.attempt));
            if is_later {
                let message_id = record.message_id.clone();
                chosen.insert(
                    correlation_id,
                    Chosen {
                        attempt,
                        message_id,
                    },
                );
            }
        }
        Self { chosen }
    }

    /// Which issuances the batch is about.
    pub(crate) fn correlation_ids(&self) -> Vec<CorrelationId> {
        self.chosen.keys().cloned().collect()
    }

    /// What is to be done about `record`, a message of this batch.
    pub(crate) fn task(&self, record: &SqsMessage) -> Task {
        let Some(message) = parse(record) else {
            tracing::error!(
                message_id = record.message_id,
                "a message on the poll queue is not a poll message"
            );
            return Task::Malformed;
        };
        match self.chosen.get(&message.correlation_id) {
            Some(chosen) if chosen.message_id == record.message_id => Task::Poll(message),
            _ => Task::Overtaken,
        }
    }
}

/// A hint, which has no attempt, stands for the poll that is awaited, and so for each of the schedule's.
fn rank(attempt: Option<u32>) -> u64 {
    attempt.map_or(u64::MAX, u64::from)
}

fn parse(record: &SqsMessage) -> Option<PollMessage> {
    serde_json::from_str(record.body.as_deref()?).ok()
}

/// How often `record` was delivered, this time included.
pub(crate) fn delivery(record: &SqsMessage) -> u32 {
    record
        .attributes
        .get("ApproximateReceiveCount")
        .and_then(|count| count.parse().ok())
        .unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(message_id: &str, body: &str) -> SqsMessage {
        serde_json::from_value(serde_json::json!({
            "messageId": message_id,
            "body": body,
            "attributes": {"ApproximateReceiveCount": "3"},
        }))
        .unwrap()
    }

    #[test]
    fn of_several_messages_about_one_issuance_one_is_polled() {
        let records = [
            record("1", r#"{"correlation_id": "a", "attempt": 2}"#),
            record("2", r#"{"correlation_id": "a", "attempt": 3}"#),
            record("3", r#"{"correlation_id": "b", "attempt": 0}"#),
            record("4", r#"{"correlation_id": "a", "attempt": 3}"#),
        ];
        let batch = Batch::of(&records);
        let polled: Vec<bool> = records
            .iter()
            .map(|record| matches!(batch.task(record), Task::Poll(_)))
            .collect();
        assert_eq!(polled, [false, true, true, false]);
        assert_eq!(batch.correlation_ids().len(), 2);
    }

    #[test]
    fn hints_are_folded_into_one_and_go_before_the_schedule() {
        let records = [
            record("1", r#"{"correlation_id": "a", "attempt": 7}"#),
            record("2", r#"{"correlation_id": "a"}"#),
            record("3", r#"{"correlation_id": "a"}"#),
            record("4", r#"{"correlation_id": "a", "attempt": 8}"#),
        ];
        let batch = Batch::of(&records);
        let tasks: Vec<Task> = records.iter().map(|record| batch.task(record)).collect();
        let hint = PollMessage::hint("a".parse().unwrap());
        let others = || Task::Overtaken;
        assert_eq!(tasks, [others(), Task::Poll(hint), others(), others()]);
    }

    #[test]
    fn what_is_not_a_poll_message_is_left_to_the_dead_letters() {
        for body in [
            "",
            "poison",
            "{}",
            r#"{"correlation_id": "", "attempt": 0}"#,
            r#"{"correlation_id": "a", "attempt": -1}"#,
        ] {
            let record = record("1", body);
            let batch = Batch::of(std::slice::from_ref(&record));
            assert_eq!(batch.task(&record), Task::Malformed, "{body}");
        }
    }

    #[test]
    fn deliveries_are_counted_by_the_queue() {
        assert_eq!(delivery(&record("1", "")), 3);
        assert_eq!(delivery(&SqsMessage::default()), 1);
    }
}

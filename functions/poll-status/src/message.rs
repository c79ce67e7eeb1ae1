//! Poll messages, as the queue delivers them.

use aws_lambda_events::sqs::SqsMessage;
use bestow_contract::CorrelationId;
use bestow_issuance::ports::PollMessage;

/// The poll message that `record` is, if it is one.
pub(crate) fn read(record: &SqsMessage) -> Option<PollMessage> {
    serde_json::from_str(record.body.as_deref()?).ok()
}

/// Which issuance `record` is about, and its rank among the messages of a batch about the same: a hint, which has
/// no attempt, stands for the poll that is awaited, and so for each of the schedule's.
pub(crate) fn rank(record: &SqsMessage) -> Option<(CorrelationId, u64)> {
    let message = read(record)?;
    let rank = message.attempt.map_or(u64::MAX, u64::from);
    Some((message.correlation_id, rank))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bestow_runtime::Batch;

    fn record(message_id: &str, body: &str) -> SqsMessage {
        let record = serde_json::json!({"messageId": message_id, "body": body});
        serde_json::from_value(record).unwrap()
    }

    #[test]
    fn hints_are_folded_into_one_and_go_before_the_schedule() {
        let records = [
            record("1", r#"{"correlation_id": "a", "attempt": 7}"#),
            record("2", r#"{"correlation_id": "a"}"#),
            record("3", r#"{"correlation_id": "a"}"#),
            record("4", r#"{"correlation_id": "a", "attempt": 8}"#),
            record("5", r#"{"correlation_id": "b", "attempt": 8}"#),
        ];
        let batch = Batch::of(&records, rank);
        let polled = records.iter().filter(|record| {
            let message = read(record).unwrap();
            batch.is_chosen(&message.correlation_id, record)
        });
        let polled: Vec<_> = polled.map(|record| record.message_id.as_deref()).collect();
        assert_eq!(polled, [Some("2"), Some("5")]);
    }

    #[test]
    fn what_is_not_a_poll_message_is_none() {
        for body in [
            "",
            "poison",
            "{}",
            r#"{"correlation_id": "", "attempt": 0}"#,
            r#"{"correlation_id": "a", "attempt": -1}"#,
        ] {
            assert_eq!(read(&record("1", body)), None, "{body}");
        }
    }
}

//! Messages of the poll queue.

use aws_lambda_events::sqs::SqsMessage;
use bestow_contract::CorrelationId;
use bestow_issuance::ports::QueueMessage;

/// The message that `record` is, if it is one.
pub(crate) fn read(record: &SqsMessage) -> Option<QueueMessage> {
    serde_json::from_str(record.body.as_deref()?).ok()
}

/// Which issuance `record` polls, and its rank among the messages of a batch that poll the same: one without an attempt
/// stands for the poll that is awaited, and so for each of the schedule's.
pub(crate) fn rank(record: &SqsMessage) -> Option<(CorrelationId, u64)> {
    let QueueMessage::Poll(message) = read(record)? else {
        return None;
    };
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
    fn polls_for_now_are_folded_into_one_and_go_before_the_schedule() {
        let records = [
            record("1", r#"{"correlation_id": "a", "attempt": 7}"#),
            record("2", r#"{"correlation_id": "a"}"#),
            record("3", r#"{"correlation_id": "a"}"#),
            record("4", r#"{"correlation_id": "a", "attempt": 8}"#),
            record("5", r#"{"correlation_id": "b", "attempt": 8}"#),
        ];
        let batch = Batch::of(&records, rank);
        let polled = records.iter().filter(|record| {
            let (correlation_id, _) = rank(record).unwrap();
            batch.is_chosen(&correlation_id, record)
        });
        let polled: Vec<_> = polled.map(|record| record.message_id.as_deref()).collect();
        assert_eq!(polled, [Some("2"), Some("5")]);
    }

    #[test]
    fn a_check_names_a_credential() {
        let uuid = "0e2c1f62-3392-462e-a25e-483fa0e2a3a3";
        let at = r#""check": 3, "requested_at_ms": 1795457700123"#;
        for (body, check, requested_at_ms) in [
            (format!(r#"{{"revocation_uuid": "{uuid}"}}"#), 0, None),
            (
                format!(r#"{{"revocation_uuid": "{uuid}", {at}}}"#),
                3,
                Some(1_795_457_700_123),
            ),
        ] {
            let Some(QueueMessage::Check(read)) = read(&record("1", &body)) else {
                panic!("{body}");
            };
            assert_eq!(
                (read.revocation_uuid.to_string().as_str(), read.check),
                (uuid, check)
            );
            assert_eq!(
                read.requested_at.map(|at| at.as_millisecond()),
                requested_at_ms
            );
        }
    }

    #[test]
    fn what_is_not_a_message_is_none() {
        for body in [
            "",
            "poison",
            "{}",
            r#"{"correlation_id": "", "attempt": 0}"#,
            r#"{"correlation_id": "a", "attempt": -1}"#,
            r#"{"revocation_uuid": "x"}"#,
        ] {
            assert_eq!(read(&record("1", body)), None, "{body}");
        }
    }
}

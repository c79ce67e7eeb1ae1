//! Messages of deliveries, as the queue delivers them.

use aws_lambda_events::sqs::SqsMessage;
use bestow_webhooks::DeliveryId;
use bestow_webhooks::ports::DeliveryMessage;

/// The message of a delivery that `record` is, if it is one.
pub(crate) fn read(record: &SqsMessage) -> Option<DeliveryMessage> {
    serde_json::from_str(record.body.as_deref()?).ok()
}

/// Which delivery `record` is about, and its rank among the messages of a batch about the same.
pub(crate) fn rank(record: &SqsMessage) -> Option<(DeliveryId, u32)> {
    let message = read(record)?;
    Some((message.delivery_id, message.attempt))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bestow_runtime::Batch;
    use bestow_webhooks::SubscriptionId;

    fn record(message_id: &str, body: &str) -> SqsMessage {
        let record = serde_json::json!({"messageId": message_id, "body": body});
        serde_json::from_value(record).unwrap()
    }

    fn message(sequence: u64, attempt: u32) -> String {
        let delivery_id = DeliveryId {
            correlation_id: "a".parse().unwrap(),
            reserved_at: jiff::Timestamp::UNIX_EPOCH,
            sequence,
            subscription: SubscriptionId::Issuance,
        };
        serde_json::to_string(&DeliveryMessage {
            delivery_id,
            attempt,
        })
        .unwrap()
    }

    #[test]
    fn of_several_messages_about_one_delivery_the_latest_is_dealt_with() {
        let records = [
            record("1", &message(1, 2)),
            record("2", &message(1, 3)),
            record("3", &message(2, 0)),
        ];
        let batch = Batch::of(&records, rank);
        let dealt_with = records.iter().filter(|record| {
            let message = read(record).unwrap();
            batch.is_chosen(&message.delivery_id, record)
        });
        let dealt_with: Vec<_> = dealt_with
            .map(|record| record.message_id.as_deref())
            .collect();
        assert_eq!(dealt_with, [Some("2"), Some("3")]);
    }

    #[test]
    fn what_is_not_of_a_delivery_is_none() {
        for body in ["", "poison", "{}", r#"{"delivery_id": "x", "attempt": 0}"#] {
            assert_eq!(read(&record("1", body)), None, "{body}");
        }
    }
}

//! What the messages of one batch ask for.

use std::collections::HashMap;

use aws_lambda_events::sqs::SqsMessage;
use webhooks::DeliveryId;
use webhooks::ports::DeliveryMessage;

/// The messages of a batch that are to be dealt with, by their deliveries: of several about one delivery only
/// one, with the highest attempt. The others would post the same thing at the same time.
pub(crate) struct Batch {
    chosen: HashMap<DeliveryId, (u32, Option<String>)>,
}

/// What is to be done about one message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Task {
    /// Post.
    Deliver(DeliveryMessage),
    /// Nothing: another message of the batch does it.
    Overtaken,
    /// Nothing can be done: this is no message of ours. It is received again until the queue moves it to the
    /// dead letters, where someone looks at it.
    Malformed,
}

impl Batch {
    pub(crate) fn of(records: &[SqsMessage]) -> Self {
        let mut chosen: HashMap<DeliveryId, (u32, Option<String>)> = HashMap::new();
        for record in records {
            let Some(message) = parse(record) else {
                continue;
            };
            let is_later = chosen
                .get(&message.delivery_id)
                .is_none_or(|(attempt, _)| message.attempt > *attempt);
            if is_later {
                let one = (message.attempt, record.message_id.clone());
                chosen.insert(message.delivery_id, one);
            }
        }
        Self { chosen }
    }

    /// Which deliveries the batch is about.
    pub(crate) fn delivery_ids(&self) -> Vec<DeliveryId> {
        self.chosen.keys().cloned().collect()
    }

    /// What is to be done about `record`, a message of this batch.
    pub(crate) fn task(&self, record: &SqsMessage) -> Task {
        let Some(message) = parse(record) else {
            tracing::error!(
                message_id = record.message_id,
                "a message on the webhook queue is not of a delivery"
            );
            return Task::Malformed;
        };
        match self.chosen.get(&message.delivery_id) {
            Some((_, message_id)) if *message_id == record.message_id => Task::Deliver(message),
            _ => Task::Overtaken,
        }
    }
}

fn parse(record: &SqsMessage) -> Option<DeliveryMessage> {
    serde_json::from_str(record.body.as_deref()?).ok()
}

/// How often `record` was received, this time included.
pub(crate) fn receipt(record: &SqsMessage) -> u32 {
    record
        .attributes
        .get("ApproximateReceiveCount")
        .and_then(|count| count.parse().ok())
        .unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use webhooks::SubscriptionId;

    fn record(message_id: &str, body: &str) -> SqsMessage {
        serde_json::from_value(serde_json::json!({
            "messageId": message_id,
            "body": body,
            "attributes": {"ApproximateReceiveCount": "3"},
        }))
        .unwrap()
    }

    fn message(sequence: u64, attempt: u32) -> String {
        let delivery_id = DeliveryId {
            correlation_id: "a".parse().unwrap(),
            reserved_at_ms: 1,
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
    fn of_several_messages_about_one_delivery_one_is_dealt_with() {
        let records = [
            record("1", &message(1, 2)),
            record("2", &message(1, 3)),
            record("3", &message(2, 0)),
            record("4", &message(1, 3)),
        ];
        let batch = Batch::of(&records);
        let dealt_with: Vec<bool> = records
            .iter()
            .map(|record| matches!(batch.task(record), Task::Deliver(_)))
            .collect();
        assert_eq!(dealt_with, [false, true, true, false]);
        assert_eq!(batch.delivery_ids().len(), 2);
        assert_eq!(receipt(&records[0]), 3);
    }

    #[test]
    fn what_is_not_of_a_delivery_is_left_to_the_dead_letters() {
        for body in ["", "poison", "{}", r#"{"delivery_id": "x", "attempt": 0}"#] {
            let record = record("1", body);
            let batch = Batch::of(std::slice::from_ref(&record));
            assert_eq!(batch.task(&record), Task::Malformed, "{body}");
        }
    }
}

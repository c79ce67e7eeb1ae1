//! How a delivery stands in the table.

use std::time::Duration;

use bestow_aws::CallError;
use bestow_aws::item::{self, Item, number, string};
use bestow_contract::CorrelationId;
use bestow_webhooks::{Delivery, DeliveryId, RETENTION, State, SubscriptionId};
use jiff::Timestamp;

/// What the sort keys of deliveries begin with.
pub(super) const DELIVERY: &str = "delivery#";

/// How long it is remembered that a callback has ended: longer than any issuance lasts.
const END_RETENTION: Duration = Duration::from_secs(180 * 24 * 60 * 60);

/// The partition of an issuance.
pub(super) fn issuance_pk(correlation_id: &CorrelationId) -> String {
    format!("issuance#{correlation_id}")
}

/// The key of a delivery. Sorted, deliveries are in the order of the changes.
pub(super) fn key(id: &DeliveryId) -> Item {
    let sk = format!(
        "{DELIVERY}{:015}#{:010}#{}",
        id.reserved_at.as_millisecond(),
        id.sequence,
        id.subscription
    );
    item::key(issuance_pk(&id.correlation_id), sk)
}

/// The key of the item that is there while the subscription of a delivery has ended.
pub(super) fn end_key(id: &DeliveryId) -> Item {
    match id.subscription {
        SubscriptionId::Issuance => item::key(
            issuance_pk(&id.correlation_id),
            format!("ended#{:015}", id.reserved_at.as_millisecond()),
        ),
        account @ SubscriptionId::Account(_) => {
            item::key(format!("subscription#{account}"), "ended")
        }
    }
}

/// The item that ends the subscription of a delivery. The one of an account stays until it is resumed.
pub(super) fn end(id: &DeliveryId, now: Timestamp) -> Item {
    let mut item = end_key(id);
    item.insert("ended_at_ms".to_owned(), number(now.as_millisecond()));
    item.insert("ended_by".to_owned(), string(id));
    if id.subscription == SubscriptionId::Issuance {
        let expires_at = (now + END_RETENTION).as_second();
        item.insert("expires_at".to_owned(), number(expires_at));
    }
    item
}

/// Whether `item` has the key `key`.
pub(super) fn has_key(item: &Item, key: &Item) -> bool {
    key.iter()
        .all(|(name, value)| item.get(name) == Some(value))
}

/// The whole item of a delivery.
pub(super) fn write(delivery: &Delivery) -> Result<Item, CallError> {
    let tried_at = delivery.attempts.last().map(|attempt| attempt.at);
    let mut changed_at = tried_at.unwrap_or(delivery.created_at);
    if let State::Pending { due_at } = delivery.state {
        changed_at = changed_at.max(due_at);
    }
    let mut item = item::write(key(&delivery.id), delivery)?;
    let expires_at = (changed_at + RETENTION).as_second();
    item.insert("expires_at".to_owned(), number(expires_at));
    Ok(item)
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::AttributeValue;
    use bestow_contract::{Stage, Status};
    use bestow_webhooks::{Attempt, AttemptError, CallbackUrl, Failure};
    use uuid::Uuid;

    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(ms).unwrap()
    }

    fn stored(state: State, subscription: SubscriptionId) -> Delivery {
        let attempt = Attempt {
            at: at(1_000_500),
            http_status: Some(500),
            took_ms: 12,
            error: Some(AttemptError::HttpStatus),
        };
        let lost = Attempt {
            http_status: None,
            error: Some(AttemptError::Timeout),
            ..attempt
        };
        Delivery {
            write_id: Uuid::from_u128(7),
            id: DeliveryId {
                correlation_id: "order 7/é".parse().unwrap(),
                reserved_at: at(1_000_000),
                sequence: 3,
                subscription,
            },
            url: CallbackUrl::new("https://backend.example/hook?key=k"),
            body: "{\"status\":\"error\"}".to_owned(),
            status: Status::Error,
            stage: Some(Stage::Expired),
            created_at: at(1_000_400),
            state,
            attempt: 2,
            run_began_at: at(1_000_400),
            run_attempts: 2,
            replays: 1,
            attempts: vec![attempt, lost],
        }
    }

    fn every_state() -> impl Iterator<Item = Delivery> {
        let failures = [
            Failure::Exhausted,
            Failure::Gone,
            Failure::SubscriptionEnded,
            Failure::Unsubscribed,
        ];
        let failed = failures.map(|failure| State::Failed { failure });
        let due_at = at(1_030_500);
        let pending = State::Pending { due_at };
        [pending, State::Delivered]
            .into_iter()
            .chain(failed)
            .map(|state| stored(state, SubscriptionId::of_account("https://a.example")))
    }

    #[test]
    fn a_delivery_survives_the_table() {
        for stored in every_state() {
            let mut item = write(&stored).unwrap();
            item.insert("of_a_later_version".to_owned(), AttributeValue::Bool(true));
            assert!(has_key(&item, &key(&stored.id)));
            assert_eq!(item::read::<Delivery>(item).unwrap(), stored);
        }
    }

    #[test]
    fn attributes_keep_their_names_and_types() {
        let of_attempt = |attributes: &[(&str, AttributeValue)]| {
            let attributes = attributes.iter().cloned();
            AttributeValue::M(
                attributes
                    .map(|(name, value)| (name.to_owned(), value))
                    .collect(),
            )
        };
        let attempts = vec![
            of_attempt(&[
                ("at_ms", number(1_000_500)),
                ("http_status", number(500)),
                ("took_ms", number(12)),
                ("error", string("http_status")),
            ]),
            of_attempt(&[
                ("at_ms", number(1_000_500)),
                ("took_ms", number(12)),
                ("error", string("timeout")),
            ]),
        ];
        let pending = [
            ("state", string("pending")),
            ("due_at_ms", number(1_030_500)),
        ];
        let failed = [("state", string("failed")), ("failure", string("gone"))];
        let failure = Failure::Gone;
        let due_at = at(1_030_500);
        for (state, expires_at, of_state) in [
            (State::Pending { due_at }, 1_030, pending),
            (State::Failed { failure }, 1_000, failed),
        ] {
            let stored = stored(state, SubscriptionId::Issuance);
            let mut expected = key(&stored.id);
            let attributes = [
                ("delivery_id", string(&stored.id)),
                ("write_id", string(Uuid::from_u128(7))),
                ("url", string("https://backend.example/hook?key=k")),
                ("body", string("{\"status\":\"error\"}")),
                ("status", string("error")),
                ("stage", string("expired")),
                ("created_at_ms", number(1_000_400)),
                ("attempt", number(2)),
                ("run_began_at_ms", number(1_000_400)),
                ("run_attempts", number(2)),
                ("replays", number(1)),
                ("attempts", AttributeValue::L(attempts.clone())),
                ("expires_at", number(expires_at + RETENTION.as_secs())),
            ];
            let attributes = attributes.into_iter().chain(of_state);
            expected.extend(attributes.map(|(name, value)| (name.to_owned(), value)));
            assert_eq!(write(&stored).unwrap(), expected);
        }
    }

    #[test]
    fn what_is_not_understood_is_no_delivery() {
        let whole = write(&every_state().last().unwrap()).unwrap();
        for (name, value) in [
            ("state", Some(string("gone"))),
            ("failure", Some(string("bad luck"))),
            ("failure", None),
            ("write_id", Some(string("x"))),
            ("attempts", None),
            ("delivery_id", Some(string("x"))),
        ] {
            let mut item = whole.clone();
            match value {
                Some(value) => item.insert(name.to_owned(), value),
                None => item.remove(name),
            };
            assert!(item::read::<Delivery>(item).is_err(), "{name}");
        }
    }

    #[test]
    fn deliveries_sort_in_the_order_of_the_changes() {
        let sort_key = |sequence: u64| {
            let mut id = stored(State::Delivered, SubscriptionId::Issuance).id;
            id.sequence = sequence;
            key(&id)["sk"].as_s().unwrap().clone()
        };
        assert!(sort_key(2) < sort_key(10) && sort_key(99) < sort_key(1_000));
    }

    #[test]
    fn a_callback_ends_with_its_issuance_and_a_subscription_of_the_account_for_all() {
        let id = |subscription| stored(State::Delivered, subscription).id;
        let own = end(&id(SubscriptionId::Issuance), at(1_000_000));
        assert_eq!(own["pk"], string("issuance#order 7/é"));
        assert_eq!(own["expires_at"], number(1_000 + 180 * 86_400));
        let of_account = SubscriptionId::of_account("https://a.example");
        let all = end(&id(of_account), at(1_000_000));
        assert_eq!(all["pk"], string(format!("subscription#{of_account}")));
        assert_eq!(all.get("expires_at"), None);
    }
}

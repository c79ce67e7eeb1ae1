//! The item of a record. Attributes that are not known, of a later version perhaps, are left alone.

use bestow_aws::item::{self, Item, MalformedItemError};
use bestow_aws::{CallError, Write};
use bestow_contract::{Callback, CorrelationId, IssueError, Stage, Status};
use bestow_issuance::ports::Stored;
use bestow_issuance::{Offer, Record, RequestHash, State};
use jiff::Timestamp;
use jiff::fmt::serde::timestamp::{millisecond, second};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The values of the attribute `state`.
pub(super) const RESERVED: &str = "reserved";
const OFFERED: &str = "offered";
const COMPLETED: &str = "completed";
const FAILED: &str = "failed";

const KEY_PREFIX: &str = "issuance#";

#[derive(Serialize, Deserialize)]
struct RecordItem {
    write_id: Uuid,
    correlation_id: CorrelationId,
    template_id: String,
    /// The callback never changes. An issuance that was reserved without one has neither attribute.
    callback_url: Option<String>,
    callback_status: Option<Vec<Status>>,
    request_hash: String,
    #[serde(with = "millisecond::required")]
    reserved_at_ms: Timestamp,
    attempt: u32,
    /// Written only if it is true.
    wallet_calls_back: Option<bool>,
    #[serde(with = "millisecond::required")]
    quiet_until_ms: Timestamp,
    sequence: u64,
    #[serde(with = "millisecond::required")]
    last_updated_ms: Timestamp,
    /// The table's time to live.
    #[serde(skip_deserializing, serialize_with = "second::required::serialize")]
    expires_at: Timestamp,
    state: String,
    /// Some states have these, and others have not.
    #[serde(default, with = "millisecond::optional")]
    lease_until_ms: Option<Timestamp>,
    request_uri: Option<String>,
    revocation_uuid: Option<Uuid>,
    #[serde(default, with = "second::optional")]
    offer_expires_at: Option<Timestamp>,
    stage: Option<Stage>,
    wallet_status: Option<Status>,
    error_code: Option<String>,
    error_message: Option<String>,
}

/// The key of a record.
pub(super) fn key(id: &CorrelationId) -> Item {
    item::key(format!("{KEY_PREFIX}{id}"), "record")
}

/// Whether an item is a record.
pub(super) fn is_key_of(item: &Item) -> bool {
    item::parsed_key::<String>(item, "pk", KEY_PREFIX).is_some()
}

/// The correlation id in an item's key.
pub(super) fn correlation_id(item: &Item) -> Result<CorrelationId, MalformedItemError> {
    item::parsed_key(item, "pk", KEY_PREFIX)
        .ok_or_else(|| MalformedItemError::new("pk", "is not the key of an issuance"))
}

/// The whole item of a record.
pub(super) fn write(stored: &Stored) -> Result<Item, CallError> {
    item::write(key(&stored.record.correlation_id), &attributes(stored))
}

/// The update that makes an item the one of `stored`.
pub(super) fn update(stored: &Stored) -> Result<Write, CallError> {
    let attributes = item::attributes(&attributes(stored))?;
    Ok(Write::update_to(
        key(&stored.record.correlation_id),
        attributes,
    ))
}

fn attributes(stored: &Stored) -> RecordItem {
    let record = stored.record.clone();
    let expires_at = record.kept_until();
    let offer = record.offer().cloned().unwrap_or_default();
    let (callback_url, callback_status) = record
        .callback
        .map(|callback| (callback.url, callback.status))
        .unzip();
    let (state, lease_until, stage, wallet_status, error) = match record.state {
        State::Reserved { lease_until } => (RESERVED, Some(lease_until), None, None, None),
        State::Offered {
            stage,
            wallet_status,
            ..
        } => (OFFERED, None, Some(stage), Some(wallet_status), None),
        State::Completed { stage, .. } => (COMPLETED, None, Some(stage), None, None),
        State::Failed { stage, error, .. } => (FAILED, None, Some(stage), None, Some(error)),
    };
    let (error_code, error_message) = error.map(|error| (error.code, error.message)).unzip();
    RecordItem {
        write_id: stored.write_id,
        correlation_id: record.correlation_id,
        template_id: record.template_id,
        callback_url,
        callback_status,
        request_hash: record.request_hash.as_str().to_owned(),
        reserved_at_ms: record.reserved_at,
        attempt: record.attempt,
        wallet_calls_back: record.wallet_calls_back.then_some(true),
        quiet_until_ms: record.not_before,
        sequence: record.sequence,
        last_updated_ms: record.last_updated,
        expires_at,
        state: state.to_owned(),
        lease_until_ms: lease_until,
        request_uri: offer.request_uri,
        revocation_uuid: offer.revocation_uuid,
        offer_expires_at: offer.expires_at,
        stage,
        wallet_status,
        error_code,
        error_message,
    }
}

/// Whether the item is one that the table removes some time, perhaps days after it has expired.
pub(super) fn has_expired(item: &Item, now: Timestamp) -> bool {
    let expires_at = item.get("expires_at").and_then(|at| at.as_n().ok());
    let expires_at = expires_at.and_then(|at| at.parse::<i64>().ok());
    expires_at.is_some_and(|at| at <= now.as_second())
}

/// The record of an item, or which attribute is wrong.
pub(super) fn read(item: Item) -> Result<Stored, MalformedItemError> {
    let item: RecordItem = item::read(item)?;
    let offer = Offer {
        request_uri: item.request_uri,
        revocation_uuid: item.revocation_uuid,
        expires_at: item.offer_expires_at,
    };
    let stage = there(item.stage, "stage");
    let state = match item.state.as_str() {
        RESERVED => State::Reserved {
            lease_until: there(item.lease_until_ms, "lease_until_ms")?,
        },
        OFFERED => State::Offered {
            offer,
            stage: stage?,
            wallet_status: there(item.wallet_status, "wallet_status")?,
        },
        COMPLETED => State::Completed {
            offer,
            stage: stage?,
        },
        FAILED => State::Failed {
            offer,
            stage: stage?,
            error: IssueError {
                code: there(item.error_code, "error_code")?,
                message: there(item.error_message, "error_message")?,
            },
        },
        _ => {
            let reason = "is not one of reserved, offered, completed and failed";
            return Err(MalformedItemError::new("state", reason));
        }
    };
    let callback = item.callback_url.map(|url| {
        let status = there(item.callback_status, "callback_status")?;
        Ok(Callback { url, status })
    });
    Ok(Stored {
        write_id: item.write_id,
        record: Record {
            correlation_id: item.correlation_id,
            template_id: item.template_id,
            callback: callback.transpose()?,
            request_hash: RequestHash::from_stored(item.request_hash),
            reserved_at: item.reserved_at_ms,
            attempt: item.attempt,
            not_before: item.quiet_until_ms,
            sequence: item.sequence,
            last_updated: item.last_updated_ms,
            wallet_calls_back: item.wallet_calls_back.unwrap_or_default(),
            state,
        },
    })
}

/// An attribute that must be there.
pub(super) fn there<T>(attribute: Option<T>, name: &str) -> Result<T, MalformedItemError> {
    attribute.ok_or_else(|| MalformedItemError::missing(name))
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::AttributeValue;
    use bestow_aws::item::{number, string};

    use super::*;

    fn at_ms(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(ms).unwrap()
    }

    fn stored(state: State) -> Stored {
        let id: CorrelationId = "order 7/é".parse().unwrap();
        let hash = RequestHash::from_stored("ab");
        let mut record = Record::reserve(id, "issue_iban".to_owned(), hash, at_ms(1_000_500));
        record.state = state;
        record.callback = Some(Callback {
            url: "https://backend.example/hook?key=k".to_owned(),
            status: vec![Status::IssueCompleted, Status::Error],
        });
        record.wallet_calls_back = true;
        Stored {
            record,
            write_id: Uuid::from_u128(7),
        }
    }

    fn every_state() -> [Stored; 5] {
        let offer = Offer {
            request_uri: Some("openid-credential-offer://?x".to_owned()),
            revocation_uuid: Some(Uuid::from_u128(9)),
            expires_at: Some(at_ms(1_900_000)),
        };
        let error = IssueError::new("expired", "The offer expired.");
        [
            stored(State::Reserved {
                lease_until: at_ms(1_030_500),
            }),
            stored(State::Offered {
                offer: offer.clone(),
                stage: Stage::OfferRetrieved,
                wallet_status: Status::from("waiting"),
            }),
            stored(State::Completed {
                offer: Offer::default(),
                stage: Stage::CredentialIssued,
            }),
            stored(State::Failed {
                offer,
                stage: Stage::Expired,
                error: error.clone(),
            }),
            stored(State::Failed {
                offer: Offer::default(),
                stage: Stage::Failed,
                error,
            }),
        ]
    }

    #[test]
    fn a_record_survives_the_table() {
        for stored in every_state() {
            let mut item = write(&stored).unwrap();
            item.insert("of_a_later_version".to_owned(), AttributeValue::Bool(true));
            assert_eq!(read(item.clone()).unwrap(), stored);
            assert_eq!(correlation_id(&item).unwrap(), stored.record.correlation_id);
        }
    }

    #[test]
    fn a_callback_for_every_status_and_none_survive_the_table() {
        let mut stored = every_state()[1].clone();
        for callback in [
            None,
            Some(Callback {
                url: "https://backend.example".to_owned(),
                status: Vec::new(),
            }),
        ] {
            stored.record.callback = callback;
            stored.record.wallet_calls_back = false;
            assert_eq!(read(write(&stored).unwrap()).unwrap(), stored);
        }
    }

    #[test]
    fn attributes_keep_their_names_and_types() {
        let [reserved, offered, _, failed, _] = every_state();
        let strings = |names: &[&str]| AttributeValue::L(names.iter().map(string).collect());
        let always = [
            ("pk", string("issuance#order 7/é")),
            ("sk", string("record")),
            ("write_id", string("00000000-0000-0000-0000-000000000007")),
            ("correlation_id", string("order 7/é")),
            ("template_id", string("issue_iban")),
            ("callback_url", string("https://backend.example/hook?key=k")),
            ("callback_status", strings(&["issue_completed", "error"])),
            ("request_hash", string("ab")),
            ("reserved_at_ms", number(1_000_500)),
            ("attempt", number(0)),
            ("wallet_calls_back", AttributeValue::Bool(true)),
            ("quiet_until_ms", number(1_001_500)),
            ("sequence", number(0)),
            ("last_updated_ms", number(1_000_500)),
        ];
        let offer = [
            ("request_uri", string("openid-credential-offer://?x")),
            ("revocation_uuid", string(Uuid::from_u128(9))),
            ("offer_expires_at", number(1_900)),
        ];
        for (stored, expires_at, has_offer, of_state) in [
            (
                reserved,
                1_001 + 86_400,
                false,
                vec![
                    ("state", string("reserved")),
                    ("lease_until_ms", number(1_030_500)),
                ],
            ),
            (
                offered,
                1_001 + 90 * 86_400,
                true,
                vec![
                    ("state", string("offered")),
                    ("stage", string("offer_retrieved")),
                    ("wallet_status", string("waiting")),
                ],
            ),
            (
                failed,
                1_001 + 90 * 86_400,
                true,
                vec![
                    ("state", string("failed")),
                    ("stage", string("expired")),
                    ("error_code", string("expired")),
                    ("error_message", string("The offer expired.")),
                ],
            ),
        ] {
            let mut expected: Item = always
                .iter()
                .chain(offer.iter().filter(|_| has_offer))
                .chain(&of_state)
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect();
            expected.insert("expires_at".to_owned(), number(expires_at));
            assert_eq!(write(&stored).unwrap(), expected);
        }
    }

    #[test]
    fn a_malformed_item_names_the_attribute() {
        let whole = write(&every_state()[1]).unwrap();
        for (name, value) in [
            ("sequence", Some(string("3"))),
            ("attempt", Some(number("-1"))),
            ("write_id", Some(string("x"))),
            ("wallet_calls_back", Some(string("true"))),
            ("state", Some(string("gone"))),
            ("stage", None),
            ("offer_expires_at", Some(string("1900"))),
            ("callback_status", None),
            ("callback_url", Some(number(1))),
            ("revocation_uuid", Some(number(1))),
        ] {
            let mut item = whole.clone();
            match value {
                Some(value) => item.insert(name.to_owned(), value),
                None => item.remove(name),
            };
            assert_eq!(read(item).unwrap_err().attribute, name);
        }
    }
}

//! How a record stands in the table. Attributes that are not known, of a later version perhaps, are left
//! alone.

use std::collections::HashMap;

use aws::item::{Item, Malformed, keys, malformed, number, parsed, parsed_number, string, text};
use aws_sdk_dynamodb::types::AttributeValue;
use contract::{Callback, CorrelationId, IssueError, Stage, Status};
use issuance::ports::{RecordsError, Stored};
use issuance::{Offer, Record, RequestHash, State};

/// The values of the attribute `state`.
pub(super) const RESERVED: &str = "reserved";
const OFFERED: &str = "offered";
const COMPLETED: &str = "completed";
const FAILED: &str = "failed";

/// The attributes that some states have and others have not.
const OF_STATE: [&str; 8] = [
    "lease_until_ms",
    "request_uri",
    "revocation_uuid",
    "offer_expires_at",
    "stage",
    "wallet_status",
    "error_code",
    "error_message",
];

const KEY_PREFIX: &str = "issuance#";

/// The key of a record.
pub(super) fn key(id: &CorrelationId) -> Item {
    keys(format!("{KEY_PREFIX}{id}"), "record")
}

/// Whether an item is a record.
pub(super) fn is_key_of(item: &Item) -> bool {
    text(item, "pk").is_ok_and(|pk| pk.starts_with(KEY_PREFIX))
}

/// The correlation id in an item's key.
pub(super) fn correlation_id(item: &Item) -> Result<CorrelationId, Malformed> {
    text(item, "pk")?
        .strip_prefix(KEY_PREFIX)
        .and_then(|id| id.parse().ok())
        .ok_or_else(|| malformed("pk", "is not the key of an issuance"))
}

/// The whole item of a record.
pub(super) fn write(stored: &Stored) -> Item {
    let mut item = key(&stored.record.correlation_id);
    item.extend(attributes(stored).map(|(name, value)| (name.to_owned(), value)));
    item
}

/// An update of all that is known about a record.
pub(super) struct Change {
    /// What to set and what to remove.
    pub(super) expression: String,
    /// The attributes' names, by their placeholders.
    pub(super) names: HashMap<String, String>,
    /// The attributes' values, by their placeholders.
    pub(super) values: HashMap<String, AttributeValue>,
}

/// The update that makes an item the one of `stored`.
pub(super) fn change(stored: &Stored) -> Change {
    let values: HashMap<&str, AttributeValue> = attributes(stored).collect();
    let absent: Vec<&str> = OF_STATE
        .into_iter()
        .filter(|name| !values.contains_key(name))
        .collect();
    let set: Vec<String> = values
        .keys()
        .map(|name| format!("#{name} = :{name}"))
        .collect();
    let remove: Vec<String> = absent.iter().map(|name| format!("#{name}")).collect();
    let mut expression = format!("SET {}", set.join(", "));
    if !remove.is_empty() {
        expression = format!("{expression} REMOVE {}", remove.join(", "));
    }
    let names = values
        .keys()
        .chain(&absent)
        .map(|name| (format!("#{name}"), (*name).to_owned()));
    Change {
        expression,
        names: names.collect(),
        values: values
            .into_iter()
            .map(|(name, value)| (format!(":{name}"), value))
            .collect(),
    }
}

fn attributes(stored: &Stored) -> impl Iterator<Item = (&'static str, AttributeValue)> {
    let record = &stored.record;
    // A poll is recorded by when queries may ask for the next one.
    let last_write = record
        .last_updated_ms
        .max(record.quiet_until_ms)
        .div_euclid(1_000);
    let always = [
        ("write_id", Some(string(stored.write_id))),
        ("correlation_id", Some(string(&record.correlation_id))),
        ("template_id", Some(string(&record.template_id))),
        (
            "callback_url",
            record
                .callback
                .as_ref()
                .map(|callback| string(&callback.url)),
        ),
        (
            "callback_status",
            record
                .callback
                .as_ref()
                .map(|callback| AttributeValue::L(callback.status.iter().map(string).collect())),
        ),
        ("request_hash", Some(string(record.request_hash.as_str()))),
        ("reserved_at_ms", Some(number(record.reserved_at_ms))),
        ("attempt", Some(number(record.attempt))),
        (
            "wallet_calls_back",
            record
                .wallet_calls_back
                .then_some(AttributeValue::Bool(true)),
        ),
        ("quiet_until_ms", Some(number(record.quiet_until_ms))),
        ("sequence", Some(number(record.sequence))),
        ("last_updated_ms", Some(number(record.last_updated_ms))),
        (
            "expires_at",
            Some(number(
                last_write.saturating_add(record.retention_seconds()),
            )),
        ),
    ];
    let offer = record.offer();
    let (state, lease_until_ms, stage, wallet_status, error) = match &record.state {
        State::Reserved { lease_until_ms } => (RESERVED, Some(*lease_until_ms), None, None, None),
        State::Offered {
            stage,
            wallet_status,
            ..
        } => (OFFERED, None, Some(stage), Some(wallet_status), None),
        State::Completed { stage, .. } => (COMPLETED, None, Some(stage), None, None),
        State::Failed { stage, error, .. } => (FAILED, None, Some(stage), None, Some(error)),
    };
    let of_state = [
        ("state", Some(string(state))),
        ("lease_until_ms", lease_until_ms.map(number)),
        (
            "request_uri",
            offer
                .and_then(|offer| offer.request_uri.as_ref())
                .map(string),
        ),
        (
            "revocation_uuid",
            offer.and_then(|offer| offer.revocation_uuid).map(string),
        ),
        (
            "offer_expires_at",
            offer.and_then(|offer| offer.expires_at).map(number),
        ),
        ("stage", stage.map(string)),
        ("wallet_status", wallet_status.map(string)),
        ("error_code", error.map(|error| string(&error.code))),
        ("error_message", error.map(|error| string(&error.message))),
    ];
    always
        .into_iter()
        .chain(of_state)
        .filter_map(|(name, value)| Some((name, value?)))
}

/// The record of an item, or which attribute is wrong.
pub(super) fn read(item: &Item) -> Result<Stored, Malformed> {
    let record = Record {
        correlation_id: parsed(item, "correlation_id")?,
        template_id: text(item, "template_id")?.to_owned(),
        callback: callback(item)?,
        request_hash: RequestHash::from_stored(text(item, "request_hash")?),
        reserved_at_ms: parsed_number(item, "reserved_at_ms")?,
        attempt: parsed_number(item, "attempt")?,
        quiet_until_ms: parsed_number(item, "quiet_until_ms")?,
        sequence: parsed_number(item, "sequence")?,
        last_updated_ms: parsed_number(item, "last_updated_ms")?,
        wallet_calls_back: flag(item, "wallet_calls_back")?,
        state: state(item)?,
    };
    Ok(Stored {
        record,
        write_id: parsed(item, "write_id")?,
    })
}

/// The callback never changes, so an issuance that was reserved without one has neither attribute.
fn callback(item: &Item) -> Result<Option<Callback>, Malformed> {
    if !item.contains_key("callback_url") {
        return Ok(None);
    }
    let Some(AttributeValue::L(names)) = item.get("callback_status") else {
        return Err(malformed("callback_status", "is not a list"));
    };
    let status = names
        .iter()
        .map(|name| name.as_s().map(|name| Status::from(name.as_str())))
        .collect::<Result<_, _>>()
        .map_err(|_| malformed("callback_status", "has an entry that is not a string"))?;
    Ok(Some(Callback {
        url: text(item, "callback_url")?.to_owned(),
        status,
    }))
}

fn state(item: &Item) -> Result<State, Malformed> {
    let stage = || text(item, "stage").map(Stage::from);
    match text(item, "state")? {
        RESERVED => Ok(State::Reserved {
            lease_until_ms: parsed_number(item, "lease_until_ms")?,
        }),
        OFFERED => Ok(State::Offered {
            offer: offer(item)?,
            stage: stage()?,
            wallet_status: Status::from(text(item, "wallet_status")?),
        }),
        COMPLETED => Ok(State::Completed {
            offer: offer(item)?,
            stage: stage()?,
        }),
        FAILED => Ok(State::Failed {
            offer: offer(item)?,
            stage: stage()?,
            error: IssueError::new(text(item, "error_code")?, text(item, "error_message")?),
        }),
        _ => Err(malformed(
            "state",
            "is not one of reserved, offered, completed and failed",
        )),
    }
}

fn offer(item: &Item) -> Result<Offer, Malformed> {
    let if_there = |name: &str| item.contains_key(name);
    Ok(Offer {
        request_uri: if_there("request_uri")
            .then(|| text(item, "request_uri").map(str::to_owned))
            .transpose()?,
        revocation_uuid: if_there("revocation_uuid")
            .then(|| parsed(item, "revocation_uuid"))
            .transpose()?,
        expires_at: if_there("offer_expires_at")
            .then(|| parsed_number(item, "offer_expires_at"))
            .transpose()?,
    })
}

/// A flag that is not there is not set, as in items of before there was the flag.
fn flag(item: &Item, name: &str) -> Result<bool, Malformed> {
    match item.get(name) {
        None => Ok(false),
        Some(AttributeValue::Bool(flag)) => Ok(*flag),
        Some(_) => Err(malformed(name, "is not a boolean")),
    }
}

/// The port's error for an item that is not what we write.
pub(super) fn unreadable(Malformed { attribute, reason }: Malformed) -> RecordsError {
    RecordsError::Malformed {
        attribute,
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn stored(state: State) -> Stored {
        let id: CorrelationId = "order 7/é".parse().unwrap();
        let hash = RequestHash::from_stored("ab");
        let mut record = Record::reserve(id, "issue_iban".to_owned(), hash, 1_000_500, 1_030_500);
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
            expires_at: Some(1_900),
        };
        let error = IssueError::new("expired", "The offer expired.");
        [
            stored(State::Reserved {
                lease_until_ms: 1_030_500,
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
            let mut item = write(&stored);
            item.insert("of_a_later_version".to_owned(), AttributeValue::Bool(true));
            assert_eq!(read(&item).unwrap(), stored);
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
            assert_eq!(read(&write(&stored)).unwrap(), stored);
        }
    }

    #[test]
    fn an_update_leads_from_any_state_to_any_other() {
        for before in every_state() {
            for after in every_state() {
                let change = change(&after);
                let mut item = write(&before);
                let (_, removed) = change.expression.split_once(" REMOVE ").unwrap();
                for placeholder in removed.split(", ") {
                    item.remove(&change.names[placeholder]);
                }
                for (placeholder, value) in change.values {
                    item.insert(placeholder.trim_start_matches(':').to_owned(), value);
                }
                assert_eq!(read(&item).unwrap(), after);
            }
        }
    }

    #[test]
    fn a_malformed_item_names_the_attribute() {
        let whole = write(&every_state()[1]);
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
            let fault = unreadable(read(&item).unwrap_err()).to_string();
            assert!(fault.contains(&format!("attribute {name} ")), "{fault}");
        }
    }

    #[test]
    fn a_record_is_kept_for_90_days_after_its_last_write_and_a_reservation_for_one() {
        let [reserved, offered, ..] = every_state();
        let kept = |stored| write(&stored)["expires_at"].clone();
        assert_eq!(kept(reserved), number(1_001 + 86_400));
        assert_eq!(kept(offered), number(1_001 + 90 * 86_400));
    }
}

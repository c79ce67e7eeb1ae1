//! The name of a delivery, which is at the same time its `webhook-id`.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bestow_contract::CorrelationId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::subscription::SubscriptionId;

/// Names one delivery: which change of which issuance, and for whom. So the same change, announced again, has the same
/// id, and a delivery is found by its id alone. As text it is base64url, without the `.` that separates it in what is
/// signed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DeliveryId {
    /// The issuance.
    pub correlation_id: CorrelationId,
    /// When the issuance was reserved, to the millisecond: it tells apart issuances that used the same correlation id
    /// one after the other.
    pub reserved_at: Timestamp,
    /// Which change of the issuance.
    pub sequence: u64,
    /// For whom.
    pub subscription: SubscriptionId,
}

/// A text that names no delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("is not the id of a delivery: give one that was listed or sent as webhook-id")]
pub struct DeliveryIdError;

/// The first byte of every id.
const VERSION: u8 = 1;

impl fmt::Display for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = vec![VERSION];
        bytes.extend(self.reserved_at.as_millisecond().to_be_bytes());
        bytes.extend(self.sequence.to_be_bytes());
        bytes.extend(self.subscription.to_bytes());
        bytes.extend(self.correlation_id.as_str().bytes());
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl FromStr for DeliveryId {
    type Err = DeliveryIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| DeliveryIdError)?;
        let read = || {
            let rest = bytes.strip_prefix(&[VERSION])?;
            let (reserved_at, rest) = rest.split_first_chunk::<8>()?;
            let (sequence, rest) = rest.split_first_chunk::<8>()?;
            let (subscription, rest) = rest.split_first_chunk::<8>()?;
            Some(Self {
                correlation_id: std::str::from_utf8(rest).ok()?.parse().ok()?,
                reserved_at: Timestamp::from_millisecond(i64::from_be_bytes(*reserved_at)).ok()?,
                sequence: u64::from_be_bytes(*sequence),
                subscription: SubscriptionId::from_bytes(*subscription),
            })
        };
        read().ok_or(DeliveryIdError)
    }
}

impl TryFrom<String> for DeliveryId {
    type Error = DeliveryIdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<DeliveryId> for String {
    fn from(id: DeliveryId) -> Self {
        id.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_id_says_what_it_names(
            correlation_id in "[a-z0-9 /?.é-]{1,64}",
            reserved_at in 0_i64..200_000_000_000_000,
            sequence in any::<u64>(),
            subscription in any::<[u8; 8]>(),
        ) {
            let Ok(correlation_id) = correlation_id.parse() else { return Ok(()) };
            let subscription = SubscriptionId::from_bytes(subscription);
            let reserved_at = Timestamp::from_millisecond(reserved_at).unwrap();
            let id = DeliveryId { correlation_id, reserved_at, sequence, subscription };
            let text = id.to_string();
            prop_assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
            prop_assert_eq!(text.parse(), Ok(id));
        }

        #[test]
        fn no_text_is_the_id_of_two_deliveries(text in "[A-Za-z0-9_-]{30,60}") {
            if let Ok(id) = text.parse::<DeliveryId>() {
                prop_assert_eq!(id.to_string(), text);
            }
        }
    }

    #[test]
    fn what_is_no_id_is_refused() {
        let id = DeliveryId {
            correlation_id: "a".parse().unwrap(),
            reserved_at: Timestamp::from_millisecond(258).unwrap(),
            sequence: 2,
            subscription: SubscriptionId::Issuance,
        };
        let text = id.to_string();
        assert_eq!(text, "AQAAAAAAAAECAAAAAAAAAAIAAAAAAAAAAGE");
        for wrong in [
            "",
            "x",
            &text[1..],
            &text[..text.len() - 2],
            &format!("{text}="),
        ] {
            assert_eq!(wrong.parse::<DeliveryId>(), Err(DeliveryIdError), "{wrong}");
        }
    }
}

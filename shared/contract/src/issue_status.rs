use crate::CorrelationId;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use std::fmt;
use uuid::Uuid;

/// Defines a set of names that is open: what is not in it is kept as it was sent.
macro_rules! open_set {
    ($(#[$doc:meta])* $set:ident { $($(#[$item_doc:meta])* $item:ident = $name:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(from = "String", into = "String")]
        pub enum $set {
            $($(#[$item_doc])* $item,)+
            /// A name that is not in the contract, as it was sent.
            Other(String),
        }

        impl $set {
            /// Every name that is in the contract.
            pub const KNOWN: &'static [Self] = &[$(Self::$item),+];

            /// The name on the wire.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$item => $name,)+
                    Self::Other(name) => name,
                }
            }
        }

        impl From<&str> for $set {
            fn from(name: &str) -> Self {
                match name {
                    $($name => Self::$item,)+
                    other => Self::Other(other.to_owned()),
                }
            }
        }

        impl From<String> for $set {
            fn from(name: String) -> Self {
                Self::from(name.as_str())
            }
        }

        impl From<$set> for String {
            fn from(value: $set) -> Self {
                value.as_str().to_owned()
            }
        }

        impl fmt::Display for $set {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

open_set! {
    /// What became of an issuance so far.
    ///
    /// Bestow sends only the three that are named here. A wallet may send others: they are kept as
    /// sent, and are not terminal.
    Status {
        /// The offer was made; the customer's wallet may or may not have begun to take it.
        IssueRequestCreated = "issue_request_created",
        /// The customer's wallet was given the credential.
        IssueCompleted = "issue_completed",
        /// The issuance ended without a credential.
        Error = "error",
    }
}

impl Status {
    /// Whether no other status comes after this one.
    pub fn is_terminal(&self) -> bool {
        matches!(self, Self::IssueCompleted | Self::Error)
    }
}

open_set! {
    /// How far the customer has come, in more detail than [`Status`]. `[ours]`
    Stage {
        /// The offer was made and nobody fetched it yet.
        OfferCreated = "offer_created",
        /// A wallet fetched the offer: the link was opened or the QR code scanned.
        OfferRetrieved = "offer_retrieved",
        /// A wallet redeemed the offer's code for an access token.
        TokenIssued = "token_issued",
        /// The wallet was sent the credential.
        CredentialIssued = "credential_issued",
        /// The wallet reported that it keeps the credential.
        Accepted = "accepted",
        /// The wallet reported that the customer declined the credential.
        Declined = "declined",
        /// The wallet reported that it dropped the credential.
        Deleted = "deleted",
        /// The issuance failed.
        Failed = "failed",
        /// The offer ran out before it was taken.
        Expired = "expired",
    }
}

/// Why an issuance ended in `error`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IssueError {
    /// A name for programs, such as `expired`.
    pub code: String,
    /// A sentence for humans. Never a claim value.
    pub message: String,
}

/// The answer of Get issue status, and the body of a callback.
///
/// It never has a `detail`: a public client takes `status` together with `detail` for an error.
///
/// When a wallet's answer is read, `status`, `correlation_id` and `revocation_uuid` must be right;
/// the other members are additions of Bestow, and what does not look like them is ignored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssueStatus {
    /// What became of the issuance so far.
    pub status: Status,
    /// The name of the issuance.
    pub correlation_id: CorrelationId,
    /// Names the credential for a later change of its status. There from the start and never
    /// changed if the template has a status list, otherwise absent.
    #[serde(
        default,
        deserialize_with = "uuid_if_filled",
        skip_serializing_if = "Option::is_none"
    )]
    pub revocation_uuid: Option<Uuid>,
    // What follows is [ours].
    /// How far the customer has come.
    #[serde(
        default,
        deserialize_with = "if_fits",
        skip_serializing_if = "Option::is_none"
    )]
    pub stage: Option<Stage>,
    /// The credential issue template.
    #[serde(
        default,
        deserialize_with = "if_fits",
        skip_serializing_if = "Option::is_none"
    )]
    pub template_id: Option<String>,
    /// When the issuance last changed, in Unix milliseconds.
    #[serde(
        default,
        deserialize_with = "if_fits",
        skip_serializing_if = "Option::is_none"
    )]
    pub last_updated: Option<i64>,
    /// How many changes there were: it grows by one with each.
    #[serde(
        default,
        deserialize_with = "if_fits",
        skip_serializing_if = "Option::is_none"
    )]
    pub sequence: Option<u64>,
    /// Why the issuance failed, if `status` is `error`.
    #[serde(
        default,
        deserialize_with = "error_of_any_form",
        skip_serializing_if = "Option::is_none"
    )]
    pub error: Option<IssueError>,
}

impl IssueStatus {
    /// A status with the three members that every wallet of the contract sends.
    pub fn new(
        status: Status,
        correlation_id: CorrelationId,
        revocation_uuid: Option<Uuid>,
    ) -> Self {
        Self {
            status,
            correlation_id,
            revocation_uuid,
            stage: None,
            template_id: None,
            last_updated: None,
            sequence: None,
            error: None,
        }
    }
}

/// `null` and `""` stand for "no status list"; anything else must be a UUID.
pub(crate) fn uuid_if_filled<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Uuid>, D::Error> {
    match Option::<String>::deserialize(deserializer)?.as_deref() {
        None | Some("") => Ok(None),
        Some(text) => Uuid::parse_str(text)
            .map(Some)
            .map_err(|_| serde::de::Error::custom("revocation_uuid is not a UUID")),
    }
}

/// The value if it has the form of `T`, otherwise nothing.
pub(crate) fn if_fits<'de, D: Deserializer<'de>, T: serde::de::DeserializeOwned>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).ok())
}

fn error_of_any_form<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<IssueError>, D::Error> {
    Ok(IssueError::from_value(&Value::deserialize(deserializer)?))
}

impl IssueError {
    /// The code of a failure for which the wallet gave none.
    pub const WALLET_ERROR: &'static str = "wallet_error";

    /// An error with a code for programs and a message for humans.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
        }
    }

    /// Wallets of the contract document no form: a text or an object are both understood.
    fn from_value(value: &Value) -> Option<Self> {
        let member = |names: &[&str]| {
            names
                .iter()
                .find_map(|name| value.get(*name)?.as_str())
                .filter(|text| !text.is_empty())
        };
        match value {
            Value::String(text) if !text.is_empty() => Some(Self::new(Self::WALLET_ERROR, text)),
            Value::Object(_) => Some(Self::new(
                member(&["code", "error"]).unwrap_or(Self::WALLET_ERROR),
                member(&["message", "detail", "error_description"])
                    .unwrap_or("The wallet reported an error."),
            )),
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for IssueError {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_value(&Value::deserialize(deserializer)?)
            .ok_or_else(|| serde::de::Error::custom("an error is a text or an object"))
    }
}

#[cfg(test)]
mod tests;

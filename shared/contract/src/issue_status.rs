use crate::CorrelationId;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use serde_with::{DeserializeFromStr, SerializeDisplay, skip_serializing_none};
use strum::{AsRefStr, Display, EnumIter, EnumString, IntoEnumIterator};
use uuid::Uuid;

/// What became of an issuance so far.
///
/// Bestow sends the three that are named here. What else a wallet sends is kept as sent, and is not
/// terminal.
#[derive(
    Clone,
    Debug,
    PartialEq,
    Eq,
    Hash,
    SerializeDisplay,
    DeserializeFromStr,
    AsRefStr,
    Display,
    EnumIter,
    EnumString,
)]
#[strum(serialize_all = "snake_case")]
pub enum Status {
    /// The offer was made; the customer's wallet may or may not have begun to take it.
    IssueRequestCreated,
    /// The customer's wallet was given the credential.
    IssueCompleted,
    /// The issuance ended without a credential.
    Error,
    /// A name that is not in the contract, as it was sent.
    #[strum(default, transparent)]
    Other(String),
}

impl Status {
    /// Every status of the contract.
    pub fn known() -> impl Iterator<Item = Self> {
        Self::iter().filter(|status| !matches!(status, Self::Other(_)))
    }

    /// The name on the wire.
    pub fn as_str(&self) -> &str {
        self.as_ref()
    }

    /// Whether no other status comes after this one.
    pub fn is_terminal(&self) -> bool {
        matches!(self, Self::IssueCompleted | Self::Error)
    }
}

/// How far the customer has come, in more detail than [`Status`]. `[ours]`
#[derive(
    Clone,
    Debug,
    PartialEq,
    Eq,
    Hash,
    SerializeDisplay,
    DeserializeFromStr,
    AsRefStr,
    Display,
    EnumIter,
    EnumString,
)]
#[strum(serialize_all = "snake_case")]
pub enum Stage {
    /// The offer was made and nobody fetched it yet.
    OfferCreated,
    /// A wallet fetched the offer: the link was opened or the QR code scanned.
    OfferRetrieved,
    /// A wallet redeemed the offer's code for an access token.
    TokenIssued,
    /// The wallet was sent the credential.
    CredentialIssued,
    /// The wallet reported that it keeps the credential.
    Accepted,
    /// The wallet reported that the customer declined the credential.
    Declined,
    /// The wallet reported that it dropped the credential.
    Deleted,
    /// The issuance failed.
    Failed,
    /// The offer ran out before it was taken.
    Expired,
    /// A name that is not in the contract, as it was sent.
    #[strum(default, transparent)]
    Other(String),
}

impl Stage {
    /// Every stage of the contract.
    pub fn known() -> impl Iterator<Item = Self> {
        Self::iter().filter(|stage| !matches!(stage, Self::Other(_)))
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
/// In a wallet's answer `status`, `correlation_id` and `revocation_uuid` must be right; the other
/// members are Bestow's own, and are ignored if they have another form.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssueStatus {
    /// What became of the issuance so far.
    pub status: Status,
    /// The name of the issuance.
    pub correlation_id: CorrelationId,
    /// Names the credential for a later change of its status: there from the start if the template
    /// has a status list, otherwise absent.
    #[serde(default, deserialize_with = "uuid_if_filled")]
    pub revocation_uuid: Option<Uuid>,
    // What follows is [ours].
    /// How far the customer has come.
    #[serde(default, deserialize_with = "if_fits")]
    pub stage: Option<Stage>,
    /// The credential issue template.
    #[serde(default, deserialize_with = "if_fits")]
    pub template_id: Option<String>,
    /// When the issuance last changed, in Unix milliseconds.
    #[serde(default, deserialize_with = "if_fits")]
    pub last_updated: Option<i64>,
    /// How many changes there were: it grows by one with each.
    #[serde(default, deserialize_with = "if_fits")]
    pub sequence: Option<u64>,
    /// Why the issuance failed, if `status` is `error`.
    #[serde(default, deserialize_with = "if_fits")]
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

    /// No wallet documents a form: a text and an object are both understood.
    fn from_value(value: &Value) -> Option<Self> {
        let member = |names: &[&str]| {
            let found = names.iter().find_map(|name| value.get(*name)?.as_str());
            found.filter(|text| !text.is_empty())
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

//! What happens, told to whoever wants to know: CloudEvents 1.0 in their JSON format. `[ours]`

use crate::{CorrelationId, CredentialStatus, IssueStatus, paths};
use jiff::Timestamp;
use serde::Serialize;
use serde_with::SerializeDisplay;
use strum::{Display, EnumString, IntoStaticStr, VariantArray};
use uuid::Uuid;

/// What an event tells of: the attribute `type` of its CloudEvent.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    SerializeDisplay,
    Display,
    EnumString,
    IntoStaticStr,
    VariantArray,
)]
pub enum EventType {
    /// An offer was made to the customer.
    #[strum(serialize = "com.bestow.issue.created.v1")]
    IssueCreated,
    /// The customer has come further, or the customer's wallet tells what became of the credential.
    #[strum(serialize = "com.bestow.issue.progressed.v1")]
    IssueProgressed,
    /// The customer's wallet has the credential.
    #[strum(serialize = "com.bestow.issue.completed.v1")]
    IssueCompleted,
    /// The issuance ended without a credential.
    #[strum(serialize = "com.bestow.issue.failed.v1")]
    IssueFailed,
    /// The offer ran out before it was taken.
    #[strum(serialize = "com.bestow.issue.expired.v1")]
    IssueExpired,
    /// A credential was revoked, for good.
    #[strum(serialize = "com.bestow.credential.revoked.v1")]
    CredentialRevoked,
    /// A credential was suspended.
    #[strum(serialize = "com.bestow.credential.suspended.v1")]
    CredentialSuspended,
    /// A credential that was suspended is valid again.
    #[strum(serialize = "com.bestow.credential.reinstated.v1")]
    CredentialReinstated,
}

impl EventType {
    /// Every type.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The type for a credential's new status. A credential starts valid, so valid means reinstated.
    pub const fn of_credential(status: CredentialStatus) -> Self {
        match status {
            CredentialStatus::Valid => Self::CredentialReinstated,
            CredentialStatus::Suspended => Self::CredentialSuspended,
            CredentialStatus::Revoked => Self::CredentialRevoked,
        }
    }
}

/// One event in the structured JSON format of CloudEvents 1.0. It has no claim and no `request_uri`,
/// which leads to the credential.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CloudEvent {
    specversion: &'static str,
    /// The same for each repeat of this event, and for no other event.
    pub id: Uuid,
    /// The deployment that sends it: its public base URL.
    pub source: String,
    /// What it tells of.
    #[serde(rename = "type")]
    pub event_type: EventType,
    /// The issuance that it is about.
    pub subject: CorrelationId,
    /// When it happened, by RFC 3339 in UTC.
    pub time: String,
    datacontenttype: &'static str,
    /// Where the JSON Schema of the whole event is published.
    pub dataschema: String,
    /// The place of the event among those of its subject and kind (`issue` or `credential`): 20 decimal
    /// digits (CloudEvents extension "Sequence").
    pub sequence: String,
    /// What happened.
    pub data: EventData,
}

/// What an event tells.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum EventData {
    /// An issuance as readers see it since the event: the answer of Get issue status.
    Issuance(IssueStatus),
    /// The status of an issued credential.
    Credential(CredentialEventData),
}

/// What became of an issued credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CredentialEventData {
    /// The issuance that it came from.
    pub correlation_id: CorrelationId,
    /// The credential issue template.
    pub template_id: String,
    /// The credential.
    pub revocation_uuid: Uuid,
    /// Its status now.
    pub status: CredentialStatus,
    /// How many changes of its status there were.
    pub sequence: u64,
    /// When it changed, in Unix milliseconds.
    pub last_updated: i64,
}

impl CloudEvent {
    /// The event that the deployment at `source` (its public base URL, without a trailing slash) sends.
    /// `happened_ms` is in Unix milliseconds.
    pub fn new(
        source: &str,
        event_type: EventType,
        id: Uuid,
        subject: CorrelationId,
        sequence: u64,
        happened_ms: i64,
        data: EventData,
    ) -> Self {
        let time = Timestamp::from_millisecond(happened_ms).unwrap_or(Timestamp::UNIX_EPOCH);
        Self {
            specversion: "1.0",
            id,
            source: source.to_owned(),
            event_type,
            subject,
            time: format!("{time:.3}"),
            datacontenttype: "application/json",
            dataschema: paths::event_schema_url(source, event_type),
            // All digits of a u64, so that texts order as the numbers do.
            sequence: format!("{sequence:020}"),
            data,
        }
    }
}

/// The JSON Schema (2020-12) of the CloudEvents of this type: the definitions of all types
/// (`events.schema.json`), and a reference to this one.
pub fn event_schema(event_type: EventType) -> String {
    let reference = format!("{{\n  \"$ref\": \"#/$defs/{event_type}\",");
    include_str!("../events.schema.json").replacen('{', &reference, 1)
}

#[cfg(test)]
mod tests;

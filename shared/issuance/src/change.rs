//! What is announced: each change that readers can see, once it has happened.

use aws_lc_rs::digest::{Context, SHA256};
use bestow_contract::{
    Callback, CloudEvent, CorrelationId, CredentialEventData, CredentialStatus, EventData,
    EventType, IssueStatus, Stage, Status,
};
use jiff::Timestamp;
use uuid::{Builder, Uuid};

use crate::record::{Record, State};

/// One change of an issuance that readers can see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The issuance.
    pub correlation_id: CorrelationId,
    /// Which change of the issuance it is, from 1.
    pub sequence: u64,
    /// What readers see from here on.
    pub status: IssueStatus,
    /// Whether the issuance was completed before: this change only tells what became of the credential.
    pub after_completion: bool,
    /// Where the caller wants changes to be posted, if anywhere.
    pub callback: Option<Callback>,
    /// When the issuance was reserved.
    pub reserved_at: Timestamp,
}

impl Change {
    /// The change from `before` (`None` if the record is new) to `record`, if readers see one. Most writes are none:
    /// they note which poll is awaited.
    pub fn since(before: Option<&Record>, record: &Record) -> Option<Self> {
        if before.is_some_and(|before| before.sequence == record.sequence) {
            return None;
        }
        let was_completed = |before: &Record| matches!(before.state, State::Completed { .. });
        Some(Self {
            correlation_id: record.correlation_id.clone(),
            sequence: record.sequence,
            status: record.view()?,
            after_completion: before.is_some_and(was_completed),
            callback: record.callback.clone(),
            reserved_at: record.reserved_at,
        })
    }

    /// The same however often this change is announced, and no other change's.
    pub fn id(&self) -> Uuid {
        name(&[
            b"issue",
            self.correlation_id.as_str().as_bytes(),
            // Tells apart issuances that used the same correlation id one after the other.
            self.reserved_at.as_millisecond().to_string().as_bytes(),
            self.sequence.to_string().as_bytes(),
        ])
    }

    /// What the change is called.
    pub fn event_type(&self) -> EventType {
        match (&self.status.status, &self.status.stage) {
            (Status::IssueCompleted, _) if self.after_completion => EventType::IssueProgressed,
            (Status::IssueCompleted, _) => EventType::IssueCompleted,
            (Status::Error, Some(Stage::Expired)) => EventType::IssueExpired,
            (Status::Error, _) => EventType::IssueFailed,
            (Status::IssueRequestCreated | Status::Other(_), _) if self.sequence == 1 => {
                EventType::IssueCreated
            }
            (Status::IssueRequestCreated | Status::Other(_), _) => EventType::IssueProgressed,
        }
    }

    /// The change as the deployment at `source` (its public base URL) announces it.
    pub fn event(&self, source: &str) -> CloudEvent {
        CloudEvent::new(
            source,
            self.event_type(),
            self.id(),
            self.correlation_id.clone(),
            self.sequence,
            self.status.last_updated.unwrap_or_default(),
            EventData::Issuance(self.status.clone()),
        )
    }
}

/// A credential that has a status, and the issuance that it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedCredential {
    /// The credential.
    pub revocation_uuid: Uuid,
    /// The issuance.
    pub correlation_id: CorrelationId,
    /// The credential issue template.
    pub template_id: String,
}

/// One change of the status of an issued credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialChange {
    /// Which credential.
    pub credential: IssuedCredential,
    /// Its status from here on.
    pub status: CredentialStatus,
    /// Which change of its status it is, from 1.
    pub sequence: u64,
    /// When it was recorded.
    pub recorded_at: Timestamp,
}

impl CredentialChange {
    /// The same however often this change is announced, and no other change's.
    pub fn id(&self) -> Uuid {
        name(&[
            b"credential",
            self.credential.revocation_uuid.as_bytes(),
            self.sequence.to_string().as_bytes(),
        ])
    }

    /// What the change is called.
    pub fn event_type(&self) -> EventType {
        EventType::of_credential(self.status)
    }

    /// The change as the deployment at `source` (its public base URL) announces it.
    pub fn event(&self, source: &str) -> CloudEvent {
        let IssuedCredential {
            revocation_uuid,
            correlation_id,
            template_id,
        } = self.credential.clone();
        let data = CredentialEventData {
            correlation_id: correlation_id.clone(),
            template_id,
            revocation_uuid,
            status: self.status,
            sequence: self.sequence,
            last_updated: self.recorded_at.as_millisecond(),
        };
        CloudEvent::new(
            source,
            self.event_type(),
            self.id(),
            correlation_id,
            self.sequence,
            self.recorded_at.as_millisecond(),
            EventData::Credential(data),
        )
    }
}

/// A version 8 UUID of a hash of what is named (RFC 9562 §5.8).
fn name(parts: &[&[u8]]) -> Uuid {
    let mut hash = Context::new(&SHA256);
    hash.update(b"bestow: name of a change, version 1");
    for part in parts {
        hash.update(&part.len().to_be_bytes());
        hash.update(part);
    }
    let hash = hash.finish();
    let bytes = hash.as_ref().first_chunk().copied().unwrap_or_default();
    Builder::from_custom_bytes(bytes).into_uuid()
}

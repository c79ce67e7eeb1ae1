//! Publish changes: puts an event on the bus for each change, in order and at least once.

use bestow_contract::{CloudEvent, CorrelationId};
use futures::future::join_all;
use thiserror::Error;

use crate::change::{Change, CredentialChange, IssuedCredential};
use crate::ports::{CredentialStatuses, EventBus, EventBusError, MAX_EVENTS, RecordsError};

/// The use case, and what it works with.
pub struct PublishChanges<B, C> {
    /// Where events go.
    pub bus: B,
    /// What is known about issued credentials.
    pub credentials: C,
    /// The deployment's public base URL, which events name as their source.
    pub source: String,
}

/// Something to be announced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Announcement {
    /// An issuance has changed.
    Issuance {
        /// How.
        change: Box<Change>,
        /// The credential that the wallet has named with this change, if it is one that can be revoked.
        credential: Option<IssuedCredential>,
    },
    /// The status of a credential has changed.
    Credential(CredentialChange),
}

/// An announcement is not made, or not wholly.
#[derive(Debug, Error)]
pub enum PublishError {
    /// The event is not on the bus, or nobody can tell.
    #[error(transparent)]
    Bus(#[from] EventBusError),
    /// What was to be recorded with it is not.
    #[error(transparent)]
    Records(#[from] RecordsError),
}

impl PublishError {
    /// Whether it would be the same each time. Otherwise the announcement is to be made again.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Bus(EventBusError::Refused(_)))
    }
}

impl Announcement {
    fn event(&self, source: &str) -> CloudEvent {
        match self {
            Self::Issuance { change, .. } => change.event(source),
            Self::Credential(change) => change.event(source),
        }
    }

    fn subject(&self) -> &CorrelationId {
        match self {
            Self::Issuance { change, .. } => &change.correlation_id,
            Self::Credential(change) => &change.credential.correlation_id,
        }
    }
}

/// Whether `next` may be announced at the same time as those `together`: they are not too many, and none of them is
/// about the same issuance. Of events that are put at once any may fail, and a later change must not overtake an
/// earlier one.
pub fn may_go_out_together(together: &[&Announcement], next: &Announcement) -> bool {
    let is_other = |other: &&Announcement| other.subject() != next.subject();
    together.len() < MAX_EVENTS && together.iter().all(is_other)
}

impl<B: EventBus, C: CredentialStatuses> PublishChanges<B, C> {
    /// Makes announcements that may be made together ([`may_go_out_together`]), and tells what became of each, in their
    /// order.
    ///
    /// A credential is remembered once its event is on the bus, or never will be: it can be revoked in either case, and
    /// that is announced.
    pub async fn announce(&self, wave: &[&Announcement]) -> Vec<Result<(), PublishError>> {
        let events: Vec<CloudEvent> = wave
            .iter()
            .map(|announcement| announcement.event(&self.source))
            .collect();
        let put = self.bus.put(&events).await;
        let each = wave.iter().zip(put).map(|(announcement, put)| async move {
            let may_be_remembered = !matches!(put, Err(EventBusError::Failed(_)));
            if let Announcement::Issuance {
                credential: Some(credential),
                ..
            } = announcement
                && may_be_remembered
            {
                self.credentials.remember(credential).await?;
            }
            Ok(put?)
        });
        join_all(each).await
    }
}

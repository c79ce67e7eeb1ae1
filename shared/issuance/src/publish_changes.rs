//! Publish changes: tells everyone who listens, in order and at least once.

use bestow_contract::CloudEvent;
use futures::future::join_all;
use thiserror::Error;

use crate::change::{Change, CredentialChange, IssuedCredential};
use crate::ports::{CredentialStatuses, EventBus, EventBusError, MAX_EVENTS, Put, RecordsError};

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

/// What became of an announcement.
#[derive(Debug)]
pub enum Announced {
    /// It is out.
    Done,
    /// The bus will never take it.
    Refused {
        /// Why, as the bus names it.
        reason: String,
    },
}

/// An announcement that is not out, or not wholly: it has to be made again.
#[derive(Debug, Error)]
pub enum PublishError {
    /// The event is not on the bus, or nobody can tell.
    #[error(transparent)]
    Bus(#[from] EventBusError),
    /// What was to be recorded with it is not.
    #[error(transparent)]
    Records(#[from] RecordsError),
}

impl Announcement {
    fn event(&self, source: &str) -> CloudEvent {
        match self {
            Self::Issuance { change, .. } => change.event(source),
            Self::Credential(change) => change.event(source),
        }
    }

    fn subject(&self) -> &bestow_contract::CorrelationId {
        match self {
            Self::Issuance { change, .. } => &change.correlation_id,
            Self::Credential(change) => &change.credential.correlation_id,
        }
    }
}

/// Whether `next` may go out at the same time as those `together`: they are not too many, and none of them
/// is about the same issuance. Of several events that are put at once any may fail, and a later change
/// must not overtake an earlier one.
pub fn may_go_out_together<'a>(
    together: impl IntoIterator<Item = &'a Announcement>,
    next: &Announcement,
) -> bool {
    let mut count = 0;
    for other in together {
        count += 1;
        if other.subject() == next.subject() {
            return false;
        }
    }
    count < MAX_EVENTS
}

impl<B: EventBus, C: CredentialStatuses> PublishChanges<B, C> {
    /// Makes announcements that may go out together ([`may_go_out_together`]), and tells what became of each, in
    /// their order.
    pub async fn announce(&self, wave: &[&Announcement]) -> Vec<Result<Announced, PublishError>> {
        let events: Vec<CloudEvent> = wave
            .iter()
            .map(|announcement| announcement.event(&self.source))
            .collect();
        let put = self.bus.put(&events).await;
        let each = wave.iter().zip(put).map(|(announcement, put)| async move {
            match put {
                Put::Done => self.after(announcement).await.map(|()| Announced::Done),
                Put::Refused { reason } => self
                    .after(announcement)
                    .await
                    .map(|()| Announced::Refused { reason }),
                Put::Failed(fault) => Err(fault.into()),
            }
        });
        join_all(each).await
    }

    /// What follows once an event is on the bus, or never will be: a credential whose issuance nobody could
    /// be told of can be revoked all the same, and that is told. It is done again whenever the event is put
    /// again.
    async fn after(&self, announcement: &Announcement) -> Result<(), PublishError> {
        if let Announcement::Issuance {
            credential: Some(credential),
            ..
        } = announcement
        {
            self.credentials.remember(credential).await?;
        }
        Ok(())
    }
}

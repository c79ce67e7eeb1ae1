//! What follows when an event is on the bus, and when it is not.

use std::sync::Mutex;

use bestow_contract::{CloudEvent, CredentialStatus};
use bestow_issuance::ports::{CredentialStatuses, EventBus, EventBusError, Noted, RecordsError};
use bestow_issuance::{
    Announcement, Change, IssuedCredential, Offer, PublishChanges, PublishError, Record,
    RequestHash,
};
use jiff::Timestamp;
use uuid::Uuid;

/// A bus that answers in one way, and what is remembered.
struct World {
    answer: fn() -> Result<(), EventBusError>,
    remembered: Mutex<Vec<Uuid>>,
}

impl EventBus for &World {
    async fn put(&self, events: &[CloudEvent]) -> Vec<Result<(), EventBusError>> {
        events.iter().map(|_| (self.answer)()).collect()
    }
}

impl CredentialStatuses for &World {
    async fn remember(&self, credential: &IssuedCredential) -> Result<(), RecordsError> {
        let mut remembered = self.remembered.lock().unwrap();
        remembered.push(credential.revocation_uuid);
        Ok(())
    }

    async fn note(
        &self,
        _: Uuid,
        _: CredentialStatus,
        _: Timestamp,
    ) -> Result<Noted, RecordsError> {
        unreachable!("nothing is noted here")
    }
}

/// Announces an offer whose credential can be revoked; what came of it, and whether the credential is known.
async fn announce(answer: fn() -> Result<(), EventBusError>) -> (Result<(), PublishError>, bool) {
    let id: bestow_contract::CorrelationId = "89cba89".parse().unwrap();
    let hash = RequestHash::from_stored("ab");
    let record = Record::reserve(
        id.clone(),
        "issue_iban".to_owned(),
        hash,
        Timestamp::UNIX_EPOCH,
    );
    let record = record
        .offered(&Offer::default(), Timestamp::UNIX_EPOCH)
        .unwrap();
    let announcement = Announcement::Issuance {
        change: Box::new(Change::since(None, &record).unwrap()),
        credential: Some(IssuedCredential {
            revocation_uuid: Uuid::from_u128(7),
            correlation_id: id,
            template_id: "issue_iban".to_owned(),
        }),
    };
    let world = World {
        answer,
        remembered: Mutex::default(),
    };
    let publishing = PublishChanges {
        bus: &world,
        credentials: &world,
        source: "https://issuer.example".to_owned(),
    };
    let announced = publishing.announce(&[&announcement]).await.remove(0);
    let is_known = !world.remembered.lock().unwrap().is_empty();
    (announced, is_known)
}

/// Otherwise nobody would ever be told that it is revoked.
#[tokio::test]
async fn a_credential_is_known_even_if_the_bus_refuses_the_event_that_names_it() {
    let refused = || Err(EventBusError::Refused("too large".to_owned()));
    let (announced, is_known) = announce(refused).await;
    assert!(announced.is_err_and(|fault| fault.is_final()));
    assert!(is_known);
    let (announced, is_known) = announce(|| Ok(())).await;
    assert!(announced.is_ok() && is_known);
}

#[tokio::test]
async fn a_credential_is_not_known_before_the_event_that_names_it() {
    let failed = || Err(EventBusError::Failed("down".into()));
    let (announced, is_known) = announce(failed).await;
    assert!(announced.is_err_and(|fault| !fault.is_final()) && !is_known);
}

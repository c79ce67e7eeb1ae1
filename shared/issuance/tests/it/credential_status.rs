//! A credential's status is noted whoever dies, and announced only once it is published.

use bestow_clock::{Clock, IdSource};
use jiff::Timestamp;
use std::sync::Mutex;
use std::time::Duration;

use bestow_contract::{
    CredentialStatus, CredentialStatusAnswer, CredentialStatusChange, Problem, StatusListEntry,
};
use bestow_issuance::ports::{
    CredentialCheck, CredentialStatuses, CredentialWallet, Noted, PollQueue, QueueError,
    QueueMessage, RecordsError, TransientError, TransientKind, WalletError,
};
use bestow_issuance::{
    CheckError, Checked, CredentialStatusUseCase, FIRST_CHECK, IssuedCredential, MAX_CHECKS,
    SetStatusError,
};
use uuid::Uuid;

const UUID: Uuid = Uuid::from_u128(7);

/// What is on the other side of the ports.
#[derive(Default)]
struct World {
    did: Mutex<Vec<String>>,
    queue_is_down: bool,
    table_is_down: bool,
    wallet: Option<WalletError>,
    publishes_late: bool,
    /// When the list said so, in Unix seconds, if the wallet tells.
    published_at: Option<u64>,
    was_known: bool,
}

impl World {
    fn note_down(&self, what: impl Into<String>) {
        self.did.lock().unwrap().push(what.into());
    }

    fn did(&self) -> Vec<String> {
        std::mem::take(&mut *self.did.lock().unwrap())
    }

    fn answer(&self, status: CredentialStatus) -> Result<CredentialStatusAnswer, WalletError> {
        if let Some(failure) = &self.wallet {
            return Err(failure.clone());
        }
        Ok(CredentialStatusAnswer {
            revocation_uuid: UUID,
            status,
            published_status: match self.publishes_late {
                true => CredentialStatus::Valid,
                false => status,
            },
            published_at: self.published_at,
            status_list: StatusListEntry {
                uri: "https://issuer.example/1".to_owned(),
                idx: 1,
            },
        })
    }
}

impl CredentialWallet for &World {
    async fn set_credential_status(
        &self,
        _: Uuid,
        change: &CredentialStatusChange,
    ) -> Result<CredentialStatusAnswer, WalletError> {
        self.note_down(format!("wallet {}", change.status));
        self.answer(change.status)
    }

    async fn credential_status(&self, _: Uuid) -> Result<CredentialStatusAnswer, WalletError> {
        self.answer(CredentialStatus::Revoked)
    }
}

impl CredentialStatuses for &World {
    async fn remember(&self, _: &IssuedCredential) -> Result<(), RecordsError> {
        Ok(())
    }

    async fn note(
        &self,
        _: Uuid,
        status: CredentialStatus,
        now: Timestamp,
    ) -> Result<Noted, RecordsError> {
        if self.table_is_down {
            return Err(RecordsError::Unavailable("down".into()));
        }
        self.note_down(format!("note {status} at {}", now.as_millisecond()));
        Ok(match self.was_known {
            true => Noted::Known,
            false => Noted::Changed,
        })
    }
}

impl PollQueue for &World {
    async fn send(&self, message: &QueueMessage, delay: Duration) -> Result<(), QueueError> {
        let QueueMessage::Check(message) = message else {
            panic!("{message:?}");
        };
        if self.queue_is_down {
            return Err(QueueError("down".into()));
        }
        self.note_down(format!("check {} in {}", message.check, delay.as_secs()));
        Ok(())
    }
}

impl Clock for &World {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(5).unwrap()
    }
}

impl IdSource for &World {
    fn uuid(&self) -> Uuid {
        UUID
    }

    fn fraction(&self) -> f64 {
        0.5
    }
}

fn use_case(world: &World) -> CredentialStatusUseCase<&World, &World, &World, &World> {
    CredentialStatusUseCase {
        wallet: world,
        credentials: world,
        queue: world,
        system: world,
    }
}

fn revoke() -> CredentialStatusChange {
    CredentialStatusChange {
        status: CredentialStatus::Revoked,
        reason: None,
    }
}

fn transient() -> WalletError {
    WalletError::Transient(TransientError {
        kind: TransientKind::TimedOut,
        retry_after: None,
        reason: "no answer".to_owned(),
    })
}

fn check(check: u32) -> CredentialCheck {
    CredentialCheck {
        revocation_uuid: UUID,
        check,
        requested_at: None,
    }
}

#[tokio::test]
async fn a_check_is_sent_before_the_wallet_is_asked_and_the_note_comes_after() {
    let world = World::default();
    let set = use_case(&world).set(UUID, &revoke()).await.unwrap();
    assert!(set.is_noted);
    assert_eq!(
        world.did(),
        ["check 0 in 60", "wallet revoked", "note revoked at 5"]
    );
}

#[tokio::test]
async fn without_a_check_nothing_is_done() {
    let world = World {
        queue_is_down: true,
        ..World::default()
    };
    let failure = use_case(&world).set(UUID, &revoke()).await.unwrap_err();
    assert!(matches!(failure, SetStatusError::Queue(_)), "{failure}");
    assert_eq!(world.did(), Vec::<String>::new());
}

#[tokio::test]
async fn what_the_wallet_did_is_done_even_if_it_cannot_be_noted() {
    let world = World {
        table_is_down: true,
        ..World::default()
    };
    let set = use_case(&world).set(UUID, &revoke()).await.unwrap();
    assert_eq!(set.answer.status, CredentialStatus::Revoked);
    assert!(!set.is_noted);
    let fault = use_case(&world).check(&check(0)).await.unwrap_err();
    assert!(matches!(fault, CheckError::Records(_)), "{fault}");
}

#[tokio::test]
async fn a_check_notes_what_is_published() {
    let world = World::default();
    let checked = use_case(&world).check(&check(0)).await.unwrap();
    let noted = Checked::Noted {
        noted: Noted::Changed,
        published_after: None,
    };
    assert_eq!(checked, noted);
    assert_eq!(world.did(), ["note revoked at 5"]);
}

/// Not how long the check took to come, and not twice.
#[tokio::test]
async fn how_long_the_publication_took_is_what_the_wallet_tells() {
    let at = Timestamp::from_millisecond(1_800_000_000_900).unwrap();
    for (published_at, requested_at, was_known, expected) in [
        (Some(1_800_000_003), Some(at), false, Some(2_100)),
        (Some(1_800_000_000), Some(at), false, Some(0)),
        (Some(1_799_999_999), Some(at), false, None),
        (Some(1_800_000_003), Some(at), true, None),
        (Some(1_800_000_003), None, false, None),
        (None, Some(at), false, None),
    ] {
        let world = World {
            published_at,
            was_known,
            ..World::default()
        };
        let message = CredentialCheck {
            requested_at,
            ..check(0)
        };
        match use_case(&world).check(&message).await.unwrap() {
            Checked::Noted {
                published_after, ..
            } => assert_eq!(
                published_after,
                expected.map(Duration::from_millis),
                "{published_at:?}"
            ),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_status_that_is_not_published_yet_is_looked_at_again() {
    let world = World {
        publishes_late: true,
        ..World::default()
    };
    use_case(&world).set(UUID, &revoke()).await.unwrap();
    assert_eq!(world.did().last().unwrap(), "note valid at 5");
    let checked = use_case(&world).check(&check(0)).await.unwrap();
    assert_eq!(checked, Checked::Later { after: FIRST_CHECK });
    assert_eq!(world.did(), ["note valid at 5", "check 1 in 60"]);
}

#[tokio::test]
async fn a_wallet_that_does_not_answer_is_asked_for_a_day() {
    let world = World {
        wallet: Some(transient()),
        ..World::default()
    };
    let mut waited = Duration::ZERO;
    for number in 0..MAX_CHECKS {
        match use_case(&world).check(&check(number)).await.unwrap() {
            Checked::Later { after } => waited += after,
            other => panic!("{other:?}"),
        }
    }
    assert!((20..30).contains(&(waited.as_secs() / 3_600)), "{waited:?}");
    let fault = use_case(&world)
        .check(&check(MAX_CHECKS))
        .await
        .unwrap_err();
    assert!(matches!(fault, CheckError::TooLong), "{fault}");
}

#[tokio::test]
async fn a_wallet_that_refuses_is_not_asked_again() {
    for (problem, expected) in [
        (Problem::not_found("x"), Checked::Unknown),
        (
            Problem::invalid_request("x"),
            Checked::Refused { status: 400 },
        ),
    ] {
        let world = World {
            wallet: Some(WalletError::Refused(problem)),
            ..World::default()
        };
        assert_eq!(use_case(&world).check(&check(0)).await.unwrap(), expected);
        assert_eq!(world.did(), Vec::<String>::new());
    }
}

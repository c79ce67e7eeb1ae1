//! What is on the other side of the ports: a table, a queue, a wallet with its customers, and the time.

use std::collections::HashMap;
use std::time::Duration;

use bestow_contract::{
    CorrelationId, IssueError, IssueStatus, Stage, StartIssue, StartIssueAnswer, Status,
};
use bestow_issuance::ports::{PollMessage, QueueMessage, Stored, Update, WalletError};
use bestow_issuance::{Outcome, Record, State};
use jiff::Timestamp;
use uuid::Uuid;

/// How long the wallet's offers last.
pub(crate) const OFFER_LIFE: Duration = Duration::from_secs(900);

/// What becomes of a credential, in the only order in which it is reported.
pub(crate) const WHEREABOUTS: [Stage; 4] = [
    Stage::CredentialIssued,
    Stage::Declined,
    Stage::Accepted,
    Stage::Deleted,
];

/// What a wallet writes that does not mind claims.
pub(crate) const CARELESS: &str = "value 'NL12TUL25708789078' is not a valid IBAN";

/// How a port behaves at its next calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Mood {
    #[default]
    Well,
    /// The call fails and does nothing.
    Down,
    /// The call does its work, and the answer is lost.
    AnswerLost,
    /// The call does its work, the answer is lost, and the client repeats the call by itself.
    AnswerLostAndRepeated,
    /// The call is refused for good (wallet only).
    Refusing,
}

/// What the wallet knows about one issuance.
#[derive(Debug, Clone)]
pub(crate) struct AtWallet {
    pub(crate) request: StartIssue,
    pub(crate) answer: StartIssueAnswer,
    pub(crate) status: IssueStatus,
    ends_at: Timestamp,
}

/// A message on the queue. Two messages that say the same are still two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Waiting {
    number: u64,
    pub(crate) message: PollMessage,
    pub(crate) due: Timestamp,
}

#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) now: Timestamp,
    pub(crate) uuids: u64,
    pub(crate) table: HashMap<CorrelationId, Stored>,
    /// Messages that are not acknowledged.
    pub(crate) queue: Vec<Waiting>,
    messages_sent: u64,
    pub(crate) wallet: HashMap<CorrelationId, AtWallet>,
    pub(crate) offers_made: usize,
    pub(crate) times_asked: usize,
    pub(crate) records_mood: Mood,
    pub(crate) queue_mood: Mood,
    pub(crate) wallet_mood: Mood,
    /// What the wallet answers to every query of a status, if not the truth.
    pub(crate) wallet_says: Option<IssueStatus>,
    /// What the wallet answers to Start issue as the end of an offer, if not the truth.
    pub(crate) wallet_says_expires_at: Option<Option<u64>>,
    /// How long the wallet takes to answer a query of a status.
    pub(crate) wallet_takes: Duration,
    /// Whether the backend is configured for a wallet that can call back.
    pub(crate) wallet_calls_back: bool,
    /// When a wallet that is down wants to be asked again.
    pub(crate) retry_after: Option<Duration>,
}

impl World {
    pub(crate) fn reserve(&mut self, mine: &Stored) -> Update {
        let id = &mine.record.correlation_id;
        match self.table.get(id) {
            Some(existing) if !is_abandoned(existing, mine) => {
                Outcome::instead_of(mine, Some(existing.clone()))
            }
            _ => {
                self.write(mine);
                Update::Done
            }
        }
    }

    pub(crate) fn update(&mut self, based_on: Uuid, after: &Stored) -> Update {
        match self.table.get(&after.record.correlation_id) {
            Some(existing) if existing.write_id == based_on => {
                self.write(after);
                Update::Done
            }
            existing => Update::instead_of(after, existing.cloned()),
        }
    }

    pub(crate) fn remove(&mut self, mine: &Stored) -> Update {
        let id = &mine.record.correlation_id;
        match self.table.get(id) {
            None => Update::Gone,
            Some(existing) if existing.write_id == mine.write_id => {
                assert_eq!(
                    mine.record.view(),
                    None,
                    "what readers saw is never taken back"
                );
                self.table.remove(id);
                Update::Done
            }
            Some(existing) => Update::Overtaken(Box::new(existing.clone())),
        }
    }

    /// Invariant 3, at every write.
    fn write(&mut self, after: &Stored) {
        let id = after.record.correlation_id.clone();
        if let Some(before) = self.table.insert(id, after.clone()) {
            assert_is_progress(&before.record, &after.record);
        }
    }

    pub(crate) fn send(&mut self, message: &QueueMessage, delay: Duration) {
        let QueueMessage::Poll(message) = message else {
            panic!("{message:?}");
        };
        self.messages_sent += 1;
        self.queue.push(Waiting {
            number: self.messages_sent,
            message: message.clone(),
            due: self.now + delay,
        });
    }

    /// The attempt of the message that was sent last, and how long after the beginning it is due.
    pub(crate) fn last_poll(&self) -> Option<(u32, Duration)> {
        let last = self.queue.last()?;
        let due = last.due.duration_since(Timestamp::UNIX_EPOCH);
        Some((last.message.attempt?, due.unsigned_abs()))
    }

    pub(crate) fn start(&mut self, request: &StartIssue) -> Result<StartIssueAnswer, WalletError> {
        let id = request.correlation_id.clone().unwrap();
        if let Some(known) = self.wallet.get(&id) {
            let same = known.request.canonical_json() == request.canonical_json();
            return if same {
                Ok(known.answer.clone())
            } else {
                Err(WalletError::Refused(bestow_contract::Problem::conflict(
                    "another body",
                )))
            };
        }
        self.offers_made += 1;
        let revocation_uuid = Some(Uuid::from_u128(self.offers_made as u128));
        let answer = StartIssueAnswer {
            correlation_id: id.clone(),
            request_uri: format!("openid-credential-offer://?offer={}", self.offers_made),
            status_uri: String::new(),
            qr_uri: None,
            tx_code: request.tx_code.as_ref().map(|_| "123456".to_owned()),
            revocation_uuid,
            expires_at: self
                .wallet_says_expires_at
                .unwrap_or_else(|| u64::try_from((self.now + OFFER_LIFE).as_second()).ok()),
        };
        let status = IssueStatus::new(Status::IssueRequestCreated, id.clone(), revocation_uuid);
        self.wallet.insert(
            id,
            AtWallet {
                request: request.clone(),
                answer: answer.clone(),
                status,
                ends_at: self.now + OFFER_LIFE,
            },
        );
        Ok(answer)
    }

    /// What the wallet reports about an issuance. It gives up an offer that nobody took a minute after its
    /// end.
    pub(crate) fn report(&self, known: &AtWallet) -> IssueStatus {
        let mut status = known.status.clone();
        if !status.status.is_terminal() && self.now >= known.ends_at + Duration::from_secs(60) {
            status.status = Status::Error;
            status.stage = Some(Stage::Expired);
            status.error = Some(IssueError::new("expired", "Too late."));
        }
        status
    }

    /// The customer's wallet makes `stage` happen, if it can: once the credential is there only what becomes
    /// of it is news.
    pub(crate) fn customer(&mut self, id: &CorrelationId, stage: Stage) {
        let Some(known) = self.wallet.get_mut(id) else {
            return;
        };
        if known.status.status.is_terminal() {
            let place = |stage: &Stage| WHEREABOUTS.iter().position(|known| known == stage);
            let is_later = place(&stage) > known.status.stage.as_ref().and_then(place);
            if known.status.status == Status::IssueCompleted && is_later {
                known.status.stage = Some(stage);
            }
            return;
        }
        known.status.status = match stage {
            Stage::CredentialIssued | Stage::Accepted => Status::IssueCompleted,
            Stage::Failed | Stage::Declined => {
                known.status.error = Some(IssueError::new("declined", "The customer declined."));
                Status::Error
            }
            _ => Status::IssueRequestCreated,
        };
        known.status.stage = Some(stage);
    }
}

fn is_abandoned(existing: &Stored, mine: &Stored) -> bool {
    let now = mine.record.reserved_at;
    matches!(existing.record.state, State::Reserved { lease_until } if lease_until <= now)
        && existing.record.request_hash == mine.record.request_hash
}

fn assert_is_progress(before: &Record, after: &Record) {
    if matches!(after.state, State::Reserved { .. }) {
        assert!(
            before.view().is_none(),
            "what readers saw is never taken back"
        );
        return;
    }
    let blind = |record: &Record| {
        record.view().map(|mut view| {
            (view.sequence, view.last_updated) = (None, None);
            view
        })
    };
    let grown = u64::from(blind(before) != blind(after));
    assert_eq!(
        after.sequence,
        before.sequence + grown,
        "{before:?} -> {after:?}"
    );
    assert!(after.last_updated >= before.last_updated);
    assert!(after.attempt >= before.attempt);
    if before.is_ended() {
        assert_end_is_kept(before, after);
    }
    let uuid = |record: &Record| record.offer().and_then(|offer| offer.revocation_uuid);
    assert!(uuid(before).is_none() || uuid(before) == uuid(after));
}

/// Of an ended issuance nothing changes but the stage of a completed one, and that only forwards.
fn assert_end_is_kept(before: &Record, after: &Record) {
    let (
        State::Completed {
            stage: stage_before,
            ..
        },
        State::Completed { stage, .. },
    ) = (&before.state, &after.state)
    else {
        assert_eq!(before.view(), after.view(), "an end is final");
        return;
    };
    let place = |stage: &Stage| WHEREABOUTS.iter().position(|known| known == stage);
    assert!(
        place(stage) >= place(stage_before),
        "{before:?} -> {after:?}"
    );
    let mut expected = after.clone();
    expected.sequence = before.sequence;
    expected.last_updated = before.last_updated;
    expected.state = before.state.clone();
    assert_eq!(&expected, before, "nothing but the stage changes");
    assert_eq!(before.offer(), after.offer());
}

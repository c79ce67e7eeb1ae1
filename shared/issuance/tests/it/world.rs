//! In-memory ports that hand control back before and after each effect, so that a test decides in what
//! order things happen and where a process dies.

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Poll;

use contract::{
    CorrelationId, IssueError, IssueStatus, Stage, StartIssue, StartIssueAnswer, Status,
};
use issuance::ports::{
    IssueReport, PollMessage, PollQueue, QueueError, Records, RecordsError, Reservation, Stored,
    System, Transient, TransientKind, Update, Wallet, WalletFailure,
};
use issuance::{GetStatus, PollStatus, Record, RequestHasher, StartIssuing, State};
use secrecy::SecretString;
use uuid::Uuid;

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
}

#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) now_ms: i64,
    pub(crate) uuids: u64,
    pub(crate) table: HashMap<CorrelationId, Stored>,
    /// Messages that are not acknowledged, with the time at which each is due.
    pub(crate) queue: Vec<(PollMessage, i64)>,
    pub(crate) wallet: HashMap<CorrelationId, AtWallet>,
    pub(crate) offers_made: usize,
    pub(crate) times_asked: usize,
    pub(crate) records_mood: Mood,
    pub(crate) queue_mood: Mood,
    pub(crate) wallet_mood: Mood,
    /// What the wallet answers to every query of a status, if not the truth.
    pub(crate) wallet_says: Option<IssueStatus>,
}

/// All ports on one world.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ports(Arc<Mutex<World>>);

impl Ports {
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }

    pub(crate) fn starting(&self) -> StartIssuing<Self, Self, Self, Self> {
        StartIssuing {
            records: self.clone(),
            wallet: self.clone(),
            queue: self.clone(),
            system: self.clone(),
            hasher: RequestHasher::new(&SecretString::from("a secret of the test")),
        }
    }

    pub(crate) fn polling(&self) -> PollStatus<Self, Self, Self, Self> {
        PollStatus {
            records: self.clone(),
            wallet: self.clone(),
            queue: self.clone(),
            system: self.clone(),
        }
    }

    pub(crate) fn querying(&self) -> GetStatus<Self, Self, Self> {
        GetStatus {
            records: self.clone(),
            queue: self.clone(),
            system: self.clone(),
        }
    }

    pub(crate) fn record(&self, id: &CorrelationId) -> Option<Record> {
        self.world()
            .table
            .get(id)
            .map(|stored| stored.record.clone())
    }
}

/// Hands control back once.
async fn step() {
    let mut stepped = false;
    poll_fn(|context| {
        context.waker().wake_by_ref();
        if std::mem::replace(&mut stepped, true) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}

fn lost<T>(mood: Mood, answer: T) -> Result<T, &'static str> {
    match mood {
        Mood::AnswerLost => Err("the answer was lost"),
        _ => Ok(answer),
    }
}

fn unavailable(cause: &'static str) -> RecordsError {
    RecordsError::Unavailable(cause.into())
}

impl World {
    fn reserve(&mut self, mine: &Stored, now_ms: i64) -> Reservation {
        let id = &mine.record.correlation_id;
        match self.table.get(id) {
            Some(existing) if !is_abandoned(existing, mine, now_ms) => {
                Reservation::instead_of(mine, existing.clone())
            }
            _ => {
                self.write(mine);
                Reservation::Fresh
            }
        }
    }

    fn update(&mut self, based_on: Uuid, after: &Stored) -> Update {
        match self.table.get(&after.record.correlation_id) {
            Some(existing) if existing.write_id == based_on => {
                self.write(after);
                Update::Done
            }
            existing => Update::instead_of(after, existing.cloned()),
        }
    }

    /// Invariant 3, at every write.
    fn write(&mut self, after: &Stored) {
        let id = after.record.correlation_id.clone();
        if let Some(before) = self.table.insert(id, after.clone()) {
            assert_is_progress(&before.record, &after.record);
        }
    }

    fn start(&mut self, request: &StartIssue) -> Result<StartIssueAnswer, WalletFailure> {
        let id = request.correlation_id.clone().unwrap();
        if let Some(known) = self.wallet.get(&id) {
            let same = known.request.canonical_json() == request.canonical_json();
            return if same {
                Ok(known.answer.clone())
            } else {
                Err(WalletFailure::Refused(contract::Problem::conflict(
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
            expires_at: None,
        };
        let status = IssueStatus::new(Status::IssueRequestCreated, id.clone(), revocation_uuid);
        self.wallet.insert(
            id,
            AtWallet {
                request: request.clone(),
                answer: answer.clone(),
                status,
            },
        );
        Ok(answer)
    }

    /// The customer's wallet makes `stage` happen.
    pub(crate) fn customer(&mut self, id: &CorrelationId, stage: Stage) {
        let Some(known) = self.wallet.get_mut(id) else {
            return;
        };
        if known.status.status.is_terminal() {
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

fn is_abandoned(existing: &Stored, mine: &Stored, now_ms: i64) -> bool {
    matches!(existing.record.state, State::Reserved { lease_until_ms } if lease_until_ms <= now_ms)
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
    assert!(after.last_updated_ms >= before.last_updated_ms);
    assert!(after.attempt >= before.attempt);
    if before.is_ended() {
        assert_eq!(before.view(), after.view(), "an end is final");
    }
    let uuid = |record: &Record| record.offer().and_then(|offer| offer.revocation_uuid);
    assert!(uuid(before).is_none() || uuid(before) == uuid(after));
}

impl Records for Ports {
    async fn reserve(&self, mine: &Stored, now_ms: i64) -> Result<Reservation, RecordsError> {
        step().await;
        let answer = {
            let mut world = self.world();
            match world.records_mood {
                Mood::Down | Mood::Refusing => Err("down"),
                mood => {
                    let mut answer = world.reserve(mine, now_ms);
                    if mood == Mood::AnswerLostAndRepeated {
                        answer = world.reserve(mine, now_ms);
                    }
                    lost(mood, answer)
                }
            }
        };
        step().await;
        answer.map_err(unavailable)
    }

    async fn get(&self, id: &CorrelationId) -> Result<Option<Record>, RecordsError> {
        step().await;
        let answer = match self.world().records_mood {
            Mood::Down | Mood::AnswerLost => Err(unavailable("down")),
            _ => Ok(()),
        };
        answer.map(|()| self.record(id))
    }

    async fn get_many(
        &self,
        ids: &[CorrelationId],
    ) -> Result<HashMap<CorrelationId, Result<Stored, RecordsError>>, RecordsError> {
        step().await;
        let world = self.world();
        if matches!(world.records_mood, Mood::Down | Mood::AnswerLost) {
            return Err(unavailable("down"));
        }
        let found = ids
            .iter()
            .filter_map(|id| Some((id.clone(), Ok(world.table.get(id)?.clone()))));
        Ok(found.collect())
    }

    async fn update(&self, based_on: Uuid, after: &Stored) -> Result<Update, RecordsError> {
        step().await;
        let answer = {
            let mut world = self.world();
            match world.records_mood {
                Mood::Down | Mood::Refusing => Err("down"),
                mood => {
                    let mut answer = world.update(based_on, after);
                    if mood == Mood::AnswerLostAndRepeated {
                        answer = world.update(based_on, after);
                    }
                    lost(mood, answer)
                }
            }
        };
        step().await;
        answer.map_err(unavailable)
    }

    async fn remove(&self, mine: &Stored) -> Result<(), RecordsError> {
        step().await;
        let mut world = self.world();
        if world.records_mood == Mood::Down {
            return Err(unavailable("down"));
        }
        let id = &mine.record.correlation_id;
        if world
            .table
            .get(id)
            .is_some_and(|stored| stored.write_id == mine.write_id)
        {
            world.table.remove(id);
        }
        Ok(())
    }
}

impl PollQueue for Ports {
    async fn send(&self, message: &PollMessage, delay_seconds: u32) -> Result<(), QueueError> {
        step().await;
        let answer = {
            let mut world = self.world();
            let due_ms = world.now_ms + i64::from(delay_seconds) * 1_000;
            match world.queue_mood {
                Mood::Down | Mood::Refusing => Err("down"),
                mood => {
                    world.queue.push((message.clone(), due_ms));
                    if mood == Mood::AnswerLostAndRepeated {
                        world.queue.push((message.clone(), due_ms));
                    }
                    lost(mood, ())
                }
            }
        };
        step().await;
        answer.map_err(|cause| QueueError(cause.into()))
    }
}

fn transient() -> WalletFailure {
    WalletFailure::Transient(Transient {
        kind: TransientKind::Unavailable,
        retry_after_seconds: None,
        reason: "the wallet of the test is down".to_owned(),
    })
}

impl Wallet for Ports {
    async fn start_issue(&self, request: &StartIssue) -> Result<StartIssueAnswer, WalletFailure> {
        step().await;
        let answer = {
            let mut world = self.world();
            match world.wallet_mood {
                Mood::Down => Err(transient()),
                Mood::Refusing => Err(WalletFailure::Refused(contract::Problem::claims_rejected(
                    Vec::new(),
                ))),
                mood => {
                    let answer = world.start(request);
                    lost(mood, ()).map_err(|_| transient()).and(answer)
                }
            }
        };
        step().await;
        answer
    }

    async fn issue_status(&self, id: &CorrelationId) -> Result<IssueReport, WalletFailure> {
        step().await;
        let answer = {
            let mut world = self.world();
            world.times_asked += 1;
            match (world.wallet_mood, &world.wallet_says, world.wallet.get(id)) {
                (Mood::Down | Mood::AnswerLost, ..) => Err(transient()),
                (Mood::Refusing, ..) => Err(WalletFailure::Refused(
                    contract::Problem::invalid_request("no"),
                )),
                (_, Some(said), _) => Ok(IssueReport::Known(said.clone())),
                (_, None, Some(known)) => Ok(IssueReport::Known(known.status.clone())),
                (_, None, None) => Ok(IssueReport::Unknown),
            }
        };
        step().await;
        answer
    }
}

impl System for Ports {
    fn now_ms(&self) -> i64 {
        self.world().now_ms
    }

    fn uuid(&self) -> Uuid {
        let mut world = self.world();
        world.uuids += 1;
        Uuid::from_u64_pair(u64::MAX, world.uuids)
    }

    fn fraction(&self) -> f64 {
        0.0
    }
}

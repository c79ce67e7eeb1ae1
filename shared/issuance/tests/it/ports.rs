//! In-memory ports that hand control back before and after each effect, so that a test decides in what
//! order things happen and where a process dies.

use bestow_clock::{Clock, IdSource};
use jiff::Timestamp;
use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Poll;
use std::time::Duration;

use bestow_contract::{CorrelationId, IssueStatus, StartIssue, StartIssueAnswer};
use bestow_issuance::ports::{
    IssuingWallet, PollQueue, QueueError, QueueMessage, Records, RecordsError, ReportingWallet,
    Stored, TransientError, TransientKind, Update, WalletError,
};
use bestow_issuance::{
    CallbackTokens, FRESH, GetStatus, PollStatus, Record, RequestHasher, StartIssuing,
    WalletCallbacks,
};
use secrecy::SecretString;
use uuid::Uuid;

use crate::world::{CARELESS, Mood, World};

/// All ports on one world.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ports(Arc<Mutex<World>>);

impl Ports {
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }

    pub(crate) fn starting(&self) -> StartIssuing<Self, Self, Self, Self> {
        let secret = SecretString::from("a secret of the test");
        StartIssuing {
            records: self.clone(),
            wallet: self.clone(),
            queue: self.clone(),
            system: self.clone(),
            hasher: RequestHasher::new(&secret).unwrap(),
            callbacks: Some(WalletCallbacks {
                enabled: self.world().wallet_calls_back,
                base_url: "https://issuer.example".to_owned(),
                tokens: CallbackTokens::new(&secret).unwrap(),
            }),
            fresh_for: FRESH,
            lifecycle_metrics: |_| {},
        }
    }

    pub(crate) fn polling(&self) -> PollStatus<Self, Self, Self, Self> {
        PollStatus {
            records: self.clone(),
            wallet: self.clone(),
            queue: self.clone(),
            system: self.clone(),
            fresh_for: FRESH,
            lifecycle_metrics: |_| {},
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

impl Records for Ports {
    async fn reserve(&self, mine: &Stored) -> Result<Update, RecordsError> {
        step().await;
        let answer = {
            let mut world = self.world();
            match world.records_mood {
                Mood::Down | Mood::Refusing => Err("down"),
                mood => {
                    let mut answer = world.reserve(mine);
                    if mood == Mood::AnswerLostAndRepeated {
                        answer = world.reserve(mine);
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

    async fn remove(&self, mine: &Stored) -> Result<Update, RecordsError> {
        step().await;
        let answer = {
            let mut world = self.world();
            match world.records_mood {
                Mood::Down | Mood::Refusing => Err("down"),
                mood => {
                    let mut answer = world.remove(mine);
                    if mood == Mood::AnswerLostAndRepeated {
                        answer = world.remove(mine);
                    }
                    lost(mood, answer)
                }
            }
        };
        step().await;
        answer.map_err(unavailable)
    }
}

impl PollQueue for Ports {
    async fn send(&self, message: &QueueMessage, delay: Duration) -> Result<(), QueueError> {
        step().await;
        let answer = {
            let mut world = self.world();
            match world.queue_mood {
                Mood::Down | Mood::Refusing => Err("down"),
                mood => {
                    world.send(message, delay);
                    if mood == Mood::AnswerLostAndRepeated {
                        world.send(message, delay);
                    }
                    lost(mood, ())
                }
            }
        };
        step().await;
        answer.map_err(|cause| QueueError(cause.into()))
    }
}

fn transient(retry_after: Option<Duration>) -> WalletError {
    WalletError::Transient(TransientError {
        kind: TransientKind::Unavailable,
        retry_after,
        reason: "the wallet of the test is down".to_owned(),
    })
}

impl IssuingWallet for Ports {
    async fn start_issue(
        &self,
        _record: &Record,
        request: &StartIssue,
    ) -> Result<StartIssueAnswer, WalletError> {
        step().await;
        let answer = {
            let mut world = self.world();
            match world.wallet_mood {
                Mood::Down => Err(transient(world.retry_after)),
                Mood::Refusing => Err(WalletError::Refused(
                    bestow_contract::Problem::claims_rejected(Vec::new()),
                )),
                mood => {
                    let answer = world.start(request);
                    lost(mood, ()).map_err(|_| transient(None)).and(answer)
                }
            }
        };
        step().await;
        answer
    }
}

impl ReportingWallet for Ports {
    async fn issue_status(&self, record: &Record) -> Result<Option<IssueStatus>, WalletError> {
        step().await;
        let answer = {
            let mut world = self.world();
            world.times_asked += 1;
            let answer = match (
                world.wallet_mood,
                &world.wallet_says,
                world.wallet.get(&record.correlation_id),
            ) {
                (Mood::Down | Mood::AnswerLost, ..) => Err(transient(world.retry_after)),
                (Mood::Refusing, ..) => Err(WalletError::Refused(
                    bestow_contract::Problem::invalid_request(CARELESS),
                )),
                (_, Some(said), _) => Ok(Some(said.clone())),
                (_, None, Some(known)) => Ok(Some(world.report(known))),
                (_, None, None) => Ok(None),
            };
            let takes = world.wallet_takes;
            world.now += takes;
            answer
        };
        step().await;
        answer
    }
}

impl Clock for Ports {
    fn now(&self) -> Timestamp {
        self.world().now
    }
}

impl IdSource for Ports {
    fn uuid(&self) -> Uuid {
        let mut world = self.world();
        world.uuids += 1;
        Uuid::from_u64_pair(u64::MAX, world.uuids)
    }

    fn fraction(&self) -> f64 {
        0.0
    }
}

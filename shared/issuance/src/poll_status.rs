//! Poll status: ask the wallet, record what it says, and see to it that it is asked again.

use bestow_clock::{Clock, IdSource};
use bestow_contract::{CorrelationId, IssueError, IssueStatus, Stage, Status};
use thiserror::Error;

use crate::decision::{Decision, Finding, decide};
use crate::lifecycle_metric::LifecycleMetric;
use crate::ports::{
    IssueReport, PollMessage, PollQueue, QueueError, Records, RecordsError, ReportingWallet,
    Stored, TransientError, Update, WalletError,
};
use crate::record::{Record, State};
use crate::schedule::{LONGEST_DELAY_SECONDS, back_off_seconds};
use crate::start_issue::MAX_CONTENTION;
use crate::transition::{is_last, short_name};

/// How often one message is delivered again for a wallet that fails. After that a new message takes
/// its place, because the queue moves a message that it delivered too often to the dead letters.
pub const MAX_DELIVERIES: u32 = 3;

/// The use case, and what it works with.
pub struct PollStatus<R, W, Q, S> {
    /// The table.
    pub records: R,
    /// The wallet that is asked.
    pub wallet: W,
    /// The queue for the next poll.
    pub queue: Q,
    /// Tells the time, and draws ids and jitter.
    pub system: S,
    /// Hears of each lifecycle metric that a poll has recorded, once.
    pub lifecycle_metrics: fn(LifecycleMetric),
}

/// What became of one poll message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Polled {
    /// The issuance goes on, and the next poll is on the queue.
    Pending {
        /// When it is due; none where a hint left it as it was.
        next_poll_in_seconds: Option<u32>,
        /// The failure of the wallet that was sat out, if it is that and not the customer who lets us
        /// wait.
        wallet_failure: Option<TransientError>,
    },
    /// The issuance has ended, and this poll recorded it.
    Ended(Status),
    /// The issuance had been completed before, and a hint had its wallet asked once more.
    AskedAfterEnd {
        /// The stage that this poll recorded, if it is news.
        news: Option<Stage>,
    },
    /// There was nothing to do.
    Dropped(DropReason),
    /// The wallet failed for now: the same message is to be delivered again.
    Again {
        /// After how many seconds.
        after_seconds: u32,
        /// What happened.
        failure: TransientError,
    },
}

/// Why a poll message was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DropReason {
    /// There is no such issuance, or not any more.
    NoRecord,
    /// The issuance has ended, and nothing is to be learned of it any more.
    Ended,
    /// A later poll was dealt with already.
    Stale,
    /// The wallet never took it up and nobody was told that it was accepted: the correlation id is free
    /// again.
    NeverStarted,
}

/// Why a poll could not be dealt with. The message is to be delivered again.
#[derive(Debug, Error)]
pub enum PollError {
    /// The table gave no answer.
    #[error(transparent)]
    Records(#[from] RecordsError),
    /// The next poll could not be scheduled.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// Others kept changing the record.
    #[error("the record is being changed by too many at once")]
    Contention,
}

impl<R: Records, W: ReportingWallet, Q: PollQueue, S: Clock + IdSource> PollStatus<R, W, Q, S> {
    /// Deals with `message`, which is being delivered for the `delivery`-th time (from 1), given what is
    /// `stored` under its correlation id.
    ///
    /// First the next message is sent, then the record is updated, and only then may this message be
    /// acknowledged. Whoever dies in between leaves this message to be delivered again; the message that
    /// went out too early is the one that is awaited, or is stale.
    pub async fn poll(
        &self,
        message: &PollMessage,
        stored: Option<Stored>,
        delivery: u32,
    ) -> Result<Polled, PollError> {
        let Some(stored) = stored else {
            return Ok(Polled::Dropped(DropReason::NoRecord));
        };
        if let Some(reason) = nothing_to_do(&stored.record, message) {
            return Ok(Polled::Dropped(reason));
        }
        let asked_at_ms = self.system.now().as_millisecond();
        let finding = self.find_out(&stored.record, asked_at_ms).await;
        let mut quiet_ms = self.wallet.fresh_ms();
        if let Finding::Failing(failure) = &finding {
            let after_seconds = back_off_seconds(
                delivery,
                failure.retry_after_seconds,
                self.system.fraction(),
            );
            quiet_ms = i64::from(after_seconds) * 1_000;
            if delivery < MAX_DELIVERIES {
                if !stored.record.is_ended() {
                    self.keep_queries_quiet(stored, quiet_ms).await;
                }
                return Ok(Polled::Again {
                    after_seconds,
                    failure: failure.clone(),
                });
            }
        }
        self.record(message, stored, finding, asked_at_ms, quiet_ms)
            .await
    }

    /// Records what the wallet has said by itself of an issuance at `said_at_ms` (Unix milliseconds), given what is
    /// `stored` of it.
    pub async fn hear(
        &self,
        report: IssueStatus,
        stored: Option<Stored>,
        said_at_ms: i64,
    ) -> Result<Polled, PollError> {
        let hint = PollMessage::hint(report.correlation_id.clone());
        let Some(stored) = stored else {
            return Ok(Polled::Dropped(DropReason::NoRecord));
        };
        let report = IssueReport::Known(report);
        log_surprises(&stored.record, &report);
        let quiet_ms = self.wallet.fresh_ms();
        self.record(&hint, stored, Finding::Report(report), said_at_ms, quiet_ms)
            .await
    }

    async fn record(
        &self,
        message: &PollMessage,
        mut stored: Stored,
        finding: Finding,
        asked_at_ms: i64,
        quiet_ms: i64,
    ) -> Result<Polled, PollError> {
        for _ in 0..MAX_CONTENTION {
            if let Some(reason) = nothing_to_do(&stored.record, message) {
                return Ok(Polled::Dropped(reason));
            }
            let now_ms = self.system.now().as_millisecond();
            let known = &stored.record;
            let changed = match decide(known, &finding, asked_at_ms) {
                Decision::GoesOn => None,
                Decision::Observed(report) => known.observed(report, now_ms),
                Decision::NeverStarted => {
                    match self.records.remove(&stored).await? {
                        Update::Done | Update::Gone => {
                            return Ok(Polled::Dropped(DropReason::NeverStarted));
                        }
                        Update::Overtaken(current) => stored = *current,
                    }
                    continue;
                }
                Decision::Over(end) => {
                    known.failed(end.stage, IssueError::new(end.code, end.message), now_ms)
                }
            };
            // A hint stands for the poll that is awaited, and so is never stale: what it found out may be
            // newer than what another poll has recorded meanwhile.
            let attempt = message.attempt.unwrap_or(known.attempt);
            let leaves_schedule = message.attempt.is_none() && is_scheduled(known, &finding);
            let record = match changed {
                // No poll is awaited any more, and no query has the wallet asked: there is nothing else to note.
                None if known.is_ended() => return Ok(Polled::AskedAfterEnd { news: None }),
                Some(record) if known.is_ended() => record,
                // Nothing new, and the message of the schedule is on its way.
                None if leaves_schedule => {
                    return Ok(polled(known, known, None, finding));
                }
                changed => {
                    let record = changed
                        .unwrap_or_else(|| known.clone())
                        .quiet_until(now_ms.saturating_add(quiet_ms));
                    if leaves_schedule {
                        record
                    } else {
                        record.polled(attempt)
                    }
                }
            };
            // Anew for each record that was found: one that went out for a reservation that was withdrawn
            // since may have been dropped.
            let next_poll = if record.is_ended() || leaves_schedule {
                None
            } else {
                Some(self.send_next(attempt, &record, &finding, now_ms).await?)
            };
            let after = Stored {
                record,
                write_id: self.system.uuid(),
            };
            match self.records.update(stored.write_id, &after).await? {
                Update::Done => {
                    LifecycleMetric::between(&stored.record, &after.record)
                        .for_each(self.lifecycle_metrics);
                    return Ok(polled(&stored.record, &after.record, next_poll, finding));
                }
                Update::Gone => return Ok(Polled::Dropped(DropReason::NoRecord)),
                Update::Overtaken(current) => stored = *current,
            }
        }
        Err(PollError::Contention)
    }

    async fn find_out(&self, record: &Record, now_ms: i64) -> Finding {
        if record.lease_until_ms(now_ms).is_some() {
            return Finding::StillStarting;
        }
        match self.wallet.issue_status(record).await {
            Ok(report) => {
                log_surprises(record, &report);
                Finding::Report(report)
            }
            Err(WalletError::Refused(problem)) => {
                let (correlation_id, status) = (&record.correlation_id, problem.status);
                tracing::warn!(%correlation_id, status, "the wallet refused to report on an issuance");
                Finding::Refused
            }
            Err(WalletError::Transient(failure)) => Finding::Failing(failure),
        }
    }

    /// A wallet that failed is not asked by queries before the message comes again. If that cannot be
    /// recorded, queries ask it early, and nothing else is lost.
    async fn keep_queries_quiet(&self, stored: Stored, quiet_ms: i64) {
        let quiet_until_ms = self.system.now().as_millisecond().saturating_add(quiet_ms);
        let after = Stored {
            record: stored.record.quiet_until(quiet_until_ms),
            write_id: self.system.uuid(),
        };
        if let Err(fault) = self.records.update(stored.write_id, &after).await {
            let correlation_id = &after.record.correlation_id;
            tracing::warn!(%correlation_id, %fault, "it is not recorded that a wallet is to be left alone");
        }
    }

    async fn send_next(
        &self,
        attempt: u32,
        record: &Record,
        finding: &Finding,
        now_ms: i64,
    ) -> Result<u32, QueueError> {
        let next = PollMessage::scheduled(record.correlation_id.clone(), attempt.saturating_add(1));
        let delay_seconds = match finding {
            Finding::StillStarting => until_lease_ends(record, now_ms),
            Finding::Report(_) | Finding::Refused | Finding::Failing(_) => {
                let schedule = record.schedule();
                let (schedule, wished) = match finding {
                    Finding::Failing(failure) => {
                        (schedule.without_callbacks(), failure.retry_after_seconds)
                    }
                    _ => (schedule, None),
                };
                schedule
                    .delay_seconds(now_ms.div_euclid(1_000), self.system.fraction())
                    .max(wished.unwrap_or(0))
                    .min(LONGEST_DELAY_SECONDS)
            }
        };
        self.queue.send(&next, delay_seconds).await?;
        Ok(delay_seconds)
    }
}

/// Whether the message of the schedule is on its way, and may stay as it is. Whoever recorded the offer has sent one
/// before; the wallet that fails is asked again sooner than it says.
fn is_scheduled(record: &Record, finding: &Finding) -> bool {
    matches!(record.state, State::Offered { .. }) && !matches!(finding, Finding::Failing(_))
}

fn nothing_to_do(record: &Record, message: &PollMessage) -> Option<DropReason> {
    match (&record.state, message.attempt) {
        // The customer's wallet may have reported what became of the credential.
        (State::Completed { stage, .. }, None) if !is_last(stage) => None,
        (State::Completed { .. } | State::Failed { .. }, _) => Some(DropReason::Ended),
        (_, Some(attempt)) if attempt < record.attempt => Some(DropReason::Stale),
        _ => None,
    }
}

fn polled(before: &Record, after: &Record, next_poll: Option<u32>, finding: Finding) -> Polled {
    match (&after.state, next_poll) {
        (State::Completed { stage, .. }, _) if before.is_ended() => Polled::AskedAfterEnd {
            news: Some(stage.clone()),
        },
        (State::Completed { .. }, _) => Polled::Ended(Status::IssueCompleted),
        (State::Failed { .. }, _) => Polled::Ended(Status::Error),
        (_, next_poll) => Polled::Pending {
            next_poll_in_seconds: next_poll,
            wallet_failure: match finding {
                Finding::Failing(failure) => Some(failure),
                _ => None,
            },
        },
    }
}

fn until_lease_ends(record: &Record, now_ms: i64) -> u32 {
    let lease_until_ms = record.lease_until_ms(now_ms).unwrap_or(now_ms);
    let seconds = (lease_until_ms - now_ms).div_euclid(1_000) + 1;
    u32::try_from(seconds)
        .unwrap_or(1)
        .min(LONGEST_DELAY_SECONDS)
}

/// A wallet that says something that the contract does not know is heard, and written about.
fn log_surprises(record: &Record, report: &IssueReport) {
    let correlation_id: &CorrelationId = &record.correlation_id;
    let (status, revocation_uuid) = match report {
        IssueReport::Known(IssueStatus {
            status,
            revocation_uuid,
            ..
        }) => (status, revocation_uuid),
        IssueReport::Unknown if record.offer().is_some() => {
            tracing::warn!(%correlation_id, "the wallet does not know an issuance that it made an offer for");
            return;
        }
        IssueReport::Unknown => return,
    };
    if let Status::Other(name) = status {
        let wallet_status = short_name(name);
        tracing::warn!(
            %correlation_id,
            wallet_status,
            "the wallet sent a status that is not in the contract; it counts as pending"
        );
    }
    let known = record.offer().and_then(|offer| offer.revocation_uuid);
    if let (Some(known), Some(reported)) = (known, revocation_uuid)
        && known != *reported
    {
        tracing::warn!(
            %correlation_id,
            "the wallet changed the revocation_uuid of an issuance; the first one is kept"
        );
    }
}

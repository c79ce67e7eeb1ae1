//! Poll status: asks the wallet, records what it says, and enqueues the next poll.

use std::time::Duration;

use bestow_clock::{Clock, IdSource};
use bestow_contract::{IssueStatus, Stage, Status};
use jiff::Timestamp;
use thiserror::Error;

use crate::decision::{Decision, Finding, decide};
use crate::lifecycle_metric::LifecycleMetric;
use crate::ports::{
    PollMessage, PollQueue, QueueError, Records, RecordsError, ReportingWallet, Stored,
    TransientError, Update, WalletError,
};
use crate::record::{Record, State};
use crate::schedule::{LONGEST_DELAY, PollSchedule, back_off};
use crate::start_issue::MAX_CONTENTION;
use crate::transition::{is_last, short_name};

/// How often one message is delivered for a wallet that fails. Then a new message takes its place, because the queue
/// moves a message that it delivered too often to the dead letters.
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
    /// How long what the wallet said counts as fresh: [`crate::FRESH`] or [`crate::FRESH_BY_ITSELF`].
    pub fresh_for: Duration,
    /// Called once for each lifecycle metric that a poll has recorded.
    pub lifecycle_metrics: fn(LifecycleMetric),
}

/// What became of one poll message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Polled {
    /// The issuance goes on, and the next poll is on the queue.
    Pending {
        /// When it is due; `None` where the one that was scheduled before is kept.
        next_poll_in: Option<Duration>,
        /// The failure of the wallet, if it is that and not the customer who lets us wait.
        wallet_failure: Option<TransientError>,
    },
    /// The issuance has ended, and this poll recorded it.
    Ended(Status),
    /// The issuance had been completed before.
    AskedAfterEnd {
        /// The stage that this poll recorded, if it is news.
        news: Option<Stage>,
    },
    /// There was nothing to do.
    Dropped(DropReason),
    /// The wallet failed for now: the same message is to be delivered again.
    Again {
        /// After how long.
        after: Duration,
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
    /// The wallet does not know it, and nobody was told that it was accepted: the correlation id is free again.
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
    /// Deals with `message`, which is being delivered for the `delivery`-th time (from 1), given what is `stored` under
    /// its correlation id.
    ///
    /// The next message is sent, then the record is updated, and only then may this message be acknowledged. After a
    /// crash in between this message is delivered again; the one that was sent too early is awaited, or stale.
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
        let asked_at = self.system.now();
        let finding = self.find_out(&stored.record, asked_at).await;
        let mut fresh_for = self.fresh_for;
        if let Finding::Failing(failure) = &finding {
            let after = back_off(delivery, failure.retry_after, self.system.fraction());
            if delivery < MAX_DELIVERIES {
                if !stored.record.is_ended() {
                    self.spare_wallet(stored, after).await;
                }
                let failure = failure.clone();
                return Ok(Polled::Again { after, failure });
            }
            fresh_for = after;
        }
        self.record(message, stored, finding, asked_at, fresh_for)
            .await
    }

    /// Records what the wallet has said by itself of an issuance at `said_at`, given what is `stored` of it.
    pub async fn record_report(
        &self,
        report: IssueStatus,
        stored: Option<Stored>,
        said_at: Timestamp,
    ) -> Result<Polled, PollError> {
        let message = PollMessage::poll_now(report.correlation_id.clone());
        let Some(stored) = stored else {
            return Ok(Polled::Dropped(DropReason::NoRecord));
        };
        log_surprises(&stored.record, Some(&report));
        let finding = Finding::Report(Some(report));
        self.record(&message, stored, finding, said_at, self.fresh_for)
            .await
    }

    async fn record(
        &self,
        message: &PollMessage,
        mut stored: Stored,
        finding: Finding,
        asked_at: Timestamp,
        fresh_for: Duration,
    ) -> Result<Polled, PollError> {
        for _ in 0..MAX_CONTENTION {
            if let Some(reason) = nothing_to_do(&stored.record, message) {
                return Ok(Polled::Dropped(reason));
            }
            let now = self.system.now();
            let known = &stored.record;
            let changed = match decide(known, &finding, asked_at) {
                Decision::GoesOn => None,
                Decision::Observed(report) => known.observed(report, now),
                Decision::Over(stage, error) => known.failed(stage, error, now),
                Decision::NeverStarted => match self.records.remove(&stored).await? {
                    Update::Done | Update::Gone => {
                        return Ok(Polled::Dropped(DropReason::NeverStarted));
                    }
                    Update::Overtaken(current) => {
                        stored = *current;
                        continue;
                    }
                },
            };
            let keeps_schedule = message.attempt.is_none() && is_scheduled(known, &finding);
            // A poll for now stands for the one that is awaited, and so is never stale: what it found out may be newer
            // than what another poll has recorded meanwhile.
            let attempt = message.attempt.unwrap_or(known.attempt);
            let mut record = match changed {
                None if known.is_ended() || keeps_schedule => {
                    return Ok(polled(known, known, None, finding));
                }
                None => known.clone(),
                Some(changed) => changed,
            };
            // Once it has ended no poll is awaited, and no query has the wallet polled.
            if !known.is_ended() {
                record.not_before = now + fresh_for;
                if !keeps_schedule {
                    record = record.polled(attempt);
                }
            }
            // Sent again for each record that was found: one that was sent for a reservation that was removed since
            // may have been dropped.
            let next_poll = if record.is_ended() || keeps_schedule {
                None
            } else {
                Some(self.send_next(attempt, &record, &finding, now).await?)
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

    async fn find_out(&self, record: &Record, now: Timestamp) -> Finding {
        if record.lease_until(now).is_some() {
            return Finding::StillStarting;
        }
        match self.wallet.issue_status(record).await {
            Ok(report) => {
                log_surprises(record, report.as_ref());
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

    /// Queries do not have a wallet that failed polled before the message comes again. If that cannot be recorded they
    /// do, and nothing else is lost.
    async fn spare_wallet(&self, stored: Stored, back_off: Duration) {
        let after = Stored {
            record: Record {
                not_before: self.system.now() + back_off,
                ..stored.record
            },
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
        now: Timestamp,
    ) -> Result<Duration, QueueError> {
        let schedule = record.schedule();
        let delay = match finding {
            Finding::StillStarting => {
                let lease_until = record.lease_until(now).unwrap_or(now);
                lease_until.duration_since(now).unsigned_abs()
            }
            // A wallet that does not answer may not call back either.
            Finding::Failing(failure) => PollSchedule {
                wallet_calls_back: false,
                ..schedule
            }
            .delay(now, self.system.fraction())
            .max(failure.retry_after.unwrap_or_default()),
            Finding::Report(_) | Finding::Refused => schedule.delay(now, self.system.fraction()),
        }
        .min(LONGEST_DELAY);
        let next = PollMessage::scheduled(record.correlation_id.clone(), attempt.saturating_add(1));
        self.queue.send(&next.into(), delay).await?;
        Ok(delay)
    }
}

/// Whether the next poll of the schedule is on the queue and may stay there. Whoever recorded the offer has sent it
/// before; a wallet that fails is asked sooner.
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

fn polled(
    before: &Record,
    after: &Record,
    next_poll_in: Option<Duration>,
    finding: Finding,
) -> Polled {
    match &after.state {
        State::Completed { stage, .. } if before.is_ended() => Polled::AskedAfterEnd {
            news: (before != after).then(|| stage.clone()),
        },
        State::Completed { .. } => Polled::Ended(Status::IssueCompleted),
        State::Failed { .. } => Polled::Ended(Status::Error),
        State::Reserved { .. } | State::Offered { .. } => Polled::Pending {
            next_poll_in,
            wallet_failure: match finding {
                Finding::Failing(failure) => Some(failure),
                _ => None,
            },
        },
    }
}

/// Logs what a wallet says against the contract. It is taken all the same.
fn log_surprises(record: &Record, report: Option<&IssueStatus>) {
    let correlation_id = &record.correlation_id;
    let Some(report) = report else {
        if record.offer().is_some() {
            tracing::warn!(%correlation_id, "the wallet does not know an issuance that it made an offer for");
        }
        return;
    };
    if let Status::Other(name) = &report.status {
        let wallet_status = short_name(name);
        tracing::warn!(%correlation_id, wallet_status, "the wallet sent a status that is not in the contract; it counts as pending");
    }
    let known = record.offer().and_then(|offer| offer.revocation_uuid);
    if known.is_some() && report.revocation_uuid.is_some() && known != report.revocation_uuid {
        tracing::warn!(%correlation_id, "the wallet changed the revocation_uuid of an issuance; the first one is kept");
    }
}

//! Start issue: reserves the correlation id, has the wallet make an offer, records it.

use std::time::Duration;

use bestow_clock::{Clock, IdSource};
use bestow_contract::{CorrelationId, Problem, StartIssue, StartIssueAnswer};
use futures::future::join;
use jiff::Timestamp;
use secrecy::SecretString;
use thiserror::Error;
use uuid::Uuid;

use crate::lifecycle_metric::LifecycleMetric;
use crate::ports::{
    IssuingWallet, PollMessage, PollQueue, QueueError, Records, RecordsError, Stored, Update,
    WalletError,
};
use crate::record::{Record, State};
use crate::request_hash::RequestHasher;
use crate::wallet_callbacks::WalletCallbacks;

/// How often a write is tried that others overtake.
pub(crate) const MAX_CONTENTION: usize = 5;

/// The use case, and what it works with.
pub struct StartIssuing<R, W, Q, S> {
    /// The table.
    pub records: R,
    /// The wallet that makes the offer.
    pub wallet: W,
    /// The queue for the first poll.
    pub queue: Q,
    /// Tells the time, and draws ids and jitter.
    pub system: S,
    /// Tells a repeat from another request.
    pub hasher: RequestHasher,
    /// Where the wallet is told to call back; none where its changes come by themselves.
    pub callbacks: Option<WalletCallbacks>,
    /// How long what the wallet said counts as fresh: [`crate::FRESH`] or [`crate::FRESH_BY_ITSELF`].
    pub fresh_for: Duration,
    /// Called once for each lifecycle metric that a start has recorded.
    pub lifecycle_metrics: fn(LifecycleMetric),
}

/// An issuance that was started, now or by an earlier request with the same body.
#[derive(Debug, Clone)]
pub struct StartedIssue {
    /// The caller's correlation id, or the one that was made for it.
    pub correlation_id: CorrelationId,
    /// What hands the offer to the customer's wallet.
    pub request_uri: String,
    /// The transaction code, for the caller alone, if one was asked for.
    pub tx_code: Option<SecretString>,
    /// Names the credential for a later revocation, if the wallet said so already.
    pub revocation_uuid: Option<Uuid>,
    /// When the offer can no longer be taken, if the wallet said so.
    pub expires_at: Option<Timestamp>,
    /// Whether an earlier request started it.
    pub is_repeat: bool,
}

/// An issuance was not started.
#[derive(Debug, Error)]
#[error("{cause}")]
pub struct StartIssueError {
    /// Under which name it was tried, which the caller may not know.
    pub correlation_id: CorrelationId,
    /// Why.
    pub cause: StartIssueErrorKind,
}

/// Why an issuance was not started.
#[derive(Debug, Error)]
pub enum StartIssueErrorKind {
    /// The correlation id belongs to another request.
    #[error("the correlation id was used for another request")]
    Conflict,
    /// The same request is being worked on.
    #[error("the same request is in progress")]
    InProgress,
    /// The issuance has ended, and what its first answer held besides the link is not kept.
    #[error("the issuance has ended")]
    Ended,
    /// The wallet answered a repeat with another offer than the first time.
    #[error("the wallet answered a repeat with another offer")]
    AnotherOffer,
    /// The wallet did not make an offer.
    #[error(transparent)]
    Wallet(#[from] WalletError),
    /// The table gave no answer.
    #[error(transparent)]
    Records(#[from] RecordsError),
    /// The first poll could not be sent, and an offer must not be handed out that is not polled.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// Others kept changing the record, or took it away.
    #[error("the record is being changed by too many at once")]
    Contention,
}

impl StartIssueError {
    /// What the caller is told.
    pub fn problem(&self) -> Problem {
        match &self.cause {
            StartIssueErrorKind::Conflict => Problem::conflict(
                "This correlation_id was used for another request. Give each issuance its own, and \
                 repeat a request only with the same body; qr_code alone may differ.",
            ),
            StartIssueErrorKind::InProgress => Problem::conflict(
                "The same request is in progress. Repeat it in a second to get its answer.",
            )
            .with_retry_after_seconds(1),
            StartIssueErrorKind::Ended => Problem::conflict(
                "This issuance has ended, so its transaction code is not given out again. Start a new one \
                 under another correlation_id.",
            ),
            StartIssueErrorKind::AnotherOffer => Problem::conflict(
                "The wallet answered with another offer than the first time. Start a new issuance under \
                 another correlation_id.",
            ),
            StartIssueErrorKind::Wallet(failure) => failure.problem(),
            StartIssueErrorKind::Records(RecordsError::Malformed { .. }) => Problem::internal(),
            StartIssueErrorKind::Records(RecordsError::Unavailable(_))
            | StartIssueErrorKind::Queue(_)
            | StartIssueErrorKind::Contention => Problem::unavailable(
                "The issuance could not be recorded. Repeat the request, with the same \
                 correlation_id if you gave one: then nothing is issued twice.",
            )
            .with_retry_after_seconds(1),
        }
    }
}

impl<R: Records, W: IssuingWallet, Q: PollQueue, S: Clock + IdSource> StartIssuing<R, W, Q, S> {
    /// Starts the issuance that `request` asks for, or answers as an equal request was answered before.
    ///
    /// Three round trips one after the other: reserve; send the first poll and call the wallet; record. After a failure
    /// or crash between any two calls, the record and the first poll bring the issuance to an end, and a repeat may
    /// follow at the latest after [`crate::LEASE`].
    pub async fn start_issue(&self, request: StartIssue) -> Result<StartedIssue, StartIssueError> {
        let correlation_id = request
            .correlation_id
            .clone()
            .unwrap_or_else(|| self.system.uuid().into());
        let reservation = self.reservation(&correlation_id, &request);
        let started = async {
            match self.records.reserve(&reservation).await? {
                Update::Done => self.begin(reservation, request).await,
                Update::Overtaken(stored) => {
                    let is_same = stored.record.request_hash == reservation.record.request_hash;
                    match stored.record.state {
                        _ if !is_same => Err(StartIssueErrorKind::Conflict),
                        State::Reserved { .. } => Err(StartIssueErrorKind::InProgress),
                        _ => self.repeat(*stored, request).await,
                    }
                }
                Update::Gone => Err(StartIssueErrorKind::Contention),
            }
        };
        started.await.map_err(|cause| StartIssueError {
            correlation_id,
            cause,
        })
    }

    /// What the wallet is sent: the same each time for the same `record`, whatever is configured since, or it would be
    /// another request to the wallet.
    fn to_wallet(&self, record: &Record, request: StartIssue) -> StartIssue {
        let id = &record.correlation_id;
        StartIssue {
            correlation_id: Some(id.clone()),
            // Made by the backend itself, from the link.
            qr_code: None,
            // The caller's own is served by the backend, which the caller trusts.
            callback: record
                .wallet_calls_back
                .then(|| self.callbacks.as_ref()?.of(id))
                .flatten(),
            ..request
        }
    }

    fn reservation(&self, correlation_id: &CorrelationId, request: &StartIssue) -> Stored {
        let now = self.system.now();
        let hash = self.hasher.hash(correlation_id, request);
        let callbacks = self.callbacks.as_ref();
        Stored {
            record: Record {
                callback: request.callback.clone(),
                wallet_calls_back: callbacks.is_none_or(|callbacks| callbacks.enabled),
                not_before: now + self.fresh_for,
                ..Record::reserve(
                    correlation_id.clone(),
                    request.template_id.clone(),
                    hash,
                    now,
                )
            },
            write_id: self.system.uuid(),
        }
    }

    async fn begin(
        &self,
        reservation: Stored,
        request: StartIssue,
    ) -> Result<StartedIssue, StartIssueErrorKind> {
        let record = &reservation.record;
        let request = self.to_wallet(record, request);
        let first_poll = PollMessage::scheduled(record.correlation_id.clone(), record.attempt);
        let schedule = record.schedule();
        let delay = schedule.delay(record.reserved_at, self.system.fraction());
        // The poll is sent before the answer is recorded, so each offer is polled whatever fails.
        let first_poll = first_poll.into();
        let (sent, answer) = join(
            self.queue.send(&first_poll, delay),
            self.wallet.start_issue(record, &request),
        )
        .await;
        let failure = match (sent, answer) {
            (Ok(()), Ok(answer)) => return self.record(reservation, answer, false).await,
            (_, Err(failure)) => failure.into(),
            (Err(unsent), Ok(_)) => unsent.into(),
        };
        self.give_up(&reservation, &failure).await;
        Err(failure)
    }

    /// Frees the correlation id if the wallet will not make an offer; otherwise ends the lease, so that a repeat need
    /// not wait for it. If this fails, the lease ends by itself and the first poll resolves the reservation.
    async fn give_up(&self, reservation: &Stored, failure: &StartIssueErrorKind) {
        let record = &reservation.record;
        let given_up = match failure {
            StartIssueErrorKind::Wallet(WalletError::Refused(_)) => {
                self.records.remove(reservation).await
            }
            _ => {
                let lease_until = Timestamp::UNIX_EPOCH;
                let after = Stored {
                    record: Record {
                        state: State::Reserved { lease_until },
                        ..record.clone()
                    },
                    write_id: self.system.uuid(),
                };
                self.records.update(reservation.write_id, &after).await
            }
        };
        if let Err(fault) = given_up {
            tracing::warn!(
                correlation_id = %record.correlation_id,
                %fault,
                "the reservation of an issuance that did not start is left until its lease ends"
            );
        }
    }

    /// Answers with the known link. One that is not known is asked for again: the correlation id is the wallet's
    /// idempotency key too.
    async fn repeat(
        &self,
        stored: Stored,
        request: StartIssue,
    ) -> Result<StartedIssue, StartIssueErrorKind> {
        let known = stored.record.offer();
        if let Some(request_uri) = known.and_then(|offer| offer.request_uri.clone()) {
            return Ok(started(&stored.record, request_uri, None, true));
        }
        // What has ended is never offered again.
        if stored.record.is_ended() {
            return Err(StartIssueErrorKind::Ended);
        }
        let request = self.to_wallet(&stored.record, request);
        let answer = self.wallet.start_issue(&stored.record, &request).await?;
        self.record(stored, answer, true).await
    }

    async fn record(
        &self,
        mut stored: Stored,
        answer: StartIssueAnswer,
        is_repeat: bool,
    ) -> Result<StartedIssue, StartIssueErrorKind> {
        let offer = stored.record.answered_offer(&answer);
        if stored
            .record
            .offer()
            .is_some_and(|known| known.contradicts(&offer))
        {
            tracing::error!(
                correlation_id = %stored.record.correlation_id,
                "the wallet answered a repeat with another offer than the first time"
            );
            return Err(StartIssueErrorKind::AnotherOffer);
        }
        let started = |record: &Record| {
            let (request_uri, tx_code) = (answer.request_uri.clone(), answer.tx_code.clone());
            started(record, request_uri, tx_code, is_repeat)
        };
        for _ in 0..MAX_CONTENTION {
            let Some(record) = stored.record.offered(&offer, self.system.now()) else {
                return Ok(started(&stored.record));
            };
            let after = Stored {
                record,
                write_id: self.system.uuid(),
            };
            match self.records.update(stored.write_id, &after).await? {
                Update::Done => {
                    LifecycleMetric::between(&stored.record, &after.record)
                        .for_each(self.lifecycle_metrics);
                    return Ok(started(&after.record));
                }
                Update::Overtaken(current)
                    if current.record.request_hash != stored.record.request_hash =>
                {
                    // The reservation was removed meanwhile, and another request has the name now.
                    return Err(StartIssueErrorKind::Conflict);
                }
                Update::Overtaken(current) => stored = *current,
                // Nobody would poll the offer. A repeat gets the same one from the wallet.
                Update::Gone => break,
            }
        }
        Err(StartIssueErrorKind::Contention)
    }
}

fn started(
    record: &Record,
    request_uri: String,
    tx_code: Option<String>,
    is_repeat: bool,
) -> StartedIssue {
    let offer = record.offer();
    StartedIssue {
        correlation_id: record.correlation_id.clone(),
        request_uri,
        tx_code: tx_code.map(SecretString::from),
        revocation_uuid: offer.and_then(|offer| offer.revocation_uuid),
        expires_at: offer.and_then(|offer| offer.expires_at),
        is_repeat,
    }
}

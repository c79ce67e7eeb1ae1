//! Poll status: takes poll messages from the queue, asks the wallet, records what it says, and enqueues the next poll.
//! Other messages have a credential's status looked at. The stream of the bundled wallet's table names the offers that
//! have changed, which are polled at once.

mod credential;
mod message;
mod wallet_stream;

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::SystemTime;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use bestow_aws::sdk::Sdk;
use bestow_contract::CorrelationId;
use bestow_issuance::Polled;
use bestow_issuance::ports::{
    EitherWallet, PollMessage, QueueMessage, Records, RecordsError, Stored,
};
use bestow_runtime::lambda::EventFunction;
use bestow_runtime::metrics::{self, Counter};
use bestow_runtime::stream::StreamEvent;
use bestow_runtime::{Batch, ConfigError, Env, RecordOutcome, process_batch, receive_count};
use bestow_wallets::CredentialStatuses;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// How many messages of a batch are dealt with at a time, and so how many requests one process sends the wallet at a
/// time. The event source's `MaximumConcurrency` bounds the number of processes.
const CONCURRENCY: usize = 10;

/// The handler of the poll queue, and of the stream of the bundled wallet's table.
pub struct PollStatus {
    use_case: bestow_wallets::PollStatus,
    checks: CredentialStatuses,
}

/// What invokes this function.
pub enum PollEvent {
    /// Offers have changed.
    Stream(StreamEvent),
    /// Polls are due.
    Queue(SqsEvent),
}

impl<'de> Deserialize<'de> for PollEvent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let event = Box::<RawValue>::deserialize(deserializer)?;
        // The first record tells that it is none of a stream.
        serde_json::from_str(event.get())
            .map(Self::Stream)
            .or_else(|_| serde_json::from_str(event.get()).map(Self::Queue))
            .map_err(D::Error::custom)
    }
}

/// The records of a batch, each taken by the message that it is for.
type Found = HashMap<CorrelationId, Result<Stored, RecordsError>>;

impl EventFunction for PollStatus {
    type Event = PollEvent;
    type Answer = SqsBatchResponse;

    /// Reads the variables of [`bestow_wallets::poll_status`] and [`bestow_wallets::credential_statuses`]. A fault names its variable.
    async fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let sdk = Sdk::from_env(env)?;
        Ok(Self {
            use_case: bestow_wallets::poll_status(env, &sdk)?,
            checks: bestow_wallets::credential_statuses(env, &sdk)?,
        })
    }

    /// Deals with a batch, and answers what of it is to be delivered again.
    async fn handle(
        &self,
        event: PollEvent,
        _deadline: SystemTime,
    ) -> Result<SqsBatchResponse, bestow_runtime::lambda::Error> {
        Ok(match (event, &self.use_case.wallet) {
            (PollEvent::Queue(event), _) => self.poll_each(event).await,
            (PollEvent::Stream(event), EitherWallet::Bundled(wallet)) => {
                wallet_stream::handle(&self.use_case, wallet, &event).await
            }
            (PollEvent::Stream(event), EitherWallet::External(_)) => {
                // The deployment changed its wallet; the old one cannot be asked.
                tracing::warn!(
                    messages = event.records.len(),
                    "offers of a wallet that is not there have changed"
                );
                SqsBatchResponse::default()
            }
        })
    }
}

impl PollStatus {
    /// Deals with a batch of messages. The records are read together; then each message is dealt with, and fails, alone.
    async fn poll_each(&self, event: SqsEvent) -> SqsBatchResponse {
        let batch = Batch::of(&event.records, message::rank);
        let found = match self.use_case.records.get_many(&batch.keys()).await {
            Ok(found) => Some(Mutex::new(found)),
            Err(fault) => {
                tracing::error!(%fault, messages = event.records.len(), "the records of a batch could not be read");
                None
            }
        };
        process_batch(event, CONCURRENCY, |record| {
            let (batch, found) = (&batch, found.as_ref());
            async move {
                let message = match message::read(&record) {
                    Some(QueueMessage::Poll(message)) => message,
                    Some(QueueMessage::Check(check)) => {
                        return credential::check(&self.checks, &check).await;
                    }
                    None => {
                        // It comes again until the queue moves it to the dead letters.
                        tracing::error!(
                            message_id = record.message_id,
                            "a message on the poll queue is not a poll message"
                        );
                        return RecordOutcome::Retry;
                    }
                };
                let id = &message.correlation_id;
                match found {
                    _ if !batch.is_chosen(id, &record) => RecordOutcome::Done,
                    None => RecordOutcome::Retry,
                    Some(found) => self.poll(&record, &message, take(found, id)).await,
                }
            }
        })
        .await
    }

    async fn poll(
        &self,
        record: &SqsMessage,
        message: &PollMessage,
        stored: Result<Option<Stored>, RecordsError>,
    ) -> RecordOutcome {
        let (correlation_id, attempt) = (&message.correlation_id, message.attempt);
        let delivery = receive_count(record);
        let polled = match stored {
            Ok(stored) => self.use_case.poll(message, stored, delivery).await,
            Err(fault) => Err(fault.into()),
        };
        if !matches!(polled, Ok(Polled::Dropped(_))) {
            metrics::count(Counter::Polls, 1);
        }
        match polled {
            Ok(polled) => {
                log(message, &polled);
                let Polled::Again { after, .. } = polled else {
                    return RecordOutcome::Done;
                };
                let receipt_handle = record.receipt_handle.as_deref().unwrap_or_default();
                if let Err(fault) = self.use_case.queue.postpone(receipt_handle, after).await {
                    // It comes again after the queue's own visibility time-out.
                    tracing::warn!(%correlation_id, attempt, %fault, "a poll message could not be postponed");
                }
            }
            Err(fault) => {
                tracing::error!(%correlation_id, attempt, %fault, "a poll could not be completed");
            }
        }
        RecordOutcome::Retry
    }
}

fn take(found: &Mutex<Found>, id: &CorrelationId) -> Result<Option<Stored>, RecordsError> {
    let mut found = found
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    found.remove(id).transpose()
}

fn log(message: &PollMessage, polled: &Polled) {
    let (correlation_id, attempt) = (&message.correlation_id, message.attempt);
    match polled {
        Polled::Pending {
            next_poll_in,
            wallet_failure,
        } => {
            let next_poll_in_seconds = next_poll_in.map(|delay| delay.as_secs());
            match wallet_failure {
                None => {
                    tracing::info!(%correlation_id, attempt, next_poll_in_seconds, "an issuance is pending");
                }
                Some(fault) => {
                    tracing::warn!(%correlation_id, attempt, next_poll_in_seconds, %fault, "the wallet keeps failing and is asked again");
                }
            }
        }
        Polled::Ended(status) => {
            tracing::info!(%correlation_id, attempt, %status, "an issuance has ended");
        }
        Polled::AskedAfterEnd { news: Some(stage) } => {
            tracing::info!(%correlation_id, attempt, %stage, "a customer's wallet has reported on its credential");
        }
        Polled::AskedAfterEnd { news: None } => {
            tracing::info!(%correlation_id, attempt, "a wallet was asked about a completed issuance and had no news");
        }
        Polled::Dropped(reason) => {
            tracing::info!(%correlation_id, attempt, ?reason, "a poll message was dropped");
        }
        Polled::Again { after, failure } => {
            let after_seconds = after.as_secs();
            tracing::warn!(%correlation_id, attempt, after_seconds, fault = %failure, "the wallet failed and is asked again");
        }
    }
}

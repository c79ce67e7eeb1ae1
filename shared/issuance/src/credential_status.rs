//! The status of an issued credential: the wallet keeps it, the backend announces what is published.
//!
//! It is noted as soon as the wallet says it. A check is enqueued before the wallet is called, so that the wallet is
//! asked again a minute later even if the process dies before the note. The check also corrects what two changes at the
//! same time noted in another order than the wallet made them.

use std::time::Duration;

use bestow_clock::{Clock, IdSource};
use bestow_contract::{CredentialStatusAnswer, CredentialStatusChange};
use jiff::Timestamp;
use thiserror::Error;
use uuid::Uuid;

use crate::ports::{
    CredentialCheck, CredentialStatuses, CredentialWallet, Noted, PollQueue, QueueError,
    QueueMessage, RecordsError, WalletError,
};
use crate::schedule::LONGEST_DELAY;

/// How long after the change a credential's status is looked at again. By then whoever changed it or looked at it
/// before has noted it or is dead: both have 30 seconds.
pub const FIRST_CHECK: Duration = Duration::from_secs(60);

/// How often a wallet is asked that does not answer, or does not publish: for about a day.
pub const MAX_CHECKS: u32 = 100;

/// The use case, and what it works with.
pub struct CredentialStatusUseCase<W, C, Q, S> {
    /// The wallet that keeps the status.
    pub wallet: W,
    /// Where it is noted.
    pub credentials: C,
    /// The queue for the check.
    pub queue: Q,
    /// The clock.
    pub system: S,
}

/// Why a status was not set.
#[derive(Debug, Error)]
pub enum SetStatusError {
    /// The wallet refused, or nobody knows what it did.
    #[error(transparent)]
    Wallet(#[from] WalletError),
    /// The check could not be enqueued, so nothing was done.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

/// A status that was set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetStatus {
    /// What the wallet says of the credential from here on.
    pub answer: CredentialStatusAnswer,
    /// Whether that is noted. If not, the check will do it.
    pub is_noted: bool,
}

/// What became of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checked {
    /// What is published is noted.
    Noted {
        /// Whether that was news.
        noted: Noted,
        /// If it was: how long after the request the list said so, as exactly as the wallet tells it.
        published_after: Option<Duration>,
    },
    /// The wallet knows no such credential.
    Unknown,
    /// The wallet refuses to tell, for good.
    Refused {
        /// The HTTP status of its answer.
        status: u16,
    },
    /// The wallet does not answer, or has not published the status yet: the next check is on the queue.
    Later {
        /// After how long it is due.
        after: Duration,
    },
}

/// Why a check could not be dealt with. The message is to be delivered again.
#[derive(Debug, Error)]
pub enum CheckError {
    /// The status could not be noted.
    #[error(transparent)]
    Records(#[from] RecordsError),
    /// The next check could not be sent.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// The wallet was checked [`MAX_CHECKS`] times.
    #[error("the wallet told no published status of the credential for a day")]
    TooLong,
}

impl<W: CredentialWallet, C: CredentialStatuses, Q: PollQueue, S: Clock + IdSource>
    CredentialStatusUseCase<W, C, Q, S>
{
    /// Has the wallet change the status of a credential. The change is announced, whatever fails afterwards.
    pub async fn set(
        &self,
        revocation_uuid: Uuid,
        change: &CredentialStatusChange,
    ) -> Result<SetStatus, SetStatusError> {
        let check = QueueMessage::Check(CredentialCheck {
            revocation_uuid,
            check: 0,
            requested_at: Some(self.system.now()),
        });
        self.queue.send(&check, FIRST_CHECK).await?;
        let answer = self
            .wallet
            .set_credential_status(revocation_uuid, change)
            .await?;
        let noted = self.note(&answer).await;
        if let Err(fault) = &noted {
            tracing::warn!(%revocation_uuid, %fault, "a credential's status is not noted; the check will do it");
        }
        let is_noted = noted.is_ok();
        Ok(SetStatus { answer, is_noted })
    }

    /// Looks at what is published, and notes it.
    pub async fn check(&self, message: &CredentialCheck) -> Result<Checked, CheckError> {
        match self.wallet.credential_status(message.revocation_uuid).await {
            Ok(answer) => {
                let noted = self.note(&answer).await?;
                if answer.is_published() {
                    let published_after = match noted {
                        Noted::Changed => published_after(message, &answer),
                        Noted::Known => None,
                    };
                    return Ok(Checked::Noted {
                        noted,
                        published_after,
                    });
                }
            }
            Err(WalletError::Refused(problem)) if problem.status == 404 => {
                return Ok(Checked::Unknown);
            }
            Err(WalletError::Refused(problem)) => {
                let status = problem.status;
                return Ok(Checked::Refused { status });
            }
            Err(WalletError::Transient(_)) => {}
        }
        if message.check >= MAX_CHECKS {
            return Err(CheckError::TooLong);
        }
        let after = FIRST_CHECK
            .saturating_mul(1 << message.check.min(8))
            .min(LONGEST_DELAY);
        let next = QueueMessage::Check(CredentialCheck {
            check: message.check + 1,
            ..*message
        });
        self.queue.send(&next, after).await?;
        Ok(Checked::Later { after })
    }

    async fn note(&self, answer: &CredentialStatusAnswer) -> Result<Noted, RecordsError> {
        let (uuid, status) = (answer.revocation_uuid, answer.published_status);
        self.credentials.note(uuid, status, self.system.now()).await
    }
}

/// How long after the request of a check the wallet published its answer; the check comes too late to measure that by
/// its own time. `None` if the wallet does not tell, or tells of an earlier time and so of another request.
fn published_after(message: &CredentialCheck, answer: &CredentialStatusAnswer) -> Option<Duration> {
    let requested_at = message.requested_at?;
    let published_at = i64::try_from(answer.published_at?).ok()?;
    // The wallet tells whole seconds.
    if published_at < requested_at.as_second() {
        return None;
    }
    let took = Timestamp::from_second(published_at)
        .ok()?
        .duration_since(requested_at);
    Some(Duration::try_from(took).unwrap_or_default())
}

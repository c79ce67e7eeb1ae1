//! The status of an issued credential: the wallet's to keep, the backend's to announce.
//!
//! What is announced is what is published: a revocation counts once the list that anyone can fetch says so.
//! It is noted as soon as the wallet says it. Whoever dies between the wallet's call and the note has put a
//! message on the queue before, and so the wallet is asked again a minute later. That also puts right what
//! two changes at the same time noted in another order than the wallet made them.

use bestow_clock::{Clock, IdSource};
use bestow_contract::{CredentialStatusAnswer, CredentialStatusChange};
use thiserror::Error;
use uuid::Uuid;

use crate::ports::{
    CheckQueue, CredentialCheck, CredentialStatuses, CredentialWallet, Noted, QueueError,
    RecordsError, WalletError,
};
use crate::schedule::LONGEST_DELAY_SECONDS;

/// How long after the change a credential's status is looked at again, in seconds. By then whoever changed it
/// has noted it or is dead, and whoever looked at it before has noted that: both have 30 seconds.
pub const FIRST_CHECK_SECONDS: u32 = 60;

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
    /// Nothing was done: it could not be made certain that the change would be announced.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

/// A status that was set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetStatus {
    /// What the wallet says of the credential since.
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
        /// If it was: how long after the request the list said so, in milliseconds, as exactly as the wallet
        /// tells it.
        published_after_ms: Option<i64>,
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
        /// When it is due.
        after_seconds: u32,
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
    /// The wallet has had its time.
    #[error("the wallet told no published status of the credential for a day")]
    TooLong,
}

impl<W, C, Q, S> CredentialStatusUseCase<W, C, Q, S>
where
    W: CredentialWallet,
    C: CredentialStatuses,
    Q: CheckQueue,
    S: Clock + IdSource,
{
    /// Has the wallet change the status of a credential, and sees to it that the change is announced.
    pub async fn set(
        &self,
        revocation_uuid: Uuid,
        change: &CredentialStatusChange,
    ) -> Result<SetStatus, SetStatusError> {
        let check = CredentialCheck {
            revocation_uuid,
            check: 0,
            requested_at_ms: self.system.now().as_millisecond(),
        };
        self.queue.send_check(&check, FIRST_CHECK_SECONDS).await?;
        let answer = self
            .wallet
            .set_credential_status(revocation_uuid, change)
            .await?;
        let is_noted = match self.note(&answer).await {
            Ok(_) => true,
            Err(fault) => {
                tracing::warn!(%revocation_uuid, %fault, "a credential's status is not noted; the check will do it");
                false
            }
        };
        Ok(SetStatus { answer, is_noted })
    }

    /// Looks at what is published, and notes it.
    pub async fn check(&self, message: &CredentialCheck) -> Result<Checked, CheckError> {
        match self.wallet.credential_status(message.revocation_uuid).await {
            Ok(answer) => {
                let noted = self.note(&answer).await?;
                if answer.is_published() {
                    let published_after_ms = match noted {
                        Noted::Changed => published_after_ms(message, &answer),
                        Noted::Known => None,
                    };
                    return Ok(Checked::Noted {
                        noted,
                        published_after_ms,
                    });
                }
            }
            Err(WalletError::Refused(problem)) if problem.status == 404 => {
                return Ok(Checked::Unknown);
            }
            Err(WalletError::Refused(problem)) => {
                return Ok(Checked::Refused {
                    status: problem.status,
                });
            }
            Err(WalletError::Transient(_)) => {}
        }
        if message.check >= MAX_CHECKS {
            return Err(CheckError::TooLong);
        }
        let after_seconds = FIRST_CHECK_SECONDS
            .saturating_mul(1 << message.check.min(8))
            .min(LONGEST_DELAY_SECONDS);
        let next = CredentialCheck {
            check: message.check + 1,
            ..*message
        };
        self.queue.send_check(&next, after_seconds).await?;
        Ok(Checked::Later { after_seconds })
    }

    async fn note(&self, answer: &CredentialStatusAnswer) -> Result<Noted, RecordsError> {
        self.credentials
            .note(
                answer.revocation_uuid,
                answer.published_status,
                self.system.now().as_millisecond(),
            )
            .await
    }
}

/// How long after the request of a check the wallet published what it answers. The check itself comes so much
/// later that its own time says nothing. `None` if the wallet does not tell, or tells of an earlier time: then it
/// was not this request.
fn published_after_ms(message: &CredentialCheck, answer: &CredentialStatusAnswer) -> Option<i64> {
    let published_at = i64::try_from(answer.published_at?).ok()?;
    let requested_at_ms = message.requested_at_ms;
    // The wallet tells whole seconds.
    if requested_at_ms <= 0 || published_at < requested_at_ms.div_euclid(1_000) {
        return None;
    }
    let published_at_ms = published_at.checked_mul(1_000)?;
    Some(published_at_ms.saturating_sub(requested_at_ms).max(0))
}

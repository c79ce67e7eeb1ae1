//! Writes that meet a transaction on the same item.
//!
//! DynamoDB lets none of them wait: it refuses one, which then has written nothing, and the client
//! is to send it again. The SDK does not.

use std::time::Duration;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use rand::Rng;

/// The code of that part of a cancelled transaction whose condition did not hold.
pub const CONDITION_FAILED: &str = "ConditionalCheckFailed";

/// How often a write is sent. The waits in between add up to 5.6 seconds at most, and to half of that on
/// average: a caller that gives up after ten seconds is answered.
const TRIES: u32 = 12;
/// The longest that the first wait can be. Each further one can be twice as long, up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(25);
const LONGEST_WAIT: Duration = Duration::from_millis(800);

/// An error that tells whether it was a conflict.
pub trait Conflict {
    /// Whether another write was in the way, and nothing else is known to be.
    fn is_conflict(&self) -> bool;
}

impl Conflict for PutItemError {
    fn is_conflict(&self) -> bool {
        self.is_transaction_conflict_exception()
    }
}

impl Conflict for UpdateItemError {
    fn is_conflict(&self) -> bool {
        self.is_transaction_conflict_exception()
    }
}

impl Conflict for TransactWriteItemsError {
    fn is_conflict(&self) -> bool {
        let Self::TransactionCanceledException(cancelled) = self else {
            return false;
        };
        let is_a_reason = |code| {
            cancelled
                .cancellation_reasons()
                .iter()
                .any(|reason| reason.code() == Some(code))
        };
        // A condition that does not hold is the end of it, whatever else was in the way.
        is_a_reason("TransactionConflict") && !is_a_reason(CONDITION_FAILED)
    }
}

/// Whether a write failed because another was in its way.
pub fn is_conflict<E: Conflict, R>(fault: &SdkError<E, R>) -> bool {
    fault.as_service_error().is_some_and(E::is_conflict)
}

/// Sends a write until it meets no conflict, with random waits in between. After [`TRIES`] in vain the
/// result is the last conflict.
pub async fn despite_conflicts<T, E, R, F>(send: impl Fn() -> F) -> Result<T, SdkError<E, R>>
where
    E: Conflict,
    F: Future<Output = Result<T, SdkError<E, R>>>,
{
    let mut wait = FIRST_WAIT;
    for _ in 1..TRIES {
        match send().await {
            Err(fault) if is_conflict(&fault) => {
                let jittered = rand::rng().random_range(Duration::ZERO..=wait);
                tokio::time::sleep(jittered).await;
                wait = LONGEST_WAIT.min(wait * 2);
            }
            sent => return sent,
        }
    }
    send().await
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use aws_sdk_dynamodb::types::CancellationReason;
    use aws_sdk_dynamodb::types::error::{
        TransactionCanceledException, TransactionConflictException,
    };
    use tokio::time::Instant;

    use super::*;

    fn conflict() -> UpdateItemError {
        UpdateItemError::TransactionConflictException(
            TransactionConflictException::builder().build(),
        )
    }

    fn cancelled(codes: &[&str]) -> TransactWriteItemsError {
        let reasons = codes
            .iter()
            .map(|code| CancellationReason::builder().code(*code).build())
            .collect();
        TransactWriteItemsError::TransactionCanceledException(
            TransactionCanceledException::builder()
                .set_cancellation_reasons(Some(reasons))
                .build(),
        )
    }

    /// How often a write is sent that meets so many conflicts, and what becomes of it.
    async fn sent_despite(conflicts: u32) -> (u32, Result<(), SdkError<UpdateItemError, ()>>) {
        let sent = Cell::new(0);
        let result = despite_conflicts(|| {
            sent.set(sent.get() + 1);
            let in_the_way = sent.get() <= conflicts;
            async move {
                if in_the_way {
                    Err(SdkError::service_error(conflict(), ()))
                } else {
                    Ok(())
                }
            }
        })
        .await;
        (sent.get(), result)
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_is_sent_until_nothing_is_in_its_way() {
        for conflicts in [0, 1, TRIES - 1] {
            let (sent, result) = sent_despite(conflicts).await;
            assert!(result.is_ok());
            assert_eq!(sent, conflicts + 1);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_given_up_within_six_seconds() {
        let begin = Instant::now();
        let (sent, result) = sent_despite(u32::MAX).await;
        assert!(is_conflict(&result.unwrap_err()));
        assert_eq!(sent, TRIES);
        assert!(begin.elapsed() < Duration::from_secs(6));
    }

    #[test]
    fn a_transaction_that_can_never_succeed_is_not_tried_again() {
        assert!(cancelled(&["None", "TransactionConflict"]).is_conflict());
        assert!(!cancelled(&["ConditionalCheckFailed", "TransactionConflict"]).is_conflict());
        assert!(!cancelled(&["None", "ValidationError"]).is_conflict());
    }
}

//! What is sent again, and when. Which failed calls the SDK itself sends again is said in [`crate::sdk`].

use std::time::Duration;

use aws_sdk_dynamodb::error::SdkError;
use backon::{BackoffBuilder, ExponentialBuilder, Retryable};

/// A write that a transaction on the same item was in the way of. DynamoDB lets neither wait: it refuses one, which
/// then has written nothing. The waits add up to 5.6 seconds at most: a caller that gives up after ten seconds is
/// answered.
const CONFLICTS: ExponentialBuilder = ExponentialBuilder::new()
    .with_jitter()
    .with_min_delay(Duration::from_micros(12_500))
    .with_max_delay(Duration::from_millis(400))
    .with_max_times(11);

/// What a service left out of a batch. A wait is up to twice as long as said here.
const LEFT_OUT: ExponentialBuilder = ExponentialBuilder::new()
    .with_jitter()
    .with_min_delay(Duration::from_millis(35))
    .with_max_delay(Duration::from_millis(700));

/// An error that tells whether it was a conflict.
pub(crate) trait Conflict {
    /// Whether another write was in the way, and nothing else is known to be.
    fn is_conflict(&self) -> bool;
}

/// Whether a write failed because another was in its way.
pub(crate) fn is_conflict<E: Conflict, R>(fault: &SdkError<E, R>) -> bool {
    fault.as_service_error().is_some_and(E::is_conflict)
}

/// Sends a write until no other is in its way. If one always was, the result is the last conflict.
pub(crate) async fn despite_conflicts<T, E, R, F>(
    send: impl FnMut() -> F,
) -> Result<T, SdkError<E, R>>
where
    E: Conflict,
    F: Future<Output = Result<T, SdkError<E, R>>>,
{
    send.retry(CONFLICTS)
        .sleep(tokio::time::sleep)
        .when(is_conflict)
        .await
}

/// What came of a batch.
#[derive(Debug)]
pub struct Batch<T, P> {
    /// What was found.
    pub found: Vec<T>,
    /// What the service left out, again and again.
    pub left_out: Vec<P>,
}

/// Sends the parts of a batch, and those again that the service leaves out, up to so many times.
pub(crate) async fn send_batch<T, P, E, F>(
    parts: Vec<P>,
    repeats: usize,
    send: impl Fn(Vec<P>) -> F,
) -> Result<Batch<T, P>, E>
where
    F: Future<Output = Result<Batch<T, P>, E>>,
{
    let mut batch = send(parts).await?;
    for wait in LEFT_OUT.with_max_times(repeats).build() {
        if batch.left_out.is_empty() {
            break;
        }
        tokio::time::sleep(wait).await;
        let again = send(batch.left_out).await?;
        batch.found.extend(again.found);
        batch.left_out = again.left_out;
    }
    Ok(batch)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
    use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
    use aws_sdk_dynamodb::types::CancellationReason;
    use aws_sdk_dynamodb::types::error::{
        TransactionCanceledException, TransactionConflictException,
    };
    use tokio::time::Instant;

    use super::*;

    const TRIES: u32 = 12;

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

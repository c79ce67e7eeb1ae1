//! What is sent again besides failed attempts ([`crate::service`]): conflicting writes, and what a service leaves out.

use std::error::Error;
use std::time::Duration;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use backon::{BackoffBuilder, ExponentialBuilder, Retryable};

use crate::item::Item;

/// A write that DynamoDB refused because of a transaction on the same item. The waits add up to at most 5.6 seconds,
/// so a caller with a time-out of ten seconds is answered.
const CONFLICTS: ExponentialBuilder = ExponentialBuilder::new()
    .with_jitter()
    .with_min_delay(Duration::from_micros(12_500))
    .with_max_delay(Duration::from_millis(400))
    .with_max_times(11);

/// What a service left out of a batch. Jitter makes a wait up to twice as long.
const LEFT_OUT: ExponentialBuilder = ExponentialBuilder::new()
    .with_jitter()
    .with_min_delay(Duration::from_millis(35))
    .with_max_delay(Duration::from_millis(700));

/// An error of a write.
pub(crate) trait WriteError: ProvideErrorMetadata + Error + Send + Sync + 'static {
    /// The first write whose condition does not hold, and its item as it stands.
    fn refusal(&self) -> Option<(usize, Option<Item>)>;

    /// Whether another write was in the way, and nothing else.
    fn is_conflict(&self) -> bool;
}

/// Whether a write failed because another was in its way.
pub(crate) fn is_conflict<E: WriteError, R>(fault: &SdkError<E, R>) -> bool {
    fault.as_service_error().is_some_and(E::is_conflict)
}

/// Sends a write until there is no conflict, or too many.
pub(crate) async fn despite_conflicts<T, E, R, F>(
    send: impl FnMut() -> F,
) -> Result<T, SdkError<E, R>>
where
    E: WriteError,
    F: Future<Output = Result<T, SdkError<E, R>>>,
{
    send.retry(CONFLICTS).when(is_conflict).await
}

/// The result of a batch.
#[derive(Debug)]
pub struct Batch<T, P> {
    /// What was found.
    pub found: Vec<T>,
    /// What the service left out each time.
    pub left_out: Vec<P>,
}

/// Sends the parts of a batch, and up to `repeats` times those that the service left out.
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

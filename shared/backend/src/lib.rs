//! The backend's ports on DynamoDB, SQS and EventBridge, and what is counted and logged of a start, whether by a request
//! or by a message of a queue. The bundled wallet is a context of its own, which this crate cannot name.

mod delivery_table;
mod event_bus;
mod issuance_table;
mod job_table;
mod poll_queue;
mod start_queue;
mod webhook_queue;

use bestow_contract::Problem;
use bestow_issuance::ports::WalletError;
use bestow_issuance::{LifecycleMetric, StartIssueError, StartIssueErrorKind};
use bestow_runtime::metrics::{self, Counter};

pub use delivery_table::DeliveryTable;
pub use event_bus::EventBus;
pub use issuance_table::{IssuanceTable, announcement, trace_of};
pub use job_table::{JobTable, LINES_TO_ERASE};
pub use poll_queue::PollQueue;
pub use start_queue::StartQueue;
pub use webhook_queue::WebhookQueue;

/// Counts a lifecycle_metric of an issuance.
pub fn count(lifecycle_metric: LifecycleMetric) {
    let counter = match lifecycle_metric {
        LifecycleMetric::Started => Counter::IssuancesStarted,
        LifecycleMetric::Completed => Counter::IssuancesCompleted,
        LifecycleMetric::Failed => Counter::IssuancesFailed,
        LifecycleMetric::Expired => Counter::IssuancesExpired,
    };
    metrics::count(counter, 1);
}

/// Logs the failure, and gives what the caller is told.
pub fn refuse(failure: &StartIssueError, template_id: &str) -> Problem {
    let problem = failure.problem();
    let correlation_id = &failure.correlation_id;
    let status = problem.status;
    match &failure.cause {
        StartIssueErrorKind::Records(_)
        | StartIssueErrorKind::Queue(_)
        | StartIssueErrorKind::Contention => {
            tracing::error!(%correlation_id, template_id, status, fault = %failure, "an issuance could not be recorded");
        }
        StartIssueErrorKind::Wallet(WalletError::Transient(fault)) => {
            tracing::warn!(%correlation_id, template_id, status, %fault, "the wallet made no offer");
        }
        StartIssueErrorKind::Wallet(_)
        | StartIssueErrorKind::Conflict
        | StartIssueErrorKind::Ended
        | StartIssueErrorKind::AnotherOffer
        | StartIssueErrorKind::InProgress => {
            tracing::info!(%correlation_id, template_id, status, "an issuance was refused");
        }
    }
    problem
}

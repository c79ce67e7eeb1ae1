//! The backend's ports on DynamoDB, SQS and EventBridge, and the use case Start issue on them: it is started
//! in two ways, by a request and by a message of a queue, and both must come to the same end.
//!
//! The bundled wallet is a bounded context of its own: this crate cannot name what is in `bundled-wallet`.

mod delivery_table;
mod event_bus;
mod failure_queue;
mod issuance_table;
mod job_table;
mod poll_queue;
mod start_queue;
mod webhook_queue;

use aws::sdk::Sdk;
use contract::Problem;
use egress::WalletClient;
use issuance::ports::{Machine, WalletFailure};
use issuance::{
    CallbackTokens, Milestone, RequestHasher, StartFailure, StartFailureCause, WalletCallbacks,
};
use runtime::metrics::{self, Counter};
use runtime::{ConfigError, Env};

pub use delivery_table::DeliveryTable;
pub use event_bus::EventBus;
pub use failure_queue::FailureQueue;
pub use issuance_table::{IssuanceTable, announcement, trace_of};
pub use job_table::{JobTable, LINES_TO_ERASE};
pub use poll_queue::PollQueue;
pub use start_queue::StartQueue;
pub use webhook_queue::WebhookQueue;

/// The use case on DynamoDB, SQS and a wallet behind HTTP.
pub type StartIssuing = issuance::StartIssuing<IssuanceTable, WalletClient, PollQueue, Machine>;

/// The use case with `ISSUANCE_TABLE`, `POLL_QUEUE_URL`, `REQUEST_HASH_SECRET`, and the wallet and its
/// callbacks of the `WALLET_…` variables. A fault names its variable.
pub fn start_issuing(env: &Env, sdk: &Sdk) -> Result<StartIssuing, ConfigError> {
    let table = env.required("ISSUANCE_TABLE", "the name of the issuance table")?;
    let queue = env.required("POLL_QUEUE_URL", "the URL of the poll queue")?;
    let hash_secret = env.master_secret("REQUEST_HASH_SECRET")?;
    Ok(StartIssuing {
        records: IssuanceTable::new(sdk.dynamodb(), table),
        wallet: WalletClient::from_env(env)?,
        queue: PollQueue::new(sdk.sqs(), queue),
        system: Machine,
        hasher: RequestHasher::new(&hash_secret),
        callbacks: Some(wallet_callbacks(env)?),
        milestones: count,
    })
}

/// `WALLET_CALLBACKS` says whether the wallet can call back, `WALLET_CALLBACK_BASE_URL` is where it reaches
/// this API, and `WALLET_CALLBACK_SECRET` makes the addresses unguessable.
fn wallet_callbacks(env: &Env) -> Result<WalletCallbacks, ConfigError> {
    const SECRET: &str = "WALLET_CALLBACK_SECRET";
    let enabled = env.parsed::<bool>("WALLET_CALLBACKS")?.unwrap_or(false);
    let base_url = env.base_url("WALLET_CALLBACK_BASE_URL")?;
    let tokens = CallbackTokens::new(&env.master_secret(SECRET)?)
        .map_err(|fault| ConfigError::invalid(SECRET, fault))?;
    Ok(WalletCallbacks {
        enabled,
        base_url,
        tokens,
    })
}

/// Counts what was recorded of an issuance.
pub fn count(milestone: Milestone) {
    let counter = match milestone {
        Milestone::Started => Counter::IssuancesStarted,
        Milestone::Completed => Counter::IssuancesCompleted,
        Milestone::Failed => Counter::IssuancesFailed,
        Milestone::Expired => Counter::IssuancesExpired,
    };
    metrics::count(counter, 1);
}

/// One line in the log, and what the caller is told.
pub fn refuse(failure: &StartFailure, template_id: &str) -> Problem {
    let problem = failure.problem();
    let correlation_id = &failure.correlation_id;
    let status = problem.status;
    match &failure.cause {
        StartFailureCause::Records(_)
        | StartFailureCause::Queue(_)
        | StartFailureCause::Contention => {
            tracing::error!(%correlation_id, template_id, status, fault = %failure, "an issuance could not be recorded");
        }
        StartFailureCause::Wallet(WalletFailure::Transient(fault)) => {
            tracing::warn!(%correlation_id, template_id, status, %fault, "the wallet made no offer");
        }
        StartFailureCause::Wallet(_)
        | StartFailureCause::Conflict
        | StartFailureCause::Ended
        | StartFailureCause::AnotherOffer
        | StartFailureCause::InProgress => {
            tracing::info!(%correlation_id, template_id, status, "an issuance was refused");
        }
    }
    problem
}

//! What this function is configured with.

use aws::sdk::Sdk;
use backend::{IssuanceTable, PollQueue};
use egress::WalletClient;
use issuance::PollStatus;
use issuance::ports::Machine;
use runtime::{ConfigError, Env};

/// The use case, with `ISSUANCE_TABLE`, `POLL_QUEUE_URL` and the wallet of the `WALLET_…` variables. A
/// fault names its variable.
pub(crate) fn use_case(
    env: &Env,
) -> Result<PollStatus<IssuanceTable, WalletClient, PollQueue, Machine>, ConfigError> {
    let table = env.required("ISSUANCE_TABLE", "the name of the issuance table")?;
    let queue = env.required("POLL_QUEUE_URL", "the URL of the poll queue")?;
    let wallet = WalletClient::from_env(env)?;
    let sdk = Sdk::from_env(env)?;
    Ok(PollStatus {
        records: IssuanceTable::new(sdk.dynamodb(), table),
        wallet,
        queue: PollQueue::new(sdk.sqs(), queue),
        system: Machine,
        milestones: backend::count,
    })
}

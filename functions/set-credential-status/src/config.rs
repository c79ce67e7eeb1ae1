//! What this function is configured with.

use aws::sdk::Sdk;
use backend::{IssuanceTable, PollQueue};
use egress::WalletClient;
use issuance::CredentialStatusUseCase;
use issuance::ports::Machine;
use runtime::{ConfigError, Env};

pub(crate) type UseCase = CredentialStatusUseCase<WalletClient, IssuanceTable, PollQueue, Machine>;

/// The use case, with `ISSUANCE_TABLE`, `POLL_QUEUE_URL` and the wallet of the `WALLET_…` variables. A
/// fault names its variable.
pub(crate) fn use_case(env: &Env, sdk: &Sdk) -> Result<UseCase, ConfigError> {
    let table = env.required("ISSUANCE_TABLE", "the name of the issuance table")?;
    let queue = env.required("POLL_QUEUE_URL", "the URL of the poll queue")?;
    let wallet = WalletClient::from_env(env)?;
    Ok(CredentialStatusUseCase {
        wallet,
        credentials: IssuanceTable::new(sdk.dynamodb(), table),
        queue: PollQueue::new(sdk.sqs(), queue),
        system: Machine,
    })
}

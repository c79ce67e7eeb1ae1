//! Which wallet issues: the external one that `WALLET_BASE_URL` names, or, where that is not set, the bundled one in this
//! process. Functions of the backend get the use cases on it from here.

use bestow_aws::sdk::Sdk;
use bestow_backend::{IssuanceTable, PollQueue};
use bestow_bundled_wallet::{BundledCredentials, BundledIssuing, BundledReports};
use bestow_clock::OperatingSystem;
use bestow_egress::WalletClient;
use bestow_issuance::ports::EitherWallet;
use bestow_issuance::{
    CallbackTokens, CredentialStatusUseCase, FRESH, FRESH_BY_ITSELF, RequestHasher, WalletCallbacks,
};
use bestow_runtime::{ConfigError, Env};

/// Start issue on DynamoDB, SQS and this deployment's wallet.
pub type StartIssuing = bestow_issuance::StartIssuing<
    IssuanceTable,
    EitherWallet<WalletClient, BundledIssuing>,
    PollQueue,
    OperatingSystem,
>;

/// Polls on DynamoDB, SQS and this deployment's wallet.
pub type PollStatus = bestow_issuance::PollStatus<
    IssuanceTable,
    EitherWallet<WalletClient, BundledReports>,
    PollQueue,
    OperatingSystem,
>;

/// Credential status on DynamoDB, SQS and this deployment's wallet.
pub type CredentialStatuses = CredentialStatusUseCase<
    EitherWallet<WalletClient, BundledCredentials>,
    IssuanceTable,
    PollQueue,
    OperatingSystem,
>;

/// Start issue, with `ISSUANCE_TABLE`, `POLL_QUEUE_URL`, `REQUEST_HASH_SECRET`, and for the wallet either the
/// `WALLET_…` variables of an external one and of its callbacks, or those of [`BundledIssuing::from_env`]. A fault names
/// its variable.
pub fn start_issuing(env: &Env, sdk: &Sdk) -> Result<StartIssuing, ConfigError> {
    let hasher = RequestHasher::new(&env.master_secret("REQUEST_HASH_SECRET")?)
        .map_err(|fault| ConfigError::invalid("REQUEST_HASH_SECRET", fault))?;
    let (wallet, callbacks, fresh_for) = if is_external(env) {
        let wallet = EitherWallet::External(WalletClient::from_env(env)?);
        (wallet, Some(wallet_callbacks(env)?), FRESH)
    } else {
        let wallet = EitherWallet::Bundled(BundledIssuing::from_env(env, sdk)?);
        (wallet, None, FRESH_BY_ITSELF)
    };
    Ok(StartIssuing {
        records: IssuanceTable::from_env(env, sdk)?,
        wallet,
        queue: PollQueue::from_env(env, sdk)?,
        system: OperatingSystem,
        hasher,
        callbacks,
        fresh_for,
        lifecycle_metrics: bestow_backend::count,
    })
}

/// Polls, with `ISSUANCE_TABLE`, `POLL_QUEUE_URL`, and for the wallet either the `WALLET_…` variables of an external one
/// or those of [`BundledReports::from_env`]. A fault names its variable.
pub fn poll_status(env: &Env, sdk: &Sdk) -> Result<PollStatus, ConfigError> {
    let (wallet, fresh_for) = if is_external(env) {
        let wallet = EitherWallet::External(WalletClient::from_env(env)?);
        (wallet, FRESH)
    } else {
        let wallet = EitherWallet::Bundled(BundledReports::from_env(env, sdk)?);
        (wallet, FRESH_BY_ITSELF)
    };
    Ok(PollStatus {
        records: IssuanceTable::from_env(env, sdk)?,
        wallet,
        queue: PollQueue::from_env(env, sdk)?,
        system: OperatingSystem,
        fresh_for,
        lifecycle_metrics: bestow_backend::count,
    })
}

/// Credential status, with `ISSUANCE_TABLE`, `POLL_QUEUE_URL`, and for the wallet either the `WALLET_…` variables of an
/// external one or those of [`BundledCredentials::from_env`]. A fault names its variable.
pub fn credential_statuses(env: &Env, sdk: &Sdk) -> Result<CredentialStatuses, ConfigError> {
    let wallet = if is_external(env) {
        EitherWallet::External(WalletClient::from_env(env)?)
    } else {
        EitherWallet::Bundled(BundledCredentials::from_env(env, sdk)?)
    };
    Ok(CredentialStatuses {
        wallet,
        credentials: IssuanceTable::from_env(env, sdk)?,
        queue: PollQueue::from_env(env, sdk)?,
        system: OperatingSystem,
    })
}

fn is_external(env: &Env) -> bool {
    env.optional("WALLET_BASE_URL").is_some()
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

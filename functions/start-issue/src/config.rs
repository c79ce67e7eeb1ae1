//! What this function is configured with.

use aws::sdk::Sdk;
use aws::{IssuanceTable, PollQueue};
use egress::WalletClient;
use issuance::ports::Machine;
use issuance::{RequestHasher, StartIssuing};
use runtime::{ApiKeys, ConfigError, Env};

/// The configuration, with the clients that it is about.
pub(crate) struct Config {
    /// `API_KEY_HASHES`: who may start issuances.
    pub(crate) api_keys: ApiKeys,
    /// `PUBLIC_BASE_URL`, without a trailing slash: what `status_uri` begins with.
    pub(crate) public_base_url: String,
    /// The use case, with `ISSUANCE_TABLE`, `POLL_QUEUE_URL`, `REQUEST_HASH_SECRET` and the wallet of the
    /// `WALLET_…` variables.
    pub(crate) use_case: StartIssuing<IssuanceTable, WalletClient, PollQueue, Machine>,
}

impl Config {
    /// Reads the variables that are named at the fields. A fault names its variable.
    pub(crate) fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let table = env.required("ISSUANCE_TABLE", "the name of the issuance table")?;
        let queue = env.required("POLL_QUEUE_URL", "the URL of the poll queue")?;
        let public_base_url = env.base_url("PUBLIC_BASE_URL")?;
        let hash_secret = env.master_secret("REQUEST_HASH_SECRET")?;
        let api_keys = ApiKeys::from_env(env, "API_KEY_HASHES")?;
        let wallet = WalletClient::from_env(env)?;
        let sdk = Sdk::from_env(env)?;
        Ok(Self {
            api_keys,
            public_base_url: public_base_url.as_str().trim_end_matches('/').to_owned(),
            use_case: StartIssuing {
                records: IssuanceTable::new(sdk.dynamodb(), table),
                wallet,
                queue: PollQueue::new(sdk.sqs(), queue),
                system: Machine,
                hasher: RequestHasher::new(&hash_secret),
            },
        })
    }
}

//! What this function is configured with.

use std::time::Duration;

use bestow_aws::sdk::Sdk;
use bestow_backend::PollQueue;
use bestow_issuance::CallbackTokens;
use bestow_runtime::{ConfigError, Env};

/// How long a wallet is kept waiting. One that was not answered calls again or does not; the schedule
/// finds out what it had to say.
const SEND_LIMIT: Duration = Duration::from_secs(2);

/// The configuration, with the client that it is about.
pub(crate) struct Config {
    /// `WALLET_CALLBACK_SECRET`: opens the addresses that start-issue makes.
    pub(crate) tokens: CallbackTokens,
    /// `POLL_QUEUE_URL`: where hints go.
    pub(crate) queue: PollQueue,
}

impl Config {
    /// Reads the variables that are named at the fields. A fault names its variable.
    pub(crate) fn from_env(env: &Env) -> Result<Self, ConfigError> {
        const SECRET: &str = "WALLET_CALLBACK_SECRET";
        let queue = env.required("POLL_QUEUE_URL", "the URL of the poll queue")?;
        let tokens = CallbackTokens::new(&env.master_secret(SECRET)?)
            .map_err(|fault| ConfigError::invalid(SECRET, fault))?;
        let sdk = Sdk::from_env(env)?;
        Ok(Self {
            tokens,
            queue: PollQueue::new(sdk.sqs(), queue).giving_up_after(SEND_LIMIT),
        })
    }
}

//! What this function is configured with.

use bestow_clock::OperatingSystem;
use std::time::Duration;

use axum::body::Bytes;
use bestow_access::Guard;
use bestow_aws::sdk::Sdk;
use bestow_backend::{IssuanceTable, PollQueue};
use bestow_issuance::GetStatus;
use bestow_runtime::{ConfigError, Env};

/// How long a query may take for bringing the next poll forward, which is a courtesy: the answer is known.
const HASTEN_LIMIT: Duration = Duration::from_millis(500);

/// The configuration, with the clients that it is about.
pub(crate) struct Config {
    /// `ACCESS_…`: who may read.
    pub(crate) guard: Guard,
    /// The OpenAPI document, with `PUBLIC_BASE_URL` as its server.
    pub(crate) openapi: Bytes,
    /// The use case, with `ISSUANCE_TABLE` and `POLL_QUEUE_URL`.
    pub(crate) use_case: GetStatus<IssuanceTable, PollQueue, OperatingSystem>,
}

impl Config {
    /// Reads the variables that are named at the fields. A fault names its variable.
    pub(crate) fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let table = env.required("ISSUANCE_TABLE", "the name of the issuance table")?;
        let queue = env.required("POLL_QUEUE_URL", "the URL of the poll queue")?;
        let public_base_url = env.base_url("PUBLIC_BASE_URL")?;
        let sdk = Sdk::from_env(env)?;
        let guard = Guard::from_env(env, &sdk)?;
        Ok(Self {
            guard,
            openapi: bestow_contract::openapi(&public_base_url).into(),
            use_case: GetStatus {
                records: IssuanceTable::new(sdk.dynamodb(), table),
                queue: PollQueue::new(sdk.sqs(), queue).giving_up_after(HASTEN_LIMIT),
                system: OperatingSystem,
            },
        })
    }
}

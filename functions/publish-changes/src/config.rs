//! What this function is configured with.

use aws::sdk::Sdk;
use aws::{EventBus, FailureQueue, IssuanceTable};
use issuance::PublishChanges;
use runtime::{ConfigError, Env};

/// What the function works with.
pub(crate) struct Config {
    pub(crate) use_case: PublishChanges<EventBus, IssuanceTable>,
    pub(crate) failures: FailureQueue,
}

impl Config {
    /// Reads the environment. A fault names its variable.
    ///
    /// | variable | what it is |
    /// |---|---|
    /// | `EVENT_BUS_NAME` | the bus that events go to |
    /// | `ISSUANCE_TABLE` | the table whose stream this is |
    /// | `PUBLIC_BASE_URL` | the deployment, which events name as their source |
    /// | `PUBLISH_FAILURE_QUEUE_URL` | where records go that can never be published |
    pub(crate) fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let bus = env.required("EVENT_BUS_NAME", "the name of the event bus")?;
        let table = env.required("ISSUANCE_TABLE", "the name of the issuance table")?;
        let source = env.base_url("PUBLIC_BASE_URL")?;
        let failures = env.required(
            "PUBLISH_FAILURE_QUEUE_URL",
            "the URL of the queue of what could not be published",
        )?;
        let sdk = Sdk::from_env(env)?;
        Ok(Self {
            use_case: PublishChanges {
                bus: EventBus::new(sdk.eventbridge(), bus),
                credentials: IssuanceTable::new(sdk.dynamodb(), table),
                source: source.as_str().trim_end_matches('/').to_owned(),
            },
            failures: FailureQueue::new(sdk.sqs(), failures),
        })
    }
}

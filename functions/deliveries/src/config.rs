//! What this function is configured with.

use bestow_access::Guard;
use bestow_aws::sdk::Sdk;
use bestow_backend::{DeliveryTable, IssuanceTable, WebhookQueue};
use bestow_clock::OperatingSystem;
use bestow_runtime::{ConfigError, Env};
use bestow_webhooks::Replay;

/// The configuration, with the clients that it is about.
pub(crate) struct Config {
    /// `ACCESS_…`: who may look and replay.
    pub(crate) guard: Guard,
    /// `ISSUANCE_TABLE`: which issuances there are.
    pub(crate) issuances: IssuanceTable,
    /// The use case, with `DELIVERY_TABLE` and `WEBHOOK_QUEUE_URL`.
    pub(crate) replay: Replay<DeliveryTable, WebhookQueue, OperatingSystem>,
}

impl Config {
    /// Reads the variables that are named at the fields. A fault names its variable.
    pub(crate) fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let issuances = env.required("ISSUANCE_TABLE", "the name of the issuance table")?;
        let table = env.required("DELIVERY_TABLE", "the name of the table of deliveries")?;
        let queue = env.required("WEBHOOK_QUEUE_URL", "the URL of the webhook queue")?;
        let sdk = Sdk::from_env(env)?;
        let guard = Guard::from_env(env, &sdk)?;
        Ok(Self {
            guard,
            issuances: IssuanceTable::new(sdk.dynamodb(), issuances),
            replay: Replay {
                deliveries: DeliveryTable::new(sdk.dynamodb(), table),
                queue: WebhookQueue::new(sdk.sqs(), queue),
                system: OperatingSystem,
            },
        })
    }
}

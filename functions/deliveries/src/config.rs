//! What this function is configured with.

use aws::sdk::Sdk;
use aws::{DeliveryTable, IssuanceTable, WebhookQueue};
use issuance::ports::Machine;
use runtime::{ApiKeys, ConfigError, Env};
use webhooks::Replay;

/// The configuration, with the clients that it is about.
pub(crate) struct Config {
    /// `API_KEY_HASHES`: who may look and replay.
    pub(crate) api_keys: ApiKeys,
    /// `ISSUANCE_TABLE`: which issuances there are.
    pub(crate) issuances: IssuanceTable,
    /// The use case, with `DELIVERY_TABLE` and `WEBHOOK_QUEUE_URL`.
    pub(crate) replay: Replay<DeliveryTable, WebhookQueue, Machine>,
}

impl Config {
    /// Reads the variables that are named at the fields. A fault names its variable.
    pub(crate) fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let issuances = env.required("ISSUANCE_TABLE", "the name of the issuance table")?;
        let table = env.required("DELIVERY_TABLE", "the name of the table of deliveries")?;
        let queue = env.required("WEBHOOK_QUEUE_URL", "the URL of the webhook queue")?;
        let api_keys = ApiKeys::from_env(env, "API_KEY_HASHES")?;
        let sdk = Sdk::from_env(env)?;
        Ok(Self {
            api_keys,
            issuances: IssuanceTable::new(sdk.dynamodb(), issuances),
            replay: Replay {
                deliveries: DeliveryTable::new(sdk.dynamodb(), table),
                queue: WebhookQueue::new(sdk.sqs(), queue),
                system: Machine,
            },
        })
    }
}

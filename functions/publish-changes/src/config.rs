//! What this function is configured with.

use bestow_aws::queue::Queue;
use bestow_aws::sdk::Sdk;
use bestow_backend::{DeliveryTable, EventBus, IssuanceTable, WebhookQueue};
use bestow_clock::OperatingSystem;
use bestow_issuance::PublishChanges;
use bestow_runtime::{ConfigError, Env};
use bestow_webhooks::Announce;

/// What the function works with.
pub(crate) struct Config {
    pub(crate) use_case: PublishChanges<EventBus, IssuanceTable>,
    pub(crate) webhooks: Announce<DeliveryTable, WebhookQueue, OperatingSystem>,
    /// Where Lambda, too, sends the records that it gave up.
    pub(crate) failures: Queue,
}

impl Config {
    /// Reads the environment. A fault names its variable.
    ///
    /// | variable | what it is |
    /// |---|---|
    /// | `EVENT_BUS_NAME` | the bus that events go to |
    /// | `ISSUANCE_TABLE` | the table whose stream this is |
    /// | `PUBLIC_BASE_URL` | the deployment, which events name as their source |
    /// | `PUBLISH_DEAD_LETTER_QUEUE_URL` | where records go that can never be announced |
    /// | `DELIVERY_TABLE` | the table of deliveries to webhooks |
    /// | `WEBHOOK_QUEUE_URL` | the queue of deliveries that are due |
    /// | `WEBHOOK_SUBSCRIPTIONS` | who is told of every issuance: URLs separated by commas, or nothing |
    /// | `EGRESS_ALLOW` | what may be told besides the public internet |
    pub(crate) fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let bus = env.required("EVENT_BUS_NAME", "the name of the event bus")?;
        let source = env.base_url("PUBLIC_BASE_URL")?;
        let failures = env.required(
            "PUBLISH_DEAD_LETTER_QUEUE_URL",
            "the URL of the queue of what could not be published",
        )?;
        let deliveries = env.required("DELIVERY_TABLE", "the name of the table of deliveries")?;
        let queue = env.required("WEBHOOK_QUEUE_URL", "the URL of the webhook queue")?;
        let subscriptions = bestow_egress::subscriptions_from_env(env)?;
        let sdk = Sdk::from_env(env)?;
        Ok(Self {
            use_case: PublishChanges {
                bus: EventBus::new(&sdk, bus),
                credentials: IssuanceTable::from_env(env, &sdk)?,
                source,
            },
            webhooks: Announce {
                deliveries: DeliveryTable::new(sdk.dynamodb(), deliveries),
                queue: WebhookQueue::new(sdk.sqs(), queue),
                system: OperatingSystem,
                subscriptions,
            },
            failures: Queue::new(sdk.sqs(), failures),
        })
    }
}

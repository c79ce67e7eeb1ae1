//! What this function is configured with.

use bestow_aws::sdk::Sdk;
use bestow_backend::{DeliveryTable, WebhookQueue};
use bestow_clock::OperatingSystem;
use bestow_egress::WebhookClient;
use bestow_runtime::{ConfigError, Env};
use bestow_webhooks::{CircuitBreaker, Deliver, WebhookSecrets};

/// The use case as this function runs it.
pub(crate) type UseCase = Deliver<DeliveryTable, WebhookClient, WebhookQueue, OperatingSystem>;

/// The use case, from the environment. A fault names its variable.
///
/// | variable | what it is |
/// |---|---|
/// | `DELIVERY_TABLE` | the table of deliveries |
/// | `WEBHOOK_QUEUE_URL` | the queue of attempts that are due later |
/// | `WEBHOOK_SECRETS` | what deliveries are signed with: one secret, or two during a rotation |
/// | `WEBHOOK_SUBSCRIPTIONS` | the subscriptions of every issuance: URLs separated by commas, or nothing |
/// | `EGRESS_ALLOW` | what may be posted to besides the public internet |
pub(crate) fn use_case(env: &Env) -> Result<UseCase, ConfigError> {
    let table = env.required("DELIVERY_TABLE", "the name of the table of deliveries")?;
    let queue = env.required("WEBHOOK_QUEUE_URL", "the URL of the webhook queue")?;
    let secrets: WebhookSecrets = env
        .required(
            "WEBHOOK_SECRETS",
            "the secret that deliveries are signed with: whsec_ and the base64 of 24 to 64 random bytes",
        )?
        .parse()
        .map_err(|fault| ConfigError::invalid("WEBHOOK_SECRETS", fault))?;
    let subscriptions = bestow_egress::subscriptions_from_env(env)?;
    let receiver = WebhookClient::from_env(env)?;
    let sdk = Sdk::from_env(env)?;
    Ok(Deliver {
        deliveries: DeliveryTable::new(sdk.dynamodb(), table),
        receiver,
        circuit_breaker: CircuitBreaker::default(),
        queue: WebhookQueue::new(sdk.sqs(), queue),
        system: OperatingSystem,
        secrets,
        subscriptions,
    })
}

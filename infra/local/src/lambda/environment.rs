//! The environment of each function: what the template sets, and what Lambda would.

use std::collections::BTreeMap;

use crate::StartError;
use crate::data::secrets::Secrets;
use crate::template::{Function, LOCAL_REGION, resolve_secrets, resource_fault};

/// Nothing listens there: no client of a function reaches the real cloud by mistake.
const NO_ENDPOINT: &str = "http://127.0.0.1:1";

/// Where the embedded services listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsEndpoints {
    /// DynamoDB and its streams, as `http://127.0.0.1:PORT`.
    pub dynamodb: String,
    /// SQS, as `http://127.0.0.1:PORT`.
    pub sqs: String,
    /// EventBridge, as `http://127.0.0.1:PORT`.
    pub eventbridge: String,
}

/// What Lambda itself would set, as far as the functions need it, and where the AWS services are.
pub(crate) fn of_aws(endpoints: &AwsEndpoints) -> BTreeMap<String, String> {
    [
        ("AWS_REGION", LOCAL_REGION),
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
        ("AWS_ENDPOINT_URL", NO_ENDPOINT),
        ("AWS_ENDPOINT_URL_DYNAMODB", &endpoints.dynamodb),
        ("AWS_ENDPOINT_URL_DYNAMODB_STREAMS", &endpoints.dynamodb),
        ("AWS_ENDPOINT_URL_EVENTBRIDGE", &endpoints.eventbridge),
        ("AWS_ENDPOINT_URL_KMS", NO_ENDPOINT),
        ("AWS_ENDPOINT_URL_SQS", &endpoints.sqs),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

/// The whole environment of a function, secrets included.
pub(crate) fn of_function(
    function: &Function,
    endpoints: &AwsEndpoints,
    secrets: &Secrets,
) -> Result<BTreeMap<String, String>, StartError> {
    let mut environment = of_aws(endpoints);
    for (variable, value) in &function.environment {
        let value = resolve_secrets(value, |name| secrets.get(name)).map_err(|reference| {
            resource_fault(
                &function.logical_id,
                format!("the variable {variable} refers to {reference}, which is no secret of the template"),
            )
        })?;
        environment.insert(variable.clone(), value);
    }
    Ok(environment)
}

//! The embedded DynamoDB of a cloud, in its own JSON.

use local::RunningCloud;
use reqwest::Client;
use serde_json::Value;

use crate::Failure;

/// A client of a cloud's tables.
pub(crate) struct Dynamodb {
    client: Client,
    endpoint: String,
}

impl Dynamodb {
    pub(crate) fn of(cloud: &RunningCloud) -> Self {
        Self {
            client: Client::new(),
            endpoint: cloud.dynamodb_endpoint().to_owned(),
        }
    }

    /// The answer to an operation such as `GetItem`.
    pub(crate) async fn call(&self, operation: &str, request: &Value) -> Result<Value, Failure> {
        let answer = self
            .client
            .post(&self.endpoint)
            .header("x-amz-target", format!("DynamoDB_20120810.{operation}"))
            .header("content-type", "application/x-amz-json-1.0")
            // The embedded table wants a signature and does not look at it.
            .header(
                "authorization",
                "AWS4-HMAC-SHA256 Credential=local/20260101/local/dynamodb/aws4_request, \
                 SignedHeaders=host, Signature=0",
            )
            .header("x-amz-date", "20260101T000000Z")
            .body(request.to_string())
            .send()
            .await?
            .error_for_status()?;
        Ok(answer.json().await?)
    }
}

//! The tables of an embedded DynamoDB, in its JSON protocol.

use reqwest::Client;
use serde_json::{Value, json};

/// A client of an embedded DynamoDB, which takes any signature.
#[derive(Debug, Clone)]
pub struct Tables {
    http: Client,
    endpoint: String,
}

impl Tables {
    /// The tables of the DynamoDB at `endpoint`.
    pub fn at(endpoint: &str) -> Self {
        Self {
            http: Client::builder().no_proxy().build().unwrap(),
            endpoint: endpoint.to_owned(),
        }
    }

    /// One operation, which must succeed.
    pub async fn call(&self, operation: &str, request: &Value) -> Value {
        let answer = self.try_call(operation, request).await;
        answer.unwrap_or_else(|fault| panic!("{operation}: {fault}"))
    }

    /// One operation.
    ///
    /// # Errors
    /// The service's error.
    pub async fn try_call(&self, operation: &str, request: &Value) -> Result<Value, Value> {
        let signature = "AWS4-HMAC-SHA256 Credential=local/20260101/local/dynamodb/aws4_request, \
                         SignedHeaders=host, Signature=0";
        let request = self
            .http
            .post(&self.endpoint)
            .header("x-amz-target", format!("DynamoDB_20120810.{operation}"))
            .header("content-type", "application/x-amz-json-1.0")
            .header("authorization", signature)
            .header("x-amz-date", "20260101T000000Z")
            .body(request.to_string());
        let answer = request.send().await.unwrap();
        let is_success = answer.status().is_success();
        let body = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or_default();
        if is_success { Ok(body) } else { Err(body) }
    }

    /// Every page of a query or a scan.
    pub async fn pages(&self, operation: &str, mut request: Value) -> Vec<Value> {
        let mut pages = Vec::new();
        loop {
            let mut page = self.call(operation, &request).await;
            let last = page["LastEvaluatedKey"].take();
            pages.push(page);
            if last.is_null() {
                return pages;
            }
            request["ExclusiveStartKey"] = last;
        }
    }

    /// Every item of a table, in DynamoDB's JSON.
    pub async fn items(&self, table: &str) -> Vec<Value> {
        let request = json!({"TableName": table, "ConsistentRead": true});
        let pages = self.pages("Scan", request).await;
        let items = pages.iter().filter_map(|page| page["Items"].as_array());
        items.flatten().cloned().collect()
    }
}

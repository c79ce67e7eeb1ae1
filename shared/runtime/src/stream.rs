//! A batch of records of a DynamoDB stream. The answer to it has the form of a queue's.

use aws_lambda_events::event::sqs::SqsBatchResponse;
use serde::Deserialize;
use serde_json::Value;

/// A batch of records, in the order of the changes.
#[derive(Debug, Default, Deserialize)]
pub struct StreamEvent {
    /// The records.
    #[serde(rename = "Records", default)]
    pub records: Vec<StreamRecord>,
}

/// One record. The images stay JSON, so that one which cannot be read fails alone.
#[derive(Debug, Deserialize)]
pub struct StreamRecord {
    /// The stream.
    #[serde(rename = "eventSourceARN", default)]
    pub stream_arn: Option<String>,
    /// The change.
    #[serde(rename = "dynamodb")]
    pub change: ItemChange,
}

/// How an item changed, in DynamoDB's JSON.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ItemChange {
    /// Names the record within its stream.
    pub sequence_number: String,
    /// The item's key.
    pub keys: Value,
    /// The item before, where the stream carries it.
    pub old_image: Option<Value>,
    /// The item after, where the stream carries it.
    pub new_image: Option<Value>,
}

/// The answer that has `record` and all that follow it delivered again.
pub fn again_from(record: &StreamRecord) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    response.add_failure(record.change.sequence_number.clone());
    response
}

//! A batch of records as Lambda hands it over from a DynamoDB stream, and the answer to it.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A batch of records, in the order in which the table's items changed.
#[derive(Debug, Default, Deserialize)]
pub struct StreamEvent {
    /// The records.
    #[serde(rename = "Records", default)]
    pub records: Vec<StreamRecord>,
}

/// One record: how an item changed. The images stay as they came, so that one which cannot be understood
/// fails alone.
#[derive(Debug, Default, Deserialize)]
pub struct StreamRecord {
    #[serde(rename = "eventSourceARN", default)]
    stream_arn: Option<String>,
    #[serde(rename = "dynamodb", default)]
    pub(crate) change: ItemChange,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct ItemChange {
    pub(crate) sequence_number: String,
    keys: Value,
    pub(crate) old_image: Option<Value>,
    pub(crate) new_image: Option<Value>,
}

impl StreamRecord {
    /// Where the record is and why it was given up, in the words that Lambda itself uses for the
    /// on-failure destination of a stream. Of the item only its key, which names an issuance.
    pub(crate) fn given_up(&self, reason: &str) -> Value {
        let sequence_number = &self.change.sequence_number;
        json!({
            "version": "1.0",
            "requestContext": {"condition": "RecordNotPublishable"},
            "reason": reason,
            "keys": self.change.keys,
            "DDBStreamBatchInfo": {
                "streamArn": self.stream_arn,
                "startSequenceNumber": sequence_number,
                "endSequenceNumber": sequence_number,
                "batchSize": 1,
            },
        })
    }
}

/// What is to be delivered again (`ReportBatchItemFailures`): of a stream, everything from the first record
/// that is named here.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamResponse {
    batch_item_failures: Vec<ItemFailure>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct ItemFailure {
    item_identifier: String,
}

impl StreamResponse {
    pub(crate) fn again_from(record: &StreamRecord) -> Self {
        Self {
            batch_item_failures: vec![ItemFailure {
                item_identifier: record.change.sequence_number.clone(),
            }],
        }
    }
}

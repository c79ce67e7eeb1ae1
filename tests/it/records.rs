//! The backend's records, looked into: whoever asks for a status has the wallet asked, and some tests are
//! about what happens when nobody does.

use bestow_local::RunningCloud;
use serde_json::json;

use crate::backend::PATIENCE;
use crate::eventually::eventually;
use crate::tables;

/// The records of issuances.
pub struct Records {
    tables: bestow_embedded_aws::Tables,
    table: String,
}

impl Records {
    pub fn of(cloud: &RunningCloud) -> Self {
        Self {
            tables: tables::of(cloud),
            table: cloud.issuance_table().to_owned(),
        }
    }

    /// The attribute of an issuance's record, if it is there and a text.
    pub async fn text(&self, correlation_id: &str, attribute: &str) -> Option<String> {
        let key = json!({"pk": {"S": format!("issuance#{correlation_id}")}, "sk": {"S": "record"}});
        let request = json!({"TableName": self.table, "Key": key, "ConsistentRead": true});
        let found = self.tables.call("GetItem", &request).await;
        let text = found["Item"][attribute]["S"].as_str();
        text.map(str::to_owned)
    }

    /// Waits until an issuance's record is in this state: `offered`, `completed` or `failed`.
    pub async fn until_state(&self, correlation_id: &str, wanted: &str) {
        let what = format!("{correlation_id} is {wanted}");
        eventually(&what, PATIENCE, async || {
            let state = self.text(correlation_id, "state").await;
            (state.as_deref() == Some(wanted)).then_some(())
        })
        .await;
    }
}

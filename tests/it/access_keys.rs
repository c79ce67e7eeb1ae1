//! Gives API keys out, as an operator would.

use bestow_access::{AccessTable, ApiKey, KeyId, KeyRecord, Scope};
use bestow_aws::sdk::Sdk;
use bestow_local::RunningCloud;

use crate::backend::Backend;

/// The table of a local cloud's keys.
pub struct AccessKeys {
    pub table: AccessTable,
}

impl AccessKeys {
    pub fn of(running: &RunningCloud) -> Self {
        let env = running.aws_environment().into_iter().collect();
        let sdk = Sdk::from_env(&env).expect("an environment");
        Self {
            table: AccessTable::new(sdk.dynamodb(), running.access_table()),
        }
    }

    /// Gives a key with these scopes out.
    pub async fn give(&self, scopes: impl IntoIterator<Item = Scope>) -> (KeyId, String) {
        self.give_changed(scopes, |_| {}).await
    }

    /// The same with a record that is not as it would be made.
    pub async fn give_changed(
        &self,
        scopes: impl IntoIterator<Item = Scope>,
        change: impl FnOnce(&mut KeyRecord),
    ) -> (KeyId, String) {
        let (id, key) = ApiKey::generate().expect("randomness");
        let (scopes, now) = (scopes.into_iter().collect(), jiff::Timestamp::UNIX_EPOCH);
        let mut record = KeyRecord::new(id, key.hash(), scopes, now);
        change(&mut record);
        self.table.create(&record).await.expect("it is written");
        (record.id, key.expose().to_owned())
    }
}

/// The same caller with another key.
pub fn with_key(backend: &Backend, api_key: &str) -> Backend {
    Backend {
        api_key: api_key.to_owned(),
        ..backend.clone()
    }
}

//! The keys that callers of the local cloud use: in the template's own table, as in AWS.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use bestow_access::{AccessTable, KeyHash, KeyRecord, Scope};
use bestow_aws::sdk::Sdk;
use bestow_runtime::{ConfigError, Env};
use jiff::Timestamp;

use crate::data::data_dir::DataDir;
use crate::template::Stack;
use crate::{DataDirError, RunningCloud, StartError};

/// The table's name in the template.
const LOGICAL_ID: &str = "AccessTable";

/// The id of the key that `--api-key` names, or its default.
const ID: &str = "local";

/// The table of the running cloud, whose AWS endpoints are in `aws`.
pub(crate) fn table(
    stack: &Stack,
    aws: &BTreeMap<String, String>,
) -> Result<AccessTable, StartError> {
    let failed = |reason| StartError::Function {
        function: LOGICAL_ID.to_owned(),
        reason,
    };
    let table = stack
        .tables
        .iter()
        .find(|table| table.logical_id == LOGICAL_ID)
        .ok_or_else(|| failed(ConfigError::content("template.yaml has no AccessTable")))?;
    let env: Env = aws.clone().into_iter().collect();
    let sdk = Sdk::from_env(&env).map_err(failed)?;
    Ok(AccessTable::new(sdk.dynamodb(), &table.name))
}

/// Lets callers with `api_key` in, and those no more who have the key of an earlier run.
pub(crate) async fn let_in(table: &AccessTable, api_key: &str) -> Result<(), StartError> {
    let failed = |reason: String| StartError::Emulator {
        service: "DynamoDB",
        doing: "writing the API key".to_owned(),
        reason,
    };
    let id = ID.parse().map_err(|fault| failed(format!("{fault}")))?;
    let hash = KeyHash::of(api_key.as_bytes());
    let scopes = Scope::ALL.iter().copied().collect();
    let record = KeyRecord {
        note: "--api-key of the local cloud".to_owned(),
        ..KeyRecord::new(id, hash, scopes, Timestamp::now())
    };
    table
        .put(&record)
        .await
        .map_err(|fault| failed(fault.to_string()))
}

/// In the data directory: the environment in which the table of the cloud that runs on it is reached.
const RUNNING: &str = "running.json";

/// The name of the table's name, in that environment too.
const TABLE_VARIABLE: &str = "ACCESS_TABLE";

/// There is no local cloud whose keys could be managed.
#[derive(Debug, thiserror::Error)]
#[error(
    "no local cloud is running on the data directory {data_dir}: start one with `cargo run` in another terminal \
     (without --ephemeral, and with the same --data-dir). For a deployment in AWS name its table: --table NAME, the \
     stack's output AccessTableName"
)]
pub(crate) struct NotRunningError {
    pub(crate) data_dir: PathBuf,
}

/// Notes where the keys of `cloud` are, for the commands that manage them.
pub(crate) fn note_where(cloud: &RunningCloud) -> Result<(), DataDirError> {
    let mut environment = cloud.aws_environment();
    environment.insert(TABLE_VARIABLE.to_owned(), cloud.access_table().to_owned());
    // A map of strings: there is nothing that JSON cannot say.
    let text = serde_json::to_string_pretty(&environment).unwrap_or_default();
    cloud.data.write(RUNNING, &text)
}

/// When the cloud stops.
pub(crate) fn forget_where(data: &DataDir) {
    data.remove(RUNNING);
}

/// The table of the cloud that runs on `data_dir`. One that was killed has left its note behind: then the first call
/// finds nobody there.
pub(crate) fn table_of_running(data_dir: &Path) -> Result<AccessTable, NotRunningError> {
    let read = || {
        let text = fs::read_to_string(data_dir.join(RUNNING)).ok()?;
        let environment: BTreeMap<String, String> = serde_json::from_str(&text).ok()?;
        let name = environment.get(TABLE_VARIABLE)?.clone();
        let sdk = Sdk::from_env(&environment.into_iter().collect()).ok()?;
        Some(AccessTable::new(sdk.dynamodb(), &name))
    };
    read().ok_or_else(|| NotRunningError {
        data_dir: data_dir.to_owned(),
    })
}

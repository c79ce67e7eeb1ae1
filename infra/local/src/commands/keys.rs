//! `keys`: the API keys of callers, in the table of the running local cloud or of a deployment.

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use bestow_access::{
    AccessTable, ApiKey, ChangeError, KeyId, KeyRecord, KeyState, RateLimit, Scope,
};
use bestow_aws::sdk::Sdk;
use bestow_runtime::Env;
use clap::{Args, Subcommand};
use jiff::{Span, SpanRelativeTo, Timestamp};

use super::{DataDirArg, console};
use crate::access_keys::{NotRunningError, table_of_running};

const LONGEST_NOTE: usize = 200;
const TEN_YEARS: Duration = Duration::from_secs(10 * 366 * 24 * 60 * 60);

const CREATE_EXAMPLES: &str = "\
Scopes:
  issue:write        start issuances, one by one and in bulk
  issue:read         read what became of issuances and of bulk jobs
  credential:status  read and change the status of issued credentials
  delivery:read      see how the deliveries of callbacks went
  delivery:replay    have a delivery sent again

Examples:
  cargo run -- keys create --scope issue:write,issue:read --note 'the web shop' --expires 90d
  cargo run -- keys create --scope credential:status --note 'fraud desk' --table bestow-dev-AccessTable-1ABC";

const IN_AWS: &str = "\
With --table, keys are managed in AWS: set AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, for temporary \
credentials, AWS_SESSION_TOKEN. Profiles are not read; to use one:
  eval \"$(aws configure export-credentials --profile NAME --format env)\"";

#[derive(Debug, Subcommand)]
pub(super) enum Keys {
    /// Make a key; it is shown once
    #[command(after_help = CREATE_EXAMPLES)]
    Create {
        /// What its holder may do, separated by commas
        #[arg(long, value_name = "SCOPES", required = true, value_delimiter = ',')]
        scope: Vec<Scope>,
        /// Whose it is, what for: for whoever reads the list later
        #[arg(long, value_name = "TEXT", default_value = "", value_parser = note)]
        note: String,
        /// How long it is valid, as 90d, 12h or 30m; without this, until it is revoked
        #[arg(long, value_name = "TIME", value_parser = time)]
        expires: Option<Duration>,
        /// How many requests its holder may make, as 50/s, 1000/m or 20000/h; without this, any number
        #[arg(long, value_name = "LIMIT")]
        rate: Option<RateLimit>,
        #[command(flatten)]
        place: Place,
    },
    /// Show all keys, those that ended in the last 90 days too
    List {
        #[command(flatten)]
        place: Place,
    },
    /// Make a key with the same rights in place of one, which ends a while later
    #[command(arg_required_else_help = true)]
    Rotate {
        /// The key's id, as `keys list` shows it
        id: KeyId,
        /// How long the old key stays valid
        #[arg(long, value_name = "TIME", default_value = "24h", value_parser = time)]
        overlap: Duration,
        /// How long the new key is valid; without this, as long as the old one was made for
        #[arg(long, value_name = "TIME", value_parser = time)]
        expires: Option<Duration>,
        #[command(flatten)]
        place: Place,
    },
    /// End a key now
    #[command(arg_required_else_help = true)]
    Revoke {
        /// The key's id, as `keys list` shows it
        id: KeyId,
        #[command(flatten)]
        place: Place,
    },
}

/// Where the keys are.
#[derive(Debug, Args)]
pub(super) struct Place {
    /// The table of a deployment: the output AccessTableName of its stack
    #[arg(long, value_name = "NAME")]
    table: Option<String>,
    #[command(flatten)]
    data: DataDirArg,
}

/// The table cannot be used.
#[derive(Debug, thiserror::Error)]
enum KeysError {
    #[error("{0}\n\n{IN_AWS}")]
    Environment(#[from] bestow_runtime::ConfigError),
    #[error(transparent)]
    NotRunningError(#[from] NotRunningError),
    #[error(
        "the table {table} in AWS cannot be used: {fault}. Is it in the region AWS_REGION, and may you use it?\n\n{IN_AWS}"
    )]
    Aws {
        table: String,
        fault: bestow_aws::CallError,
    },
    #[error(transparent)]
    Change(ChangeError),
}

impl Place {
    fn open(&self) -> Result<AccessTable, KeysError> {
        match &self.table {
            None => Ok(table_of_running(&self.data.data_dir)?),
            Some(name) => {
                let sdk = Sdk::from_env(&Env::from_process())?;
                Ok(AccessTable::new(sdk.dynamodb(), name))
            }
        }
    }

    /// What a failed call means here.
    fn failed(&self, fault: impl Into<ChangeError>) -> KeysError {
        match (fault.into(), &self.table) {
            (ChangeError::Call(_), None) => KeysError::NotRunningError(NotRunningError {
                data_dir: PathBuf::from(&self.data.data_dir),
            }),
            (ChangeError::Call(fault), Some(table)) => KeysError::Aws {
                table: table.clone(),
                fault,
            },
            (fault, _) => KeysError::Change(fault),
        }
    }
}

/// Does what the command says.
pub(super) async fn run(command: Keys) -> Result<(), Box<dyn Error>> {
    let now = Timestamp::now();
    match command {
        Keys::Create {
            scope,
            note,
            expires,
            rate,
            place,
        } => {
            let (id, key) = ApiKey::generate()?;
            let record = KeyRecord {
                note,
                valid_until: expires.map(|time| after(now, time)),
                rate_limit: rate,
                ..KeyRecord::new(id, key.hash(), scope.into_iter().collect(), now)
            };
            let created = place.open()?.create(&record).await;
            created.map_err(|fault| place.failed(fault))?;
            console::print(&made(&key, &record));
        }
        Keys::List { place } => {
            let keys = place.open()?.keys().await;
            let keys = keys.map_err(|fault| place.failed(fault))?;
            console::print(&list(keys, now));
        }
        Keys::Rotate {
            id,
            overlap,
            expires,
            place,
        } => {
            let (new_id, key) = ApiKey::generate()?;
            let replace = |old: &KeyRecord| {
                let lifetime = expires.or_else(|| {
                    let lifetime = old.valid_until? - old.created_at;
                    Some(lifetime.try_into().unwrap_or_default())
                });
                KeyRecord {
                    note: old.note.clone(),
                    valid_until: lifetime.map(|time| after(now, time)),
                    rate_limit: old.rate_limit,
                    ..KeyRecord::new(new_id, key.hash(), old.scopes.clone(), now)
                }
            };
            let until = after(now, overlap);
            let table = place.open()?;
            let rotated = table.rotate(&id, replace, until, now).await;
            let (old, new) = rotated.map_err(|fault| place.failed(fault))?;
            console::print(&made(&key, &new));
            console::print(&format!(
                "The key {} is taken until {}. To end it at once: keys revoke {}",
                old.id,
                moment(old.valid_until.unwrap_or(until)),
                old.id,
            ));
        }
        Keys::Revoke { id, place } => {
            let revoked = place.open()?.revoke(&id, now).await;
            let record = revoked.map_err(|fault| place.failed(fault))?;
            console::print(&match record.revoked_at {
                Some(at) if at != now => {
                    format!("The key {id} was revoked before, on {}.", moment(at))
                }
                _ => format!(
                    "The key {id} is revoked. Functions that know it take it for half a minute more \
                     (AccessCacheSeconds)."
                ),
            });
        }
    }
    Ok(())
}

/// What is printed about a new key.
fn made(key: &ApiKey, record: &KeyRecord) -> String {
    let expires = record
        .valid_until
        .map_or_else(|| "never".to_owned(), moment);
    let limit = limit(record);
    format!(
        "\
The API key {id} was made. This is the only time that it is shown:

   {key}

  scopes   {scopes}
  note     {note}
  expires  {expires}
  limit    {limit}

Callers send it in the header x-api-key; it is taken within two seconds. Keep it where the caller keeps its secrets:
only its hash is in the table.
",
        id = record.id,
        key = key.expose(),
        scopes = scopes(record),
        note = record.note,
    )
}

fn list(mut keys: Vec<KeyRecord>, now: Timestamp) -> String {
    if keys.is_empty() {
        return "There are no API keys. Make one with: keys create --scope issue:write,issue:read --note '…'"
            .to_owned();
    }
    keys.sort_by_key(|key| key.created_at);
    let heading = ["ID", "STATE", "SCOPES", "LIMIT", "MADE", "NOTE"].map(str::to_owned);
    let rows: Vec<[String; 6]> = std::iter::once(heading)
        .chain(keys.iter().map(|key| {
            [
                key.id.to_string(),
                state(key, now),
                scopes(key),
                limit(key),
                moment(key.created_at),
                key.note.clone(),
            ]
        }))
        .collect();
    table(&rows)
}

/// Columns that are as wide as their widest cell.
fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |row: &[String; N]| {
        let cells: Vec<String> = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn state(key: &KeyRecord, now: Timestamp) -> String {
    let replaced = key
        .replaced_by
        .as_ref()
        .map(|by| format!(", replaced by {by}"))
        .unwrap_or_default();
    match (key.state(now), key.valid_until) {
        (KeyState::Revoked(at), _) => format!("revoked {}{replaced}", moment(at)),
        (KeyState::Expired(at), _) => format!("expired {}{replaced}", moment(at)),
        (KeyState::Valid, Some(until)) => format!("valid until {}{replaced}", moment(until)),
        (KeyState::Valid, None) => "valid".to_owned(),
    }
}

fn scopes(key: &KeyRecord) -> String {
    let names: Vec<_> = key.scopes.iter().map(|scope| scope.as_str()).collect();
    names.join(",")
}

fn limit(key: &KeyRecord) -> String {
    key.rate_limit
        .map_or_else(|| "none".to_owned(), |limit| limit.to_string())
}

fn after(now: Timestamp, time: Duration) -> Timestamp {
    now.saturating_add(time).unwrap_or(Timestamp::MAX)
}

/// A time to the second.
fn moment(at: Timestamp) -> String {
    format!("{at:.0}")
}

/// A time such as `90d`.
fn time(text: &str) -> Result<Duration, String> {
    let span: Option<Span> = text.parse().ok();
    let time = span.and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()).ok());
    time.and_then(|time| Duration::try_from(time).ok())
        .filter(|time| *time <= TEN_YEARS)
        .ok_or_else(|| {
            "it must be a number and a unit, as 90d, 12h or 30m, of at most ten years".to_owned()
        })
}

fn note(text: &str) -> Result<String, String> {
    if text.chars().count() > LONGEST_NOTE || text.chars().any(char::is_control) {
        return Err(format!(
            "it must be one line of at most {LONGEST_NOTE} characters"
        ));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_number_and_a_unit() {
        for (text, seconds) in [
            ("90d", 7_776_000),
            ("24h", 86_400),
            ("30m", 1_800),
            ("0s", 0),
            ("2w", 1_209_600),
        ] {
            assert_eq!(time(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for bad in [
            "",
            "d",
            "90",
            "-1d",
            "1y",
            "99999999999999999999d",
            "521w1",
            "530w",
            "9é",
        ] {
            assert!(time(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_list_tells_what_became_of_each_key() {
        let at = |ms| Timestamp::from_millisecond(ms).unwrap();
        let hash = bestow_access::KeyHash::of(b"secret");
        let record = |id: &str, valid_until: Option<i64>, revoked_at: Option<i64>| KeyRecord {
            note: format!("note of {id}"),
            valid_until: valid_until.map(at),
            revoked_at: revoked_at.map(at),
            ..KeyRecord::new(id.parse().unwrap(), hash, [Scope::IssueRead].into(), at(0))
        };
        let keys = vec![
            record("open", None, None),
            record("timed", Some(2_000), None),
            record("over", Some(500), None),
            record("ended", None, Some(700)),
        ];
        let list = list(keys, at(1_000));
        let lines: Vec<String> = list
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        let made = "issue:read none 1970-01-01T00:00:00Z note of";
        assert_eq!(
            lines,
            [
                "ID STATE SCOPES LIMIT MADE NOTE".to_owned(),
                format!("open valid {made} open"),
                format!("timed valid until 1970-01-01T00:00:02Z {made} timed"),
                format!("over expired 1970-01-01T00:00:00Z {made} over"),
                format!("ended revoked 1970-01-01T00:00:00Z {made} ended"),
            ]
        );
    }
}

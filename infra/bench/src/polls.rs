//! What it costs to follow an issuance, and how soon its completion is known, when the backend never asks.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use local::{Options, RunningCloud};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::Failure;
use crate::dynamodb::Dynamodb;
use crate::flow::{Clock, Parties, Taken};
use crate::load::{functions, progress, start_with};
use crate::report::{self, Statistics};

/// How far apart issuances are started, so that they do not measure each other.
const APART: Duration = Duration::from_millis(50);
/// How often it is looked whether an issuance has ended. When it did is in the record.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// When the command gives up on an issuance that was taken: after the longest delay between two polls
/// of the schedule in its first ten minutes.
const DEADLINE: Duration = Duration::from_secs(150);

#[derive(Args)]
pub(crate) struct Polls {
    /// Issuances with and without callbacks each.
    #[arg(long, default_value_t = 200)]
    issuances: u32,
    /// Seconds for which the slowest customer looks at the offer; the others are spread evenly from 0 on.
    #[arg(long, default_value_t = 60)]
    slowest_seconds: u32,
    /// Processes of each function at most.
    #[arg(long, default_value_t = 2)]
    processes: usize,
    /// Where the functions' binaries are; by default beside this command.
    #[arg(long)]
    binaries: Option<PathBuf>,
}

/// How issuances were followed.
pub(crate) struct Followed {
    pub(crate) issuances: usize,
    /// Polls of all issuances.
    pub(crate) polls: u64,
    /// Polls of the issuance with the most.
    pub(crate) most_polls: u64,
    /// From the request for the credential to the record of the completion.
    pub(crate) detection: Statistics,
}

impl Polls {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let with = self.follow(true).await?;
        let without = self.follow(false).await?;
        report::print_polls(&[
            ("the wallet calls back", &with),
            ("by the schedule alone", &without),
        ]);
        Ok(())
    }

    async fn follow(&self, wallet_callbacks: bool) -> Result<Followed, Failure> {
        let parameter = ("WalletCallbacks".to_owned(), wallet_callbacks.to_string());
        let options = Options {
            parameters: [parameter].into(),
            ..Options::default()
        };
        let binaries = functions(self.binaries.as_deref())?;
        let cloud = start_with(options, &binaries, self.processes, None).await?;
        let parties = Arc::new(Parties::new(cloud.base_url(), cloud.api_key())?);
        let records = Arc::new(Records::of(&cloud));
        // Until there are processes.
        let warm = parties.take(&mut Clock::default(), Duration::ZERO).await?;
        records.until_completed(&warm).await?;

        let what = if wallet_callbacks {
            "called back"
        } else {
            "schedule"
        };
        let bar = progress(self.issuances as usize, what);
        let mut running = JoinSet::new();
        for number in 0..self.issuances {
            let (parties, records) = (Arc::clone(&parties), Arc::clone(&records));
            let slowest = Duration::from_secs(self.slowest_seconds.into());
            let hesitation = slowest * number / self.issuances.max(1);
            running.spawn(async move {
                tokio::time::sleep(APART * number).await;
                let taken = parties.take(&mut Clock::default(), hesitation).await?;
                records.until_completed(&taken).await
            });
        }
        let mut completed = Vec::new();
        while let Some(one) = running.join_next().await {
            completed.push(one??);
            bar.inc(1);
        }
        bar.finish_and_clear();
        cloud.shutdown().await;
        let polls = || completed.iter().map(|one| one.polls);
        Ok(Followed {
            issuances: completed.len(),
            polls: polls().sum(),
            most_polls: polls().max().unwrap_or_default(),
            detection: Statistics::of(completed.iter().map(|one| one.detection)),
        })
    }
}

/// An issuance that is known to be completed.
struct Completed {
    polls: u64,
    detection: Duration,
}

/// The backend's table: to ask Get issue status would bring the next poll forward.
struct Records {
    dynamodb: Dynamodb,
    table: String,
}

impl Records {
    fn of(cloud: &RunningCloud) -> Self {
        Self {
            dynamodb: Dynamodb::of(cloud),
            table: cloud.issuance_table().to_owned(),
        }
    }

    async fn until_completed(&self, taken: &Taken) -> Result<Completed, Failure> {
        let since = Instant::now();
        loop {
            let record = self.record(&taken.correlation_id).await?;
            let number = |name: &str| -> Result<i64, Failure> {
                let digits = record
                    .pointer(&format!("/{name}/N"))
                    .and_then(Value::as_str);
                Ok(digits.ok_or("a record lacks a number")?.parse()?)
            };
            if record.pointer("/state/S").and_then(Value::as_str) == Some("completed") {
                let detection = number("last_updated_ms")?.saturating_sub(taken.asked_at_ms);
                return Ok(Completed {
                    // Each poll that was dealt with raises the number of the one that is awaited.
                    polls: number("attempt")?.try_into()?,
                    detection: Duration::from_millis(detection.try_into().unwrap_or(0)),
                });
            }
            if since.elapsed() > DEADLINE {
                return Err("the completion of an issuance was not noticed in time".into());
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    async fn record(&self, correlation_id: &str) -> Result<Value, Failure> {
        let key = json!({"pk": {"S": format!("issuance#{correlation_id}")}, "sk": {"S": "record"}});
        let request = json!({"TableName": self.table, "Key": key, "ConsistentRead": true});
        let answer = self.dynamodb.call("GetItem", &request).await?;
        Ok(answer.get("Item").cloned().unwrap_or_default())
    }
}

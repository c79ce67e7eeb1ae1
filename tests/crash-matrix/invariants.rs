//! What must hold when a flow is over, whatever happened meanwhile.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bestow_local::EventQuery;
use serde_json::Value;

use crate::Broken;
use crate::holder::Taken;
use crate::tables::text;
use crate::world::World;

pub use crate::same_value as same;

/// Values of claims, which must stand on no queue.
const CLAIMS: [&str; 2] = ["Claimed Name", "NL12TUL25708789078"];

/// Runs of the schedules until the claims must be gone.
const RUNS: usize = 4;

/// What a record says of the end, once it has come.
const HOW_IT_ENDED: [&str; 5] = [
    "correlation_id",
    "state",
    "revocation_uuid",
    "request_uri",
    "error_code",
];

/// Everything that must hold in any flow. Nobody asks for anything any more.
pub async fn check(world: &World) -> Result<(), Broken> {
    everything_settles(world).await?;
    let before = records(world).await;
    for record in &before {
        let state = text(record, "state");
        if state != "completed" && state != "failed" {
            return Err(Broken::new(
                "everything ends",
                format!("a record is left as {state}"),
            ));
        }
    }
    one_offer_each(world, &before).await?;
    every_change_is_published(world, &before).await?;
    claims_are_erased(world).await?;

    // A poll that comes again asks the wallet again. If the callback was lost that told how far the customer
    // has come after the end, that is found now, and nothing else changes.
    every_event_comes_again(world).await?;
    let caught_up = records(world).await;
    every_change_is_published(world, &caught_up).await?;
    same(
        "an event that comes again does not change how it ended",
        &shown(&caught_up, &HOW_IT_ENDED),
        &shown(&before, &HOW_IT_ENDED),
    )?;

    every_event_comes_again(world).await?;
    let after = records(world).await;
    every_change_is_published(world, &after).await?;
    let all = [&HOW_IT_ENDED[..], &["sequence", "stage"]].concat();
    same(
        "an event that comes again changes nothing",
        &shown(&after, &all),
        &shown(&caught_up, &all),
    )
}

/// Every event once more, the last one first: late, and out of order.
async fn every_event_comes_again(world: &World) -> Result<(), Broken> {
    for (function, event) in world.proxy.events().into_iter().rev() {
        if let Some(function) = world.cloud.processes(&function) {
            // One that fails would come again; here it is enough that it does no harm.
            let _ = function.invoke(event).await;
        }
    }
    everything_settles(world).await
}

/// Queues drain, and nothing went to the dead letters.
async fn everything_settles(world: &World) -> Result<(), Broken> {
    let queues = world.cloud.queues();
    let drained = async || {
        for queue in queues.queue_names().expect("the queues can be read") {
            let counts = queues.counts(&queue).expect("the queue can be read");
            let left = counts.visible + counts.not_visible + counts.delayed;
            let takes_failures = queue.contains("DeadLetter") || queue.contains("Failure");
            if left > 0 && takes_failures {
                return Err(Broken::new(
                    "nothing is given up",
                    format!("{left} messages in {queue}"),
                ));
            }
            if left > 0 {
                return Ok(None);
            }
        }
        Ok(Some(()))
    };
    world.until("the queues drain", drained).await
}

/// One correlation id, one offer, one status entry.
async fn one_offer_each(world: &World, records: &[Value]) -> Result<(), Broken> {
    let items = world.wallet_items().await;
    let count = |prefix: &str| {
        items
            .iter()
            .filter(|item| text(item, "pk").starts_with(prefix))
            .count()
    };
    let found = (count("offer#"), count("status#"));
    same(
        "one offer and one status entry for each issuance",
        &found.0,
        &found.1,
    )?;
    if found.0 > records.len().max(1) {
        return Err(Broken::new(
            "one offer for each issuance",
            format!("{} offers", found.0),
        ));
    }
    Ok(())
}

/// Each change of each issuance is on the bus, the first time in order, and each repeat has the same id.
async fn every_change_is_published(world: &World, records: &[Value]) -> Result<(), Broken> {
    for record in records {
        let subject = text(record, "correlation_id");
        let changes: u64 = record["sequence"]["N"]
            .as_str()
            .unwrap_or_default()
            .parse()
            .unwrap_or_default();
        let all_are_out = async || {
            let published = Published::of(world, subject, "com.bestow.issue.")?;
            Ok((published.last() == changes).then_some(()))
        };
        world
            .until("all changes are published", all_are_out)
            .await?;
        Published::of(world, subject, "com.bestow.credential.")?;
    }
    Ok(())
}

/// Whether the last that is known of the issuance's credential is that it is revoked.
pub fn has_announced_revocation(world: &World, correlation_id: &str) -> bool {
    let events = world.cloud.published(&EventQuery::default()).into_iter();
    let mut of_credential = events.filter(|one| {
        one.event["subject"] == correlation_id
            && one.detail_type.starts_with("com.bestow.credential.")
    });
    of_credential
        .next_back()
        .is_some_and(|one| one.detail_type == "com.bestow.credential.revoked.v1")
}

/// Whoever asked for it is told of each change, by one id for each.
pub async fn every_change_is_delivered(world: &World, end: &Value) -> Result<(), Broken> {
    let changes = end["sequence"].as_u64().unwrap_or_default();
    let all_came = async || {
        let mut ids: BTreeMap<u64, String> = BTreeMap::new();
        for post in world.receiver.posts() {
            let sequence = post.body["sequence"].as_u64().unwrap_or_default();
            let id = ids.entry(sequence).or_insert_with(|| post.id.clone());
            same("a delivery that is repeated has the same id", &post.id, id)?;
        }
        Ok((1..=changes)
            .all(|sequence| ids.contains_key(&sequence))
            .then_some(()))
    };
    world.until("every change is delivered", all_came).await?;
    // The answer to the last one may have been lost; then it comes once more.
    everything_settles(world).await
}

/// What was published about one subject: the ids by their sequence, from 1.
struct Published {
    ids: Vec<Value>,
}

impl Published {
    /// Reads the bus; what is out of order, or has another id each time, is broken.
    fn of(world: &World, subject: &str, kind: &str) -> Result<Self, Broken> {
        let mut ids: Vec<Value> = Vec::new();
        for one in world.cloud.published(&EventQuery::default()) {
            let event = one.event;
            if event["subject"] != subject || !one.detail_type.starts_with(kind) {
                continue;
            }
            let sequence = &event["sequence"];
            let number = sequence
                .as_u64()
                .or_else(|| sequence.as_str()?.parse().ok());
            let before = number.and_then(|number| usize::try_from(number).ok()?.checked_sub(1));
            let before =
                before.ok_or_else(|| Broken::new("events are numbered", event.to_string()))?;
            match ids.get(before) {
                Some(id) => same(
                    "a change that is published again has the same id",
                    &event["id"],
                    id,
                )?,
                None if before == ids.len() => ids.push(event["id"].clone()),
                None => {
                    let found = format!(
                        "change {} of {subject} came after {}",
                        before + 1,
                        ids.len()
                    );
                    return Err(Broken::new(
                        "changes are published in order, and all of them",
                        found,
                    ));
                }
            }
        }
        Ok(Self { ids })
    }

    fn last(&self) -> u64 {
        self.ids.len() as u64
    }
}

/// Ten minutes after the end there are no claims any more, not even encrypted ones; what erases them runs each
/// minute, and one run may fail.
async fn claims_are_erased(world: &World) -> Result<(), Broken> {
    let mut left = 0;
    world.let_pass(Duration::from_secs(10 * 60)).await;
    for _ in 0..RUNS {
        world.run_schedules().await;
        let items = world.wallet_items().await;
        let claims = items
            .iter()
            .filter(|item| !item["encrypted_claims"].is_null());
        left = claims.count();
        if left == 0 {
            return Ok(());
        }
        world.let_pass(Duration::from_secs(60)).await;
    }
    Err(Broken::new(
        "claims do not stay",
        format!("those of {left} offers are left after {RUNS} runs"),
    ))
}

/// What was put on queues and buses has no secret.
pub fn no_secret_was_sent(
    world: &World,
    secrets: &[&str],
    taken: Option<&Taken>,
) -> Result<(), Broken> {
    let mut secrets = secrets.to_vec();
    secrets.extend(CLAIMS);
    secrets.extend(taken.map(|taken| taken.access_token.as_str()));
    for sent in world.proxy.sent() {
        if let Some(secret) = secrets.iter().find(|secret| sent.contains(**secret)) {
            return Err(Broken::new(
                "no secret is put on a queue",
                format!("{secret} in {sent}"),
            ));
        }
    }
    Ok(())
}

/// The backend's record of an issuance.
pub async fn record(world: &World, correlation_id: &str) -> Option<Value> {
    let records = records(world).await;
    records
        .into_iter()
        .find(|record| text(record, "correlation_id") == correlation_id)
}

/// Whether the issuance has come to an end.
pub async fn has_ended(world: &World, correlation_id: &str) -> bool {
    let record = record(world, correlation_id).await;
    record.is_some_and(|record| ["completed", "failed"].contains(&text(&record, "state")))
}

async fn records(world: &World) -> Vec<Value> {
    let items = world.tables.items(world.cloud.issuance_table()).await;
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a clock")
        .as_secs();
    let expires_at = |item: &Value| item["expires_at"]["N"].as_str()?.parse().ok();
    // What has expired is as good as gone: the table removes it some time.
    let is_there = |item: &Value| expires_at(item).is_none_or(|at: u64| at > now);
    items
        .into_iter()
        .filter(|item| text(item, "sk") == "record" && is_there(item))
        .collect()
}

/// These members of each record.
fn shown(records: &[Value], members: &[&str]) -> Vec<Value> {
    let shown = |record: &Value| -> Value {
        let members = members.iter();
        members
            .map(|name| ((*name).to_owned(), record[*name].clone()))
            .collect()
    };
    records.iter().map(shown).collect()
}

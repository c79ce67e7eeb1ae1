//! What backends, customers and verifiers do, from the first request to the last.
//!
//! Each flow says which functions' calls are its cells: most calls are the same in all of them.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::Broken;
use crate::backend::{Backend, iban};
use crate::call::Call;
use crate::fault::Fault;
use crate::holder::{Holder, Offer, Taken};
use crate::invariants;
use crate::status_list;
use crate::tables::text;
use crate::world::World;

/// Longer than what is recorded counts as fresh.
const A_WHILE: Duration = Duration::from_secs(2);
/// How often somebody asks who waits for an offer to be taken.
const QUESTIONS: usize = 10;
const ID: &str = "Cell_1";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Flow {
    /// A credential is issued, a delivery of it replayed, then it is suspended and revoked.
    Issue,
    /// Nobody takes the credential before it was polled for; then somebody does.
    Wait,
    /// The wallet refuses the claims.
    Refuse,
    /// The backend asks once and never comes back, and nobody takes the credential.
    Abandon,
    /// A transaction code is needed, and a wrong one is tried first.
    GuessCode,
    /// Many issuances are started by one upload, some of whose lines are wrong.
    Upload,
    /// A pipeline puts a Start issue on the queue, and nobody takes the credential.
    Pipeline,
    /// The receiver of webhooks wants no more of them, and then thinks again. Nobody takes the credential.
    Unsubscribe,
    /// The backend has an access token, and somebody else a forged one. Nobody takes the credential.
    ByToken,
    /// An external wallet issues, which calls back; the credential is revoked.
    External,
}

/// What is known of a fault while a flow runs.
#[derive(Clone, Copy)]
pub struct Struck<'c>(pub Option<(&'c Call, Fault)>);

impl Struck<'_> {
    /// Whether a fault hides from the customer's wallet that its code was redeemed.
    fn may_burn_the_code(self) -> bool {
        self.0.is_some_and(|(call, fault)| {
            fault.hides_an_answer() && call.trigger.ends_with("/wallet/token")
        })
    }
}

impl Flow {
    pub const ALL: [Self; 10] = [
        Self::Issue,
        Self::Wait,
        Self::Refuse,
        Self::Abandon,
        Self::GuessCode,
        Self::Upload,
        Self::Pipeline,
        Self::Unsubscribe,
        Self::ByToken,
        Self::External,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Issue => "issue",
            Self::Wait => "wait",
            Self::Refuse => "refuse",
            Self::Abandon => "abandon",
            Self::GuessCode => "guess code",
            Self::Upload => "upload",
            Self::Pipeline => "pipeline",
            Self::Unsubscribe => "unsubscribe",
            Self::ByToken => "by token",
            Self::External => "external wallet",
        }
    }

    /// Whether the call is a cell of this flow.
    pub fn strikes(self, call: &Call) -> bool {
        match self {
            Self::Issue => true,
            Self::Wait => ["poll-status", "get-status", "purge-expired-claims"]
                .contains(&call.function.as_str()),
            Self::Refuse | Self::Abandon => {
                call.function == "start-issue" || call.function == "poll-status"
            }
            Self::Upload => ["start-bulk", "start-queued"].contains(&call.function.as_str()),
            Self::GuessCode => call.trigger.ends_with("/wallet/token"),
            Self::Pipeline => call.function == "start-queued",
            Self::Unsubscribe => call.function == "deliver-webhook",
            Self::ByToken => call.what == "GET /jwks",
            Self::External => {
                let follows = ["poll-status", "wallet-callback"];
                !call.is_aws() || follows.contains(&call.function.as_str())
            }
        }
    }

    /// Runs the flow and checks everything that must hold.
    pub async fn run(self, world: &World, struck: Struck<'_>) -> Result<(), Broken> {
        match self {
            Self::Issue => issue(world, struck).await?,
            Self::Wait => wait(world).await?,
            Self::Refuse => refuse(world).await?,
            Self::Abandon => abandon(world).await?,
            Self::GuessCode => guess_code(world, struck).await?,
            Self::Upload => upload(world).await?,
            Self::Pipeline => pipeline(world).await?,
            Self::Unsubscribe => unsubscribe(world).await?,
            Self::ByToken => by_token(world).await?,
            Self::External => external(world).await?,
        }
        invariants::check(world).await
    }
}

async fn issue(world: &World, struck: Struck<'_>) -> Result<(), Broken> {
    let (backend, holder) = (Backend::new(world), Holder::new());
    let mut request = iban(ID);
    request["callback"] = json!({"url": world.callback_url});
    let started = backend.started_twice(&request).await?;
    let offer = holder.read_offer(started.str("/request_uri")?).await?;
    let taken = redeem(&holder, &offer, None, struck).await?;
    if let Some(taken) = &taken {
        holder.notify(taken).await?;
    }
    let end = ends_as_it_went(&backend, taken.as_ref()).await?;

    invariants::every_change_is_delivered(world, &end).await?;
    // What the customer's wallet reports after the end is delivered too.
    let all_made = async || {
        let listed = backend.deliveries(ID).await?;
        let are_made = listed.iter().all(|one| one["status"] == "delivered");
        Ok(are_made.then_some(listed))
    };
    let what = "every delivery is recorded as made";
    let listed = world.until(what, all_made).await?;
    replay(&backend, &listed).await?;

    let again = holder.token(&offer, None).await?;
    again.expect("the code for a second time", 400)?;
    if let Some(taken) = &taken {
        revoke(&backend, &holder, &end, taken).await?;
    }
    invariants::no_secret_was_sent(world, &[&offer.code], taken.as_ref())
}

async fn external(world: &World) -> Result<(), Broken> {
    let (backend, holder) = (Backend::new(world), Holder::new());
    let started = backend.started_twice(&iban(ID)).await?;
    let (offer, taken) = holder.take(&started).await?;
    holder.notify(&taken).await?;
    world.until_wallet_knows(ID).await;
    let end = backend.ends_as(ID, "issue_completed").await?;
    revoke(&backend, &holder, &end, &taken).await?;
    invariants::no_secret_was_sent(world, &[&offer.code], Some(&taken))
}

/// Takes the credential. Nothing, if a fault has hidden the token.
async fn redeem(
    holder: &Holder,
    offer: &Offer,
    tx_code: Option<&str>,
    struck: Struck<'_>,
) -> Result<Option<Taken>, Broken> {
    let token = holder.token(offer, tx_code).await?;
    match token.body["access_token"].as_str() {
        Some(access_token) => holder.credential(offer, access_token).await.map(Some),
        None if struck.may_burn_the_code() => Ok(None),
        None => Err(Broken::new("requests can be repeated", token.text)),
    }
}

/// After a while the issuance has ended, with a credential if one was taken.
async fn ends_as_it_went(backend: &Backend<'_>, taken: Option<&Taken>) -> Result<Value, Broken> {
    backend.world().let_pass(A_WHILE).await;
    let status = match taken {
        Some(_) => "issue_completed",
        None => "error",
    };
    backend.ends_as(ID, status).await
}

/// Has one of the deliveries made again.
async fn replay(backend: &Backend<'_>, listed: &[Value]) -> Result<(), Broken> {
    let posts = backend.world().receiver.posts().len();
    let first = listed.first().and_then(|one| one["id"].as_str());
    let first = first.ok_or_else(|| Broken::new("every change is delivered", "none is listed"))?;
    backend.replay(first).await?;
    let made_again = async || {
        let listed = backend.deliveries(ID).await?;
        let all_are_made = listed.iter().all(|one| one["status"] == "delivered");
        let came_again = backend.world().receiver.posts().len() > posts;
        Ok((all_are_made && came_again).then_some(()))
    };
    let world = backend.world();
    world.until("the delivery is made again", made_again).await
}

/// Suspends, then revokes; after each answer the list that anyone can fetch says so.
async fn revoke(
    backend: &Backend<'_>,
    holder: &Holder,
    end: &Value,
    taken: &Taken,
) -> Result<(), Broken> {
    let uuid = end["revocation_uuid"].as_str().unwrap_or_default();
    let entry = status_list::entry_of(&taken.credential);
    for (status, value) in [("suspended", 2), ("revoked", 1)] {
        backend.set(uuid, status).await?;
        let list = status_list::read(&holder.fetch(&entry.uri).await?.text);
        let expected = (Some(value), 1);
        let found = (list.get(entry.idx), status_list::changed(&list));
        invariants::same(
            "what is reported published is in the list",
            &found,
            &expected,
        )?;
        let published = backend.published(uuid).await?;
        invariants::same("the published status", &published.as_str(), &status)?;
    }
    let world = backend.world();
    let announced = async || Ok(invariants::has_announced_revocation(world, ID).then_some(()));
    world.until("the revocation is announced", announced).await
}

async fn wait(world: &World) -> Result<(), Broken> {
    let (backend, holder) = (Backend::new(world), Holder::new());
    let started = backend.started(&iban(ID)).await?;
    let was_polled = async || {
        let record = invariants::record(world, ID).await;
        let attempt = record.and_then(|record| record["attempt"]["N"].as_str()?.parse().ok());
        attempt > Some(0_u32)
    };
    // A question brings the poll forward that would otherwise come after the offer's end. If it could not, the
    // next one does.
    let mut questions = 0;
    while !was_polled().await {
        questions += 1;
        if questions > QUESTIONS {
            return Err(Broken::new("who asks is told soon", "it was not polled"));
        }
        world.let_pass(A_WHILE).await;
        backend.status(ID).await?;
        world.until_idle().await;
    }

    let (offer, taken) = holder.take(&started).await?;
    ends_as_it_went(&backend, Some(&taken)).await?;
    invariants::no_secret_was_sent(world, &[&offer.code], Some(&taken))
}

async fn refuse(world: &World) -> Result<(), Broken> {
    let backend = Backend::new(world);
    let mut request = iban(ID);
    request["claims"] = json!({"companyname": "Claimed Name B.V."});
    let refused = backend.start(&request).await?;
    refused.expect("Start issue with wrong claims", 422)?;
    let withdrawn = async || Ok(invariants::record(world, ID).await.is_none().then_some(()));
    world.until("nothing is left of it", withdrawn).await?;
    // The correlation id is free for what the backend meant.
    backend.started(&iban(ID)).await?;
    backend.ends_as(ID, "error").await.map(drop)
}

async fn abandon(world: &World) -> Result<(), Broken> {
    let backend = Backend::new(world);
    let answer = backend.start_once(&iban(ID)).await;
    let was_accepted = answer.is_some_and(|answer| answer.status == 201);
    let over = async || {
        let record = invariants::record(world, ID).await;
        let state = record
            .as_ref()
            .map_or("gone", |record| text(record, "state"));
        Ok(["gone", "failed"]
            .contains(&state)
            .then(|| state.to_owned()))
    };
    let state = world.until("it is over", over).await?;
    let expected = if was_accepted { "failed" } else { &state };
    invariants::same(
        "what was accepted ends, and is not forgotten",
        &state.as_str(),
        &expected,
    )
}

async fn guess_code(world: &World, struck: Struck<'_>) -> Result<(), Broken> {
    let (backend, holder) = (Backend::new(world), Holder::new());
    let mut request = iban(ID);
    request["tx_code"] = json!({"input_mode": "numeric", "length": 6});
    let started = backend.started(&request).await?;
    let tx_code = started.str("/tx_code")?;
    let wrong = match tx_code {
        "000000" => "000001",
        _ => "000000",
    };
    let offer = holder.read_offer(started.str("/request_uri")?).await?;
    let refused = holder.token(&offer, Some(wrong)).await?;
    refused.expect("a wrong transaction code", 400)?;
    let taken = redeem(&holder, &offer, Some(tx_code), struck).await?;
    ends_as_it_went(&backend, taken.as_ref()).await?;
    invariants::no_secret_was_sent(world, &[&offer.code], taken.as_ref())
}

async fn upload(world: &World) -> Result<(), Broken> {
    let backend = Backend::new(world);
    let mut wrong = iban("Cell_2");
    wrong["claims"] = json!({});
    let job = backend.upload(&[iban(ID), wrong, iban("Cell_3")]).await?;
    let done = async || {
        let status = backend.job(&job).await?;
        Ok((status["done"] == status["total"]).then_some(status))
    };
    let status = world.until("the job is done", done).await?;
    let counts = (&status["total"], &status["failed"]);
    invariants::same("each line counts once", &counts, &(&json!(3), &json!(1)))?;
    let results = backend.results(&job).await?;
    let outcomes: Vec<_> = results.iter().map(|line| line["status"].as_str()).collect();
    let expected = [Some("started"), Some("failed"), Some("started")];
    invariants::same(
        "each line has its own result",
        &outcomes.as_slice(),
        &&expected[..],
    )?;
    for id in [ID, "Cell_3"] {
        backend.ends_as(id, "error").await?;
    }
    invariants::no_secret_was_sent(world, &[], None)
}

async fn pipeline(world: &World) -> Result<(), Broken> {
    let backend = Backend::new(world);
    world.put_on_queue("StartQueue", &iban(ID)).await;
    backend.ends_as(ID, "error").await.map(drop)
}

async fn unsubscribe(world: &World) -> Result<(), Broken> {
    let backend = Backend::new(world);
    world.receiver.answer_with(StatusCode::GONE);
    let mut request = iban(ID);
    request["callback"] = json!({"url": world.callback_url});
    backend.started(&request).await?;
    let all_are = async |status: &str, at_least: usize| {
        let listed = backend.deliveries(ID).await?;
        let all_are = listed.iter().all(|one| one["status"] == status);
        Ok((listed.len() >= at_least && all_are).then_some(listed))
    };
    let first = world.until("the receiver has refused", || all_are("failed", 1));
    first.await?;
    let end = backend.ends_as(ID, "error").await?;
    let changes = end["sequence"].as_u64().unwrap_or_default();
    let changes = usize::try_from(changes).expect("a few");
    let refused = world.until("nothing waits for the receiver", || {
        all_are("failed", changes)
    });
    let refused = refused.await?;
    let posted: BTreeSet<String> = world.receiver.posts().into_iter().map(|p| p.id).collect();
    invariants::same("who wants no more is told no more", &posted.len(), &1)?;

    world.receiver.answer_with(StatusCode::OK);
    for delivery in &refused {
        backend
            .replay(delivery["id"].as_str().unwrap_or_default())
            .await?;
    }
    let made = world.until("what was missed is delivered", || {
        all_are("delivered", changes)
    });
    made.await?;
    let ends = world.tables.count("DeliveryTable", "ended").await;
    invariants::same("a replay resumes the subscription", &ends, &0)?;
    invariants::every_change_is_delivered(world, &end).await?;
    invariants::no_secret_was_sent(world, &[], None)
}

async fn by_token(world: &World) -> Result<(), Broken> {
    let server = world.authorization.as_ref().expect("it is of this flow");
    let backend = Backend::with_token(world, server.token("issue:write issue:read"));
    let stranger = Backend::with_token(world, server.forged_token("issue:write issue:read"));
    let refuse_stranger = async |id: &str| {
        let answer = stranger.start(&iban(id)).await?;
        answer.expect("a forged token", 401).map(drop)
    };
    refuse_stranger("Cell_2").await?;
    backend.started(&iban(ID)).await?;
    backend.ends_as(ID, "error").await?;
    refuse_stranger("Cell_3").await
}

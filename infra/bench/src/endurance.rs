//! Many issuances, of which a third complete at once, a third late and a third never, and one upload that nobody takes:
//! whether all end right, receivers are told, queues drain, claims are erased and memory stays flat.

mod chart;
mod claims;
mod receiver;
mod watch;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bestow_local::Options;
use clap::Args;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use self::receiver::Receiver;
use self::watch::{Watch, memory_of_a_process, worst_backlog};
use crate::Failure;
use crate::flow::{Clock, Parties, Started};
use crate::processes::{Processes, progress};

/// The queues whose backlog is drawn.
pub(crate) const QUEUES: [&str; 3] = ["PollQueue", "WebhookQueue", "StartQueue"];
/// The queues that must be empty in the end, and at all times.
const DEAD_LETTERS: [&str; 4] = [
    "PublishDeadLetterQueue",
    "PollDeadLetterQueue",
    "WebhookDeadLetterQueue",
    "StartDeadLetterQueue",
];
/// How long after an offer's end it is polled for the last time.
const GRACE: Duration = Duration::from_secs(360);
/// The first poll of an issuance that nothing is heard of.
const FIRST_POLL: Duration = Duration::from_secs(900);
/// For the jitter of a poll, and a backlog.
const BACKLOG: Duration = Duration::from_secs(120);
/// Of so many issuances of each kind of customer one has a callback.
const TOLD_OF: usize = 10;

#[derive(Args)]
pub(crate) struct Endurance {
    /// Issuances in all.
    #[arg(long, default_value_t = 10_000)]
    issuances: usize,
    /// Issuances of the upload, besides.
    #[arg(long, default_value_t = 500)]
    lines: usize,
    /// Requests at the same time.
    #[arg(long, default_value_t = 32)]
    concurrency: usize,
    /// Seconds after which the late third takes its credentials.
    #[arg(long, default_value_t = 45)]
    late_seconds: u64,
    /// Seconds for which an offer can be taken.
    #[arg(long, default_value_t = 180)]
    offer_seconds: u64,
    /// The picture.
    #[arg(long, default_value = "target/endurance.svg")]
    picture: PathBuf,
    #[command(flatten)]
    processes: Processes,
}

/// When a customer takes the credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Customer {
    Prompt,
    Late,
    Absent,
}

impl Customer {
    const ALL: [Self; 3] = [Self::Prompt, Self::Late, Self::Absent];

    /// The status and stage that an issuance must end with.
    fn end(self) -> (&'static str, &'static str) {
        match self {
            Self::Prompt | Self::Late => ("issue_completed", "credential_issued"),
            Self::Absent => ("error", "expired"),
        }
    }
}

/// An issuance that was started.
struct Issuance {
    customer: Customer,
    has_callback: bool,
    started: Started,
}

impl Endurance {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let lifetime = self.offer_seconds.to_string();
        let options = Options {
            parameters: [("OfferLifetimeSeconds".to_owned(), lifetime)].into(),
            ..Options::default()
        };
        let cloud = self.processes.start(options).await?;
        let watch = Watch::start(&cloud);
        let receiver = Receiver::start().await?;
        let began = Instant::now();
        let parties = Arc::new(Parties::new(cloud.base_url(), cloud.api_key())?);
        let lines = parties.upload(self.lines).await?;
        let mut started = self.issue(&parties, &receiver.url).await?;
        started.extend(lines.into_iter().map(|started| Issuance {
            customer: Customer::Absent,
            has_callback: false,
            started,
        }));
        self.until_ended(&watch, started.len()).await;
        let seconds = began.elapsed().as_secs();
        let drained = watch.are_empty(&QUEUES).await?;
        let dead_letters = watch.dead_letters(&DEAD_LETTERS)?;
        let told = |one: &&Issuance| receiver.knows_the_end_of(&one.started.correlation_id);
        let with_callback = started.iter().filter(|one| one.has_callback);
        let untold = with_callback.filter(|one| !told(one)).count();
        let wrong = count_wrong(&parties, &started).await?;
        println!("Waiting until claims are erased: ten minutes at most.");
        let claims_left = claims::left(&cloud).await;
        let (samples, polls) = (watch.samples(), watch.counts().polls);
        cloud.shutdown().await;

        let issuances = started.len();
        let polls_each = polls as f64 / issuances.max(1) as f64;
        let title = format!(
            "{issuances} issuances in {seconds} s: {wrong} ended wrong; {polls_each:.1} polls each"
        );
        if let Some(directory) = self.picture.parent() {
            std::fs::create_dir_all(directory)?;
        }
        chart::draw(&self.picture, &samples, &title)?;
        let backlog = worst_backlog(&samples);
        let (first, last) = memory_of_a_process(&samples);
        let memory = format!("{:.1}, {:.1}", first as f64 / 1e6, last as f64 / 1e6);
        println!("| {issuances} issuances | |\n|---|---:|");
        for (what, amount) in [
            ("ended wrong", wrong.to_string()),
            ("receivers that were not told", untold.to_string()),
            ("items that still have claims", claims_left.to_string()),
            ("seconds until the last had ended", seconds.to_string()),
            ("most messages due at once", backlog.to_string()),
            ("MB of a process, first and last tenth", memory),
            ("polls each", format!("{polls_each:.1}")),
            ("the queues are drained", drained.to_string()),
            ("dead letters", dead_letters.to_string()),
        ] {
            println!("| {what} | {amount} |");
        }
        println!("\nThe run as a picture: {}", self.picture.display());
        if wrong + untold > 0 || claims_left + dead_letters > 0 || !drained {
            return Err("not everything ended right: see the table".into());
        }
        Ok(())
    }

    /// Starts all issuances, and takes two thirds of the credentials.
    async fn issue(
        &self,
        parties: &Arc<Parties>,
        receiver_url: &str,
    ) -> Result<Vec<Issuance>, Failure> {
        let bar = progress(self.issuances, "issuing");
        let at_once = Arc::new(Semaphore::new(self.concurrency));
        let late = Duration::from_secs(self.late_seconds);
        let mut running = JoinSet::new();
        let customers = Customer::ALL.into_iter().cycle().take(self.issuances);
        for (number, customer) in customers.enumerate() {
            let has_callback = (number / Customer::ALL.len()).is_multiple_of(TOLD_OF);
            let callback = has_callback.then(|| receiver_url.to_owned());
            let (parties, at_once) = (Arc::clone(parties), Arc::clone(&at_once));
            running.spawn(async move {
                let permit = at_once.acquire().await?;
                let started = parties
                    .start_issuance(&mut Clock::default(), callback.as_deref())
                    .await?;
                match customer {
                    Customer::Absent => {}
                    Customer::Prompt => take(&parties, &started).await?,
                    Customer::Late => {
                        drop(permit);
                        tokio::time::sleep(late).await;
                        let _permit = at_once.acquire().await?;
                        take(&parties, &started).await?;
                    }
                }
                Ok::<_, Failure>(Issuance {
                    customer,
                    has_callback,
                    started,
                })
            });
        }
        let mut started = Vec::with_capacity(self.issuances);
        while let Some(one) = running.join_next().await {
            started.push(one??);
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(started)
    }

    /// Waits until as many issuances have ended as were started, or too much time has passed, without asking for a
    /// status, which would bring polls forward.
    async fn until_ended(&self, watch: &Watch, issuances: usize) {
        let bar = progress(issuances, "ending");
        let last_poll = Duration::from_secs(self.offer_seconds) + GRACE;
        let deadline = Instant::now() + last_poll.max(FIRST_POLL) + BACKLOG;
        loop {
            let counts = watch.counts();
            let ended = counts.completed + counts.expired + counts.failed;
            bar.set_position(ended);
            if ended >= issuances as u64 || Instant::now() > deadline {
                break;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        bar.finish_and_clear();
    }
}

/// How many issuances did not end as they had to.
async fn count_wrong(parties: &Parties, issuances: &[Issuance]) -> Result<usize, Failure> {
    let bar = progress(issuances.len(), "checking");
    let mut wrong = 0;
    for Issuance {
        customer, started, ..
    } in issuances
    {
        let (status, stage) = parties.status_and_stage(started).await?;
        if (status.as_str(), stage.as_str()) != customer.end() {
            wrong += 1;
            let id = &started.correlation_id;
            if wrong <= 5 {
                bar.suspend(|| println!("{customer:?}: {id} ended as {status}, {stage}"));
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(wrong)
}

async fn take(parties: &Parties, started: &Started) -> Result<(), Failure> {
    let redeemed = parties.redeem(started, &mut Clock::default()).await;
    redeemed.map(drop)
}

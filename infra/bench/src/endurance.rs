//! Many issuances, of which a third complete at once, a third late and a third never, and one upload of more that
//! nobody takes: do all end right, is whoever wants to be told, do the queues drain, do the claims go, does
//! memory stay flat?

mod chart;
mod claims;
mod receiver;
mod timeline;
mod watch;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bestow_local::{Options, RunningCloud};
use clap::Args;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use self::receiver::Receiver;
use self::timeline::Timeline;
use self::watch::Watch;
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
/// How long after the last offer's end, in seconds, the end of an issuance may still be found: the grace of the
/// schedule.
const GRACE_SECONDS: u64 = 360;
/// Where the wallet calls back, nobody asks earlier than this, in seconds: what never happens is not told.
const FIRST_POLL_SECONDS: u64 = 900;
/// The jitter of a poll, and a backlog, in seconds.
const BACKLOG_SECONDS: u64 = 120;
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

/// How the run went.
pub(crate) struct Summary {
    issuances: usize,
    wrong: usize,
    untold: usize,
    claims_left: u64,
    took: Duration,
    worst_backlog: u64,
    memory: (u64, u64),
    polls: u64,
}

impl Summary {
    pub(crate) fn headline(&self) -> String {
        format!(
            "{} issuances in {} s: {} ended wrong; {:.1} polls each",
            self.issuances,
            self.took.as_secs(),
            self.wrong,
            self.polls as f64 / self.issuances.max(1) as f64
        )
    }

    fn print(&self) {
        let mb = |bytes: u64| bytes as f64 / 1e6;
        println!("| {} issuances | |\n|---|---:|", self.issuances);
        println!("| ended wrong | {} |", self.wrong);
        println!(
            "| with a callback that was not told of the end | {} |",
            self.untold
        );
        println!("| items that still have claims | {} |", self.claims_left);
        println!(
            "| seconds until the last had ended | {} |",
            self.took.as_secs()
        );
        println!(
            "| most messages that were due at once | {} |",
            self.worst_backlog
        );
        println!(
            "| memory of a process, first and last tenth, MB | {:.1}, {:.1} |",
            mb(self.memory.0),
            mb(self.memory.1)
        );
        println!(
            "| polls each | {:.1} |",
            self.polls as f64 / self.issuances.max(1) as f64
        );
    }
}

impl Endurance {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let options = Options {
            parameters: [("OfferLifetimeSeconds", self.offer_seconds)]
                .map(|(name, value)| (name.to_owned(), value.to_string()))
                .into(),
            ..Options::default()
        };
        let cloud = self.processes.start(options).await?;
        let watch = Watch::start(&cloud)?;
        let receiver = Receiver::start().await?;
        let began = Instant::now();
        let parties = Parties::new(cloud.base_url(), cloud.api_key())?;
        let lines = parties.upload(self.lines).await?;
        let mut started = self.issue(&cloud, &watch, &receiver.url).await?;
        started.extend(lines.into_iter().map(|started| Issuance {
            customer: Customer::Absent,
            has_callback: false,
            started,
        }));
        self.until_ended(&watch, started.len()).await;
        let took = began.elapsed();
        let drained = watch.are_empty(&QUEUES).await?;
        let dead_letters = watch.dead_letters(&DEAD_LETTERS)?;
        let untold = started
            .iter()
            .filter(|one| one.has_callback)
            .filter(|one| !receiver.knows_the_end_of(&one.started.correlation_id))
            .count();
        let wrong = self.count_wrong(&parties, &started).await?;
        println!("Waiting until claims are erased: ten minutes at most.");
        let claims_left = claims::left(&cloud).await?;
        let timeline = watch.end().await?;
        cloud.shutdown().await;

        let summary = Summary {
            issuances: started.len(),
            wrong,
            untold,
            claims_left,
            took,
            worst_backlog: timeline.worst_backlog(),
            memory: timeline.memory_of_a_process(),
            polls: timeline.samples.iter().map(|sample| sample.polls).sum(),
        };
        self.draw(&timeline, &summary)?;
        summary.print();
        println!(
            "| messages that are still due | {} |",
            if drained { "none" } else { "some" }
        );
        println!("| dead letters | {dead_letters} |");
        println!("\nThe run as a picture: {}", self.picture.display());
        if wrong + untold > 0 || claims_left + dead_letters > 0 || !drained {
            return Err("not everything ended right: see the table".into());
        }
        Ok(())
    }

    fn draw(&self, timeline: &Timeline, summary: &Summary) -> Result<(), Failure> {
        if let Some(directory) = self.picture.parent() {
            std::fs::create_dir_all(directory)?;
        }
        chart::draw(&self.picture, timeline, summary)
    }

    /// Starts all issuances, and takes two thirds of the credentials.
    async fn issue(
        &self,
        cloud: &RunningCloud,
        watch: &Watch,
        receiver_url: &str,
    ) -> Result<Vec<Issuance>, Failure> {
        let bar = progress(self.issuances, "issuing");
        let parties = Arc::new(Parties::new(cloud.base_url(), cloud.api_key())?);
        let at_once = Arc::new(Semaphore::new(self.concurrency));
        let late = Duration::from_secs(self.late_seconds);
        let mut running = JoinSet::new();
        let customers = Customer::ALL.into_iter().cycle().take(self.issuances);
        for (number, customer) in customers.enumerate() {
            let has_callback = (number / Customer::ALL.len()).is_multiple_of(TOLD_OF);
            let callback = has_callback.then(|| receiver_url.to_owned());
            let (parties, at_once) = (Arc::clone(&parties), Arc::clone(&at_once));
            let latencies = watch.latencies();
            running.spawn(async move {
                let permit = at_once.acquire().await?;
                let asked = Instant::now();
                let started = parties
                    .start_issuance(&mut Clock::default(), callback.as_deref())
                    .await?;
                latencies.add(asked.elapsed());
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

    /// Waits until as many issuances have ended as were started, or too much time has passed. Nobody asks for
    /// a status meanwhile: that would bring polls forward.
    async fn until_ended(&self, watch: &Watch, issuances: usize) {
        let bar = progress(issuances, "ending");
        let found_by = FIRST_POLL_SECONDS.max(self.offer_seconds + GRACE_SECONDS);
        let deadline = Instant::now() + Duration::from_secs(found_by + BACKLOG_SECONDS);
        loop {
            let ended = usize::try_from(watch.ended()).unwrap_or(usize::MAX);
            bar.set_position(ended as u64);
            if ended >= issuances || Instant::now() > deadline {
                break;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        bar.finish_and_clear();
    }

    /// How many issuances did not end as they had to.
    async fn count_wrong(
        &self,
        parties: &Parties,
        issuances: &[Issuance],
    ) -> Result<usize, Failure> {
        let bar = progress(issuances.len(), "checking");
        let mut wrong = 0;
        for Issuance {
            customer, started, ..
        } in issuances
        {
            let end = parties.status_and_stage(started).await?;
            if (end.0.as_str(), end.1.as_str()) != customer.end() {
                wrong += 1;
                if wrong <= 5 {
                    bar.suspend(|| {
                        println!("{customer:?}: {} ended as {end:?}", started.correlation_id)
                    });
                }
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(wrong)
    }
}

async fn take(parties: &Parties, started: &Started) -> Result<(), Failure> {
    let clock = &mut Clock::default();
    parties
        .redeem(started, clock, Duration::ZERO)
        .await
        .map(drop)
}

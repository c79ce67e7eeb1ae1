//! Random interleavings: processes that die between any two calls, messages that come twice and out of
//! order, ports that fail and lose answers, customers and callers that do things at any time.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bestow_contract::{CorrelationId, Stage, StartIssue};
use bestow_issuance::ports::{PollMessage, Records};
use bestow_issuance::{Polled, StartIssueErrorKind, StartedIssue, State};
use proptest::prelude::*;

use crate::ports::Ports;
use crate::world::{Mood, Waiting};

/// One thing that happens.
#[derive(Debug, Clone)]
enum Event {
    /// A caller asks to start one of two issuances, with one of two bodies.
    Start { issuance: usize, body: usize },
    /// A caller asks for the status.
    Query { issuance: usize },
    /// The wallet calls back, whatever has happened.
    CallBack { issuance: usize },
    /// The queue delivers one of its messages, due or not, in flight or not.
    Deliver { message: usize, delivery: u32 },
    /// One of the running processes comes as far as its next port call.
    Run { process: usize },
    /// One of the running processes dies.
    Crash { process: usize },
    /// Time passes.
    Pass { seconds: u64 },
    /// The customer does something.
    Customer { issuance: usize, stage: usize },
    /// A port starts to behave differently.
    Mood { port: usize, mood: Mood },
}

fn event() -> impl Strategy<Value = Event> {
    let mood = prop_oneof![
        Just(Mood::Well),
        Just(Mood::Down),
        Just(Mood::AnswerLost),
        Just(Mood::AnswerLostAndRepeated),
        Just(Mood::Refusing),
    ];
    prop_oneof![
        3 => (0..2_usize, 0..2_usize).prop_map(|(issuance, body)| Event::Start { issuance, body }),
        2 => (0..2_usize).prop_map(|issuance| Event::Query { issuance }),
        2 => (0..2_usize).prop_map(|issuance| Event::CallBack { issuance }),
        6 => (any::<usize>(), 1..4_u32)
            .prop_map(|(message, delivery)| Event::Deliver { message, delivery }),
        30 => any::<usize>().prop_map(|process| Event::Run { process }),
        2 => any::<usize>().prop_map(|process| Event::Crash { process }),
        3 => prop_oneof![0..5_u64, 20..90_u64, 800..2_000_u64]
            .prop_map(|seconds| Event::Pass { seconds }),
        2 => (0..2_usize, 0..STAGES.len())
            .prop_map(|(issuance, stage)| Event::Customer { issuance, stage }),
        2 => (0..3_usize, mood).prop_map(|(port, mood)| Event::Mood { port, mood }),
    ]
}

/// What a process has done when it ends.
enum Outcome {
    Started {
        body: usize,
        result: Result<StartedIssue, StartIssueErrorKind>,
    },
    /// The message may be acknowledged.
    Acknowledge(Waiting),
    Nothing,
}

type Process = Pin<Box<dyn Future<Output = Outcome>>>;

#[derive(Default)]
struct Simulation {
    ports: Ports,
    processes: Vec<Process>,
    /// The body and the link of each issuance that a caller was told is started.
    accepted: HashMap<CorrelationId, (usize, String)>,
}

const STAGES: [Stage; 8] = [
    Stage::OfferRetrieved,
    Stage::TokenIssued,
    Stage::CredentialIssued,
    Stage::Failed,
    Stage::OfferCreated,
    Stage::Declined,
    Stage::Accepted,
    Stage::Deleted,
];

fn id(issuance: usize) -> CorrelationId {
    format!("issuance-{issuance}").parse().unwrap()
}

fn request(issuance: usize, body: usize) -> StartIssue {
    let body = format!(
        r#"{{"correlation_id": "{}", "template_id": "issue_iban", "claims": {{"iban": "{body}"}}}}"#,
        id(issuance)
    );
    StartIssue::from_json(body.as_bytes()).unwrap()
}

impl Simulation {
    fn happen(&mut self, event: &Event) {
        match *event {
            Event::Start { issuance, body } => self.start(issuance, body),
            Event::Query { issuance } => {
                let querying = self.ports.querying();
                self.processes.push(Box::pin(async move {
                    let _answer = querying.get_status(&id(issuance)).await;
                    Outcome::Nothing
                }));
            }
            Event::CallBack { issuance } => {
                self.call_back(issuance);
            }
            Event::Deliver { message, delivery } => {
                let waiting = self.ports.world().queue.len();
                if waiting > 0 {
                    self.deliver(message % waiting, delivery);
                }
            }
            Event::Run { process } => {
                if !self.processes.is_empty() {
                    self.run(process % self.processes.len());
                }
            }
            Event::Crash { process } => {
                if !self.processes.is_empty() {
                    let index = process % self.processes.len();
                    drop(self.processes.swap_remove(index));
                }
            }
            Event::Pass { seconds } => self.ports.world().now += Duration::from_secs(seconds),
            Event::Customer { issuance, stage } => {
                self.ports
                    .world()
                    .customer(&id(issuance), STAGES[stage].clone());
            }
            Event::Mood { port, mood } => {
                let mut world = self.ports.world();
                match port {
                    0 => world.records_mood = mood,
                    1 => world.queue_mood = mood,
                    _ => world.wallet_mood = mood,
                }
            }
        }
    }

    fn call_back(&self, issuance: usize) {
        let message = PollMessage::poll_now(id(issuance)).into();
        self.ports.world().send(&message, Duration::ZERO);
    }

    fn start(&mut self, issuance: usize, body: usize) {
        let starting = self.ports.starting();
        self.processes.push(Box::pin(async move {
            let result = starting.start_issue(request(issuance, body)).await;
            Outcome::Started {
                body,
                result: result.map_err(|failure| failure.cause),
            }
        }));
    }

    fn deliver(&mut self, index: usize, delivery: u32) {
        let taken = self.ports.world().queue[index].clone();
        let (polling, ports) = (self.ports.polling(), self.ports.clone());
        self.processes.push(Box::pin(async move {
            let message = &taken.message;
            let ids = [message.correlation_id.clone()];
            let Ok(mut found) = ports.get_many(&ids).await else {
                return Outcome::Nothing;
            };
            let stored = found.remove(&message.correlation_id).map(Result::unwrap);
            match polling.poll(message, stored, delivery).await {
                Ok(Polled::Again { .. }) | Err(_) => Outcome::Nothing,
                Ok(_) => Outcome::Acknowledge(taken),
            }
        }));
    }

    fn run(&mut self, index: usize) {
        let mut context = Context::from_waker(Waker::noop());
        let Poll::Ready(outcome) = self.processes[index].as_mut().poll(&mut context) else {
            return;
        };
        drop(self.processes.swap_remove(index));
        match outcome {
            Outcome::Nothing => {}
            Outcome::Acknowledge(taken) => {
                self.ports.world().queue.retain(|waiting| *waiting != taken);
            }
            Outcome::Started {
                body,
                result: Ok(started),
            } => {
                let (first_body, link) = self
                    .accepted
                    .entry(started.correlation_id)
                    .or_insert((body, started.request_uri.clone()));
                assert_eq!(*first_body, body, "one correlation id, one request");
                assert_eq!(
                    *link, started.request_uri,
                    "one correlation id, one offer, one answer"
                );
            }
            Outcome::Started { result: Err(_), .. } => {}
        }
    }

    /// The outage is over, and the queue does its work until it is empty.
    fn settle(&mut self) {
        {
            let mut world = self.ports.world();
            world.records_mood = Mood::Well;
            world.queue_mood = Mood::Well;
            world.wallet_mood = Mood::Well;
        }
        self.finish();
        // Each message that waits may be asked about once; after that one chain of polls per issuance is
        // left, however many messages came twice.
        let most_questions = {
            let mut world = self.ports.world();
            world.times_asked = 0;
            world.queue.len() + 2 * 14
        };
        loop {
            let next = {
                let mut world = self.ports.world();
                let next = world
                    .queue
                    .iter()
                    .enumerate()
                    .min_by_key(|(_, waiting)| waiting.due);
                let Some((index, waiting)) = next else {
                    return;
                };
                let due = waiting.due;
                world.now = world.now.max(due);
                index
            };
            self.deliver(next, 1);
            self.finish();
            assert!(
                self.ports.world().times_asked <= most_questions,
                "duplicates multiply"
            );
        }
    }

    fn finish(&mut self) {
        while !self.processes.is_empty() {
            self.run(0);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    /// Invariants 1, 2 and 3; the third one is checked by the table at each write.
    #[test]
    fn an_accepted_issuance_ends_whatever_happens(
        events in prop::collection::vec(event(), 1..150),
        wallet_calls_back in any::<bool>(),
    ) {
        let mut simulation = Simulation::default();
        simulation.ports.world().wallet_calls_back = wallet_calls_back;
        for event in &events {
            simulation.happen(event);
        }
        simulation.settle();

        for id in simulation.accepted.keys() {
            let record = simulation.ports.record(id);
            prop_assert!(record.as_ref().is_some_and(|record| record.is_ended()), "{record:?}");
        }
        for stored in simulation.ports.world().table.values() {
            let record = &stored.record;
            let unseen = matches!(record.state, State::Reserved { .. });
            prop_assert!(record.is_ended() || unseen, "{record:?}");
        }

        // The wallet calls back once more: whatever became of the credentials is known then.
        for issuance in 0..2 {
            simulation.call_back(issuance);
        }
        simulation.settle();
        let world = simulation.ports.world();
        for (id, stored) in &world.table {
            if let State::Completed { stage, .. } = &stored.record.state {
                prop_assert_eq!(Some(stage), world.wallet[id].status.stage.as_ref());
            }
        }
    }
}

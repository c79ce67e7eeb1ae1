//! Random histories of one queue, checked against a model that is simple enough to be right.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use bestow_queue_service::{NewMessage, QueueService, Receive};
use jiff::Timestamp;
use proptest::prelude::*;

const VISIBILITY_S: i64 = 10;
const QUEUE: &str = "polls";

#[derive(Debug, Clone)]
enum Step {
    Send {
        delay_s: i64,
    },
    Receive {
        max: usize,
    },
    /// Of the messages received so far, the one at this position (wrapped around).
    Delete {
        which: usize,
    },
    ChangeVisibility {
        which: usize,
        seconds: i64,
    },
    Wait {
        seconds: i64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..8_i64).prop_map(|delay_s| Step::Send { delay_s }),
        4 => (1..5_usize).prop_map(|max| Step::Receive { max }),
        2 => (0..50_usize).prop_map(|which| Step::Delete { which }),
        1 => (0..50_usize, 0..20_i64)
            .prop_map(|(which, seconds)| Step::ChangeVisibility { which, seconds }),
        3 => (1..8_i64).prop_map(|seconds| Step::Wait { seconds }),
    ]
}

/// A message as the model knows it. Its position in the model is its body.
#[derive(Debug, Clone)]
struct Known {
    visible_at_ms: i64,
    handle: Option<String>,
    deleted: bool,
}

impl Known {
    fn in_flight(&self, now_ms: i64) -> bool {
        !self.deleted && self.handle.is_some() && self.visible_at_ms > now_ms
    }

    fn due(&self, now_ms: i64) -> bool {
        !self.deleted && self.visible_at_ms <= now_ms
    }
}

/// The messages that a receive may give.
fn receivable(known: &[Known], now_ms: i64) -> BTreeSet<usize> {
    (0..known.len())
        .filter(|index| known[*index].due(now_ms))
        .collect()
}

fn run(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let clock_ms = Arc::new(AtomicI64::new(1_760_000_000_000));
    let clock = Arc::clone(&clock_ms);
    let clock = move || Timestamp::from_millisecond(clock.load(Ordering::Relaxed)).unwrap();
    let service = QueueService::in_memory_with_clock(Arc::new(clock)).unwrap();
    service
        .create_queue(QUEUE, [("VisibilityTimeout", VISIBILITY_S.to_string())])
        .unwrap();

    let mut known: Vec<Known> = Vec::new();
    let mut received: Vec<(usize, String)> = Vec::new();
    for step in steps {
        let now_ms = clock_ms.load(Ordering::Relaxed);
        match step {
            Step::Send { delay_s } => {
                let message = NewMessage {
                    delay: Some(Duration::from_secs(delay_s.unsigned_abs())),
                    ..NewMessage::new(known.len().to_string())
                };
                service.send(QUEUE, &message).unwrap();
                known.push(Known {
                    visible_at_ms: now_ms + delay_s * 1000,
                    handle: None,
                    deleted: false,
                });
            }
            Step::Receive { max } => {
                let expected = receivable(&known, now_ms);
                let how = Receive {
                    max_messages: max,
                    wait: Some(Duration::ZERO),
                    visibility_timeout: None,
                };
                let messages = runtime.block_on(service.receive(QUEUE, how)).unwrap();
                let given: Vec<usize> = messages
                    .iter()
                    .map(|message| message.body.parse().unwrap())
                    .collect();
                let distinct: BTreeSet<usize> = given.iter().copied().collect();
                prop_assert_eq!(
                    distinct.len(),
                    given.len(),
                    "one receive gives a message once"
                );
                prop_assert!(
                    distinct.is_subset(&expected),
                    "{:?} of {:?}",
                    given,
                    expected
                );
                prop_assert_eq!(given.len(), max.min(expected.len()));
                for (index, message) in given.into_iter().zip(messages) {
                    known[index].visible_at_ms = now_ms + VISIBILITY_S * 1000;
                    known[index].handle = Some(message.receipt_handle.clone());
                    received.push((index, message.receipt_handle));
                }
            }
            Step::Delete { which } if !received.is_empty() => {
                let (index, handle) = received[which % received.len()].clone();
                let message = &mut known[index];
                let is_newest = message.handle.as_ref() == Some(&handle);
                prop_assert!(service.delete(QUEUE, &handle).is_ok());
                message.deleted |= is_newest;
            }
            Step::ChangeVisibility { which, seconds } if !received.is_empty() => {
                let (index, handle) = received[which % received.len()].clone();
                let message = &mut known[index];
                let applies = message.handle.as_ref() == Some(&handle) && message.in_flight(now_ms);
                let changed = service.change_visibility(
                    QUEUE,
                    &handle,
                    Duration::from_secs(seconds.unsigned_abs()),
                );
                prop_assert_eq!(changed.is_ok(), applies);
                if applies {
                    message.visible_at_ms = now_ms + seconds * 1000;
                }
            }
            Step::Delete { .. } | Step::ChangeVisibility { .. } => {}
            Step::Wait { seconds } => {
                clock_ms.fetch_add(seconds * 1000, Ordering::Relaxed);
            }
        }
        let now_ms = clock_ms.load(Ordering::Relaxed);
        let count = |wanted: &dyn Fn(&Known) -> bool| {
            i64::try_from(known.iter().filter(|message| wanted(message)).count()).unwrap()
        };
        let counts = service.counts(QUEUE).unwrap();
        prop_assert_eq!(counts.visible, count(&|message| message.due(now_ms)));
        prop_assert_eq!(
            counts.not_visible,
            count(&|message| message.in_flight(now_ms))
        );
        prop_assert_eq!(
            counts.visible + counts.not_visible + counts.delayed,
            count(&|message| !message.deleted)
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_queue_gives_what_is_due_to_one_receive_at_a_time(
        steps in prop::collection::vec(step(), 1..60)
    ) {
        run(steps)?;
    }
}

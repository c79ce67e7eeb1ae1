//! What EventBridge Scheduler does for a schedule that invokes a function.

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

use crate::lambda::host::Target;
use crate::template::{LOCAL_ACCOUNT, LOCAL_REGION, Schedule};

/// Invokes a function again and again.
pub(crate) struct ScheduleLoop {
    pub(crate) schedule: Schedule,
    pub(crate) function: Target,
}

impl ScheduleLoop {
    /// Runs until `stop`, then waits for the invocation that is under way. The first one comes when the
    /// schedule's time has passed once. One that takes longer holds up the next, which then comes at once.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let every = self.schedule.every;
        let mut ticks = interval_at(Instant::now() + every, every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let event = self.event(Timestamp::now());
            if let Err(fault) = self.function.invoke(event).await {
                let Schedule { name, function, .. } = &self.schedule;
                tracing::error!(
                    schedule = name,
                    function,
                    fault,
                    "a scheduled invocation failed"
                );
            }
        }
    }

    /// The event that a target of a schedule gets which has no input of its own.
    fn event(&self, now: Timestamp) -> Value {
        let name = &self.schedule.name;
        json!({
            "version": "0",
            "id": uuid::Uuid::new_v4(),
            "detail-type": "Scheduled Event",
            "source": "aws.scheduler",
            "account": LOCAL_ACCOUNT,
            "time": now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "region": LOCAL_REGION,
            "resources": [format!(
                "arn:aws:scheduler:{LOCAL_REGION}:{LOCAL_ACCOUNT}:schedule/default/{name}"
            )],
            "detail": "{}",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;
    use std::sync::Arc;
    use std::time::Duration;
    use tokio::sync::mpsc;

    fn schedule(every: Duration) -> Schedule {
        Schedule {
            name: "Minutely".to_owned(),
            function: "Function".to_owned(),
            every,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_function_is_invoked_each_time_whatever_became_of_the_last() {
        let (send, mut invoked) = mpsc::unbounded_channel();
        let minute = Duration::from_secs(60);
        let started = Instant::now();
        let schedule_loop = ScheduleLoop {
            schedule: schedule(minute),
            function: Target {
                name: "function".to_owned(),
                timeout: Duration::from_secs(90),
                handler: Arc::new(move |event| {
                    send.send((started.elapsed().as_secs(), event)).unwrap();
                    async move {
                        match started.elapsed().as_secs() {
                            60 => Err("refused".to_owned()),
                            120 => panic!("on purpose"),
                            // Holds up the one at 240.
                            180 => std::future::pending().await,
                            _ => Ok(Value::Null),
                        }
                    }
                    .boxed()
                }),
            },
        };
        let stop = CancellationToken::new();
        let running = tokio::spawn(schedule_loop.run(stop.clone()));
        for at in [60, 120, 180, 270, 300] {
            let (elapsed, event) = invoked.recv().await.unwrap();
            assert_eq!(elapsed, at);
            assert_eq!(event["source"], "aws.scheduler");
            assert!(event["time"].as_str().unwrap().parse::<Timestamp>().is_ok());
        }
        stop.cancel();
        running.await.unwrap();
        assert_eq!(invoked.recv().await, None);
    }
}

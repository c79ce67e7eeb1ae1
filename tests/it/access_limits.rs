//! Rate limits of callers, across the processes of a function.

use bestow_access::Scope;
use bestow_local::Options;
use futures::future::join_all;
use jiff::Timestamp;

use crate::access_keys::{AccessKeys, with_key};
use crate::backend::{Backend, PATIENCE};
use crate::eventually::eventually;
use crate::function_processes::Processes;

/// Windows of an hour begin with the hour.
fn hour() -> i64 {
    Timestamp::now().as_second() / 3_600
}

#[tokio::test]
async fn a_limit_holds_across_processes() {
    let processes = Processes::start(Options::default()).await;
    let cloud = &processes.running;
    let backend = Backend::new(cloud.base_url(), cloud.api_key());
    let keys = AccessKeys::of(cloud);
    // Until it did not end in another hour than it began in.
    loop {
        let began = hour();
        let (_, key) = keys
            .give_changed([Scope::IssueRead], |key| {
                key.rate_limit = "100/h".parse().ok();
            })
            .await;
        let limited = with_key(&backend, &key);
        let answers = eventually("the key is known in both processes", PATIENCE, async || {
            let asked = (0..20).map(|_| limited.status("x"));
            let answers = join_all(asked).await;
            answers
                .iter()
                .all(|answer| answer.status != 401)
                .then_some(answers)
        })
        .await;
        let mut answers = answers;
        answers.extend(join_all((0..130).map(|_| limited.status("x"))).await);
        if hour() != began {
            continue;
        }
        let (passed, refused): (Vec<_>, Vec<_>) =
            answers.iter().partition(|answer| answer.status == 404);
        assert!(passed.len() <= 100, "{} passed", passed.len());
        for answer in &refused {
            assert!(answer.expect_problem(429).contains("100/h"));
            let seconds: u32 = answer.header("retry-after").parse().expect("seconds");
            assert!((1..=3_600).contains(&seconds), "{seconds}");
        }
        assert!(refused.len() >= 50, "{} refused", refused.len());
        break;
    }
    // Who has no limit is not touched by it.
    backend.status("x").await.expect(404);
    processes.running.shutdown().await;
}

//! Lines are started once, whatever the wallet, the table and the queue do.

use std::time::Duration;

use bestow_contract::StartIssue;
use bestow_jobs::{ChunkId, LineOutcome, PASS, Pass, Single, StartMessage};
use uuid::Uuid;

use crate::world::{Wallet, World, Write, is_started};

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn chunk(job_id: Uuid, first_line: u32) -> ChunkId {
    ChunkId { job_id, first_line }
}

#[tokio::test]
async fn a_chunk_is_started_and_its_claims_are_gone() {
    let world = World::new();
    world.wallet([Wallet::Well, Wallet::Refuses]);
    let job = world.job(25).await;
    let queued = world.queued(4);
    assert_eq!(
        queued.start_chunk(chunk(job.id, 1), 0).await.unwrap(),
        Pass::Done
    );
    let stored = world.chunks().remove(0);
    assert_eq!((stored.lines, stored.started, stored.failed), (None, 24, 1));
    let results = world.results(&job).await;
    let lines: Vec<u32> = results.iter().map(|result| result.line).collect();
    assert_eq!(lines, (1..=25).collect::<Vec<_>>());

    let asked = world.asked();
    assert_eq!(
        queued.start_chunk(chunk(job.id, 1), 0).await.unwrap(),
        Pass::Done
    );
    assert_eq!(
        queued.start_chunk(chunk(job.id, 2), 0).await.unwrap(),
        Pass::Done
    );
    assert_eq!(world.asked(), asked, "a doubled message asks for nothing");
}

#[tokio::test]
async fn a_wallet_that_is_busy_is_left_alone_for_as_long_as_it_says() {
    let world = World::new();
    world.wallet([Wallet::Well, Wallet::Well, Wallet::Busy]);
    let job = world.job(25).await;
    let queued = world.queued(1);
    let pass = queued.start_chunk(chunk(job.id, 1), 0).await.unwrap();
    let again = Pass::Unfinished {
        after: seconds(7),
        failures: 0,
    };
    assert_eq!((pass, world.asked()), (again, 3));
    let progress = world.read().progress(job.id).await.unwrap().unwrap();
    assert_eq!((progress.done, progress.failed), (2, 0));

    assert_eq!(
        queued.start_chunk(chunk(job.id, 1), 0).await.unwrap(),
        Pass::Done
    );
    assert_eq!(
        (world.offers(), world.asked()),
        (25, 26),
        "what was done is not done again"
    );
}

#[tokio::test]
async fn a_wallet_that_keeps_failing_is_asked_ever_more_seldom() {
    let world = World::new();
    let job = world.job(25).await;
    let mut waits = Vec::new();
    for failures in 0..5 {
        world.wallet(vec![Wallet::Fails; 25]);
        let pass = world
            .queued(1)
            .start_chunk(chunk(job.id, 1), failures)
            .await
            .unwrap();
        let Pass::Unfinished {
            after,
            failures: counted,
        } = pass
        else {
            panic!("{pass:?}");
        };
        assert_eq!(counted, failures + 1);
        waits.push(after.as_secs());
    }
    assert_eq!(waits, [5, 10, 20, 40, 80]);
    assert_eq!(world.asked(), 15, "three times a pass");
}

#[tokio::test]
async fn lines_that_the_wallet_fails_at_do_not_keep_it_from_the_others() {
    // The wallet never answers for the first three lines.
    let world = World::new();
    let job = world.job(9).await;
    let queued = world.queued(1);
    world.wallet([Wallet::Fails; 3]);
    let pass = queued.start_chunk(chunk(job.id, 1), 0).await.unwrap();
    let Pass::Unfinished { failures: 1, .. } = pass else {
        panic!("{pass:?}");
    };
    // It now begins with the fourth: six are well, and the three fail again.
    let well = [Wallet::Well; 6].into_iter();
    world.wallet(well.chain([Wallet::Fails; 3]));
    queued.start_chunk(chunk(job.id, 1), 1).await.unwrap();
    let done: Vec<u32> = world
        .results(&job)
        .await
        .iter()
        .map(|result| result.line)
        .collect();
    assert_eq!(done, [4, 5, 6, 7, 8, 9]);
}

#[tokio::test]
async fn what_was_started_and_not_recorded_is_found_again() {
    for lost in [Write::Fails, Write::DoneButUnheard] {
        let world = World::new();
        let job = world.job(25).await;
        world.writes([lost]);
        world
            .queued(4)
            .start_chunk(chunk(job.id, 1), 0)
            .await
            .unwrap_err();
        assert_eq!(
            world
                .queued(4)
                .start_chunk(chunk(job.id, 1), 0)
                .await
                .unwrap(),
            Pass::Done
        );
        assert_eq!(world.offers(), 25, "{lost:?}");
        let results = world.results(&job).await;
        assert_eq!(
            results.iter().filter(|result| is_started(result)).count(),
            25
        );
    }
}

#[tokio::test]
async fn after_a_day_what_the_wallet_did_not_take_has_failed() {
    let world = World::new();
    let job = world.job(25).await;
    world.pass(bestow_jobs::PATIENCE - seconds(3));
    world.wallet(vec![Wallet::Busy; 25]);
    let queued = world.queued(1);
    let pass = queued.start_chunk(chunk(job.id, 1), 5).await.unwrap();
    let last = Pass::Unfinished {
        after: seconds(3),
        failures: 6,
    };
    assert_eq!(pass, last, "the last time is when the day is over");
    world.pass(seconds(3));
    world.wallet([Wallet::Well, Wallet::Busy]);
    assert_eq!(
        queued.start_chunk(chunk(job.id, 1), 6).await.unwrap(),
        Pass::Done
    );
    let results = world.results(&job).await;
    assert_eq!(
        results.iter().filter(|result| is_started(result)).count(),
        1
    );
    assert!(world.chunks()[0].lines.is_none(), "the claims are gone");
    let statuses = results.iter().filter_map(|result| match &result.outcome {
        LineOutcome::Failed(problem) => Some(problem.status),
        LineOutcome::Started { .. } => None,
    });
    assert!(
        statuses
            .into_iter()
            .all(|status| [429, 503].contains(&status))
    );
}

#[tokio::test]
async fn no_line_is_begun_when_the_time_of_a_pass_is_over() {
    const { assert!(PASS.as_secs() < 30, "less than the lease of a reservation") };
}

#[tokio::test]
async fn a_pipelines_message_is_started_under_its_own_id() {
    let world = World::new();
    let request = || StartIssue::from_json(br#"{"template_id": "t", "claims": {}}"#).unwrap();
    let name = || "message-1".parse().unwrap();
    let queued = world.queued(1);
    for _ in 0..2 {
        let single = queued.start_one(request(), None, 1, name).await;
        assert_eq!(single, Single::Started(name()));
    }
    assert_eq!(world.offers(), 1);

    world.wallet([Wallet::Refuses]);
    assert_eq!(
        queued.start_one(request(), None, 1, name).await,
        Single::Refused
    );

    world.wallet([Wallet::Busy]);
    let single = queued.start_one(request(), None, 3, name).await;
    let Single::Later { after, message } = single else {
        panic!("{single:?}");
    };
    assert_eq!(after, seconds(20));
    let StartMessage::Again {
        start: request,
        tried,
    } = *message
    else {
        panic!("{message:?}");
    };
    assert_eq!(
        request.correlation_id,
        Some(name()),
        "the new message has another id"
    );

    world.pass(bestow_jobs::PATIENCE);
    world.wallet([Wallet::Busy]);
    let single = queued
        .start_one(*request, Some(tried), 1, || panic!("it has a name"))
        .await;
    assert_eq!(single, Single::GivenUp);
}

#[tokio::test]
async fn a_transaction_code_cannot_be_told_from_a_queue() {
    let body = br#"{"template_id": "t", "claims": {}, "tx_code": {}}"#;
    let request = StartIssue::from_json(body).unwrap();
    let single = World::new()
        .queued(1)
        .start_one(request, None, 1, || panic!("not asked"))
        .await;
    assert!(matches!(single, Single::Malformed(problem) if problem.detail.contains("tx_code")));
}

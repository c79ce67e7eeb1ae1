//! All of an upload is accepted, or nothing of it.

use std::time::Duration;

use bestow_jobs::{AcceptError, Job, Pass, Reconciled, StartMessage, Upload};

use crate::world::{World, Write, is_started, ndjson};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

async fn accept(world: &World, lines: usize, key: Option<&str>) -> Result<Job, AcceptError> {
    let body = ndjson(lines);
    let upload = Upload::from_ndjson(body.as_bytes(), |_| Ok(()), world).unwrap();
    world.accept().accept(upload, body.as_bytes(), key).await
}

#[tokio::test]
async fn an_upload_is_cut_into_chunks_with_a_message_each() {
    let world = World::new();
    let job = world.job(60).await;
    assert_eq!((job.total, world.chunks().len()), (60, 3));
    let messages = world.messages();
    assert_eq!(messages[0], (StartMessage::Job { job_id: job.id }, MINUTE));
    assert_eq!(messages.len(), 4);
    let progress = world.read().progress(job.id).await.unwrap().unwrap();
    assert_eq!((progress.total, progress.done, progress.failed), (60, 0, 0));
}

#[tokio::test]
async fn long_lines_are_kept_alone() {
    let world = World::new();
    let long = |name: &str| {
        let claim = "x".repeat(90_000);
        format!(
            r#"{{"correlation_id": "{name}", "template_id": "t", "claims": {{"x": "{claim}"}}}}"#
        )
    };
    let body = [long("a"), long("b"), "{}".to_owned()].join("\n");
    let upload = Upload::from_ndjson(body.as_bytes(), |_| Ok(()), &world).unwrap();
    let job = world
        .accept()
        .accept(upload, body.as_bytes(), None)
        .await
        .unwrap();
    let lines: Vec<_> = world
        .chunks()
        .iter()
        .map(|chunk| (chunk.id.first_line, chunk.line_count))
        .collect();
    assert_eq!(lines, [(1, 1), (2, 2)]);
    assert_eq!(
        world.read().progress(job.id).await.unwrap().unwrap().failed,
        1
    );
}

#[tokio::test]
async fn claims_are_not_stored_in_the_clear() {
    let world = World::new();
    let body = r#"{"correlation_id": "a", "template_id": "t", "claims": {"x": "PLANTED"}}"#;
    let upload = Upload::from_ndjson(body.as_bytes(), |_| Ok(()), &world).unwrap();
    world
        .accept()
        .accept(upload, body.as_bytes(), None)
        .await
        .unwrap();
    let stored = world.chunks().remove(0);
    let lines = stored.lines.unwrap();
    assert!(!lines.windows(7).any(|window| window == b"PLANTED"));
}

#[tokio::test]
async fn what_fails_half_way_leaves_nothing_and_starts_nothing() {
    for fails in 0..3 {
        let world = World::new();
        world.writes((0..fails).map(|_| Write::Fine).chain([Write::Fails]));
        let failure = accept(&world, 60, None).await.unwrap_err();
        assert_eq!(failure.problem().status, 503);
        assert_eq!(world.chunks(), []);
        let messages = world.messages();
        assert!(matches!(messages[..], [(StartMessage::Job { .. }, MINUTE)]));
    }
}

#[tokio::test]
async fn what_dies_half_way_is_removed_by_whoever_sees_to_it() {
    // Neither the third chunk nor the removal of the first two comes through.
    let world = World::new();
    world.writes([Write::Fine, Write::Fine, Write::Fails, Write::Fails]);
    accept(&world, 60, None).await.unwrap_err();
    assert_eq!(world.chunks().len(), 2);
    let (StartMessage::Job { job_id }, _) = world.messages().remove(0) else {
        panic!("it is there first");
    };
    let reconciled = world.queued(1).reconcile(job_id).await.unwrap();
    assert_eq!(reconciled, Reconciled::Discarded);
    assert_eq!(world.chunks(), []);
}

#[tokio::test]
async fn a_queue_that_is_away_is_found_before_anything_is_stored() {
    let world = World::new();
    world.queue_fails(true);
    assert_eq!(
        accept(&world, 1, None).await.unwrap_err().problem().status,
        503
    );
    assert_eq!(world.chunks(), []);
}

#[tokio::test]
async fn a_job_whose_acceptance_went_unheard_is_started_all_the_same() {
    let world = World::new();
    world.writes([Write::Fine, Write::Fine, Write::Fine, Write::DoneButUnheard]);
    accept(&world, 60, None).await.unwrap_err();
    let messages = world.messages();
    let [(StartMessage::Job { job_id }, _)] = messages[..] else {
        panic!("no other message: {messages:?}");
    };
    let queued = world.queued(2);
    assert_eq!(queued.reconcile(job_id).await.unwrap(), Reconciled::Queued);
    for (message, _) in world.messages() {
        let StartMessage::Chunk { id, .. } = message else {
            panic!("chunks only");
        };
        queued.start_chunk(id, 0).await.unwrap();
    }
    assert_eq!(world.offers(), 60);
    assert_eq!(queued.reconcile(job_id).await.unwrap(), Reconciled::Queued);
    assert_eq!(world.messages(), [], "each chunk had its message");
}

#[tokio::test]
async fn the_same_upload_under_the_same_key_is_the_same_job() {
    let world = World::new();
    let first = accept(&world, 3, Some("k")).await.unwrap();
    let chunks = world.chunks();
    world.messages();
    let again = accept(&world, 3, Some("k")).await.unwrap();
    assert_eq!((again.id, world.chunks()), (first.id, chunks));
    assert_eq!(world.messages(), []);
    let other = accept(&world, 4, Some("k")).await.unwrap_err();
    assert_eq!(other.problem().status, 409);
    assert_ne!(accept(&world, 3, Some("other")).await.unwrap().id, first.id);
    assert_ne!(accept(&world, 3, None).await.unwrap().id, first.id);
}

#[tokio::test]
async fn a_key_is_free_again_when_its_job_is_over() {
    let world = World::new();
    let first = accept(&world, 3, Some("k")).await.unwrap();
    world.pass(bestow_jobs::RESULTS_KEPT - SECOND);
    assert_eq!(accept(&world, 3, Some("k")).await.unwrap().id, first.id);
    world.pass(SECOND);
    assert_ne!(accept(&world, 4, Some("k")).await.unwrap().id, first.id);
}

#[tokio::test]
async fn a_chunk_that_is_closed_without_a_result_has_failed() {
    let world = World::new();
    let job = world.job(30).await;
    world.pass(bestow_jobs::PATIENCE + MINUTE - SECOND);
    assert_eq!(world.erase_lines(), 0, "the last pass may be under way");
    world.pass(SECOND);
    assert_eq!(world.erase_lines(), 2);
    assert_eq!(world.erase_lines(), 0);
    for chunk in world.chunks() {
        let pass = world.queued(1).start_chunk(chunk.id, 0).await.unwrap();
        assert_eq!((pass, world.asked()), (Pass::Done, 0), "it comes too late");
    }
    let progress = world.read().progress(job.id).await.unwrap().unwrap();
    assert_eq!((progress.done, progress.failed), (30, 30));
    let results = world.results(&job).await;
    assert_eq!(results.len(), 30);
    assert!(!results.iter().any(is_started));
}

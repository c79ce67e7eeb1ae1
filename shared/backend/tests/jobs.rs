//! The table of jobs and the start queue against embedded services that speak the real APIs.
#![cfg(test)]

#[allow(dead_code, reason = "each test binary uses its own tables")]
use std::future::IntoFuture;

use bestow_aws::erasure::{Due, ERASE_SHARDS};
use bestow_aws::sdk::Sdk;
use bestow_backend::{JobTable, StartQueue};
use bestow_embedded_aws::{busy, env, job_tables, listener};
use bestow_jobs::ports::{Jobs, Replaced, StartQueue as _};
use bestow_jobs::{Chunk, ChunkId, Job, StartMessage};
use bestow_queue_service::{QueueService, Receive};
use jiff::Timestamp;
use uuid::Uuid;

async fn table() -> JobTable {
    table_at(&job_tables("jobs").await)
}

fn table_at(endpoint: &str) -> JobTable {
    let sdk = Sdk::from_env(&env("AWS_ENDPOINT_URL_DYNAMODB", endpoint)).unwrap();
    JobTable::new(sdk.dynamodb(), "jobs")
}

fn job() -> Job {
    Job {
        id: Uuid::new_v4(),
        total: 60,
        accepted_at: Timestamp::from_second(1_800_000_000).unwrap(),
        upload_hash: "ab".to_owned(),
        is_queued: false,
    }
}

fn chunk(job: &Job, first_line: u32, bytes: usize) -> Chunk {
    Chunk {
        id: ChunkId {
            job_id: job.id,
            first_line,
        },
        write_id: Uuid::new_v4(),
        line_count: 25,
        started: 0,
        failed: 2,
        start_by: job.start_by(),
        kept_until: job.kept_until(),
        lines: Some(vec![7; bytes]),
        results: Some(vec![8; 100]),
    }
}

fn next(chunk: &Chunk, lines: Option<Vec<u8>>) -> Chunk {
    Chunk {
        write_id: Uuid::new_v4(),
        started: chunk.started + 1,
        lines,
        ..chunk.clone()
    }
}

#[tokio::test]
async fn a_job_is_there_once_it_is_accepted() {
    let table = table().await;
    let job = job();
    assert_eq!(table.job(job.id).await.unwrap(), None);
    for _ in 0..2 {
        // The second time is a write whose answer was lost.
        let accepted = table.accept(&job, None).await.unwrap();
        assert_eq!(accepted, None);
    }
    assert_eq!(table.job(job.id).await.unwrap(), Some(job.clone()));
    table.mark_queued(job.id).await.unwrap();
    let queued = Job {
        is_queued: true,
        ..job
    };
    assert_eq!(table.job(queued.id).await.unwrap(), Some(queued));
}

#[tokio::test]
async fn of_two_jobs_under_one_key_one_is_accepted() {
    let table = table().await;
    let (first, second) = (job(), job());
    assert_eq!(table.by_key("k").await.unwrap(), None);
    let accepted = table.accept(&first, Some("k")).await.unwrap();
    assert_eq!(accepted, None);
    let known = table.accept(&second, Some("k")).await.unwrap();
    assert_eq!(known, Some(first.clone()));
    assert_eq!(table.job(second.id).await.unwrap(), None);
    assert_eq!(table.by_key("k").await.unwrap(), Some(first.clone()));
    assert_eq!(table.job(first.id).await.unwrap(), Some(first));
}

#[tokio::test]
async fn a_job_is_accepted_once_no_other_is_in_its_way() {
    let endpoint = job_tables("jobs").await;
    let (first, second) = (job(), job());
    for (job, expected) in [(&first, None), (&second, Some(first.clone()))] {
        let table = table_at(&busy(&endpoint, 2).await);
        assert_eq!(table.accept(job, Some("k")).await.unwrap(), expected);
    }
}

#[tokio::test]
async fn chunks_are_kept_read_in_order_and_discarded() {
    let table = table().await;
    let job = job();
    // More than one batch and more than one page, by number and by bytes.
    let chunks: Vec<Chunk> = (0..40)
        .map(|number| chunk(&job, 1 + 25 * number, 60_000))
        .collect();
    table.keep(&chunks).await.unwrap();
    table.keep(&[chunk(&self::job(), 1, 1)]).await.unwrap();

    let (mut found, mut from) = (Vec::new(), Some(1));
    let mut pages = 0;
    while let Some(line) = from {
        let (page, more) = table.chunks_from(job.id, line).await.unwrap();
        found.extend(page);
        from = more;
        pages += 1;
    }
    assert!(pages > 1);
    assert_eq!(found, chunks);
    assert_eq!(table.chunks_from(job.id, 977).await.unwrap().0, []);

    let progress = table.progress(job.id).await.unwrap();
    let lines: Vec<u32> = progress.iter().map(|chunk| chunk.id.first_line).collect();
    assert_eq!(lines.len(), 40);
    assert!(lines.is_sorted());
    assert!(
        progress
            .iter()
            .all(|chunk| chunk.is_open && chunk.failed == 2)
    );

    table.discard(job.id).await.unwrap();
    assert_eq!(table.chunks_from(job.id, 1).await.unwrap(), (vec![], None));
    assert_eq!(table.progress(job.id).await.unwrap(), []);
}

#[tokio::test]
async fn a_chunk_is_replaced_by_whoever_knows_it() {
    let table = table().await;
    let first = chunk(&job(), 1, 10);
    table.keep(std::slice::from_ref(&first)).await.unwrap();
    let second = next(&first, Some(vec![1]));
    for _ in 0..2 {
        // The second time is a write whose answer was lost.
        let replaced = table.replace(first.write_id, &second).await.unwrap();
        assert_eq!(replaced, Replaced::Done);
    }
    let late = next(&first, None);
    let replaced = table.replace(first.write_id, &late).await.unwrap();
    assert_eq!(replaced, Replaced::Overtaken(Box::new(second.clone())));

    let third = next(&second, None);
    let replaced = table.replace(second.write_id, &third).await.unwrap();
    assert_eq!(replaced, Replaced::Done);
    assert_eq!(table.chunk(third.id).await.unwrap(), Some(third.clone()));
    assert!(!table.progress(third.id.job_id).await.unwrap()[0].is_open);

    let nowhere = chunk(&job(), 1, 10);
    let replaced = table.replace(third.write_id, &nowhere).await.unwrap();
    assert_eq!(replaced, Replaced::Gone);
}

/// What is to be erased at `now_seconds`, in whatever shard.
async fn due(table: &JobTable, now_seconds: i64) -> Vec<Due<ChunkId>> {
    let mut found = Vec::new();
    for shard in 0..ERASE_SHARDS {
        let mut pages = table.lines_due(shard, now_seconds);
        while let Some(page) = pages.next().await {
            found.extend(page.unwrap().into_iter().map(Result::unwrap));
        }
    }
    found
}

#[tokio::test]
async fn lines_are_found_when_their_time_is_over_for_as_long_as_they_are_there() {
    let table = table().await;
    let job = job();
    let [open, erased, done] = [1, 26, 51].map(|line| chunk(&job, line, 10));
    let erase_at = job.start_by().as_second() + 60;
    let all = [open.clone(), erased.clone(), done.clone()];
    table.keep(&all).await.unwrap();
    let closed = next(&done, None);
    table.replace(done.write_id, &closed).await.unwrap();
    let goes_on = next(&open, Some(vec![1]));
    table.replace(open.write_id, &goes_on).await.unwrap();

    assert_eq!(due(&table, erase_at - 1).await, []);
    let expected = [open.id, erased.id].map(|id| Due {
        id,
        erase_at_seconds: erase_at,
    });
    let mut found = due(&table, erase_at).await;
    found.sort_by_key(|due| due.id);
    assert_eq!(found, expected);

    let too_early = table.erase_lines(erased.id, erase_at - 1).await.unwrap();
    assert_eq!(too_early, None);
    // 25 lines, of which two have failed.
    let lost = table.erase_lines(erased.id, erase_at).await.unwrap();
    assert_eq!(lost, Some(23));
    assert_eq!(due(&table, erase_at).await, expected[..1]);
    let progress = table.progress(job.id).await.unwrap();
    let is_open: Vec<_> = progress.iter().map(|chunk| chunk.is_open).collect();
    assert_eq!(is_open, [true, false, false]);
}

#[tokio::test]
async fn lines_that_were_erased_are_not_put_back() {
    let table = table().await;
    let first = chunk(&job(), 1, 10);
    table.keep(std::slice::from_ref(&first)).await.unwrap();
    let erase_at = first.erase_at_seconds().unwrap();
    for lost in [Some(23), None] {
        assert_eq!(table.erase_lines(first.id, erase_at).await.unwrap(), lost);
    }
    let erased = Chunk {
        lines: None,
        ..first.clone()
    };
    assert_eq!(table.chunk(first.id).await.unwrap(), Some(erased.clone()));
    let late = next(&first, Some(vec![1]));
    let replaced = table.replace(first.write_id, &late).await.unwrap();
    assert_eq!(replaced, Replaced::Overtaken(Box::new(erased)));
    let without = next(&first, None);
    let replaced = table.replace(first.write_id, &without).await.unwrap();
    assert_eq!(replaced, Replaced::Done);
}

#[tokio::test]
async fn all_messages_are_sent_however_many() {
    let (listener, endpoint) = listener().await;
    let queues = QueueService::in_memory().unwrap();
    queues
        .create_queue("starts", [("DelaySeconds", "0")])
        .unwrap();
    tokio::spawn(axum::serve(listener, queues.router(&endpoint)).into_future());
    let sdk = Sdk::from_env(&env("AWS_ENDPOINT_URL_SQS", &endpoint)).unwrap();
    let queue = StartQueue::new(sdk.sqs(), &format!("{endpoint}/000000000000/starts"));
    let job = job();
    let messages: Vec<_> = (0..33)
        .map(|number| StartMessage::Chunk {
            id: chunk(&job, 1 + number, 1).id,
            failures: 0,
        })
        .collect();
    queue.send_all(&messages).await.unwrap();
    queue.send_all(&[]).await.unwrap();
    let mut found = Vec::new();
    while found.len() < messages.len() {
        let how = Receive {
            max_messages: 10,
            wait: None,
            visibility_timeout: None,
        };
        let received = queues.receive("starts", how).await.unwrap();
        assert!(!received.is_empty(), "{} came", found.len());
        found.extend(
            received
                .iter()
                .map(|message| StartMessage::read(message.body.as_bytes(), |_| Ok(())).unwrap()),
        );
    }
    for message in &messages {
        assert!(found.contains(message));
    }
}

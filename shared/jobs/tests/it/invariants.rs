//! Whatever fails, and however often a message comes: in the end every line has one result, the counts
//! are right, nothing was offered twice, and no claims are left.

use bestow_jobs::Job;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::world::{Wallet, World, Write, is_started};

fn wallet() -> impl Strategy<Value = Vec<Wallet>> {
    let next = prop_oneof![
        4 => Just(Wallet::Well),
        1 => Just(Wallet::Refuses),
        1 => Just(Wallet::Busy),
        1 => Just(Wallet::Fails),
        1 => Just(Wallet::WellButUnheard),
    ];
    vec(next, 0..120)
}

fn writes() -> impl Strategy<Value = Vec<Write>> {
    let next = prop_oneof![
        3 => Just(Write::Fine),
        1 => Just(Write::Fails),
        1 => Just(Write::DoneButUnheard),
    ];
    vec(next, 0..12)
}

/// Delivers each chunk, some at the same time, until all are done.
async fn to_its_end(world: &World, job: &Job, doubled: usize) {
    let queued = world.queued(3);
    let (mut done, mut failed) = (0, 0);
    for round in 0..200 {
        let open: Vec<_> = world
            .chunks()
            .into_iter()
            .filter(|chunk| chunk.lines.is_some())
            .collect();
        if open.is_empty() {
            return;
        }
        let ids = open
            .iter()
            .flat_map(|chunk| std::iter::repeat_n(chunk.id, 1 + doubled));
        // A failure is delivered again, by the next round.
        let passes = ids.map(|id| queued.start_chunk(id, round));
        futures::future::join_all(passes).await;
        let progress = world.read().progress(job.id).await.unwrap().unwrap();
        assert!(
            progress.done >= done && progress.failed >= failed,
            "it never goes back"
        );
        assert!(progress.failed <= progress.done && progress.done <= progress.total);
        (done, failed) = (progress.done, progress.failed);
    }
    panic!("it does not end");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn every_line_ends_once(lines in 1_usize..60, doubled in 0_usize..3, wallet in wallet(), writes in writes()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let world = World::new();
            let job = world.job(lines).await;
            world.messages();
            world.wallet(wallet);
            world.writes(writes);
            to_its_end(&world, &job, doubled).await;

            let results = world.results(&job).await;
            let numbers: Vec<u32> = results.iter().map(|result| result.line).collect();
            prop_assert_eq!(numbers, (1..=job.total).collect::<Vec<_>>());
            let started = results.iter().filter(|result| is_started(result)).count();
            let progress = world.read().progress(job.id).await.unwrap().unwrap();
            prop_assert_eq!(progress.done, job.total);
            prop_assert_eq!((progress.done - progress.failed) as usize, started);
            prop_assert!(started <= world.offers() && world.offers() <= lines);
            Ok(())
        })?;
    }
}

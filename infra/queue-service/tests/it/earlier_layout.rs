//! A file that an earlier version wrote, with FIFO queues, tags and message attributes.

use bestow_queue_service::{QueueService, Receive};

#[tokio::test]
async fn a_file_of_the_earlier_layout_opens_with_its_queues_and_messages() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queues.sqlite");
    let database = rusqlite::Connection::open(&path).unwrap();
    database
        .execute_batch(include_str!("earlier_layout.sql"))
        .unwrap();
    drop(database);

    // What is upgraded once must open the second time as well.
    drop(QueueService::open(&path).unwrap());
    let queues = QueueService::open(&path).unwrap();
    assert_eq!(
        queues.queue_names().unwrap(),
        ["dead", "fifo.fifo", "polls"]
    );
    let counts = queues.counts("polls").unwrap();
    assert_eq!((counts.visible, counts.not_visible), (0, 1));
    let how = Receive {
        max_messages: 1,
        wait: None,
        visibility_timeout: None,
    };
    let letters = queues.receive("dead", how).await.unwrap();
    assert_eq!(letters[0].body, "poison");
    let attributes = letters[0].system_attributes();
    assert_eq!(attributes["ApproximateReceiveCount"], "3");
    let source = &attributes["DeadLetterQueueSourceArn"];
    assert_eq!(source, &bestow_queue_service::queue_arn("polls"));
}

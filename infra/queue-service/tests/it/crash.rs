//! What a killed process leaves behind.

use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

use std::time::Duration;

use bestow_queue_service::{NewMessage, QueueService, Receive};

const DATABASE: &str = "QUEUE_SERVICE_TEST_DATABASE";
const NOW: Receive = Receive {
    max_messages: 10,
    wait: None,
    visibility_timeout: None,
};

/// The part of [`messages_survive_a_killed_process`] that is killed: this same test binary, started
/// once more. It does nothing in an ordinary run.
#[tokio::test]
async fn child_that_is_killed() {
    let Ok(path) = std::env::var(DATABASE) else {
        return;
    };
    let service = QueueService::open(path).unwrap();
    service
        .create_queue("polls", [("VisibilityTimeout", "1000")])
        .unwrap();
    service
        .send("polls", &NewMessage::new("in flight"))
        .unwrap();
    assert_eq!(service.receive("polls", NOW).await.unwrap().len(), 1);
    let delayed = NewMessage {
        delay: Some(Duration::from_secs(900)),
        ..NewMessage::new("delayed")
    };
    service.send("polls", &delayed).unwrap();
    service.send("polls", &NewMessage::new("visible")).unwrap();
    eprintln!("ready");
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn messages_survive_a_killed_process() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queues.db");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::child_that_is_killed", "--nocapture"])
        .env(DATABASE, &path)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "ready"));
    assert!(
        QueueService::open(&path).is_err(),
        "a second process must not open the file"
    );
    child.kill().unwrap();
    child.wait().unwrap();

    let service = QueueService::open(&path).unwrap();
    let counts = service.counts("polls").unwrap();
    assert_eq!(
        (counts.visible, counts.not_visible, counts.delayed),
        (1, 1, 1)
    );
    let received = service.receive("polls", NOW).await.unwrap();
    assert_eq!(received[0].body, "visible");
}

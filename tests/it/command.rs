//! The local cloud as a command, in a process of its own: what a person at a terminal sees.

use std::net::TcpListener;
use std::process::{Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use crate::backend::{Backend, PATIENCE, http_client, iban, unique};
use crate::cloud;
use crate::eventually::eventually;
use crate::wallet_client::WalletClient;

/// The command, built from the sources that are tested.
fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_local"));
    command.stdin(Stdio::null()).kill_on_drop(true);
    command
}

pub async fn run(arguments: &[&str]) -> Output {
    command()
        .args(arguments)
        .output()
        .await
        .expect("the command can be run")
}

/// What a command printed on both outputs.
pub fn printed(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// A local cloud in a process of its own.
pub struct RunningCommand {
    child: Child,
    pub base_url: String,
    /// What it has printed so far on both outputs.
    printed: Arc<Mutex<String>>,
    /// Reads all along: a full pipe would hold the process up.
    readers: [JoinHandle<()>; 2],
}

impl RunningCommand {
    /// Starts it in memory, on a free port.
    pub async fn serve_ephemeral(environment: &[(&str, &str)]) -> Self {
        Self::serve(free_port(), &["--ephemeral"], environment).await
    }

    /// Starts it on a data directory.
    pub async fn serve_in(data_dir: &str, port: u16) -> Self {
        Self::serve(port, &["--data-dir", data_dir], &[]).await
    }

    async fn serve(port: u16, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut child = command()
            .args(["--port", &port.to_string()])
            .args(arguments)
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command can be run");
        let printed = Arc::new(Mutex::new(String::new()));
        let readers = [
            tokio::spawn(read(child.stdout.take().expect("piped"), printed.clone())),
            tokio::spawn(read(child.stderr.take().expect("piped"), printed.clone())),
        ];
        let base_url = format!("http://127.0.0.1:{port}");
        let (http, health) = (http_client(), format!("{base_url}/health"));
        eventually("it is up", PATIENCE, async || {
            let answer = http.get(&health).send().await.ok()?;
            answer.status().is_success().then_some(())
        })
        .await;
        Self {
            child,
            base_url,
            printed,
            readers,
        }
    }

    /// What it has printed so far.
    fn printed(&self) -> String {
        self.printed.lock().expect("no reader panicked").clone()
    }

    /// Ends the process and gives all that it has printed.
    pub async fn stop(mut self) -> String {
        self.child.kill().await.expect("it runs");
        for reader in &mut self.readers {
            reader.await.expect("it reads to the end");
        }
        self.printed()
    }
}

/// A free port, below those that the system gives to whoever wants any (Linux: from 32768), so that nobody else is
/// given it before it is bound.
pub fn free_port() -> u16 {
    const PORTS: u32 = 12_000;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let mut ports = std::iter::repeat_with(|| {
        let next = std::process::id().wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        u16::try_from(20_000 + next % PORTS).expect("below 32768")
    });
    ports
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("a free port")
}

async fn read(mut output: impl AsyncRead + Unpin, printed: Arc<Mutex<String>>) {
    let mut lines = BufReader::new(&mut output).lines();
    while let Some(line) = lines.next_line().await.expect("UTF-8") {
        let mut printed = printed.lock().expect("no reader panicked");
        printed.push_str(&line);
        printed.push('\n');
    }
}

#[tokio::test]
async fn help_names_every_option_and_command() {
    let help = run(&["--help"]).await;
    assert!(help.status.success());
    let text = printed(&help);
    for word in [
        "--port",
        "--data-dir",
        "--ephemeral",
        "--api-key",
        "--public-url",
        "--emulators-only",
        "--webhook-secret",
        "accept",
        "receive",
        "3000",
        ".local",
    ] {
        assert!(text.contains(word), "{word}: {text}");
    }
    let help = printed(&run(&["accept", "--help"]).await);
    assert!(help.contains("--tx-code"), "{help}");
}

#[tokio::test]
async fn the_banner_says_what_to_try_in_commands_that_work() {
    let command = RunningCommand::serve_ephemeral(&[]).await;
    let base_url = command.base_url.clone();
    Backend::new(&base_url, bestow_local::DEFAULT_API_KEY)
        .start_iban(&unique("banner"))
        .await;
    let has_qr_code = async || command.printed().contains('█').then_some(());
    eventually("the QR code is drawn", PATIENCE, has_qr_code).await;
    let banner = command.stop().await;
    for piece in [
        base_url.as_str(),
        "curl",
        "/api/v2/credential/issue",
        "x-api-key",
        "accept",
        "revoked",
        bestow_local::DEFAULT_WEBHOOK_SECRET,
        "cargo run -- receive",
        "/api/v2/deliveries/",
        "█",
    ] {
        assert!(banner.contains(piece), "{piece}: {banner}");
    }
}

#[tokio::test]
async fn the_receiver_verifies_and_shows_what_is_posted() {
    let port = free_port();
    let mut child = command()
        .args(["receive", "--port", &port.to_string(), "--answer", "202"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the command can be run");
    let printed = Arc::new(Mutex::new(String::new()));
    let reader = tokio::spawn(read(child.stdout.take().expect("piped"), printed.clone()));
    let shows = async |what: &str| {
        let is_printed = async || printed.lock().unwrap().contains(what).then_some(());
        eventually(what, PATIENCE, is_printed).await;
    };
    shows("Listening").await;

    let url = format!("http://127.0.0.1:{port}/hook");
    let forged = http_client().post(&url).body("{}").send().await.unwrap();
    assert_eq!(forged.status(), 202);
    shows("NOT SIGNED").await;
    let backend = cloud::shared().backend();
    let mut body = iban(&unique("shown"));
    body["callback"] = json!({"url": url});
    backend.start(&body).await.expect(201);
    shows("the signature is right; answered 202").await;
    shows("issue_request_created").await;
    child.kill().await.expect("it runs");
    reader.await.expect("it reads to the end");
}

#[tokio::test]
async fn the_holder_takes_verifies_and_shows_a_credential() {
    let backend = cloud::shared().backend();
    let id = unique("holder");
    let mut body = iban(&id);
    body["tx_code"] = json!({});
    let started = backend.start(&body).await.expect(201);
    let (uri, code) = (started.str("request_uri"), started.str("tx_code"));
    let wallet = tempfile::tempdir().unwrap();
    let data_dir = wallet.path().to_str().unwrap();

    let missing = run(&["accept", uri, "--data-dir", data_dir]).await;
    assert!(!missing.status.success());
    assert!(
        printed(&missing).contains("--tx-code"),
        "{}",
        printed(&missing)
    );

    let taken = run(&["accept", uri, "--tx-code", code, "--data-dir", data_dir]).await;
    let text = printed(&taken);
    assert!(taken.status.success(), "{text}");
    for value in [
        "NL12TUL25708789078",
        "CoolSoft B.V.",
        "Business Checking Account",
    ] {
        assert!(text.contains(value), "{value}: {text}");
    }
    assert!(
        std::fs::read_dir(wallet.path()).unwrap().next().is_some(),
        "it is kept"
    );
    backend.until_status(&id, "issue_completed").await;

    let again = run(&["accept", uri, "--tx-code", code, "--data-dir", data_dir]).await;
    assert!(
        !again.status.success(),
        "an offer is taken once: {}",
        printed(&again)
    );
}

#[tokio::test]
async fn what_was_taken_is_shown_with_its_present_status() {
    let directory = tempfile::tempdir().unwrap();
    let data_dir = directory.path().to_str().unwrap();
    let command = RunningCommand::serve_in(data_dir, free_port()).await;
    let backend = Backend::new(&command.base_url, bestow_local::DEFAULT_API_KEY);
    let id = unique("shown");
    let started = backend.start_iban(&id).await;
    let taken = run(&["accept", started.str("request_uri"), "--data-dir", data_dir]).await;
    assert!(taken.status.success(), "{}", printed(&taken));
    let uuid = backend.revocation_uuid(&id).await;

    for status in ["valid", "suspended", "revoked"] {
        if status != "valid" {
            backend
                .set_credential_status(&uuid, status)
                .await
                .expect(200);
        }
        let shown = printed(&run(&["credentials", "--data-dir", data_dir]).await);
        assert!(shown.to_lowercase().contains(status), "{status}: {shown}");
        assert!(shown.contains("NL12TUL25708789078"), "{shown}");
    }
}

#[tokio::test]
async fn a_killed_process_has_lost_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let (data_dir, port) = (directory.path().to_str().unwrap(), free_port());
    let command = RunningCommand::serve_in(data_dir, port).await;
    let backend = Backend::new(&command.base_url, bestow_local::DEFAULT_API_KEY);
    let (taken, open) = (unique("taken"), unique("open"));
    let started = backend.start_iban(&taken).await;
    let pending = backend.start_iban(&open).await;
    WalletClient::new().take(started.str("request_uri")).await;
    command.stop().await;

    let _again = RunningCommand::serve_in(data_dir, port).await;
    backend.until_status(&taken, "issue_completed").await;
    WalletClient::new().take(pending.str("request_uri")).await;
    backend.until_status(&open, "issue_completed").await;
}

#[tokio::test]
async fn a_bad_offer_is_refused_in_plain_words() {
    let directory = tempfile::tempdir().unwrap();
    let data_dir = directory.path().to_str().unwrap();
    let backend = cloud::shared().backend();
    let unknown = format!(
        "openid-credential-offer://?credential_offer_uri={}%2Fwallet%2Foffers%2Funknown",
        backend.base_url.replace(':', "%3A").replace('/', "%2F")
    );
    let unreachable =
        "openid-credential-offer://?credential_offer_uri=http%3A%2F%2F127.0.0.1%3A1%2Foffer";
    for offer in [
        "hello",
        "https://wallet.example/",
        "openid-credential-offer://",
        unreachable,
        &unknown,
    ] {
        let refused = run(&["accept", offer, "--data-dir", data_dir]).await;
        let text = printed(&refused);
        assert_eq!(refused.status.code(), Some(1), "{offer}: {text}");
        assert!(text.trim().len() > 20, "{offer}: {text}");
        for noise in ["panicked", "Error {", "RUST_BACKTRACE", "Err("] {
            assert!(!text.contains(noise), "{offer}: {text}");
        }
    }
}

#[tokio::test]
async fn what_keeps_it_from_starting_is_said_with_what_to_do() {
    let taken = cloud::shared()
        .backend()
        .base_url
        .rsplit_once(':')
        .unwrap()
        .1
        .to_owned();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("a-file");
    std::fs::write(&file, "").unwrap();
    let file = file.to_str().unwrap();
    for (arguments, words) in [
        (
            vec!["--ephemeral", "--port", &taken],
            vec![taken.as_str(), "--port"],
        ),
        (
            vec!["--port", "0", "--data-dir", file],
            vec![file, "--data-dir"],
        ),
        (
            vec![
                "--ephemeral",
                "--port",
                "0",
                "--public-url",
                "https://issuer.example",
            ],
            vec!["--api-key"],
        ),
        (
            vec!["--ephemeral", "--port", "0", "--public-url", "nonsense"],
            vec!["--public-url"],
        ),
        (vec!["--ephemeral", "--port", "70000"], vec!["--port"]),
        (vec!["--no-such-option"], vec!["--no-such-option"]),
    ] {
        let refused = run(&arguments).await;
        let text = printed(&refused);
        assert!(!refused.status.success(), "{arguments:?}: {text}");
        for word in words {
            assert!(text.contains(word), "{arguments:?} {word}: {text}");
        }
        assert!(!text.contains("panicked"), "{text}");
    }
}

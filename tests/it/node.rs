//! Runs the wallets and verifiers of `tests/interop`, which are other people's JavaScript libraries.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::SystemTime;

use serde_json::Value;
use tokio::process::Command;
use tokio::sync::OnceCell;

use crate::cloud;

const NEEDED: &str = "Node.js 20 or newer with npm must be on the PATH: the wallets that stand for the \
                      world outside run on it. Install it from your system's packages or nodejs.org";

/// Runs a script to its end and gives the JSON object that it printed, whatever its exit code.
pub async fn run(script: &str, arguments: &[&str]) -> Value {
    install_once().await;
    let output = Command::new("node")
        .arg(script)
        .args(arguments)
        .current_dir(directory())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .expect(NEEDED);
    let printed = String::from_utf8_lossy(&output.stdout);
    // The libraries may print lines of their own before the result.
    let last = printed.lines().last().unwrap_or_default();
    serde_json::from_str(last).unwrap_or_else(|_| {
        panic!(
            "{script} printed no JSON: {printed}{}",
            String::from_utf8_lossy(&output.stderr)
        )
    })
}

/// Runs a wallet on an offer and gives what it printed; the wallet must get its credential.
pub async fn take(script: &str, offer_uri: &str, arguments: &[&str]) -> Value {
    let printed = run(script, &[&[offer_uri], arguments].concat()).await;
    assert!(printed["credential"].is_string(), "{script}: {printed}");
    printed
}

/// Verifies a credential of the shared cloud with `@sd-jwt/sd-jwt-vc` up to the cloud's own certificate
/// authority, and gives claims, header and status.
pub async fn verify(credential: &str) -> Value {
    let anchor = tempfile::NamedTempFile::new().expect("a file");
    let authority = cloud::shared().running.certificate_authority();
    std::fs::write(anchor.path(), authority).expect("it can be written");
    let anchor = anchor.path().to_str().expect("UTF-8");
    let printed = run("verify.mjs", &[credential, "--trust-anchor", anchor]).await;
    assert!(printed["claims"].is_object(), "{printed}");
    printed
}

pub fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/interop")
}

/// Installs the packages of the lock file unless that was done since it last changed.
pub async fn install_once() {
    static INSTALLED: OnceCell<()> = OnceCell::const_new();
    INSTALLED
        .get_or_init(|| async {
            let changed = |path: &str| -> std::io::Result<SystemTime> {
                directory().join(path).metadata()?.modified()
            };
            let lock = changed("package-lock.json").expect("the lock file is committed");
            // npm writes this file when an installation is complete.
            if changed("node_modules/.package-lock.json").is_ok_and(|installed| installed >= lock) {
                return;
            }
            let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
            let output = Command::new(npm)
                .args(["ci", "--no-progress"])
                .current_dir(directory())
                .stdin(Stdio::null())
                .output()
                .await
                .expect(NEEDED);
            assert!(
                output.status.success(),
                "`npm ci` failed in tests/interop: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        })
        .await;
}

//! One process: its environment, its Runtime API, its output, its end.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    process::Stdio,
    sync::Arc,
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, BufReader},
    process::{Child, Command},
    sync::Notify,
    task::JoinHandle,
};

use super::{
    LambdaConfig, LogLine, cpu_time,
    pool::{Pool, ProcessId},
    runtime_api,
};
use crate::template::LOCAL_REGION;

/// Starts a process of the pool's function, and gives its pid. The pool hears of its end. `kill` ends it.
pub(super) fn start(pool: &Arc<Pool>, id: ProcessId, kill: &Arc<Notify>) -> io::Result<u32> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    let config = pool.config();
    let mut child = command(config, listener.local_addr()?).spawn()?;
    let pid = child
        .id()
        .ok_or_else(|| io::Error::other("the process ended at once"))?;
    forward(config, pid, child.stdout.take());
    forward(config, pid, child.stderr.take());

    // Each process has a Runtime API of its own, as in Lambda, so it is known who asks.
    let router = runtime_api::router(Arc::clone(pool), id);
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let api = tokio::spawn(async move { axum::serve(listener, router).await });
    tokio::spawn(watch(Arc::clone(pool), id, child, api, Arc::clone(kill)));
    Ok(pid)
}

/// The environment as Lambda sets it: "Defined runtime environment variables" in its Developer Guide.
fn command(config: &LambdaConfig, runtime_api: SocketAddr) -> Command {
    let mut command = Command::new(&config.binary);
    command
        .env_clear()
        .env("AWS_REGION", LOCAL_REGION)
        .env("AWS_DEFAULT_REGION", LOCAL_REGION)
        .env("AWS_EXECUTION_ENV", "AWS_Lambda_provided.al2023")
        .env("AWS_LAMBDA_FUNCTION_NAME", &config.name)
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env(
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
            config.memory_mb.to_string(),
        )
        .env("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
        .env(
            "AWS_LAMBDA_LOG_GROUP_NAME",
            format!("/aws/lambda/{}", config.name),
        )
        .env("AWS_LAMBDA_LOG_STREAM_NAME", "local")
        .env("AWS_LAMBDA_RUNTIME_API", runtime_api.to_string())
        .env("TZ", ":UTC")
        .env("_HANDLER", "bootstrap")
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .envs(&config.environment)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Waits for the end of a process, or brings it about.
async fn watch(
    pool: Arc<Pool>,
    id: ProcessId,
    mut child: Child,
    api: JoinHandle<io::Result<()>>,
    kill: Arc<Notify>,
) {
    let mut cpu = None;
    let ended = tokio::select! {
        ended = child.wait() => ended,
        () = kill.notified() => {
            cpu = child.id().and_then(cpu_time::of_process);
            // An error means that it has ended already, which the wait will tell.
            let _ = child.start_kill();
            child.wait().await
        }
    };
    api.abort();
    pool.note_end(id, ended.ok(), cpu);
}

/// Hands on the lines of an output until it is closed.
fn forward(
    config: &LambdaConfig,
    pid: u32,
    output: Option<impl AsyncRead + Unpin + Send + 'static>,
) {
    let Some(output) = output else { return };
    let (function, log) = (config.name.clone(), Arc::clone(&config.log));
    tokio::spawn(async move {
        let mut output = BufReader::new(output);
        let mut line = Vec::new();
        // An error is the end of the output too. What is not UTF-8 is shown as well as it can be.
        while output
            .read_until(b'\n', &mut line)
            .await
            .is_ok_and(|length| length > 0)
        {
            let text = String::from_utf8_lossy(&line);
            log(LogLine {
                function: &function,
                pid,
                text: text.trim_end_matches(['\r', '\n']),
            });
            line.clear();
        }
    });
}

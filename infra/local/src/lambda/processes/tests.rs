//! Functions as processes: this test binary, started once more, is the function.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::Path,
    http::{Request, StatusCode},
    routing::post,
};
use http_body_util::BodyExt as _;
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::{Value, json};

use super::{InvokeError, LambdaConfig, LambdaFunction};
use crate::gateway::answer::of_processes;
use crate::template::Route;

const BEHAVIOUR: &str = "BEHAVIOUR";

/// The function: what runs in the processes that the other tests start. It does nothing in an ordinary
/// run.
#[tokio::test]
async fn child_that_is_a_function() {
    match std::env::var(BEHAVIOUR).as_deref() {
        Ok("event") => lambda_runtime::run(service_fn(on_event)).await.unwrap(),
        Ok("http") => {
            let echo = async |Path(id): Path<String>, body: Bytes| {
                (StatusCode::CREATED, [("x-id", id)], body)
            };
            let routes = Router::new().route("/things/{id}", post(echo));
            lambda_http::run(routes).await.unwrap();
        }
        Ok("exit at start") => std::process::exit(3),
        _ => {}
    }
}

#[allow(
    clippy::print_stderr,
    reason = "the runner takes what a function prints"
)]
async fn on_event(event: LambdaEvent<Value>) -> Result<Value, lambda_runtime::Error> {
    let payload = event.payload;
    match payload["do"].as_str() {
        Some("fail") => Err("on purpose".into()),
        Some("exit") => std::process::exit(4),
        Some("hang") => std::future::pending().await,
        Some("spin") => {
            // So much work, not so much time: others may have the processor meanwhile.
            for round in 0..50_000_000_u32 {
                std::hint::black_box(round);
            }
            Ok(json!({}))
        }
        Some("environment") => Ok(json!(std::env::vars().collect::<BTreeMap<_, _>>())),
        _ => {
            eprintln!("line for {}", event.context.request_id);
            Ok(json!({
                "pid": std::process::id(),
                "payload": payload,
                "function": event.context.env_config.function_name,
                "memory": event.context.env_config.memory,
                "arn": event.context.invoked_function_arn,
                "deadline_ms": event.context.deadline,
            }))
        }
    }
}

/// An executable that becomes the function: the runner passes no arguments, a test binary needs some.
fn binary() -> PathBuf {
    static SCRIPT: OnceLock<PathBuf> = OnceLock::new();
    SCRIPT
        .get_or_init(|| {
            let tests = std::env::current_exe().unwrap();
            let script = tests.with_extension("function.sh");
            let test = "lambda::processes::tests::child_that_is_a_function";
            let text = format!(
                "#!/bin/sh\nexec '{}' --exact {test} --nocapture\n",
                tests.display()
            );
            fs::write(&script, text).unwrap();
            fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
            script
        })
        .clone()
}

type Lines = Arc<Mutex<Vec<String>>>;

fn function_with_log(behaviour: &str, max_processes: usize) -> (LambdaFunction, Lines) {
    let lines = Lines::default();
    let sink = Arc::clone(&lines);
    let function = LambdaFunction::new(LambdaConfig {
        name: "echo".to_owned(),
        binary: binary(),
        environment: [(BEHAVIOUR.to_owned(), behaviour.to_owned())].into(),
        memory_mb: 256,
        timeout: Duration::from_secs(20),
        max_processes,
        log: Arc::new(move |line| sink.lock().unwrap().push(line.text.to_owned())),
    });
    (function, lines)
}

fn function(behaviour: &str, max_processes: usize) -> LambdaFunction {
    function_with_log(behaviour, max_processes).0
}

async fn invoke(function: &LambdaFunction, payload: Value) -> Result<Value, InvokeError> {
    let answer = function.invoke(payload.to_string()).await?;
    Ok(serde_json::from_slice(&answer).unwrap())
}

#[tokio::test]
async fn an_invocation_is_answered_by_a_process_that_is_used_again() {
    let (function, lines) = function_with_log("event", 4);
    let first = invoke(&function, json!({"a": 1})).await.unwrap();
    let second = invoke(&function, json!([2])).await.unwrap();
    assert_eq!(
        (&first["payload"], &second["payload"]),
        (&json!({"a": 1}), &json!([2]))
    );
    assert_eq!(first["pid"], second["pid"]);
    assert_eq!(
        (&first["function"], &first["memory"]),
        (&json!("echo"), &json!(256))
    );
    assert_eq!(
        first["arn"],
        "arn:aws:lambda:us-east-1:000000000000:function:echo"
    );
    let now_ms = jiff::Timestamp::now().as_millisecond();
    let left_ms = second["deadline_ms"].as_i64().unwrap() - now_ms;
    assert!((1..=20_000).contains(&left_ms), "{left_ms}");

    let reports = function.processes();
    assert_eq!(reports.len(), 1);
    let report = &reports[0];
    assert!(report.running);
    assert_eq!(json!(report.pid), first["pid"]);
    assert!(report.first_answer.unwrap() < Duration::from_secs(20));
    function.stop().await;
    let lines = lines.lock().unwrap();
    assert_eq!(
        lines
            .iter()
            .filter(|line| line.starts_with("line for "))
            .count(),
        2
    );
}

#[tokio::test]
async fn processes_are_started_on_demand_and_not_beyond_the_limit() {
    let function = function("event", 2);
    let invocations = (0..6).map(|index| invoke(&function, json!(index)));
    let answers = futures::future::try_join_all(invocations).await.unwrap();
    for (index, answer) in answers.iter().enumerate() {
        assert_eq!(answer["payload"], json!(index));
    }
    assert_eq!(function.processes().len(), 2);
    function.stop().await;
}

#[tokio::test]
async fn an_error_of_the_function_is_told_and_its_process_lives_on() {
    let function = function("event", 1);
    let error = invoke(&function, json!({"do": "fail"})).await.unwrap_err();
    assert!(
        matches!(&error, InvokeError::Function { message, .. } if message == "on purpose"),
        "{error}"
    );
    invoke(&function, json!({})).await.unwrap();
    assert_eq!(function.processes().len(), 1);
    function.stop().await;
}

#[tokio::test]
async fn a_process_that_dies_fails_its_invocation_and_the_next_one_finds_another() {
    let function = function("event", 1);
    let error = invoke(&function, json!({"do": "exit"})).await.unwrap_err();
    assert!(
        matches!(&error, InvokeError::Exited(status) if status.contains('4')),
        "{error}"
    );
    invoke(&function, json!({})).await.unwrap();
    let running: Vec<_> = function
        .processes()
        .iter()
        .map(|report| report.running)
        .collect();
    assert_eq!(running, [false, true]);
    function.stop().await;
}

#[tokio::test]
async fn a_killed_function_is_gone_at_once_and_comes_back_on_demand() {
    let function = function("event", 2);
    invoke(&function, json!({})).await.unwrap();
    let hanging = invoke(&function, json!({"do": "hang"}));
    let kill = async {
        // The first process is busy, so this starts a second one.
        invoke(&function, json!({})).await.unwrap();
        function.kill().await
    };
    let (hung, killed) = tokio::join!(hanging, kill);
    assert!(matches!(hung, Err(InvokeError::Exited(_))), "{hung:?}");
    assert_eq!(killed, 2);
    assert!(function.processes().iter().all(|report| !report.running));
    invoke(&function, json!({})).await.unwrap();
    function.stop().await;
}

#[tokio::test]
async fn an_invocation_that_takes_too_long_is_ended_with_its_process() {
    let mut config = function("event", 1).pool.config().clone();
    config.timeout = Duration::from_millis(300);
    let function = LambdaFunction::new(config);
    let error = invoke(&function, json!({"do": "hang"})).await.unwrap_err();
    assert!(matches!(error, InvokeError::TimedOut(_)), "{error}");
    invoke(&function, json!({})).await.unwrap();
    let reports = function.processes();
    assert_eq!((reports.len(), reports[0].running), (2, false));
    function.stop().await;
}

#[tokio::test]
async fn a_function_that_does_not_start_fails_every_invocation() {
    let function = function("exit at start", 1);
    let invocations = (0..2).map(|_| invoke(&function, json!({})));
    for outcome in futures::future::join_all(invocations).await {
        let error = outcome.unwrap_err();
        assert!(
            matches!(&error, InvokeError::Init { status, .. } if status.contains('3')),
            "{error}"
        );
    }

    let mut config = function.pool.config().clone();
    config.binary = "/nonexistent/function".into();
    let absent = LambdaFunction::new(config);
    let error = invoke(&absent, json!({})).await.unwrap_err();
    assert_eq!(error.to_string(), "/nonexistent/function cannot be started");
}

#[tokio::test]
async fn a_stopped_function_refuses_work_that_waits_and_that_comes() {
    let function = function("event", 1);
    let hanging = invoke(&function, json!({"do": "hang"}));
    let waiting = invoke(&function, json!({}));
    let stop = async {
        while function.under_way().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        function.stop().await;
    };
    let (hung, waited, ()) = tokio::join!(hanging, waiting, stop);
    assert!(
        matches!(hung, Err(InvokeError::Exited(_) | InvokeError::Stopped)),
        "{hung:?}"
    );
    assert!(matches!(waited, Err(InvokeError::Stopped)), "{waited:?}");
    let late = invoke(&function, json!({})).await;
    assert!(matches!(late, Err(InvokeError::Stopped)), "{late:?}");
}

#[tokio::test]
async fn a_function_has_lambdas_environment_and_its_own_and_no_more() {
    let function = function("event", 1);
    let environment = invoke(&function, json!({"do": "environment"}))
        .await
        .unwrap();
    assert_eq!(environment[BEHAVIOUR], "event");
    assert_eq!(environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"], "256");
    assert_eq!(environment["_HANDLER"], "bootstrap");
    for foreign in ["HOME", "CARGO_MANIFEST_DIR"] {
        assert_eq!(environment.get(foreign), None, "{foreign}");
    }
    function.stop().await;
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn the_cpu_time_of_a_process_is_counted() {
    let function = function("event", 1);
    invoke(&function, json!({})).await.unwrap();
    let before = function.processes().remove(0);
    invoke(&function, json!({"do": "spin"})).await.unwrap();
    let report = function.processes().remove(0);
    let spun = report.cpu.unwrap() - before.cpu.unwrap();
    assert!(spun >= Duration::from_millis(10), "{report:?}");
    function.kill().await;
    let ended = function.processes().remove(0);
    assert!(ended.cpu >= report.cpu, "{ended:?} {report:?}");
}

#[tokio::test]
async fn a_request_goes_through_the_gateway_and_lambda_http() {
    let function = function("http", 1);
    let route = Route {
        path: "/things/{id}".to_owned(),
        method: "POST".to_owned(),
        function: "Function".to_owned(),
    };
    for content_type in ["application/json", "image/png"] {
        let request = Request::post("/things/one%20two")
            .header("host", "api.example.com")
            .header("content-type", content_type)
            .body(Body::from("{}"))
            .unwrap();
        let response = of_processes(&function, &route, request).await;
        assert_eq!(response.status(), StatusCode::CREATED);
        assert_eq!(response.headers()["x-id"], "one two");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(&body[..], b"{}");
    }
    function.stop().await;
    let request = Request::post("/things/one").body(Body::empty()).unwrap();
    let response = of_processes(&function, &route, request).await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
}

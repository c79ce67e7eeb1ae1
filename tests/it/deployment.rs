//! `template.yaml` against the code: environment and routes (invariant 10).

use std::collections::BTreeSet;

use local::RunningCloud;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::cloud::{self, Cloud};
use crate::template::Template;

#[tokio::test]
async fn each_function_reads_exactly_the_variables_that_the_template_sets() {
    reads_what_is_set(&cloud::shared().running);
    let external = Cloud::start_with_parameters([
        ("WalletBaseUrl", "https://wallet.example"),
        ("WalletApiKey", "a key"),
    ])
    .await;
    reads_what_is_set(&external.running);
}

fn reads_what_is_set(running: &RunningCloud) {
    let lambdas_own = running.aws_environment();
    for binary in running.function_names() {
        let set: BTreeSet<_> = running
            .function_environment(binary)
            .expect("it has one")
            .keys()
            .filter(|name| !lambdas_own.contains_key(*name))
            .cloned()
            .collect();
        let read: BTreeSet<_> = running
            .names_read(binary)
            .into_iter()
            .filter(|name| !name.starts_with("AWS_"))
            // Read when the process starts, for the log: see shared/runtime/src/telemetry.rs.
            .chain(["SERVICE_NAME".to_owned()])
            .collect();
        assert_eq!(
            read, set,
            "{binary}: what the code reads (left), what template.yaml sets (right)"
        );
    }
}

#[tokio::test]
async fn every_route_of_the_template_is_answered_by_its_function() {
    let cloud = cloud::shared();
    let backend = cloud.backend();
    assert!(cloud.running.routes().len() >= 15);
    for route in cloud.running.routes() {
        let path = route
            .path
            .replace("{revocation_uuid}", "0e2c1f62-3392-462e-a25e-483fa0e2a3a3");
        let path = path.replace(['{', '}'], "");
        let methods: &[&str] = match route.method.as_str() {
            "ANY" => &["GET", "POST", "OPTIONS"],
            method => &[method],
        };
        let mut served = Vec::new();
        for method in methods {
            let answer = Answer::to(backend.request(method, &path)).await;
            // API Gateway's own answer has a message and nothing else.
            assert_ne!(
                answer.body,
                json!({"message": "Not Found"}),
                "{method} {path}"
            );
            assert_ne!(answer.status, 500, "{method} {path}: {}", answer.text());
            // The function's own answer to a path that it does not know.
            let nowhere = answer.body["detail"] == format!("There is nothing at {path}.");
            served.push(answer.status != 405 && !nowhere);
        }
        assert!(
            served.contains(&true),
            "{} {path} is routed and not served",
            route.method
        );
    }
}

#[test]
fn cargo_lambda_watch_routes_as_the_template_does() {
    let metadata = std::process::Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version=1"])
        .output()
        .expect("cargo metadata");
    let metadata: Value = serde_json::from_slice(&metadata.stdout).expect("JSON");
    let router = metadata["metadata"]["lambda"]["watch"]["router"]
        .as_object()
        .expect("a router");
    let mut watched = BTreeSet::new();
    for (path, to) in router {
        let text = |value: &Value| value.as_str().expect("a string").to_owned();
        match to {
            Value::String(function) => {
                watched.insert(("ANY".to_owned(), path.clone(), function.clone()));
            }
            several => watched.extend(several.as_array().expect("a list").iter().map(|entry| {
                (
                    text(&entry["method"]),
                    path.clone(),
                    text(&entry["function"]),
                )
            })),
        }
    }
    assert_eq!(
        watched,
        Template::read().routes(),
        "Cargo.toml (left), template.yaml (right)"
    );
}

//! `template.yaml` against the code: environment and routes (invariant 10).

use std::collections::BTreeSet;

use bestow_functions::FUNCTIONS;
use bestow_local::RunningCloud;
use serde_json::json;

use crate::answer::Answer;
use crate::cloud::{self, Cloud};
use crate::template::{Template, text};

#[tokio::test]
async fn each_function_reads_exactly_the_variables_that_the_template_sets() {
    for cloud in [cloud::shared(), cloud::shared_external()] {
        reads_what_is_set(&cloud.running);
    }
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

/// What is served below each greedy route.
const BELOW: [(&str, &[&str]); 4] = [
    ("/api/v2/jobs/{proxy+}", &["job_id", "job_id/results"]),
    (
        "/api/v2/deliveries/{proxy+}",
        &["correlation_id", "id/replay"],
    ),
    (
        "/wallet/{proxy+}",
        &[
            "offers/offer_id",
            "token",
            "nonce",
            "credential",
            "notification",
            "jwks",
        ],
    ),
    (
        "/.well-known/{proxy+}",
        &[
            "openid-credential-issuer",
            "oauth-authorization-server",
            "openid-configuration",
            "jwt-vc-issuer",
            "did.json",
        ],
    ),
];

/// The paths to ask a route for.
fn paths_of(route: &str) -> Vec<String> {
    if let Some(above) = route.strip_suffix("{proxy+}") {
        let (_, below) = BELOW
            .iter()
            .find(|(greedy, _)| *greedy == route)
            .unwrap_or_else(|| panic!("what is served below {route}?"));
        return below.iter().map(|path| format!("{above}{path}")).collect();
    }
    let path = route.replace("{revocation_uuid}", "0e2c1f62-3392-462e-a25e-483fa0e2a3a3");
    vec![path.replace(['{', '}'], "")]
}

#[test]
fn the_template_deploys_each_function_of_the_list() {
    let listed: BTreeSet<_> = FUNCTIONS.iter().map(|one| one.name).collect();
    let template = Template::read();
    assert_eq!(template.binaries(), listed);
}

#[tokio::test]
async fn every_route_of_the_template_is_answered_by_its_function() {
    let mut routes = BTreeSet::new();
    for cloud in [cloud::shared(), cloud::shared_external()] {
        routes.extend(cloud.running.routes().iter().map(|route| {
            let binary = cloud.running.binary_of(&route.function).expect("one");
            (route.method.clone(), route.path.clone(), binary.to_owned())
        }));
        routes_are_answered(cloud).await;
    }
    assert_eq!(routes, Template::read().routes());
    for (greedy, _) in BELOW {
        assert!(routes.iter().any(|(_, path, _)| path == greedy), "{greedy}");
    }
}

async fn routes_are_answered(cloud: &Cloud) {
    let backend = cloud.backend();
    for (route, path) in cloud.running.routes().iter().flat_map(|route| {
        paths_of(&route.path)
            .into_iter()
            .map(move |path| (route, path))
    }) {
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

/// What no route serves below a greedy one is answered by its function, in the words of the contract.
#[tokio::test]
async fn an_unknown_path_below_a_greedy_route_is_a_problem() {
    let backend = cloud::shared().backend();
    for (greedy, _) in BELOW {
        let path = greedy.replace("{proxy+}", "no/such/thing");
        let answer = Answer::to(backend.request("GET", &path)).await;
        answer.expect_problem(404);
    }
}

#[test]
fn every_function_with_a_route_may_be_invoked_by_the_api() {
    let template = Template::read();
    let permitted: BTreeSet<_> = template
        .named_resources("AWS::Lambda::Permission")
        .map(|(_, permission)| {
            let properties = &permission["Properties"];
            assert!(text(&properties["SourceArn"]).ends_with(":${HttpApi}/*"));
            text(&properties["FunctionName"])
        })
        .collect();
    let invoked: BTreeSet<_> = template
        .named_resources("AWS::ApiGatewayV2::Integration")
        .map(|(_, integration)| text(&integration["Properties"]["IntegrationUri"]))
        .collect();
    assert_eq!(permitted, invoked);
}

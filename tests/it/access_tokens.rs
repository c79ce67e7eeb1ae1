//! Access tokens of a real authorization server, which somebody else wrote.

use std::collections::BTreeMap;
use std::process::Stdio;

use futures::future::join_all;
use reqwest::RequestBuilder;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::answer::Answer;
use crate::backend::{badge, http_client, unique};
use crate::cloud;
use crate::function_host::Functions;
use crate::node;

const AUDIENCE: &str = "https://issuer.example";
const SCOPES: &str = "issue:write issue:read credential:status";
const ALGORITHMS: [&str; 4] = ["RS256", "PS256", "ES256", "EdDSA"];

/// `tests/interop/authorization-server.mjs`, running.
struct AuthorizationServer {
    _process: Child,
    issuer: String,
    token_endpoint: String,
}

impl AuthorizationServer {
    async fn start() -> Self {
        node::install_once().await;
        let mut process = Command::new("node")
            .args(["authorization-server.mjs", AUDIENCE, SCOPES])
            .current_dir(node::directory())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("Node.js is there");
        let output = process.stdout.take().expect("piped");
        let line = BufReader::new(output).lines().next_line().await;
        let line = line.expect("UTF-8").expect("it says where it is");
        let serves: Value = serde_json::from_str(&line).expect("JSON");
        let text = |member: &str| serves[member].as_str().expect("a URL").to_owned();
        Self {
            _process: process,
            issuer: text("issuer"),
            token_endpoint: text("token_endpoint"),
        }
    }

    /// A token by the client credentials grant, signed by `algorithm`.
    async fn token(&self, algorithm: &str, scope: &str) -> String {
        self.token_for(algorithm, scope, AUDIENCE).await
    }

    async fn token_for(&self, algorithm: &str, scope: &str, audience: &str) -> String {
        let request = http_client()
            .post(&self.token_endpoint)
            .basic_auth(algorithm, Some("secret"))
            .form(&[
                ("grant_type", "client_credentials"),
                ("scope", scope),
                ("resource", audience),
            ]);
        let answer = Answer::to(request).await.expect(200);
        answer.str("access_token").to_owned()
    }

    /// Functions that take its tokens.
    async fn functions(&self, changes: &[(&str, &str)]) -> Functions {
        let own = [
            ("OAUTH_ISSUER", self.issuer.as_str()),
            ("OAUTH_AUDIENCE", AUDIENCE),
        ];
        let changes: BTreeMap<String, String> = own
            .iter()
            .chain(changes)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Functions::start(move |_, variables| {
            if variables.contains_key("OAUTH_ISSUER") {
                variables.extend(changes.clone());
            }
        })
        .await
    }
}

fn start(functions: &Functions) -> RequestBuilder {
    let url = format!("{}/api/v2/credential/issue", functions.backend.base_url);
    functions
        .backend
        .http
        .post(url)
        .json(&badge(&unique("by-token")))
}

#[track_caller]
fn expect_challenge(answer: &Answer, status: u16, pieces: &[&str]) {
    answer.expect_problem(status);
    let challenge = answer.header("www-authenticate");
    for piece in pieces {
        assert!(challenge.contains(piece), "{piece}: {challenge}");
    }
}

#[tokio::test]
async fn a_token_may_do_what_its_scopes_say_and_no_more() {
    let server = AuthorizationServer::start().await;
    let functions = server.functions(&[]).await;
    let by_each = ALGORITHMS.map(async |algorithm| {
        let token = server.token(algorithm, "issue:write").await;
        let started = Answer::to(start(&functions).bearer_auth(&token))
            .await
            .expect(201);
        let read = functions.backend.http.get(started.str("status_uri"));
        let refused = Answer::to(read.try_clone().expect("no body").bearer_auth(&token)).await;
        expect_challenge(
            &refused,
            403,
            &[
                "Bearer",
                r#"error="insufficient_scope""#,
                r#"scope="issue:read""#,
            ],
        );
        assert!(refused.str("detail").contains("issue:read"));
        let both = server.token(algorithm, "issue:write issue:read").await;
        let request = read.header("authorization", format!("bearer {both}"));
        Answer::to(request).await.expect(200);
    });
    join_all(by_each).await;
    // Keys are taken all the same.
    functions
        .backend
        .start(&badge(&unique("by-key")))
        .await
        .expect(201);
}

#[tokio::test]
async fn a_token_that_is_not_for_us_is_refused() {
    let (server, stranger) =
        tokio::join!(AuthorizationServer::start(), AuthorizationServer::start());
    let functions = server.functions(&[]).await;
    let good = server.token("ES256", "issue:write").await;
    let tampered = {
        let (head, signature) = good.rsplit_once('.').expect("a JWT");
        let first = if signature.starts_with('A') { 'B' } else { 'A' };
        format!("{head}.{first}{}", &signature[1..])
    };
    let of_stranger = stranger.token("ES256", "issue:write").await;
    let for_another = server
        .token_for("ES256", "issue:write", "https://another.example")
        .await;
    for (token, word) in [
        (of_stranger.as_str(), "signature"),
        (&for_another, "aud"),
        (&tampered, "signature"),
        ("opaque", "JWT"),
        (&"x".repeat(8_193), "8192"),
    ] {
        let answer =
            Answer::to(start(&functions).header("authorization", format!("Bearer {token}")));
        let answer = answer.await;
        expect_challenge(
            &answer,
            401,
            &["Bearer", r#"error="invalid_token""#, "error_description"],
        );
        assert!(
            answer.str("detail").contains(word),
            "{word}: {}",
            answer.text()
        );
        assert!(!answer.text().contains(token));
    }

    let key = &functions.backend.api_key;
    let two_kinds = start(&functions)
        .bearer_auth(&good)
        .header("x-api-key", key);
    assert!(
        Answer::to(two_kinds)
            .await
            .expect_problem(400)
            .contains("not both")
    );
    let twice = start(&functions)
        .bearer_auth(&good)
        .header("authorization", format!("Bearer {good}"));
    assert!(
        Answer::to(twice)
            .await
            .expect_problem(400)
            .contains("one Authorization")
    );
    let nothing = Answer::to(start(&functions)).await;
    expect_challenge(&nothing, 401, &["Bearer", "ApiKey"]);
    assert!(!nothing.header("www-authenticate").contains("error"));
    let basic = Answer::to(start(&functions).basic_auth("me", Some("secret"))).await;
    expect_challenge(&basic, 401, &["Bearer"]);
}

#[tokio::test]
async fn tokens_are_taken_while_the_authorization_server_is_away() {
    let server = AuthorizationServer::start().await;
    let jwks = format!("{}/jwks", server.issuer);
    let functions = server.functions(&[("OAUTH_JWKS_URL", &jwks)]).await;
    let token = server.token("RS256", "issue:write").await;
    drop(server);
    Answer::to(start(&functions).bearer_auth(&token))
        .await
        .expect(201);
}

#[tokio::test]
async fn without_keys_to_check_them_tokens_are_neither_taken_nor_refused_for_good() {
    let server = AuthorizationServer::start().await;
    let token = server.token("RS256", "issue:write").await;
    let functions = server
        .functions(&[("OAUTH_JWKS_URL", "http://127.0.0.1:1/jwks")])
        .await;
    let answer = Answer::to(start(&functions).bearer_auth(&token)).await;
    answer.expect_problem(503);
    assert_ne!(answer.header("retry-after"), "");
    functions
        .backend
        .start(&badge(&unique("by-key")))
        .await
        .expect(201);
}

#[tokio::test]
async fn a_client_has_a_limit_where_one_is_set() {
    let server = AuthorizationServer::start().await;
    let functions = server.functions(&[("OAUTH_RATE_LIMIT", "3/h")]).await;
    let token = server.token("ES256", "issue:write").await;
    let other = server.token("EdDSA", "issue:write").await;
    let mut statuses = Vec::new();
    // Two windows at most, should the hour end meanwhile.
    for _ in 0..7 {
        let answer = Answer::to(start(&functions).bearer_auth(&token)).await;
        if answer.status == 429 {
            assert_ne!(answer.header("retry-after"), "");
            assert!(answer.expect_problem(429).contains("3/h"));
        }
        statuses.push(answer.status);
    }
    assert!(statuses.starts_with(&[201]), "{statuses:?}");
    assert!(statuses.contains(&429), "{statuses:?}");
    Answer::to(start(&functions).bearer_auth(&other))
        .await
        .expect(201);
}

#[tokio::test]
async fn where_no_server_is_set_tokens_are_not_taken() {
    let backend = cloud::shared().backend();
    let url = format!("{}/api/v2/issue/x", backend.base_url);
    let answer = Answer::to(backend.http.get(&url).bearer_auth("a.b.c")).await;
    assert!(answer.expect_problem(401).contains("No access tokens"));
    // The header may be meant for somebody in between.
    let both = backend.http.get(&url).bearer_auth("a.b.c");
    Answer::to(both.header("x-api-key", &backend.api_key))
        .await
        .expect(404);
}

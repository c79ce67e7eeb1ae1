//! The functions with an environment of the test's choosing.
//!
//! They run here as they do under `cargo lambda watch`: the local cloud serves the AWS endpoints alone and
//! posts the batches of queues and streams to an Invoke API, which stands beside the functions' routes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::routing::post;
use deliver_webhook::DeliverWebhook;
use erase_claims::EraseClaims;
use local::{FunctionHost, LocalCloud, Options, RunningCloud};
use poll_status::PollStatus;
use publish_changes::PublishChanges;
use runtime::Env;
use start_queued::StartQueued;
use tokio::net::TcpListener;
use tower::ServiceExt;

use crate::backend::Backend;
use crate::queues::Queues;

/// All functions, and the AWS endpoints that they use.
pub struct Functions {
    pub running: RunningCloud,
    pub backend: Backend,
}

impl Functions {
    /// Starts everything; `change` may change the environment of each function, by its binary's name.
    pub async fn start(change: impl Fn(&str, &mut BTreeMap<String, String>)) -> Self {
        Self::start_with(&[], change).await
    }

    /// The same with other values for parameters of the template.
    pub async fn start_with(
        parameters: &[(&str, &str)],
        change: impl Fn(&str, &mut BTreeMap<String, String>),
    ) -> Self {
        let api = free_port().await;
        let endpoint = format!("http://{}", api.local_addr().expect("an address"));
        let options = Options {
            functions: FunctionHost::InvokeApi {
                endpoint: endpoint.clone(),
            },
            parameters: parameters
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            ..Options::default()
        };
        let running = LocalCloud::start(options)
            .await
            .unwrap_or_else(|fault| panic!("{fault}"));
        let env = |binary: &str| -> Env {
            let mut variables = running.function_environment(binary).expect(binary).clone();
            change(binary, &mut variables);
            variables.into_iter().collect()
        };

        let start = start_issue::app(&env("start-issue"))
            .await
            .expect("start-issue starts");
        let read = get_status::app(&env("get-status"))
            .await
            .expect("get-status starts");
        let set = set_credential_status::app(&env("set-credential-status"))
            .await
            .expect("set-credential-status starts");
        // Only where it is the one that issues.
        let wallet = match running.function_environment("wallet") {
            Some(_) => wallet::app(&env("wallet")).await.expect("wallet starts"),
            None => Router::new(),
        };
        let call_back = wallet_callback::app(&env("wallet-callback"))
            .await
            .expect("wallet-callback starts");
        let poll = PollStatus::from_env(&env("poll-status"))
            .await
            .expect("poll-status starts");
        let poll = Arc::new(poll);
        let erase = EraseClaims::from_env(&env("erase-claims"))
            .await
            .expect("erase-claims starts");
        let erase = Arc::new(erase);
        let publish = PublishChanges::from_env(&env("publish-changes"))
            .await
            .expect("publish-changes starts");
        let publish = Arc::new(publish);
        let deliver = DeliverWebhook::from_env(&env("deliver-webhook"))
            .await
            .expect("deliver-webhook starts");
        let deliver = Arc::new(deliver);
        let deliveries = deliveries::app(&env("deliveries"))
            .await
            .expect("deliveries starts");
        let batch = start_batch::app(&env("start-batch"))
            .await
            .expect("start-batch starts");
        let queued = StartQueued::from_env(&env("start-queued"))
            .await
            .expect("start-queued starts");
        let queued = Arc::new(queued);

        let by_path = move |request: Request| {
            let function = match request.uri().path() {
                contract::paths::START_ISSUE => start.clone(),
                contract::paths::START_BATCH => batch.clone(),
                path if path.starts_with("/api/v2/jobs/") => batch.clone(),
                path if path.starts_with("/api/v2/credential/status/") => set.clone(),
                path if path.starts_with("/api/v2/wallet-callbacks/") => call_back.clone(),
                path if path.starts_with("/api/v2/deliveries/") => deliveries.clone(),
                path if path.starts_with("/api/") => read.clone(),
                _ => wallet.clone(),
            };
            function.oneshot(request)
        };
        let routes = Router::new()
            .route(
                "/2015-03-31/functions/poll-status/invocations",
                post(move |axum::Json(event)| async move { axum::Json(poll.handle(event).await) }),
            )
            .route(
                "/2015-03-31/functions/erase-claims/invocations",
                post(move || async move {
                    let deadline = SystemTime::now() + Duration::from_secs(50);
                    let erased = erase.handle(deadline).await;
                    erased
                        .map(axum::Json)
                        .map_err(|fault| (StatusCode::BAD_GATEWAY, fault.to_string()))
                }),
            )
            .route(
                "/2015-03-31/functions/publish-changes/invocations",
                post(
                    move |axum::Json(event)| async move { axum::Json(publish.handle(event).await) },
                ),
            )
            .route(
                "/2015-03-31/functions/deliver-webhook/invocations",
                post(
                    move |axum::Json(event)| async move { axum::Json(deliver.handle(event).await) },
                ),
            )
            .route(
                "/2015-03-31/functions/start-queued/invocations",
                post(
                    move |axum::Json(event)| async move { axum::Json(queued.handle(event).await) },
                ),
            )
            .fallback(by_path);
        serve(routes, api);
        let backend = Backend::new(&endpoint, running.api_key());
        Self { running, backend }
    }

    pub fn queues(&self) -> Queues {
        Queues::of(&self.running)
    }
}

/// Where nobody listens: a port that no system gives to whoever wants any.
pub const NOBODY: &str = "http://127.0.0.1:1";

/// A socket on a free port.
pub async fn free_port() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.expect("a free port")
}

/// Serves in the background, as long as the test runs, and gives the address.
pub fn serve(routes: Router, listener: TcpListener) -> String {
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, routes).await });
    format!("http://{address}")
}

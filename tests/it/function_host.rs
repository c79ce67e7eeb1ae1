//! The functions with an environment of the test's choosing.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use bestow_local::{LocalCloud, Options, RunningCloud};
use tokio::net::TcpListener;

use crate::backend::Backend;
use crate::queues::Queues;

/// All functions, and the AWS endpoints that they use.
pub struct Functions {
    pub running: RunningCloud,
    pub backend: Backend,
}

impl Functions {
    /// Starts everything; `change` may change the environment of each function, by its binary's name.
    pub async fn start(
        change: impl Fn(&str, &mut BTreeMap<String, String>) + Send + Sync + 'static,
    ) -> Self {
        Self::start_with(&[], change).await
    }

    /// The same with other values for parameters of the template.
    pub async fn start_with(
        parameters: &[(&str, &str)],
        change: impl Fn(&str, &mut BTreeMap<String, String>) + Send + Sync + 'static,
    ) -> Self {
        let options = Options {
            parameters: parameters
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            change_environment: Some(Arc::new(change)),
            ..Options::default()
        };
        let running = LocalCloud::start(options)
            .await
            .unwrap_or_else(|fault| panic!("{fault}"));
        let backend = Backend::new(running.base_url(), running.api_key());
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

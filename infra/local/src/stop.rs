//! Tasks, and the wish to stop that they hear.

use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How long requests that are under way may take to end when the cloud stops.
const GRACE: Duration = Duration::from_secs(10);

/// Tasks that stop together; hard, where this is dropped.
#[derive(Debug, Default)]
pub(crate) struct Tasks {
    stop: CancellationToken,
    running: JoinSet<()>,
}

impl Tasks {
    /// Runs a task that ends when its token is cancelled.
    pub(crate) fn spawn<T>(&mut self, task: impl FnOnce(CancellationToken) -> T)
    where
        T: Future<Output = ()> + Send + 'static,
    {
        self.running.spawn(task(self.stop.clone()));
    }

    /// Serves until it is asked to stop. `what` is who answers, for the log.
    pub(crate) fn serve(&mut self, what: &'static str, listener: TcpListener, router: Router) {
        self.spawn(async move |stop| {
            let stopped = stop.cancelled_owned();
            let serving = axum::serve(listener, router).with_graceful_shutdown(stopped);
            if let Err(fault) = serving.await {
                tracing::error!(what, %fault, "an endpoint of the local cloud stopped");
            }
        });
    }

    /// Asks the tasks to stop, and leaves those behind that take too long.
    pub(crate) async fn end(mut self) {
        self.stop.cancel();
        let all = async { while self.running.join_next().await.is_some() {} };
        if tokio::time::timeout(GRACE, all).await.is_err() {
            tracing::warn!("requests that were still under way were cut off");
        }
    }
}

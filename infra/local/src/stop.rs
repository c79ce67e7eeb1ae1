//! Tasks, and the wish to stop that they hear.

use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How long requests that are under way may take to end when the cloud stops.
const GRACE: Duration = Duration::from_secs(10);

/// Asks the tasks of a local cloud to stop.
#[derive(Debug, Clone)]
pub(crate) struct Stop(watch::Sender<bool>);

impl Stop {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(false))
    }

    /// Asks every task to stop.
    pub(crate) fn request(&self) {
        self.0.send_replace(true);
    }

    /// Ends when stopping has been asked for, or nobody is left who could ask.
    pub(crate) fn requested(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut wish = self.0.subscribe();
        async move {
            // The error means that the sender is gone.
            let _ = wish.wait_for(|stop| *stop).await;
        }
    }
}

/// Tasks that stop together.
#[derive(Debug)]
pub(crate) struct Tasks {
    stop: Stop,
    running: JoinSet<()>,
}

impl Tasks {
    pub(crate) fn new() -> Self {
        Self {
            stop: Stop::new(),
            running: JoinSet::new(),
        }
    }

    /// Runs a task that ends when it is asked to stop.
    pub(crate) fn spawn<T>(&mut self, task: impl FnOnce(Stop) -> T)
    where
        T: Future<Output = ()> + Send + 'static,
    {
        self.running.spawn(task(self.stop.clone()));
    }

    /// Serves until it is asked to stop. `what` is who answers, for the log.
    pub(crate) fn serve(&mut self, what: &'static str, listener: TcpListener, router: Router) {
        let stopped = self.stop.requested();
        self.running.spawn(async move {
            let serving = axum::serve(listener, router).with_graceful_shutdown(stopped);
            if let Err(fault) = serving.await {
                tracing::error!(what, %fault, "an endpoint of the local cloud stopped");
            }
        });
    }

    /// Asks the tasks to stop, and leaves those behind that take too long.
    pub(crate) async fn end(mut self) {
        self.stop.request();
        let all = async { while self.running.join_next().await.is_some() {} };
        if tokio::time::timeout(GRACE, all).await.is_err() {
            tracing::warn!("requests that were still under way were cut off");
        }
    }
}

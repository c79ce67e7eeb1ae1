//! The guard as a layer of a router.

use std::task::{Context, Poll};

use axum::extract::Request;
use axum::response::Response;
use contract::Scope;
use futures::future::BoxFuture;
use tower::{Layer, Service};
use tracing::Instrument;

use crate::guard::Guard;

/// Lets requests pass whose credentials have a scope; made by [`Guard::require`].
#[derive(Clone, Debug)]
pub struct Require {
    guard: Guard,
    scope: Scope,
}

impl Require {
    pub(crate) fn new(guard: Guard, scope: Scope) -> Self {
        Self { guard, scope }
    }
}

impl<S> Layer<S> for Require {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded {
            inner,
            require: self.clone(),
        }
    }
}

/// A service behind a guard.
#[derive(Clone, Debug)]
pub struct Guarded<S> {
    inner: S,
    require: Require,
}

impl<S> Service<Request> for Guarded<S>
where
    S: Service<Request, Response = Response> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        // The service that was polled until it was ready, not a clone of it that was not.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let Require { guard, scope } = self.require.clone();
        Box::pin(async move {
            match guard.admit(request.headers(), scope).await {
                Ok(caller) => {
                    let span = tracing::info_span!("call", %caller);
                    inner.call(request).instrument(span).await
                }
                Err(refusal) => Ok(refusal.into_response()),
            }
        })
    }
}

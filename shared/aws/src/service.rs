//! A client of the SDK, and a shorter way from the request that it builds to the service.
//!
//! Requests, answers, errors, what is written on the wire and the connections are the SDK's. Left out is its
//! orchestrator, which needs three times the CPU time of all the rest: plugins, layers of configuration, interceptors,
//! endpoint rules, all of them anew for each call. What it does that matters is here: signatures, time-outs, attempts.

#![expect(
    clippy::result_large_err,
    reason = "these are the errors of the SDK, as its own clients return them"
)]

use std::fmt::Debug;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_runtime::retries::classifiers::{THROTTLING_ERRORS, TRANSIENT_ERRORS};
use aws_smithy_runtime_api::client::http::{HttpConnector, SharedHttpConnector};
use aws_smithy_runtime_api::client::interceptors::context::{Error, Input};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::ser_de::{
    DeserializeResponse, SerializeRequest, SharedRequestSerializer, SharedResponseDeserializer,
};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::{ConfigBag, FrozenLayer};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use backon::{ExponentialBuilder, Retryable};
use bestow_runtime::trace;
use http_body_util::BodyExt;
use jiff::Timestamp;
use uuid::Uuid;

use crate::request::Request;
use crate::sdk::{ATTEMPT_TIMEOUT, ATTEMPTS, CALL_TIMEOUT};
use crate::signature::Signer;

/// Between attempts, as the SDK's standard mode waits. A call takes an attempt's time-out at most, thrice.
const BETWEEN_ATTEMPTS: ExponentialBuilder = ExponentialBuilder::new()
    .with_jitter()
    .with_min_delay(Duration::from_millis(25))
    .with_max_times(ATTEMPTS as usize - 1);

/// What a service answers that may be over in a moment.
const TRANSIENT_STATUS: [u16; 4] = [500, 502, 503, 504];

/// A service of AWS: it has the methods of the SDK's client, which build requests.
#[derive(Debug, Clone)]
pub struct Service<C> {
    client: C,
    inner: Arc<Inner>,
}

/// DynamoDB.
pub type Dynamodb = Service<aws_sdk_dynamodb::Client>;
/// SQS.
pub type Sqs = Service<aws_sdk_sqs::Client>;
/// EventBridge.
pub type EventBridge = Service<aws_sdk_eventbridge::Client>;

#[derive(Debug)]
struct Inner {
    connector: SharedHttpConnector,
    signer: Signer,
    url: String,
    host: String,
    path: String,
}

impl<C> Deref for Service<C> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.client
    }
}

impl<C> Service<C> {
    /// The service `name` at `endpoint`.
    pub(crate) fn new(
        client: C,
        connector: SharedHttpConnector,
        (credentials, region, name): (Credentials, &str, &'static str),
        endpoint: &str,
    ) -> Self {
        let url = format!("{}/", endpoint.trim_end_matches('/'));
        let rest = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let inner = Inner {
            connector,
            signer: Signer::new(credentials, region, name),
            host: host.to_owned(),
            path: format!("/{path}"),
            url,
        };
        Self {
            client,
            inner: Arc::new(inner),
        }
    }

    /// Sends a request, up to three times where that may help.
    ///
    /// # Errors
    /// Those of the SDK's own `send`.
    pub async fn send<R: Request>(
        &self,
        request: R,
    ) -> Result<R::Output, SdkError<R::Error, HttpResponse>> {
        let operation = R::operation();
        let input = request
            .into_input()
            .map_err(SdkError::construction_failure)?;
        let template = written(operation, input).map_err(SdkError::construction_failure)?;
        let (id, attempts) = (Uuid::new_v4().to_string(), AtomicU32::new(0));
        let attempt = async || {
            let number = attempts.fetch_add(1, Ordering::Relaxed) + 1;
            let attempt = format!("attempt={number}; max={ATTEMPTS}");
            let answer = self.inner.exchange(&template, &id, attempt);
            match tokio::time::timeout(ATTEMPT_TIMEOUT, answer).await {
                Ok(answer) => read::<R>(operation, answer.map_err(unread)?),
                Err(elapsed) => Err(SdkError::timeout_error(elapsed)),
            }
        };
        let call = attempt
            .retry(BETWEEN_ATTEMPTS)
            .sleep(tokio::time::sleep)
            .when(may_be_over);
        let answer = tokio::time::timeout(CALL_TIMEOUT, call).await;
        answer.unwrap_or_else(|elapsed| Err(SdkError::timeout_error(elapsed)))
    }
}

impl Inner {
    /// One attempt. The answer has its whole body.
    async fn exchange(
        &self,
        template: &HttpRequest,
        id: &str,
        attempt: String,
    ) -> Result<HttpResponse, SdkError<Error, HttpResponse>> {
        let request = self.signed(template, id, attempt);
        let request = request.map_err(SdkError::construction_failure)?;
        let answer = self.connector.call(request).await;
        let mut answer = answer.map_err(SdkError::dispatch_failure)?;
        match answer.take_body().collect().await {
            Ok(body) => {
                *answer.body_mut() = SdkBody::from(body.to_bytes());
                Ok(answer)
            }
            Err(fault) => Err(SdkError::response_error(fault, answer)),
        }
    }

    fn signed(
        &self,
        template: &HttpRequest,
        id: &str,
        attempt: String,
    ) -> Result<HttpRequest, Box<dyn std::error::Error + Send + Sync>> {
        let mut request = template.try_clone().ok_or("a body that can be read once")?;
        let mut signed: Vec<(&str, String)> = template
            .headers()
            .iter()
            .filter(|(name, _)| *name != "content-length")
            .map(|(name, value)| (name, value.to_owned()))
            .collect();
        signed.push(("host", self.host.clone()));
        let body = template.body().bytes().unwrap_or_default();
        let added = self.signer.sign(Timestamp::now(), &self.path, signed, body);
        request.set_uri(self.url.as_str())?;
        let headers = request.headers_mut();
        for (name, value) in added {
            headers.try_insert(name, value)?;
        }
        headers.try_insert("amz-sdk-invocation-id", id.to_owned())?;
        headers.try_insert("amz-sdk-request", attempt)?;
        if let Some(trace) = trace::current() {
            headers.try_insert("x-amzn-trace-id", trace.as_str().to_owned())?;
        }
        Ok(request)
    }
}

/// A request as the SDK writes it: it lacks address and signature.
fn written(
    operation: &FrozenLayer,
    input: Input,
) -> Result<HttpRequest, Box<dyn std::error::Error + Send + Sync>> {
    let serializer = operation.load::<SharedRequestSerializer>();
    let serializer = serializer.ok_or("an operation that is not written by a serializer")?;
    serializer.serialize_input(input, &mut ConfigBag::base())
}

/// An answer as the SDK reads it.
fn read<R: Request>(
    operation: &FrozenLayer,
    answer: HttpResponse,
) -> Result<R::Output, SdkError<R::Error, HttpResponse>> {
    let Some(deserializer) = operation.load::<SharedResponseDeserializer>() else {
        let fault = "an operation whose answer is not read by a deserializer";
        return Err(SdkError::response_error(fault, answer));
    };
    let unexpected = "an answer of another operation";
    match deserializer.deserialize_nonstreaming_with_config(&answer, &ConfigBag::base()) {
        Ok(output) => match output.downcast() {
            Ok(output) => Ok(output),
            Err(_) => Err(SdkError::response_error(unexpected, answer)),
        },
        Err(fault) => {
            let mut of_service = None;
            let fault = fault.map_operation_error(|fault| {
                of_service = Some(fault);
                std::fmt::Error // in its place
            });
            match of_service.map(|fault| fault.downcast()) {
                Some(Ok(fault)) => Err(SdkError::service_error(fault, answer)),
                Some(Err(_)) => Err(SdkError::response_error(unexpected, answer)),
                None => Err(SdkError::response_error(fault, answer)),
            }
        }
    }
}

fn may_be_over<E: ProvideErrorMetadata>(fault: &SdkError<E, HttpResponse>) -> bool {
    match fault {
        SdkError::TimeoutError(_) | SdkError::ResponseError(_) => true,
        SdkError::DispatchFailure(fault) => {
            fault.is_io() || fault.is_timeout() || fault.as_other().is_some()
        }
        SdkError::ServiceError(answer) => {
            let code = answer.err().code().unwrap_or_default();
            TRANSIENT_STATUS.contains(&answer.raw().status().as_u16())
                || THROTTLING_ERRORS.contains(&code)
                || TRANSIENT_ERRORS.contains(&code)
        }
        _ => false,
    }
}

/// No answer is read before there is one.
fn unread<E>(fault: SdkError<Error, HttpResponse>) -> SdkError<E, HttpResponse> {
    match fault {
        SdkError::ConstructionFailure(fault) => SdkError::ConstructionFailure(fault),
        SdkError::DispatchFailure(fault) => SdkError::DispatchFailure(fault),
        SdkError::ResponseError(fault) => SdkError::ResponseError(fault),
        SdkError::TimeoutError(fault) => SdkError::TimeoutError(fault),
        _ => SdkError::construction_failure("an answer before it was read"),
    }
}

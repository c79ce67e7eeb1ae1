//! Calls to AWS with the SDK's requests, answers, errors and connections, but without its orchestrator, which takes
//! three times the CPU time of all the rest. What it does that matters is here: signatures, time-outs, attempts, the
//! service's clock.

#![expect(clippy::result_large_err, reason = "they are the SDK's own errors")]

use std::fmt::Debug;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_runtime::retries::classifiers::{THROTTLING_ERRORS, TRANSIENT_ERRORS};
use aws_smithy_runtime_api::client::http::{HttpConnector, SharedHttpConnector};
use aws_smithy_runtime_api::client::interceptors::context::Input;
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
use jiff::fmt::rfc2822::DateTimeParser;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::request::Request;
use crate::sdk::{ATTEMPT_TIMEOUT, ATTEMPTS, CALL_TIMEOUT};
use crate::signature::Signer;

/// Between attempts, as in the SDK's standard mode.
const BETWEEN_ATTEMPTS: ExponentialBuilder = ExponentialBuilder::new()
    .with_jitter()
    .with_min_delay(Duration::from_millis(25))
    .with_max_times(ATTEMPTS as usize - 1);

/// What a service answers that may be over in a moment.
const TRANSIENT_STATUS: [u16; 4] = [500, 502, 503, 504];

/// In milliseconds, how long a service asks to wait, and by how much it may prolong a wait.
const RETRY_AFTER: &str = "x-amz-retry-after";
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(5);

/// What a service may answer to a signature whose time is wrong by at least so much, as the SDK has it.
const WRONG_TIME: [&str; 5] = [
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "AuthFailure",
    "RequestTimeTooSkewed",
    "AccessDeniedException",
];
const LEAST_SKEW: SignedDuration = SignedDuration::from_mins(4);

/// Marks the answer to a request whose time was wrong.
#[derive(Debug, Clone)]
struct TimeWasWrong;

/// A service of AWS, with the methods of the SDK's client, which build requests.
#[derive(Debug, Clone)]
pub struct Service<C> {
    client: C,
    inner: Arc<Inner>,
}

/// DynamoDB.
pub type Dynamodb = Service<aws_sdk_dynamodb::Client>;
/// KMS.
pub type Kms = Service<aws_sdk_kms::Client>;
/// SQS.
pub type Sqs = Service<aws_sdk_sqs::Client>;
/// EventBridge.
pub type EventBridge = Service<aws_sdk_eventbridge::Client>;

#[derive(Debug)]
struct Inner {
    connector: SharedHttpConnector,
    signer: Signer,
    /// By how much the service's clock is ahead of ours, where it has refused ours.
    skew_seconds: AtomicI64,
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
            skew_seconds: AtomicI64::default(),
            host: host.to_owned(),
            path: format!("/{path}"),
            url,
        };
        Self {
            client,
            inner: Arc::new(inner),
        }
    }

    /// Sends a request, up to three times if it fails in a way that may be over in a moment.
    ///
    /// # Errors
    /// Those of the SDK's own `send`.
    pub async fn send<R: Request>(
        &self,
        request: &R,
    ) -> Result<R::Output, SdkError<R::Error, HttpResponse>> {
        let operation = R::operation();
        let input = request.input().map_err(SdkError::construction_failure)?;
        let template = written(operation, input).map_err(SdkError::construction_failure)?;
        let (id, attempts) = (Uuid::new_v4().to_string(), AtomicU32::new(0));
        let attempt = async || {
            let number = attempts.fetch_add(1, Ordering::Relaxed) + 1;
            let attempt = format!("attempt={number}; max={ATTEMPTS}");
            let answer = self.inner.exchange(&template, &id, attempt);
            match tokio::time::timeout(ATTEMPT_TIMEOUT, answer).await {
                Ok(answer) => read::<R>(operation, answer?),
                Err(elapsed) => Err(SdkError::timeout_error(elapsed)),
            }
        };
        let call = attempt
            .retry(BETWEEN_ATTEMPTS)
            .when(may_be_over)
            .adjust(|fault, wait| Some(wait_as_asked(wait?, fault)));
        let answer = tokio::time::timeout(CALL_TIMEOUT, call).await;
        answer.unwrap_or_else(|elapsed| Err(SdkError::timeout_error(elapsed)))
    }
}

impl Inner {
    /// One attempt. The answer has its whole body.
    async fn exchange<E>(
        &self,
        template: &HttpRequest,
        id: &str,
        attempt: String,
    ) -> Result<HttpResponse, SdkError<E, HttpResponse>> {
        let skew_seconds = self.skew_seconds.load(Ordering::Relaxed);
        let now = Timestamp::now();
        let skew = SignedDuration::from_secs(skew_seconds);
        let now = now.checked_add(skew).unwrap_or(now);
        let request = self.signed(template, now, id, attempt);
        let request = request.map_err(SdkError::construction_failure)?;
        let answer = self.connector.call(request).await;
        let mut answer = answer.map_err(SdkError::dispatch_failure)?;
        if let Some(seconds) = too_skewed(now, &answer) {
            self.skew_seconds
                .store(skew_seconds + seconds, Ordering::Relaxed);
            answer.add_extension(TimeWasWrong);
        }
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
        now: Timestamp,
        id: &str,
        attempt: String,
    ) -> Result<HttpRequest, Box<dyn std::error::Error + Send + Sync>> {
        let mut request = template.try_clone().ok_or("a body that can be read once")?;
        let headers = template.headers().iter();
        let headers = headers.filter(|(name, _)| *name != "content-length");
        let headers = headers.chain([("host", self.host.as_str())]);
        let body = template.body().bytes().unwrap_or_default();
        let added = self.signer.sign(now, &self.path, headers, body);
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

/// A request as the SDK writes it, without address and signature.
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
            let time_was_wrong = answer.raw().extension::<TimeWasWrong>().is_some();
            TRANSIENT_STATUS.contains(&answer.raw().status().as_u16())
                || THROTTLING_ERRORS.contains(&code)
                || TRANSIENT_ERRORS.contains(&code)
                || (time_was_wrong && WRONG_TIME.contains(&code))
        }
        _ => false,
    }
}

/// The wait before the next attempt, prolonged if the service asks for it.
fn wait_as_asked<E>(wait: Duration, fault: &SdkError<E, HttpResponse>) -> Duration {
    let asked = fault
        .raw_response()
        .and_then(|answer| answer.headers().get(RETRY_AFTER));
    let asked = asked.and_then(|milliseconds| milliseconds.parse().ok());
    asked.map_or(wait, |asked| {
        Duration::from_millis(asked).clamp(wait, wait + LONGEST_RETRY_AFTER)
    })
}

/// How many seconds the service is ahead of the time of a request that it refuses, if they are many.
fn too_skewed(sent_as: Timestamp, answer: &HttpResponse) -> Option<i64> {
    if answer.status().is_success() {
        return None;
    }
    let date = answer.headers().get("date")?;
    let date = DateTimeParser::new().parse_timestamp(date).ok()?;
    let skew = sent_as.duration_until(date);
    (skew.abs() >= LEAST_SKEW).then(|| skew.as_secs())
}

//! The endpoints of OpenID4VCI: offer, token, nonce, credential, notification.
//!
//! Each step is: read the request, let the domain decide, write once, let the domain answer; a credential is
//! signed before the write.

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bestow_contract::Problem;
use bestow_issuer::{
    CredentialOfferError, CredentialRequest, ErrorCode, OfferId, ProtocolError, Redeem,
    TokenRequest, Transition, Written, paths, system_randomness,
};
use bestow_runtime::http::{HttpError, problem_response};
use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use tower_http::cors::{AllowHeaders, Any, CorsLayer};

use crate::{PathParameter, SharedWallet, Wallet, parsed, plain_problem, unavailable, uncached};
use bestow_bundled_wallet::config::now;

/// The largest request of a wallet, in bytes. A key proof with a certificate chain has some 8 KiB.
const LARGEST_REQUEST: usize = 64 * 1024;

pub(crate) fn routes() -> Router<SharedWallet> {
    Router::new()
        .route(paths::OFFER, get(credential_offer))
        .route(paths::TOKEN, post(token))
        .route(paths::NONCE, post(nonce))
        .route(paths::CREDENTIAL, post(credential))
        .route(paths::NOTIFICATION, post(notification))
}

/// Wallets may be web pages of any origin: nothing here is protected by a cookie. Headers are named back
/// one by one, because `*` does not stand for `Authorization` (Fetch, CORS non-wildcard request-header).
pub(crate) fn cors() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers([WWW_AUTHENTICATE])
}

async fn credential_offer(
    State(wallet): State<SharedWallet>,
    offer_id: PathParameter,
) -> Result<Response, HttpError> {
    let offer_id: OfferId =
        parsed(offer_id).ok_or_else(|| no_offer(CredentialOfferError::Unknown))?;
    let now = now();
    let step = Transition::retrieve(offer_id, now);
    let written = wallet.write(&step).await?;
    let offer = wallet
        .issuer
        .credential_offer(written.offer(), now)
        .map_err(no_offer)?;
    log_step(&written, "offer retrieved");
    Ok(uncached(Json(offer)))
}

/// Whoever follows a link is told in the words of HTTP: the protocol has none for it.
fn no_offer(reason: CredentialOfferError) -> Problem {
    let status = StatusCode::from_u16(reason.http_status()).unwrap_or(StatusCode::NOT_FOUND);
    plain_problem(status, reason.to_string())
}

async fn token(
    State(wallet): State<SharedWallet>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, RequestError> {
    let body = read(request, ErrorCode::InvalidRequest).await?;
    let issuer = &wallet.issuer;
    let request = TokenRequest::parse(content_type(&headers), &body)?;
    let redemption = match issuer.redeem(request, now(), rand::random())? {
        Redeem::Now(redemption) => redemption,
        Redeem::AfterTxCode(check) => {
            let counted = wallet.write(&check.count()).await?;
            match check.compare(issuer, &counted) {
                Ok(redemption) => redemption,
                Err(wrong) => {
                    if let Some(exhausted) = wrong.exhausted {
                        wallet.write(&exhausted).await?;
                    }
                    return Err(wrong.error.into());
                }
            }
        }
    };
    let written = wallet.write(&redemption.write()).await?;
    let answer = redemption.conclude(issuer, &written, rand::random())?;
    log_step(&written, "token issued");
    Ok(uncached(Json(answer)))
}

async fn nonce(State(wallet): State<SharedWallet>) -> Result<Response, RequestError> {
    let answer = wallet.issuer.nonce(now(), rand::random())?;
    Ok(uncached(Json(answer)))
}

async fn credential(
    State(wallet): State<SharedWallet>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, RequestError> {
    let issuer = &wallet.issuer;
    let token = issuer.authorize(authorization(&headers), now())?;
    let body = read(request, ErrorCode::InvalidCredentialRequest).await?;
    let request = CredentialRequest::parse(content_type(&headers), &body)?;
    let verified = issuer.verify_request(&token, request, now(), rand::random())?;
    let stored = wallet.offer(verified.offer_id()).await?;
    let unsigned = verified.prepare(issuer, stored.as_ref(), system_randomness)?;
    let signed = unsigned.sign(issuer).await.map_err(|fault| {
        tracing::error!(%fault, "a credential could not be signed");
        Problem::unavailable("The issuer cannot sign now: repeat the request.")
            .with_retry_after_seconds(1)
    })?;
    let written = wallet.write(&signed.write()).await?;
    let answer = signed.conclude(&written)?;
    log_step(&written, "credential issued");
    Ok(uncached(Json(answer)))
}

async fn notification(
    State(wallet): State<SharedWallet>,
    headers: HeaderMap,
    request: Request,
) -> Result<StatusCode, RequestError> {
    let issuer = &wallet.issuer;
    let token = issuer.authorize(authorization(&headers), now())?;
    let body = read(request, ErrorCode::InvalidNotificationRequest).await?;
    let report = issuer.notification(&token, &body, now())?;
    let written = wallet.write(&report).await?;
    token.conclude_notification(&written)?;
    log_step(
        &written,
        "the wallet has reported what became of the credential",
    );
    Ok(StatusCode::NO_CONTENT)
}

impl Wallet {
    async fn write(&self, step: &Transition) -> Result<Written, Problem> {
        self.table
            .write(step)
            .await
            .map_err(|fault| unavailable(&fault))
    }
}

/// A request that was not granted.
enum RequestError {
    /// In the words of the protocol.
    Protocol(ProtocolError),
    /// Storage or keys cannot be used now; the protocol has no words for it.
    Unavailable(Problem),
}

impl From<ProtocolError> for RequestError {
    fn from(error: ProtocolError) -> Self {
        Self::Protocol(error)
    }
}

impl From<Problem> for RequestError {
    fn from(problem: Problem) -> Self {
        Self::Unavailable(problem)
    }
}

impl IntoResponse for RequestError {
    fn into_response(self) -> Response {
        let error = match self {
            Self::Protocol(error) => error,
            Self::Unavailable(problem) => return problem_response(problem),
        };
        tracing::info!(%error, "a wallet's request was refused");
        let status =
            StatusCode::from_u16(error.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, uncached(Json(error.body()))).into_response();
        let challenge = error
            .www_authenticate()
            .and_then(|text| HeaderValue::from_str(&text).ok());
        if let Some(challenge) = challenge {
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

/// Reads a request of at most [`LARGEST_REQUEST`] bytes; `too_large` is the code for one that is not.
async fn read(request: Request, too_large: ErrorCode) -> Result<Bytes, ProtocolError> {
    match Limited::new(request.into_body(), LARGEST_REQUEST)
        .collect()
        .await
    {
        Ok(body) => Ok(body.to_bytes()),
        Err(_) => Err(ProtocolError::new(
            too_large,
            format!("the request cannot be read, or has more than {LARGEST_REQUEST} bytes"),
        )),
    }
}

fn content_type(headers: &HeaderMap) -> Option<&str> {
    headers.get(CONTENT_TYPE)?.to_str().ok()
}

fn authorization(headers: &HeaderMap) -> Option<&str> {
    headers.get(AUTHORIZATION)?.to_str().ok()
}

/// Tells of a step that was granted, also if it only repeats one that was.
fn log_step(written: &Written, message: &str) {
    if let Some(offer) = written.offer() {
        tracing::info!(correlation_id = offer.correlation_id.as_str(), "{message}");
    }
}

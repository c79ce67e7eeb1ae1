//! Start issue, for backends: `POST /api/v2/credential/issue`.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use bestow_access::Guard;
use bestow_aws::sdk::Sdk;
use bestow_contract::{
    FieldError, Problem, QrCode, Scope, StartIssue, StartIssueAnswer, paths, request_uri,
};
use bestow_egress::{Allowed, Logos};
use bestow_issuance::StartedIssue;
use bestow_qr_code::{Design, DrawError};
use bestow_runtime::http::{HttpError, read_json, with_problem_fallbacks};
use bestow_runtime::{ConfigError, Env};
use bestow_wallets::StartIssuing;
use secrecy::ExposeSecret;
use url::Url;

/// How many bytes of a link the address of an offer takes at an API Gateway endpoint. A QR code that has no room for
/// this is refused before there is an offer, at every wallet. If a wallet's link is longer and the QR code has no room
/// for that, it is refused afterwards; a repeat may ask for another one.
const OFFER_URI_BYTES: usize = 112;

/// What the route works with.
struct Config {
    /// `PUBLIC_BASE_URL`, without a trailing slash: what `status_uri` begins with.
    public_base_url: String,
    /// `EGRESS_ALLOW`: where callbacks and logos may be, besides the public internet.
    allowed: Allowed,
    logos: Logos,
    /// The use case, with the variables of [`bestow_wallets::start_issuing`].
    use_case: StartIssuing,
}

/// The route of this function, configured from `env`: `PUBLIC_BASE_URL`, `EGRESS_ALLOW`, the `ACCESS_…` variables and
/// those of [`bestow_wallets::start_issuing`]. A fault names its variable.
pub async fn app(env: &Env) -> Result<Router, ConfigError> {
    let sdk = Sdk::from_env(env)?;
    let guard = Guard::from_env(env, &sdk)?;
    let guarded = routes(env, &sdk)?.route_layer(guard.require(Scope::IssueWrite));
    guard.warm().await;
    Ok(with_problem_fallbacks(guarded))
}

fn routes(env: &Env, sdk: &Sdk) -> Result<Router, ConfigError> {
    let allowed = Allowed::from_env(env)?;
    let config = Config {
        public_base_url: env.base_url("PUBLIC_BASE_URL")?,
        logos: Logos::new(allowed.clone()),
        allowed,
        use_case: bestow_wallets::start_issuing(env, sdk)?,
    };
    Ok(Router::new()
        .route(paths::START_ISSUE, post(start_issue))
        .with_state(Arc::new(config)))
}

async fn start_issue(
    State(config): State<Arc<Config>>,
    request: Request,
) -> Result<Response, HttpError> {
    let body = read_json(request, StartIssue::MAX_BODY_BYTES).await?;
    let may_be_called = |url: &Url| config.allowed.check(url).map_err(|fault| fault.to_string());
    let prepare = |options: &QrCode| {
        config.logos.check(options)?;
        Design::new(options)
    };
    let (mut request, mut design) = StartIssue::from_json_with(&body, prepare, may_be_called)?;
    if let Some(options) = request
        .qr_code
        .take_if(|options| options.logo_link().is_some())
    {
        let options = config.logos.embed(options).await.map_err(refuse_logo)?;
        design = Some(Design::new(&options).map_err(Problem::invalid_body)?);
    }
    if let Some(design) = &design {
        let offer_uri = "x".repeat(OFFER_URI_BYTES);
        let link = request_uri(request.request_uri_base.as_ref(), &offer_uri);
        design.check_room(link.len()).map_err(refuse_picture)?;
    }
    let template_id = request.template_id.clone();
    let started = config
        .use_case
        .start_issue(request)
        .await
        .map_err(|failure| bestow_backend::refuse(&failure, &template_id))?;
    tracing::info!(
        correlation_id = %started.correlation_id,
        template_id,
        is_repeat = started.is_repeat,
        "an issuance was started"
    );
    let answer = answer(&config, started, design.as_ref())?;
    Ok((
        StatusCode::CREATED,
        [(CACHE_CONTROL, "no-store")],
        Json(answer),
    )
        .into_response())
}

fn answer(
    config: &Config,
    started: StartedIssue,
    design: Option<&Design>,
) -> Result<StartIssueAnswer, Problem> {
    let picture = design
        .map(|design| design.draw(&started.request_uri))
        .transpose()
        .map_err(refuse_picture)?;
    Ok(StartIssueAnswer {
        status_uri: paths::issue_status_url(&config.public_base_url, &started.correlation_id),
        correlation_id: started.correlation_id,
        request_uri: started.request_uri,
        qr_uri: picture.map(|picture| picture.data_uri()),
        tx_code: started.tx_code.map(|code| code.expose_secret().to_owned()),
        revocation_uuid: started.revocation_uuid,
        expires_at: started
            .expires_at
            .and_then(|at| u64::try_from(at.as_second()).ok()),
    })
}

fn refuse_logo(fault: FieldError) -> Problem {
    Problem::invalid_body(vec![fault])
}

fn refuse_picture(fault: DrawError) -> Problem {
    match fault.fault() {
        Some(fault) => Problem::invalid_body(vec![fault]),
        None => {
            tracing::error!(%fault, "a QR code could not be drawn");
            Problem::internal()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    /// Behind the guard. Every service behind the function is at a port that nobody listens on: what is answered
    /// here was found out before anything was written.
    async fn answer(request: Request) -> (u16, serde_json::Value) {
        let env = Env::from_iter([
            ("ISSUANCE_TABLE", "issuance"),
            ("POLL_QUEUE_URL", "http://127.0.0.1:1/0/polls"),
            ("PUBLIC_BASE_URL", "http://127.0.0.1:3000"),
            ("ACCESS_TABLE", "access"),
            ("ACCESS_CACHE_SECONDS", "30"),
            ("REQUEST_HASH_SECRET", &"s".repeat(32)),
            ("WALLET_BASE_URL", "http://127.0.0.1:1/wallet"),
            ("WALLET_API_KEY", "wallet key"),
            ("WALLET_CALLBACK_BASE_URL", "http://127.0.0.1:3000"),
            ("WALLET_CALLBACK_SECRET", &"s".repeat(32)),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "local"),
            ("AWS_SECRET_ACCESS_KEY", "local"),
            ("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:1"),
            ("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:1"),
        ]);
        let routes = routes(&env, &Sdk::from_env(&env).unwrap()).unwrap();
        let response = routes.oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap())
    }

    fn request(body: &str) -> Request {
        Request::post(paths::START_ISSUE)
            .header("content-type", "application/json")
            .body(Body::from(body.to_owned()))
            .unwrap()
    }

    #[tokio::test]
    async fn a_code_that_cannot_hold_the_link_is_refused_before_anything_is_written() {
        let long = format!("https://customerwallet.com/{}", "x".repeat(600));
        let body = serde_json::json!({
            "template_id": "issue_iban",
            "claims": {},
            "request_uri_base": long,
            "qr_code": {"size": 128},
        });
        let (status, problem) = answer(request(&body.to_string())).await;
        assert_eq!(
            (status, &problem["errors"][0]["pointer"]),
            (400, &"/qr_code/size".into())
        );
    }

    /// The size that a link without a base needs does not depend on where this runs.
    #[tokio::test]
    async fn the_room_for_a_link_is_the_same_everywhere() {
        let body = async |size: u32| {
            let qr_code = serde_json::json!({"size": size});
            let body = serde_json::json!({"template_id": "t", "claims": {}, "qr_code": qr_code});
            answer(request(&body.to_string())).await.0
        };
        assert_eq!((body(137).await, body(138).await), (400, 503));
    }

    #[tokio::test]
    async fn a_body_that_is_too_large_is_refused() {
        let body = format!(
            r#"{{"claims": "{}"}}"#,
            "x".repeat(StartIssue::MAX_BODY_BYTES)
        );
        assert_eq!(answer(request(&body)).await.0, 413);
    }

    #[tokio::test]
    async fn a_table_that_cannot_be_reached_is_not_the_callers_fault() {
        let (status, problem) = answer(request(r#"{"template_id": "t", "claims": {}}"#)).await;
        assert_eq!(status, 503);
        assert!(!problem.to_string().contains("127.0.0.1"), "{problem}");
    }
}

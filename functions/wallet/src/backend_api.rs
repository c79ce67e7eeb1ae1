//! The issue contract, as the backend calls it (`/wallet/api/v2/…`).

use std::sync::PoisonError;
use std::sync::RwLock;

use aws::CallError;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use bundled_wallet::{Creation, StatusChangeOutcome};
use contract::{
    CorrelationId, CredentialStatusChange, Problem, QrCode, StartIssue, StartIssueAnswer, paths,
};
use issuer::paths::CONTRACT_BASE;
use issuer::{
    ListNumber, Offer, RevocationUuid, StatusChange, StatusRecord, unknown_credential,
    unknown_issuance,
};
use qr_code::Design;
use runtime::http::{Refusal, read_json};
use url::Url;
use uuid::Uuid;

use crate::api_key::ApiKey;
use crate::config::now_seconds;
use crate::{PathParameter, SharedWallet, Wallet, parsed, unavailable, uncached};

/// Random indices in a row that are taken already before the next list is begun. With eight, a list of
/// 2^17 is left when it is about a third full, and until then 1.2 draws are needed on average.
const DRAWS: u32 = 8;
/// Times that a status change is decided anew because another one came first.
const DECISIONS: u32 = 5;

pub(crate) fn routes(api_key: ApiKey) -> Router<SharedWallet> {
    let path = |path: &str| format!("{CONTRACT_BASE}{path}");
    Router::new()
        .route(&path(paths::START_ISSUE), post(start_issue))
        .route(&path(paths::ISSUE_STATUS), get(issue_status))
        .route(&path(paths::ISSUE_STATUS_ALIAS), get(issue_status))
        .route(
            &path(paths::CREDENTIAL_STATUS),
            get(credential_status).put(set_credential_status),
        )
        .layer(from_fn_with_state(api_key, ApiKey::require))
}

async fn start_issue(
    State(wallet): State<SharedWallet>,
    request: Request,
) -> Result<Response, Refusal> {
    let body = read_json(request, StartIssue::MAX_BODY_BYTES).await?;
    let allowed = &wallet.config.allowed;
    let may_be_called = |url: &Url| allowed.check(url).map_err(|fault| fault.to_string());
    let prepare = |options: &QrCode| {
        wallet.config.logos.check(options)?;
        Design::new(options)
    };
    let (mut start, mut design) = StartIssue::from_json_with(&body, prepare, may_be_called)?;
    if let Some(options) = start
        .qr_code
        .take_if(|options| options.logo_link().is_some())
    {
        let embedded = wallet.config.logos.embed(options).await;
        let options = embedded.map_err(|fault| Problem::invalid_body(vec![fault]))?;
        design = Some(Design::new(&options).map_err(Problem::invalid_body)?);
    }
    let correlation_id = start
        .correlation_id
        .clone()
        .unwrap_or_else(|| Uuid::new_v4().into());

    // The picture comes first: what it shows is known before the offer, and a text that does not fit
    // must not leave an offer behind.
    let offer_id = wallet.config.issuer.offer_id(&correlation_id);
    let request_uri = wallet.config.issuer.request_uri(&offer_id, &start);
    let qr_uri = design
        .map(|design| draw(&design, &request_uri))
        .transpose()?;
    let offer = wallet.store_offer(&start, correlation_id).await?;
    let answer: StartIssueAnswer = wallet.config.issuer.start_answer(&offer, &start, qr_uri);
    tracing::info!(
        correlation_id = offer.correlation_id.as_str(),
        template_id = offer.template_id,
        "offer created"
    );
    Ok(uncached((StatusCode::CREATED, Json(answer))))
}

fn draw(design: &Design, request_uri: &str) -> Result<String, Problem> {
    match design.draw(request_uri) {
        Ok(picture) => Ok(picture.data_uri()),
        Err(fault) => Err(fault.fault().map_or_else(Problem::internal, |fault| {
            Problem::invalid_body(vec![fault])
        })),
    }
}

impl Wallet {
    /// The stored offer for this start: a new one, or the one that an equal start made before.
    async fn store_offer(
        &self,
        start: &StartIssue,
        correlation_id: CorrelationId,
    ) -> Result<Offer, Problem> {
        let issuer = &self.config.issuer;
        let mut list = if issuer.has_status_list(&start.template_id) {
            self.open_list.get(self).await?
        } else {
            // No place is drawn, so no list needs to be known.
            ListNumber::FIRST
        };
        let mut offer = issuer.start(start, correlation_id, list, rand::random(), now_seconds())?;
        loop {
            for _ in 0..DRAWS {
                let status = offer.revocation_uuid.map(StatusRecord::new);
                let created = self
                    .config
                    .table
                    .create_offer(&offer, status.as_ref())
                    .await
                    .map_err(|fault| unavailable(&fault))?;
                match created {
                    Creation::Created => return Ok(offer),
                    Creation::Exists(stored) => {
                        offer.is_repeat_of(&stored)?;
                        return Ok(*stored);
                    }
                    Creation::IndexTaken => offer = offer.redraw_status(list, rand::random()),
                    Creation::Contended => {
                        return Err(contended("This issuance is being started by others"));
                    }
                }
            }
            list = self.open_list.begin_next(self, list).await?;
            offer = offer.redraw_status(list, rand::random());
        }
    }
}

/// The status list whose indices are being given out, remembered by the process. An outdated memory does
/// no harm: the older list is filled further, until eight draws in a row find no place on it.
#[derive(Default)]
pub(crate) struct OpenList(RwLock<Option<ListNumber>>);

impl OpenList {
    async fn get(&self, wallet: &Wallet) -> Result<ListNumber, Problem> {
        let known = *self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(list) = known {
            return Ok(list);
        }
        self.remember(wallet.config.table.current_list().await)
    }

    async fn begin_next(&self, wallet: &Wallet, full: ListNumber) -> Result<ListNumber, Problem> {
        let next = full.next().ok_or_else(|| {
            tracing::error!("there is no status list left");
            Problem::internal()
        })?;
        tracing::info!(list = %next, "a status list is full enough, the next one is begun");
        self.remember(wallet.config.table.advance_current_list(next).await)
    }

    fn remember(&self, list: Result<ListNumber, CallError>) -> Result<ListNumber, Problem> {
        let list = list.map_err(|fault| unavailable(&fault))?;
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(list);
        Ok(list)
    }
}

async fn issue_status(
    State(wallet): State<SharedWallet>,
    segment: PathParameter,
) -> Result<Response, Refusal> {
    let correlation_id = segment
        .ok()
        .and_then(|Path(segment)| CorrelationId::from_path_segment(&segment))
        .ok_or_else(unknown_issuance)?;
    let offer_id = wallet.config.issuer.offer_id(&correlation_id);
    let offer = wallet
        .offer(&offer_id)
        .await?
        .ok_or_else(unknown_issuance)?;
    Ok(uncached(Json(offer.issue_status(now_seconds()))))
}

async fn credential_status(
    State(wallet): State<SharedWallet>,
    uuid: PathParameter,
) -> Result<Response, Refusal> {
    let uuid: RevocationUuid = parsed(uuid).ok_or_else(unknown_credential)?;
    let record = wallet.status_record(uuid).await?;
    Ok(uncached(Json(record.answer(&wallet.config.issuer, uuid)?)))
}

async fn set_credential_status(
    State(wallet): State<SharedWallet>,
    uuid: PathParameter,
    request: Request,
) -> Result<Response, Refusal> {
    let uuid: RevocationUuid = parsed(uuid).ok_or_else(unknown_credential)?;
    let body = read_json(request, CredentialStatusChange::MAX_BODY_BYTES).await?;
    let change = CredentialStatusChange::from_json(&body)?;
    for _ in 0..DECISIONS {
        let record = wallet.status_record(uuid).await?;
        let decided = match record.change(uuid, &change, now_seconds())? {
            StatusChange::Unchanged => {
                return Ok(uncached(Json(record.answer(&wallet.config.issuer, uuid)?)));
            }
            StatusChange::Write(decided) => decided,
        };
        let outcome = wallet
            .config
            .table
            .change_status(record.status, &decided)
            .await
            .map_err(|fault| unavailable(&fault))?;
        match outcome {
            StatusChangeOutcome::Changed => {
                tracing::info!(revocation_uuid = %uuid, status = %decided.status, "status changed");
                return Ok(uncached(Json(decided.answer(&wallet.config.issuer, uuid)?)));
            }
            StatusChangeOutcome::Outdated => {}
            StatusChangeOutcome::Contended => break,
        }
    }
    Err(contended("The status, or others of its list, are being changed").into())
}

/// Nothing is at fault: others write the same at the same time.
fn contended(what: &str) -> Problem {
    tracing::warn!("{what}: a request was turned away");
    Problem::unavailable(format!("{what}: try again in a moment.")).with_retry_after_seconds(1)
}

impl Wallet {
    async fn status_record(&self, uuid: RevocationUuid) -> Result<StatusRecord, Problem> {
        self.config
            .table
            .status(uuid)
            .await
            .map_err(|fault| unavailable(&fault))?
            .ok_or_else(unknown_credential)
    }
}

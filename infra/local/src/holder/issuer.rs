//! The issuer as a wallet sees it: OpenID4VCI 1.0, pre-authorized code flow.

use std::collections::BTreeMap;

use bestow_jose::jws::SigningInput;
use bestow_signing::LocalKey;
use jiff::Timestamp;
use reqwest::Client;
use reqwest::header::ACCEPT;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::error::HolderError;
use super::fetch::{printable, send};
use super::offer_link::OfferSource;

const PRE_AUTHORIZED_CODE: &str = "urn:ietf:params:oauth:grant-type:pre-authorized_code";

/// A credential offer (§4.1.1).
#[derive(Deserialize)]
pub(super) struct Offer {
    pub(super) credential_issuer: String,
    credential_configuration_ids: Vec<String>,
    #[serde(default)]
    grants: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
struct PreAuthorizedCode {
    #[serde(rename = "pre-authorized_code")]
    code: String,
    tx_code: Option<Value>,
}

/// Credential issuer metadata (§12.2.4), as far as it is used here.
#[derive(Deserialize)]
struct IssuerMetadata {
    credential_issuer: String,
    credential_endpoint: String,
    nonce_endpoint: Option<String>,
    notification_endpoint: Option<String>,
    #[serde(default)]
    authorization_servers: Vec<String>,
    credential_configurations_supported: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
struct TokenResponse {
    access_token: String,
    #[serde(default)]
    authorization_details: Value,
}

/// A credential as it came, with what is needed to answer for it.
pub(super) struct Received {
    pub(super) credential: String,
    pub(super) configuration_id: String,
    /// The name that the issuer shows it under.
    pub(super) name: String,
    /// The type that the issuer announced.
    pub(super) vct: Option<String>,
    access_token: String,
    notification_id: Option<String>,
    notification_endpoint: Option<String>,
}

/// Fetches the offer, or reads the one in the link.
pub(super) async fn offer(client: &Client, source: OfferSource) -> Result<Offer, HolderError> {
    match source {
        OfferSource::Value(json) => serde_json::from_str(&json)
            .map_err(|fault| HolderError::malformed("the credential offer", fault)),
        OfferSource::Reference(url) => {
            let answer = send(client.get(url.clone()), url.as_str()).await?;
            answer.json("the credential offer")
        }
    }
}

/// Takes the first credential of an offer: metadata, token, nonce, proof, credential.
pub(super) async fn take(
    client: &Client,
    offer: &Offer,
    tx_code: Option<&str>,
    holder_key: &LocalKey,
    now: Timestamp,
) -> Result<Received, HolderError> {
    let code = pre_authorized_code(offer)?;
    if let (Some(wanted), None) = (&code.tx_code, tx_code) {
        let description = text(wanted, "/description");
        let description = description.map(|text| format!(" ({})", printable(&text)));
        return Err(HolderError::TxCodeNeeded(description.unwrap_or_default()));
    }
    let issuer = &offer.credential_issuer;
    let metadata: IssuerMetadata = well_known(
        client,
        issuer,
        "openid-credential-issuer",
        "the issuer's metadata",
    )
    .await?;
    if metadata.credential_issuer != *issuer {
        let reason = "its credential_issuer is not the one of the offer";
        return Err(HolderError::malformed("the issuer's metadata", reason));
    }
    let (configuration_id, configuration) = configuration(offer, &metadata)?;

    let token = token(client, issuer, &metadata, &code.code, tx_code).await?;
    let nonce = match &metadata.nonce_endpoint {
        Some(endpoint) => Some(nonce(client, endpoint).await?),
        None => None,
    };
    let proof = proof(holder_key, issuer, nonce.as_deref(), now)
        .map_err(|fault| HolderError::malformed("this holder's key", fault))?;

    let mut request = json!({"proofs": {"jwt": [proof]}});
    // §8.2: what the token is for, where the token response says so.
    let identifier = text(&token.authorization_details, "/0/credential_identifiers/0");
    let (selector, selected) = match identifier {
        Some(identifier) => ("credential_identifier", identifier),
        None => ("credential_configuration_id", configuration_id.clone()),
    };
    if let Some(members) = request.as_object_mut() {
        members.insert(selector.to_owned(), selected.into());
    }
    let endpoint = &metadata.credential_endpoint;
    let request = client
        .post(endpoint)
        .bearer_auth(&token.access_token)
        .json(&request);
    let answer: Value = send(request, endpoint).await?.json("the credential")?;
    let credential = text(&answer, "/credentials/0/credential").ok_or_else(|| {
        HolderError::malformed("the credential response", "no credential is in it")
    })?;
    let name = text(&configuration, "/credential_metadata/display/0/name");
    Ok(Received {
        credential,
        name: name.unwrap_or_else(|| configuration_id.clone()),
        vct: text(&configuration, "/vct"),
        configuration_id,
        access_token: token.access_token,
        notification_id: text(&answer, "/notification_id"),
        notification_endpoint: metadata.notification_endpoint,
    })
}

/// The text at this JSON pointer.
fn text(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer)?.as_str().map(str::to_owned)
}

/// Tells the issuer what became of the credential (§11), if it wants to know. Nothing depends on it.
pub(super) async fn notify(client: &Client, received: &Received, event: &str) {
    let (Some(endpoint), Some(id)) = (&received.notification_endpoint, &received.notification_id)
    else {
        return;
    };
    let body = json!({"notification_id": id, "event": event});
    let request = client
        .post(endpoint)
        .bearer_auth(&received.access_token)
        .json(&body);
    let told = send(request, endpoint)
        .await
        .and_then(|answer| answer.success("the notification"));
    if let Err(fault) = told {
        tracing::warn!(%fault, "the issuer was not told what became of the credential");
    }
}

/// A well-known document of `issuer`: the name goes between host and path (§12.2.2, RFC 8414 §3.1).
pub(super) async fn well_known<T: serde::de::DeserializeOwned>(
    client: &Client,
    issuer: &str,
    name: &str,
    what: &'static str,
) -> Result<T, HolderError> {
    let mut url = Url::parse(issuer).map_err(|fault| HolderError::malformed(what, fault))?;
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&format!("/.well-known/{name}{path}"));
    let request = client.get(url.clone()).header(ACCEPT, "application/json");
    send(request, url.as_str()).await?.json(what)
}

fn pre_authorized_code(offer: &Offer) -> Result<PreAuthorizedCode, HolderError> {
    let grant = offer.grants.get(PRE_AUTHORIZED_CODE);
    let grant = grant.ok_or(HolderError::NoPreAuthorizedCode)?;
    PreAuthorizedCode::deserialize(grant)
        .map_err(|fault| HolderError::malformed("the credential offer", fault))
}

/// The first credential of the offer that this holder can keep.
fn configuration(offer: &Offer, metadata: &IssuerMetadata) -> Result<(String, Value), HolderError> {
    let offered = offer.credential_configuration_ids.iter();
    offered
        .filter_map(|id| {
            let found = metadata.credential_configurations_supported.get(id)?;
            let is_known = text(found, "/format")? == "dc+sd-jwt";
            is_known.then(|| (id.clone(), found.clone()))
        })
        .next()
        .ok_or_else(|| {
            let reason = "it offers no credential of the format dc+sd-jwt that the metadata has";
            HolderError::malformed("the credential offer", reason)
        })
}

async fn token(
    client: &Client,
    issuer: &str,
    metadata: &IssuerMetadata,
    code: &str,
    tx_code: Option<&str>,
) -> Result<TokenResponse, HolderError> {
    #[derive(Deserialize)]
    struct AuthorizationServer {
        token_endpoint: String,
    }
    let server = metadata.authorization_servers.first();
    let server = server.map_or(issuer, String::as_str);
    let server: AuthorizationServer = well_known(
        client,
        server,
        "oauth-authorization-server",
        "the authorization server's metadata",
    )
    .await?;
    let mut form = vec![
        ("grant_type", PRE_AUTHORIZED_CODE),
        ("pre-authorized_code", code),
    ];
    form.extend(tx_code.map(|tx_code| ("tx_code", tx_code)));
    let endpoint = &server.token_endpoint;
    let answer = send(client.post(endpoint).form(&form), endpoint).await?;
    answer.json("the pre-authorized code")
}

async fn nonce(client: &Client, endpoint: &str) -> Result<String, HolderError> {
    #[derive(Deserialize)]
    struct Nonce {
        c_nonce: String,
    }
    let nonce: Nonce = send(client.post(endpoint), endpoint)
        .await?
        .json("the nonce")?;
    Ok(nonce.c_nonce)
}

/// A proof that this holder has the key (§F.1). It names the key by `jwk`, and no client, because
/// access is anonymous.
fn proof(
    key: &LocalKey,
    audience: &str,
    nonce: Option<&str>,
    now: Timestamp,
) -> Result<String, bestow_signing::SignError> {
    use bestow_signing::Signer;
    let header = json!({
        "alg": bestow_jose::ES256,
        "typ": "openid4vci-proof+jwt",
        "jwk": key.public_jwk().to_json(),
    });
    let mut claims = json!({"aud": audience, "iat": now.as_second()});
    if let (Some(nonce), Some(members)) = (nonce, claims.as_object_mut()) {
        members.insert("nonce".to_owned(), nonce.into());
    }
    let input = SigningInput::new(&header, &claims)?;
    let signature = key.sign_now(input.as_bytes())?;
    Ok(input.finish(&signature))
}

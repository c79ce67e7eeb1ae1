//! An issuer with the shipped templates, a store in memory, and a wallet.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bestow_contract::StartIssue;
use bestow_issuer::{
    AccessToken, CreateOfferError, CredentialOffers, CredentialRequest, ErrorCode, Issuer,
    ListNumber, Offer, OfferId, ProtocolError, Redeem, SignedCredential, TemplateFile, Templates,
    TokenRequest, Transition, WalletKeys, Written,
};
use bestow_jose::PublicJwk;
use bestow_jose::jws::SigningInput;
use bestow_signing::{LocalKey, SignError, Signer, SigningIdentity};
use jiff::Timestamp;
use serde_json::{Value, json};

pub const ISSUER: &str = "https://issuer.example";
pub const NOW: Timestamp = Timestamp::constant(1_763_920_000, 0);
/// One, to count with.
pub const SECOND: Duration = Duration::from_secs(1);
pub const JSON: Option<&str> = Some("application/json");
pub const FORM: Option<&str> = Some("application/x-www-form-urlencoded");

const SECRET: &str = "a secret of at least thirty-two characters";

pub fn issuer() -> Issuer {
    issuer_named(ISSUER)
}

pub fn issuer_named(identifier: &str) -> Issuer {
    issuer_signing_with(identifier, LocalKey::generate().unwrap())
}

pub fn issuer_signing_with(identifier: &str, signer: impl Signer + 'static) -> Issuer {
    let keys = WalletKeys::derive(&SECRET.to_owned().into(), identifier).unwrap();
    let offers = CredentialOffers::new(identifier.parse().unwrap(), keys, TEMPLATES.clone());
    Issuer::new(offers, SigningIdentity::new(Arc::new(signer), "key-1"))
}

/// The offer's name for a backend that takes the request itself for its hash.
pub fn offer_id(request: &StartIssue) -> OfferId {
    let id = request.correlation_id.as_ref().unwrap();
    let body = String::from_utf8(request.canonical_json()).unwrap();
    OfferId::of(&format!("{id}\n{body}"))
}

/// The shipped templates.
static TEMPLATES: LazyLock<Templates> = LazyLock::new(|| {
    macro_rules! file {
        ($name:literal) => {
            TemplateFile {
                name: $name,
                text: include_str!(concat!("../../../../infra/issue-templates/", $name)),
            }
        };
    }
    let files = [
        file!("issue_iban.json"),
        file!("company_registration.json"),
        file!("employee_badge.json"),
    ];
    Templates::load(&files).unwrap()
});

/// The sample of the contract, with more members laid over it.
pub fn start(more: Value) -> StartIssue {
    let mut body = json!({
        "correlation_id": "89cba89",
        "template_id": "issue_iban",
        "claims": {"companyname": "CoolSoft B.V.", "currency": "EUR", "iban": "NL12TUL25708789078",
            "bic": "TULINL2A", "acccount_type": "Business Checking Account"},
    });
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    StartIssue::from_json(body.to_string().as_bytes()).unwrap()
}

/// The offer that answers a request with a correlation id.
pub fn offer(
    issuer: &Issuer,
    request: &StartIssue,
    now: Timestamp,
) -> Result<Offer, CreateOfferError> {
    issuer.offers().start(
        request,
        offer_id(request),
        request.correlation_id.clone().unwrap(),
        ListNumber::FIRST,
        [7; 16],
        now,
    )
}

/// A store that executes each write as one conditional update.
#[derive(Default, Clone)]
pub struct Store(HashMap<OfferId, Offer>);

impl Store {
    pub fn put(&mut self, offer: Offer) {
        self.0.insert(offer.offer_id.clone(), stored(&offer));
    }

    pub fn get(&self, offer_id: &OfferId) -> Option<&Offer> {
        self.0.get(offer_id)
    }

    pub fn write(&mut self, transition: &Transition) -> Written {
        match self.0.get_mut(&transition.offer_id) {
            Some(offer) if transition.is_allowed(offer) => {
                transition.apply(offer);
                *offer = stored(offer);
                Written::Applied(offer.clone())
            }
            offer => Written::Refused(offer.cloned()),
        }
    }
}

/// What a store gives back: the offer, by way of its serialised form.
fn stored(offer: &Offer) -> Offer {
    let item = serde_json::to_value(offer).unwrap();
    for (name, value) in item.as_object().unwrap() {
        assert!(
            value.is_string() || value.is_number() || name == "tx_code",
            "{name} is not flat"
        );
    }
    let read: Offer = serde_json::from_value(item).unwrap();
    assert!(read == *offer, "an offer changes when it is stored");
    read
}

/// One issuance: an issuer, a store with one offer, and the offer's id.
pub struct World {
    pub issuer: Issuer,
    pub store: Store,
    pub offer_id: OfferId,
}

impl World {
    pub fn new() -> Self {
        Self::started(json!({}))
    }

    pub fn started(more: Value) -> Self {
        Self::started_at(more, NOW)
    }

    pub fn started_at(more: Value, now: Timestamp) -> Self {
        let issuer = issuer();
        let offer = offer(&issuer, &start(more), now).unwrap();
        let mut store = Store::default();
        let offer_id = offer.offer_id.clone();
        store.put(offer);
        Self {
            issuer,
            store,
            offer_id,
        }
    }

    pub fn offer(&self) -> &Offer {
        self.store.get(&self.offer_id).unwrap()
    }

    pub fn tx_code(&self) -> Option<String> {
        let request = start(json!({}));
        let offers = self.issuer.offers();
        offers.start_answer(self.offer(), &request).tx_code
    }

    /// The Credential Offer, as a wallet gets it.
    pub fn fetch(&mut self, now: Timestamp) -> Result<Value, u16> {
        let retrieve = Transition::retrieve(self.offer_id.clone(), now);
        let written = self.store.write(&retrieve);
        self.issuer
            .credential_offer(written.offer(), now)
            .map(|offer| serde_json::to_value(offer).unwrap())
            .map_err(bestow_issuer::CredentialOfferError::http_status)
    }

    pub fn code(&mut self) -> String {
        let offer = self.fetch(NOW).unwrap();
        let grant = &offer["grants"][bestow_issuer::PRE_AUTHORIZED_CODE];
        grant["pre-authorized_code"].as_str().unwrap().to_owned()
    }

    /// The token endpoint, with more parameters.
    pub fn token(
        &mut self,
        code: &str,
        more: &[(&str, &str)],
        now: Timestamp,
    ) -> Result<Value, ErrorCode> {
        self.token_named(code, more, now, [1; 16])
    }

    pub fn token_named(
        &mut self,
        code: &str,
        more: &[(&str, &str)],
        now: Timestamp,
        random: [u8; 16],
    ) -> Result<Value, ErrorCode> {
        let mut form = vec![
            ("grant_type", bestow_issuer::PRE_AUTHORIZED_CODE),
            ("pre-authorized_code", code),
        ];
        form.extend_from_slice(more);
        let body = serde_urlencoded::to_string(form).unwrap();
        self.redeem(body.as_bytes(), now, random)
            .map_err(|error| error.code())
    }

    fn redeem(
        &mut self,
        body: &[u8],
        now: Timestamp,
        random: [u8; 16],
    ) -> Result<Value, ProtocolError> {
        let request = TokenRequest::parse(FORM, body)?;
        let redemption = match self.issuer.redeem(request, now, random)? {
            Redeem::Now(redemption) => redemption,
            Redeem::AfterTxCode(check) => {
                let counted = self.store.write(&check.count());
                check.compare(&self.issuer, &counted).map_err(|wrong| {
                    if let Some(exhaust) = wrong.exhausted {
                        self.store.write(&exhaust);
                    }
                    wrong.error
                })?
            }
        };
        let written = self.store.write(&redemption.write());
        let response = redemption.conclude(&self.issuer, &written, [2; 8])?;
        Ok(serde_json::to_value(response).unwrap())
    }

    /// A token that was opened, as the credential endpoint sees it.
    pub fn authorized(&mut self) -> AccessToken {
        let code = self.code();
        let response = self.token(&code, &[], NOW).unwrap();
        self.authorize(&response)
    }

    pub fn authorize(&self, token_response: &Value) -> AccessToken {
        let token = token_response["access_token"].as_str().unwrap();
        self.issuer
            .authorize(Some(&format!("Bearer {token}")), NOW)
            .unwrap()
    }

    pub fn nonce(&self, now: Timestamp) -> String {
        self.issuer.nonce(now, [3; 8]).unwrap().c_nonce
    }

    /// The credential endpoint.
    pub fn credential(
        &mut self,
        token: &AccessToken,
        body: &Value,
        now: Timestamp,
    ) -> Result<Value, ProtocolError> {
        let signed = self.signed(token, body, now)?.unwrap();
        self.conclude(signed)
    }

    /// The credential endpoint as far as it goes without the write.
    pub fn signed(
        &self,
        token: &AccessToken,
        body: &Value,
        now: Timestamp,
    ) -> Result<Result<SignedCredential, SignError>, ProtocolError> {
        let request = CredentialRequest::parse(JSON, body.to_string().as_bytes())?;
        let verified = self.issuer.verify_request(token, request, now, [4; 8])?;
        let stored = self.store.get(verified.offer_id());
        let unsigned = verified.prepare(&self.issuer, stored, |salts| {
            bestow_issuer::system_randomness(salts)
        })?;
        Ok(ready(unsigned.sign(&self.issuer)))
    }

    /// The rest of it.
    pub fn conclude(&mut self, signed: SignedCredential) -> Result<Value, ProtocolError> {
        let written = self.store.write(&signed.write());
        let response = signed.conclude(&written)?;
        Ok(serde_json::to_value(response).unwrap())
    }

    /// The body of a Credential Request of 1.0, in order.
    pub fn request(&self, wallet: &Wallet) -> Value {
        let proof = wallet.proof(&self.nonce(NOW));
        json!({"credential_configuration_id": "BankAccountCredential", "proofs": {"jwt": [proof]}})
    }

    pub fn stage(&self, now: Timestamp) -> String {
        let status = serde_json::to_value(self.offer().issue_status(now)).unwrap();
        status["stage"].as_str().unwrap().to_owned()
    }
}

/// The holder's side.
pub struct Wallet {
    pub key: LocalKey,
}

impl Wallet {
    pub fn new() -> Self {
        Self {
            key: LocalKey::generate().unwrap(),
        }
    }

    pub fn header(&self) -> Value {
        json!({"alg": "ES256", "typ": "openid4vci-proof+jwt", "jwk": self.key.public_jwk().to_json()})
    }

    /// A key proof that is in order.
    pub fn proof(&self, nonce: &str) -> String {
        self.sign(&self.header(), &claims(nonce))
    }

    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        let input = SigningInput::new(header, claims).unwrap();
        let signature = self.key.sign_now(input.as_bytes()).unwrap();
        input.finish(&signature)
    }
}

/// The key as `did:jwk`: its JWK, whose members are in alphabetical order, in base64url.
pub fn did_jwk(key: &PublicJwk) -> String {
    let jwk = key.to_json().to_string();
    format!("did:jwk:{}", URL_SAFE_NO_PAD.encode(jwk))
}

pub fn claims(nonce: &str) -> Value {
    json!({"aud": ISSUER, "iat": NOW.as_second(), "nonce": nonce})
}

pub fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// The result of a future that needs no waiting: the keys here are in memory.
pub fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("a key in memory does not wait"),
    }
}

//! What the wallet's own code costs, without storage or network:
//! `cargo bench -p bestow-bench`.

#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a benchmark whose preparation fails has nothing else to do"
)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use bestow_contract::{QrCode, StartIssue};
use bestow_credential::{
    ClaimPath, DisclosureFrame, HolderBinding, SdJwtVc, Validity, system_randomness,
};
use bestow_issuer::{
    CredentialOffers, CredentialRequest, Issuer, IssuerIdentifier, ListNumber, Offer, OfferId,
    Redeem, TemplateFile, Templates, TokenRequest, Transition, WalletKeys, Written,
};
use bestow_jose::jws::SigningInput;
use bestow_qr_code::Design;
use bestow_signing::{LocalKey, Signer, SigningIdentity};
use bestow_status_list::{Bits, Status, StatusList, StatusReference};
use criterion::{Criterion, criterion_group, criterion_main};
use futures::FutureExt;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

const ISSUER: &str = "https://issuer.example";
const NOW: Timestamp = Timestamp::constant(1_795_000_000, 0);

fn identity() -> SigningIdentity {
    let key = LocalKey::generate().expect("a key");
    let kid = key.public_jwk().thumbprint();
    SigningIdentity::new(Arc::new(key), kid)
}

/// Ten claims, each of them disclosable, with holder binding and a status list entry.
fn build_a_credential(criterion: &mut Criterion) {
    let identity = identity();
    let holder = LocalKey::generate().expect("a key").public_jwk().clone();
    let names: Vec<String> = (0..10).map(|number| format!("claim_{number}")).collect();
    let claims: Map<String, Value> = names
        .iter()
        .map(|name| (name.clone(), json!("NL12TUL25708789078")))
        .collect();
    let paths: Vec<_> = names.iter().map(ClaimPath::claim).collect();
    let frame = DisclosureFrame::new(&paths).expect("a frame");

    criterion.bench_function(
        "credential: 10 disclosable claims, built and signed",
        |bencher| {
            bencher.iter(|| {
                let credential = SdJwtVc {
                    vct: "urn:bestow:bench",
                    issuer: Some(ISSUER),
                    claims: claims.clone(),
                    frame: &frame,
                    validity: Validity::rounded_to_days(NOW, Duration::from_hours(365 * 24)),
                    holder: Some(HolderBinding {
                        jwk: holder.clone(),
                        kid: None,
                    }),
                    status: Some(StatusReference {
                        idx: 4_711,
                        uri: format!("{ISSUER}/wallet/status-lists/0"),
                    }),
                };
                credential
                    .issue(&identity, system_randomness)
                    .now_or_never()
            });
        },
    );
    criterion.bench_function("signature: ES256 over 1 KiB", |bencher| {
        let key = LocalKey::generate().expect("a key");
        bencher.iter(|| key.sign_now(black_box(&[7; 1024])));
    });
}

/// A Credential Request as it comes in: parsed, its key proof verified, its nonce opened.
fn verify_a_proof(criterion: &mut Criterion) {
    let secret = "a secret of at least thirty-two characters".to_owned();
    let identifier: IssuerIdentifier = ISSUER.parse().expect("an identifier");
    let keys = WalletKeys::derive(&secret.into(), ISSUER).expect("keys");
    let file = TemplateFile {
        name: "issue_iban.json",
        text: include_str!("../../issue-templates/issue_iban.json"),
    };
    let templates = Templates::load(&[file]).expect("the shipped template");
    let issuer = Issuer::new(
        CredentialOffers::new(identifier, keys, templates),
        identity(),
    );
    let (access_token, c_nonce) = redeemed(&issuer);
    let token = issuer
        .authorize(Some(&format!("Bearer {access_token}")), NOW)
        .expect("our own token");
    let body = credential_request(&issuer, &c_nonce);

    criterion.bench_function(
        "credential request: parsed and its key proof verified",
        |bencher| {
            bencher.iter(|| {
                let request = CredentialRequest::parse(Some("application/json"), black_box(&body))
                    .expect("a request");
                issuer
                    .verify_request(&token, request, NOW, [7; 8])
                    .expect("a good proof")
            });
        },
    );
}

/// Starts an issuance and redeems its code, all in memory: an access token and a `c_nonce`.
fn redeemed(issuer: &Issuer) -> (String, String) {
    let start = json!({"template_id": "issue_iban", "claims": {
        "companyname": "CoolSoft B.V.", "currency": "EUR", "iban": "NL12TUL25708789078",
        "bic": "TULINL2A", "acccount_type": "Business Checking Account"}});
    let start = StartIssue::from_json(start.to_string().as_bytes()).expect("the sample");
    let (name, id) = (
        OfferId::of("bench"),
        "bench".parse().expect("a correlation id"),
    );
    let mut offer = issuer
        .offers()
        .start(&start, name, id, ListNumber::FIRST, [7; 16], NOW)
        .expect("an offer");
    apply(
        &Transition::retrieve(offer.offer_id.clone(), NOW),
        &mut offer,
    );
    let link = issuer
        .credential_offer(Some(&offer), NOW)
        .expect("a credential offer");
    let link = serde_json::to_value(link).expect("JSON");
    let grant = "urn:ietf:params:oauth:grant-type:pre-authorized_code";
    let code = link["grants"][grant]["pre-authorized_code"]
        .as_str()
        .expect("a code");
    let form = format!("grant_type={grant}&pre-authorized_code={code}");
    let request = TokenRequest::parse(Some("application/x-www-form-urlencoded"), form.as_bytes())
        .expect("a token request");
    let Redeem::Now(redemption) = issuer
        .redeem(request, NOW, [7; 16])
        .expect("a redeemable code")
    else {
        panic!("the offer has no tx_code");
    };
    apply(&redemption.write(), &mut offer);
    let answer = redemption
        .conclude(issuer, &Written::Applied(offer), [7; 8])
        .expect("an access token");
    let answer = serde_json::to_value(answer).expect("JSON");
    let text = |name: &str| answer[name].as_str().expect("a string").to_owned();
    (text("access_token"), text("c_nonce"))
}

fn apply(step: &Transition, offer: &mut Offer) {
    assert!(step.is_allowed(offer));
    step.apply(offer);
}

fn credential_request(issuer: &Issuer, c_nonce: &str) -> Vec<u8> {
    let holder = LocalKey::generate().expect("a key");
    let header = json!({"typ": "openid4vci-proof+jwt", "alg": "ES256",
                        "jwk": holder.public_jwk().to_json()});
    let claims = json!({"aud": ISSUER, "iat": NOW.as_second(), "nonce": c_nonce});
    let input = SigningInput::new(&header, &claims).expect("JSON");
    let signature = holder.sign_now(input.as_bytes()).expect("a signature");
    let metadata = issuer.credential_issuer_metadata();
    let (configuration_id, _) = metadata["credential_configurations_supported"]
        .as_object()
        .and_then(|configurations| configurations.iter().next())
        .expect("a configuration");
    json!({"credential_configuration_id": configuration_id,
           "proofs": {"jwt": [input.finish(&signature)]}})
    .to_string()
    .into_bytes()
}

/// 1,048,576 entries of 2 bits, 2 % of them not valid.
fn encode_a_status_list(criterion: &mut Criterion) {
    let mut list = StatusList::new(Bits::Two, 1 << 20);
    for step in 0..(1_u64 << 20) / 50 {
        // A multiplicative walk spreads the entries without a pattern that compresses well.
        let index = step.wrapping_mul(2_654_435_761) % (1 << 20);
        list.set(index, Status::Invalid)
            .expect("an index in the list");
    }
    criterion.bench_function("status list: 1,048,576 entries encoded", |bencher| {
        bencher.iter(|| list.encode().expect("an encoded list"));
    });
}

/// The QR code of a credential offer, 400 pixels wide.
fn draw_a_qr_code(criterion: &mut Criterion) {
    let design = Design::new(&QrCode::default()).expect("the default design");
    let link = bestow_contract::request_uri(
        None,
        &format!("{ISSUER}/wallet/offers/AAAAAAAAAAAAAAAAAAAAAA"),
    );
    criterion.bench_function(
        "QR code: a credential offer, 400 pixels, as a data URI",
        |bencher| {
            bencher.iter(|| design.draw(&link).expect("a picture").data_uri());
        },
    );
}

criterion_group!(
    benches,
    build_a_credential,
    verify_a_proof,
    encode_a_status_list,
    draw_a_qr_code
);
criterion_main!(benches);

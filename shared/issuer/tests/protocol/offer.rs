//! Start issue, and the Credential Offer.

use bestow_contract::Problem;
use bestow_issuer::{CreateOfferError, OfferId};
use serde_json::json;

use crate::world::{NOW, SECOND, World, issuer, offer, offer_id, start};

fn start_status(more: serde_json::Value) -> u16 {
    Problem::from(offer(&issuer(), &start(more), NOW).unwrap_err()).status
}

#[test]
fn a_start_is_answered_with_the_link_to_the_offer() {
    let world = World::new();
    let request = start(json!({"request_uri_base": "https://customerwallet.com"}));
    let answer = world.issuer.offers().start_answer(world.offer(), &request);
    let offer_url = format!(
        "https://issuer.example/wallet/offers/{}",
        world.offer_id.as_str()
    );
    assert_eq!(
        answer.request_uri,
        format!(
            "https://customerwallet.com/?credential_offer_uri={}",
            offer_url.replace(':', "%3A").replace('/', "%2F")
        )
    );
    assert_eq!(
        answer.revocation_uuid,
        world.offer().revocation_uuid.map(|uuid| uuid.uuid())
    );
    assert!(answer.revocation_uuid.is_some());
    assert_eq!(answer.expires_at, u64::try_from(NOW.as_second() + 900).ok());
    assert_eq!(answer.tx_code, None);
}

#[test]
fn a_template_without_a_status_list_gives_no_revocation_uuid() {
    let world = World::started(json!({"template_id": "employee_badge",
        "claims": {"given_name": "Ada", "family_name": "Lovelace", "employee_number": "E-1815"}}));
    assert_eq!(world.offer().revocation_uuid, None);
}

#[test]
fn what_a_template_does_not_take_is_refused() {
    assert_eq!(start_status(json!({"template_id": "unknown"})), 404);
    assert_eq!(start_status(json!({"claims": {"iban": 7}})), 422);
    let long = "x".repeat(bestow_issuer::MAXIMUM_CLAIMS_BYTES);
    // Too long for the schema, which is checked first.
    assert_eq!(start_status(json!({"claims": {"iban": long}})), 422);
}

#[test]
fn faults_of_the_claims_point_into_the_body() {
    let request = start(json!({"claims": {"companyname": "A", "currency": "EUR", "iban": "?"}}));
    let Err(CreateOfferError::ClaimsRejected(faults)) = offer(&issuer(), &request, NOW) else {
        panic!("the claims are wrong");
    };
    assert_eq!(faults[0].pointer, "/claims/iban");
}

/// The backend alone remembers what was asked for: another request has another offer.
#[test]
fn an_offer_is_named_by_its_request() {
    let named = |more| offer_id(&start(more));
    assert!(named(json!({})) == World::new().offer_id);
    for other in [
        json!({"claims": {"companyname": "B", "currency": "EUR", "iban": "NL12TUL25708789078"}}),
        json!({"request_uri_base": "https://customerwallet.com"}),
        json!({"tx_code": {}}),
        json!({"correlation_id": "89cba90"}),
    ] {
        assert!(named(other) != named(json!({})));
    }
    assert_eq!(OfferId::of("00").as_str(), "KXvN4q0HzF2ZdVCHaMMJ_Q");
}

#[test]
fn a_repeat_gets_the_same_answer() {
    let world = World::started(json!({"tx_code": {"length": 8}}));
    let request = start(json!({"tx_code": {"length": 8}}));
    let first = world.issuer.offers().start_answer(world.offer(), &request);
    let second = world.issuer.offers().start_answer(world.offer(), &request);
    assert!(first == second);
    assert_eq!(first.tx_code.unwrap().len(), 8);
}

#[test]
fn offers_of_two_issuances_have_nothing_in_common() {
    let one = World::started(json!({"correlation_id": "1"}));
    let two = World::started(json!({"correlation_id": "2"}));
    assert!(one.offer_id != two.offer_id);
    assert!(one.offer().encrypted_claims != two.offer().encrypted_claims);
}

#[test]
fn a_stored_offer_does_not_show_its_claims_or_code() {
    let world = World::started(json!({"tx_code": {"length": 6}}));
    let item = serde_json::to_string(world.offer()).unwrap();
    for secret in [
        "CoolSoft",
        "NL12TUL25708789078",
        world.tx_code().unwrap().as_str(),
    ] {
        assert!(!item.contains(secret), "{secret} is stored in the clear");
    }
}

#[test]
fn an_offer_is_shown_the_same_each_time_it_is_fetched() {
    let mut world = World::new();
    assert_eq!(world.stage(NOW), "offer_created");
    let offer = world.fetch(NOW).unwrap();
    assert_eq!(world.stage(NOW), "offer_retrieved");
    assert_eq!(world.fetch(NOW + 5 * SECOND).unwrap(), offer);
    assert_eq!(offer["credential_issuer"], "https://issuer.example");
    assert_eq!(
        offer["credential_configuration_ids"],
        json!(["BankAccountCredential"])
    );
    let grants = offer["grants"].as_object().unwrap();
    let grant = &grants["urn:ietf:params:oauth:grant-type:pre-authorized_code"];
    assert_eq!(grants.len(), 1);
    assert!(grant["pre-authorized_code"].is_string());
    assert_eq!(grant.get("tx_code"), None);
}

#[test]
fn an_offer_says_what_transaction_code_it_needs() {
    let mut world = World::started(
        json!({"tx_code": {"input_mode": "text", "length": 8, "description": "We sent it by letter."}}),
    );
    let offer = world.fetch(NOW).unwrap();
    assert_eq!(
        offer["grants"][bestow_issuer::PRE_AUTHORIZED_CODE]["tx_code"],
        json!({"input_mode": "text", "length": 8, "description": "We sent it by letter."})
    );
}

#[test]
fn n38_an_offer_that_is_over_is_gone() {
    let mut world = World::new();
    assert_eq!(world.fetch(NOW + bestow_issuer::OFFER_LIFETIME), Err(410));
    let code = world.code();
    world.token(&code, &[], NOW).unwrap();
    assert_eq!(world.fetch(NOW), Err(410));
    let unknown = world.issuer.credential_offer(None, NOW).err().unwrap();
    assert_eq!(unknown.http_status(), 404);
}

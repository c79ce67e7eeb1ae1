//! Transaction codes.

use std::collections::HashSet;
use std::time::Duration;

use bestow_contract::TxCodeInputMode::{self, Numeric, Text};
use bestow_contract::{StartIssue, TxCode};
use bestow_issuer::{ErrorCode, Issuer, Offer};
use serde_json::{Value, json};

use crate::world::{NOW, World, issuer, start};

/// An offer with a transaction code of this form.
fn offer(input_mode: TxCodeInputMode, length: u32) -> Offer {
    Offer {
        tx_code: Some(TxCode {
            input_mode,
            length,
            description: None,
        }),
        ..World::new().offer().clone()
    }
}

fn code(issuer: &Issuer, offer: &Offer) -> String {
    let request: StartIssue = start(json!({}));
    let answer = issuer.offers().start_answer(offer, &request);
    answer.tx_code.unwrap()
}

#[test]
fn a_code_has_the_form_that_was_asked_for() {
    let issuer = issuer();
    for length in 4..=16 {
        let numeric = code(&issuer, &offer(Numeric, length));
        assert_eq!(numeric.len(), length as usize);
        assert!(numeric.chars().all(|digit| digit.is_ascii_digit()));
        let text = code(&issuer, &offer(Text, length));
        assert_eq!(text.len(), length as usize);
        let is_clear = |letter| "ABCDEFGHJKLMNPQRSTUVWXYZ23456789".contains(letter);
        assert!(text.chars().all(is_clear), "{text}");
    }
}

#[test]
fn each_offer_has_its_own_code_and_always_the_same() {
    let (issuer, offer) = (issuer(), offer(Numeric, 16));
    let codes = |_| -> HashSet<String> {
        (0..200)
            .map(|second| Offer {
                created_at: NOW + Duration::from_secs(second),
                ..offer.clone()
            })
            .map(|offer| code(&issuer, &offer))
            .collect()
    };
    let [once, again] = [(), ()].map(codes);
    assert_eq!(once.len(), 200);
    assert_eq!(once, again);
}

#[test]
fn codes_of_pending_offers_stay_what_they_are() {
    for (input_mode, expected) in [(Numeric, "5500852042467345"), (Text, "ZUT8VEFSSQDSN6WH")] {
        let offer = Offer {
            offer_id: "AAAAAAAAAAAAAAAAAAAAAA".parse().unwrap(),
            ..offer(input_mode, 16)
        };
        assert_eq!(code(&issuer(), &offer), expected);
    }
}

#[test]
fn n27_only_the_code_matches_however_it_is_typed() {
    let world = || World::started(json!({"tx_code": {"input_mode": "text", "length": 8}}));
    let right = world().tx_code().unwrap();
    let typed = |given: &str| -> Result<Value, ErrorCode> {
        let mut world = world();
        let code = world.code();
        world.token(&code, &[("tx_code", given)], NOW)
    };
    assert!(typed(&right).is_ok());
    assert!(typed(&format!(" {} ", right.to_lowercase())).is_ok());
    for wrong in ["wrong", &right[1..]] {
        assert_eq!(typed(wrong), Err(ErrorCode::InvalidGrant), "{wrong}");
    }
}

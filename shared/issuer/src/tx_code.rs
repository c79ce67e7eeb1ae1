//! Transaction codes (OpenID4VCI 1.0 §4.1.1, `tx_code`).
//!
//! The code of an offer is not stored: it follows, by HMAC, from the offer's name and the wallet's
//! secret. So a repeated start returns the same code, and the store holds nothing to guess from.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use bestow_contract::{TxCode, TxCodeInputMode};

use crate::keys::WalletKeys;
use crate::offer::{Offer, OfferId};

/// Letters and digits that are not mistaken for each other when read aloud or typed.
const ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// The transaction code of an offer; none if it needs none.
#[must_use]
pub(crate) fn of(keys: &WalletKeys, offer: &Offer) -> Option<String> {
    let form = offer.tx_code.as_ref()?;
    Some(derive(
        keys,
        &offer.offer_id,
        offer.created_at_seconds,
        form,
    ))
}

/// Compares what a wallet sent in constant time. Case does not matter in a text code, nor does white
/// space around it.
pub(crate) fn matches(keys: &WalletKeys, offer: &Offer, given: &str) -> bool {
    let Some(expected) = of(keys, offer) else {
        return false;
    };
    let given = given.trim().to_ascii_uppercase();
    verify_slices_are_equal(expected.as_bytes(), given.as_bytes()).is_ok()
}

fn derive(keys: &WalletKeys, offer_id: &OfferId, created_at_seconds: i64, form: &TxCode) -> String {
    let tag = keys.tx_code.sign(&[
        offer_id.as_str().as_bytes(),
        &created_at_seconds.to_be_bytes(),
    ]);
    // 128 bits; the longest code needs 80, so no code is likelier than another by more than 2^-48.
    let mut number = tag
        .as_ref()
        .iter()
        .take(16)
        .fold(0_u128, |number, byte| (number << 8) | u128::from(*byte));
    (0..form.length)
        .map(|_| match form.input_mode {
            TxCodeInputMode::Numeric => {
                let digit = number % 10;
                number /= 10;
                char::from_digit(digit as u32, 10).unwrap_or('0')
            }
            TxCodeInputMode::Text => {
                let index = (number & 31) as usize;
                number >>= 5;
                ALPHABET
                    .get(index)
                    .map_or('A', |letter| char::from(*letter))
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::test_support::{keys, offer};

    fn with_form(input_mode: TxCodeInputMode, length: u32) -> Offer {
        Offer {
            tx_code: Some(TxCode {
                input_mode,
                length,
                description: None,
            }),
            ..offer()
        }
    }

    #[test]
    fn a_code_has_the_form_that_was_asked_for() {
        for length in 4..=16 {
            let numeric = of(&keys(), &with_form(TxCodeInputMode::Numeric, length)).unwrap();
            assert_eq!(numeric.len(), length as usize);
            assert!(numeric.chars().all(|digit| digit.is_ascii_digit()));
            let text = of(&keys(), &with_form(TxCodeInputMode::Text, length)).unwrap();
            assert_eq!(text.len(), length as usize);
            assert!(text.bytes().all(|letter| ALPHABET.contains(&letter)));
        }
    }

    #[test]
    fn each_offer_has_its_own_code_and_always_the_same() {
        let offers = (0..200).map(|created_at_seconds| Offer {
            created_at_seconds,
            ..with_form(TxCodeInputMode::Numeric, 16)
        });
        let codes: HashSet<_> = offers.clone().map(|offer| of(&keys(), &offer)).collect();
        assert_eq!(codes.len(), 200);
        assert!(
            offers
                .map(|offer| of(&keys(), &offer))
                .all(|code| codes.contains(&code))
        );
    }

    #[test]
    fn only_the_code_matches_however_it_is_typed() {
        let offer = with_form(TxCodeInputMode::Text, 8);
        let code = of(&keys(), &offer).unwrap();
        assert!(matches(&keys(), &offer, &code));
        assert!(matches(
            &keys(),
            &offer,
            &format!(" {} ", code.to_lowercase())
        ));
        assert!(!matches(&keys(), &offer, ""));
        assert!(!matches(&keys(), &offer, &code[1..]));
        assert!(!matches(&keys(), &crate::test_support::offer(), &code));
    }

    #[test]
    fn codes_of_pending_offers_stay_what_they_are() {
        for (input_mode, code) in [
            (TxCodeInputMode::Numeric, "5500852042467345"),
            (TxCodeInputMode::Text, "ZUT8VEFSSQDSN6WH"),
        ] {
            let offer = Offer {
                offer_id: "AAAAAAAAAAAAAAAAAAAAAA".parse().unwrap(),
                ..with_form(input_mode, 16)
            };
            assert_eq!(of(&keys(), &offer).as_deref(), Some(code));
        }
    }
}

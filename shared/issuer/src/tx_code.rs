//! Transaction codes (OpenID4VCI 1.0 §4.1.1, `tx_code`).
//!
//! The code of an offer is not stored: it follows, by HMAC, from the offer's name and the wallet's secret, so that a
//! repeated start returns the same one.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use bestow_contract::TxCodeInputMode;

use crate::keys::WalletKeys;
use crate::offer::Offer;

/// Letters and digits that are not mistaken for each other when read aloud or typed.
const ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// The transaction code of an offer; none if it needs none.
pub(crate) fn of(keys: &WalletKeys, offer: &Offer) -> Option<String> {
    let form = offer.tx_code.as_ref()?;
    let tag = keys.tx_code.sign(&[
        offer.offer_id.as_str().as_bytes(),
        &offer.created_at.as_second().to_be_bytes(),
    ]);
    // 128 bits; the longest code needs 80, so no code is likelier than another by more than 2^-48.
    let mut number = u128::from_be_bytes(*tag.as_ref().first_chunk()?);
    let alphabet = match form.input_mode {
        TxCodeInputMode::Numeric => b"0123456789".as_slice(),
        TxCodeInputMode::Text => ALPHABET,
    };
    let base = alphabet.len() as u128;
    (0..form.length)
        .map(|_| {
            let letter = alphabet.get((number % base) as usize);
            number /= base;
            letter.map(|letter| char::from(*letter))
        })
        .collect()
}

/// Compares what a wallet sent in constant time. Case does not matter, nor does white space around it.
pub(crate) fn matches(keys: &WalletKeys, offer: &Offer, given: &str) -> bool {
    let Some(expected) = of(keys, offer) else {
        return false;
    };
    let given = given.trim().to_ascii_uppercase();
    verify_slices_are_equal(expected.as_bytes(), given.as_bytes()).is_ok()
}

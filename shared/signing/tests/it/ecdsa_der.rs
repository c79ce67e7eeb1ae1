use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use bestow_signing::{DerSignatureError, LocalKey, Signer, ecdsa_der_to_raw};
use proptest::prelude::*;

/// An integer as DER writes it, from its bytes without leading zeros.
fn integer(magnitude: &[u8]) -> Vec<u8> {
    let sign = if magnitude[0] & 0x80 != 0 {
        &[0x00][..]
    } else {
        &[]
    };
    let length = u8::try_from(sign.len() + magnitude.len()).unwrap();
    [&[0x02, length], sign, magnitude].concat()
}

fn sequence(body: &[u8]) -> Vec<u8> {
    [&[0x30, u8::try_from(body.len()).unwrap()][..], body].concat()
}

fn signature(r: &[u8], s: &[u8]) -> Vec<u8> {
    sequence(&[integer(r), integer(s)].concat())
}

#[test]
fn integers_are_padded_and_stripped_to_32_bytes() {
    let high = [0xff; 32];
    let low = [0x7f; 32];
    let short = [0x01; 30];
    let one = [0x01];
    for (r, s) in [
        (&high[..], &low[..]),
        (&low, &high),
        (&short, &high),
        (&one, &short),
        (&[0x80], &one),
    ] {
        let raw = ecdsa_der_to_raw(&signature(r, s)).unwrap();

        let (r_half, s_half) = raw.split_at(32);
        assert_eq!(
            r_half
                .strip_prefix(vec![0; 32 - r.len()].as_slice())
                .unwrap(),
            r
        );
        assert_eq!(
            s_half
                .strip_prefix(vec![0; 32 - s.len()].as_slice())
                .unwrap(),
            s
        );
    }
}

#[test]
fn what_is_not_strict_der_is_refused() {
    let r = integer(&[0x11; 32]);
    let s = integer(&[0x22; 32]);
    let valid = sequence(&[&r[..], &s].concat());
    ecdsa_der_to_raw(&valid).unwrap();

    let longer_than_32_bytes = integer(&[0x11; 33]);
    let cases: [(&str, Vec<u8>); 13] = [
        ("empty", vec![]),
        ("bytes after the sequence", [&valid[..], &[0]].concat()),
        ("a third integer", sequence(&[&r[..], &s, &s].concat())),
        ("one integer", sequence(&r)),
        ("another tag", [&[0x31][..], &valid[1..]].concat()),
        (
            "a string for an integer",
            sequence(&[&r[..], &[0x04, 1, 1]].concat()),
        ),
        (
            "a long-form length",
            [&[0x30, 0x81][..], &valid[1..]].concat(),
        ),
        (
            "an indefinite length",
            [&[0x30, 0x80][..], &valid[2..], &[0, 0]].concat(),
        ),
        (
            "a needless zero",
            sequence(&[&[0x02, 2, 0, 0x11][..], &s].concat()),
        ),
        (
            "a negative integer",
            sequence(&[&[0x02, 1, 0x80][..], &s].concat()),
        ),
        ("zero", sequence(&[&[0x02, 1, 0][..], &s].concat())),
        ("no bytes at all", sequence(&[&[0x02, 0][..], &s].concat())),
        (
            "33 bytes",
            sequence(&[&longer_than_32_bytes[..], &s].concat()),
        ),
    ];
    for (what, der) in cases {
        assert_eq!(ecdsa_der_to_raw(&der), Err(DerSignatureError), "{what}");
    }
    for length in 0..valid.len() {
        assert_eq!(
            ecdsa_der_to_raw(&valid[..length]),
            Err(DerSignatureError),
            "cut to {length}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_der_signature_verifies_once_it_is_raw(message in proptest::collection::vec(any::<u8>(), 0..64)) {
        let key = LocalKey::generate().unwrap();
        let pair = rcgen::KeyPair::from_pem(&key.to_pkcs8_pem().unwrap()).unwrap();
        let pkcs8 = pair.serialized_der();
        let der_key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8).unwrap();
        let der = der_key.sign(&SystemRandom::new(), &message).unwrap();

        let raw = ecdsa_der_to_raw(der.as_ref()).unwrap();

        prop_assert!(key.public_jwk().verifies(&message, &raw));
    }

    #[test]
    fn no_bytes_make_it_panic(der in proptest::collection::vec(any::<u8>(), 0..80)) {
        let _ = ecdsa_der_to_raw(&der);
    }
}

use bestow_credential::{
    ClaimPath, DisclosureFrame, PathSegment, SdJwtVc, UnverifiedSdJwt, Validity, system_randomness,
};
use bestow_signing::Signer;
use futures::executor::block_on;
use proptest::prelude::*;
use serde_json::{Map, Value};

use crate::crafted::{NOW, identity, key, taken_apart};

fn any_claims() -> impl Strategy<Value = Map<String, Value>> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    let value = leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-d]", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    });
    prop::collection::btree_map("[a-d]", value, 0..4)
        .prop_map(|members| members.into_iter().collect())
}

/// Paths over the same few names, so that many lead somewhere.
fn any_paths() -> impl Strategy<Value = Vec<ClaimPath>> {
    let segment = prop_oneof![
        3 => "[a-d]".prop_map(PathSegment::Member),
        1 => Just(PathSegment::Elements),
    ];
    let path = ("[a-d]", prop::collection::vec(segment, 0..3)).prop_map(|(first, rest)| {
        let segments = std::iter::once(PathSegment::Member(first)).chain(rest);
        ClaimPath::try_from(segments.collect::<Vec<_>>()).unwrap()
    });
    prop::collection::vec(path, 0..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn every_credential_reveals_its_claims_and_hides_them(
        claims in any_claims(),
        paths in any_paths(),
    ) {
        let key = key();
        let frame = DisclosureFrame::new(&paths).unwrap();
        let vc = SdJwtVc {
            vct: "urn:example",
            issuer: None,
            claims: claims.clone(),
            frame: &frame,
            validity: Validity {
                issued_at: NOW,
                not_before: None,
                expires_at: None,
            },
            holder: None,
            status: None,
        };
        let credential = block_on(vc.issue(&identity(&key), system_randomness)).unwrap();
        let read = |text: &str| {
            let unverified = UnverifiedSdJwt::read(text).unwrap();
            unverified.verify(key.public_jwk(), NOW).unwrap()
        };

        // With all disclosures every claim is there again.
        let mut expected = claims.clone();
        expected.insert("vct".to_owned(), "urn:example".into());
        expected.insert("iat".to_owned(), NOW.as_second().into());
        prop_assert_eq!(&read(&credential).claims, &expected);

        // Without any, each claim that is disclosable at the top level is gone, with whatever it
        // holds.
        let (jwt, _) = credential.split_once('~').unwrap();
        let bare = read(&format!("{jwt}~")).claims;
        for path in &paths {
            if let [PathSegment::Member(name)] = path.segments() {
                prop_assert!(!bare.contains_key(name));
                let (_, payload, _) = taken_apart(&credential);
                prop_assert!(!payload.contains_key(name));
            }
        }

        // No digest is repeated, none is empty of meaning: as many digests as disclosures.
        let (_, payload, disclosures) = taken_apart(&credential);
        let digests = count_digests(&Value::Object(payload))
            + disclosures.iter().map(count_digests).sum::<usize>();
        prop_assert_eq!(digests, disclosures.len());
    }
}

fn count_digests(value: &Value) -> usize {
    match value {
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| match (name.as_str(), value) {
                ("_sd", Value::Array(digests)) => {
                    assert!(!digests.is_empty(), "an empty _sd must be absent");
                    digests.len()
                }
                ("...", _) => 1,
                _ => count_digests(value),
            })
            .sum(),
        Value::Array(items) => items.iter().map(count_digests).sum(),
        _ => 0,
    }
}

use std::time::Duration;

use bestow_jose::{Audience, ClaimsError, Expected};
use jiff::Timestamp;
use serde_json::{Value, json};

const NOW: Timestamp = Timestamp::constant(1_000, 0);

fn check(expected: &Expected<'_>, claims: &Value) -> Result<(), ClaimsError> {
    expected.check(claims.as_object().unwrap(), NOW)
}

#[test]
fn the_issuer_must_be_the_expected_one() {
    let expected = Expected {
        issuer: Some("https://one.example"),
        ..Expected::default()
    };
    let one = json!({"iss": "https://one.example"});
    assert_eq!(check(&expected, &one), Ok(()));
    for other in [
        json!({}),
        json!({"iss": "https://one.example/"}),
        json!({"iss": [1]}),
    ] {
        assert_eq!(check(&expected, &other), Err(ClaimsError::Issuer));
        assert_eq!(check(&Expected::default(), &other), Ok(()));
    }
}

#[test]
fn the_audience_is_a_string_or_an_array() {
    let among = Expected {
        audience: Some(Audience::Among("a")),
        ..Expected::default()
    };
    let only = Expected {
        audience: Some(Audience::Only("a")),
        ..Expected::default()
    };
    for (aud, is_among, is_only) in [
        (json!("a"), true, true),
        (json!(["a"]), true, true),
        (json!(["b", "a"]), true, false),
        (json!("A"), false, false),
        (json!([]), false, false),
        (json!({"a": "a"}), false, false),
        (json!(null), false, false),
    ] {
        let claims = json!({"aud": aud});
        assert_eq!(check(&among, &claims).is_ok(), is_among, "{aud}");
        assert_eq!(check(&only, &claims).is_ok(), is_only, "{aud}");
    }
    assert_eq!(check(&among, &json!({})), Err(ClaimsError::Audience));
}

#[test]
fn times_are_taken_with_their_leeway_and_no_more() {
    let expected = Expected {
        must_expire: true,
        late: Duration::from_secs(30),
        early: Duration::from_secs(20),
        max_age: Some(Duration::from_secs(600)),
        ..Expected::default()
    };
    for (exp, nbf, iat, outcome) in [
        (json!(970.5), json!(1_020), json!(1_020), Ok(())),
        (json!(971), json!(-1e300), json!(400), Ok(())),
        (json!(970), json!(0), json!(400), Err(ClaimsError::Expired)),
        (
            json!(2e9),
            json!(1_020.5),
            json!(400),
            Err(ClaimsError::NotYetValid),
        ),
        (
            json!(2e9),
            json!(0),
            json!(1_021),
            Err(ClaimsError::FromTheFuture),
        ),
        (json!(2e9), json!(0), json!(399), Err(ClaimsError::TooOld)),
        (
            json!(2e9),
            json!(0),
            json!(u64::MAX),
            Err(ClaimsError::FromTheFuture),
        ),
        (
            json!("2e9"),
            json!(0),
            json!(400),
            Err(ClaimsError::Malformed("exp")),
        ),
        (
            json!(2e9),
            json!(null),
            json!(400),
            Err(ClaimsError::Malformed("nbf")),
        ),
    ] {
        let claims = json!({"exp": exp, "nbf": nbf, "iat": iat});
        assert_eq!(check(&expected, &claims), outcome, "{claims}");
    }
    assert_eq!(
        check(&expected, &json!({"iat": 400})),
        Err(ClaimsError::NoExpiry)
    );
    assert_eq!(
        check(&expected, &json!({"exp": 2e9})),
        Err(ClaimsError::NoIssueTime)
    );

    let whole = Expected {
        whole_seconds: true,
        ..Expected::default()
    };
    assert_eq!(check(&whole, &json!({"exp": 1_001, "iat": 9_999})), Ok(()));
    assert_eq!(
        check(&whole, &json!({"exp": 1_000})),
        Err(ClaimsError::Expired)
    );
    for fraction in [json!(1_001.5), json!(u64::MAX)] {
        let refusal = check(&whole, &json!({"exp": fraction}));
        assert_eq!(refusal, Err(ClaimsError::Malformed("exp")));
    }
}

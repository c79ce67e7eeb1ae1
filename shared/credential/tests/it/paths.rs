use bestow_credential::{ClaimPath, DisclosureFrame, FrameError, PathSegment};
use serde_json::json;

fn path(segments: serde_json::Value) -> ClaimPath {
    serde_json::from_value(segments).unwrap()
}

#[test]
fn a_path_is_read_and_written_as_json() {
    let nationalities = path(json!(["person", "nationalities", null]));

    assert_eq!(
        nationalities.segments(),
        [
            PathSegment::Member("person".to_owned()),
            PathSegment::Member("nationalities".to_owned()),
            PathSegment::Elements
        ]
    );
    assert_eq!(
        nationalities.to_string(),
        r#"["person","nationalities",null]"#
    );
    let json = serde_json::to_value(&nationalities).unwrap();
    assert_eq!(json, json!(["person", "nationalities", null]));
    assert_eq!(
        serde_json::from_value::<ClaimPath>(json).unwrap(),
        nationalities
    );
    assert_eq!(ClaimPath::claim("iban"), path(json!(["iban"])));
}

#[test]
fn what_is_no_path_is_refused() {
    for json in [
        json!([]),
        json!("iban"),
        json!([null]),
        json!(["nationalities", 0]),
        json!(["address", ["street"]]),
    ] {
        let path = serde_json::from_value::<ClaimPath>(json.clone());
        assert!(path.is_err(), "{json}");
    }
}

#[test]
fn claims_that_must_be_visible_cannot_be_in_a_frame() {
    for name in [
        "iss",
        "nbf",
        "exp",
        "cnf",
        "vct",
        "vct#integrity",
        "aka_vcts",
        "status",
    ] {
        for path in [
            path(json!([name])),
            path(json!([name, "inside"])),
            path(json!([name, null])),
        ] {
            assert_eq!(
                DisclosureFrame::new([&path]),
                Err(FrameError::NeverDisclosable(path.clone())),
                "{path}"
            );
        }
    }
    // Elsewhere the names have no meaning of their own, and these two may be disclosable.
    DisclosureFrame::new([&path(json!(["account", "status"]))]).unwrap();
    DisclosureFrame::new([&path(json!(["sub"])), &path(json!(["iat"]))]).unwrap();
}

#[test]
fn names_of_sd_jwt_cannot_be_in_a_frame() {
    for name in ["_sd", "_sd_alg", "..."] {
        for path in [path(json!([name])), path(json!(["address", name]))] {
            let refusal = DisclosureFrame::new([&path]).unwrap_err();
            assert_eq!(refusal, FrameError::ReservedName(path));
        }
    }
}

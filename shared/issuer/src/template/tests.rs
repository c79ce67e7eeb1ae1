use serde_json::{Value, json};

use super::*;

/// The templates that are shipped.
const TEMPLATE_FILES: [TemplateFile<'static>; 3] = [
    TemplateFile {
        name: "issue_iban.json",
        text: include_str!("../../../../infra/issue-templates/issue_iban.json"),
    },
    TemplateFile {
        name: "company_registration.json",
        text: include_str!("../../../../infra/issue-templates/company_registration.json"),
    },
    TemplateFile {
        name: "employee_badge.json",
        text: include_str!("../../../../infra/issue-templates/employee_badge.json"),
    },
];

fn templates() -> Templates {
    Templates::load(&TEMPLATE_FILES).unwrap()
}

/// The smallest template, to be spoilt.
fn minimal() -> Value {
    json!({
        "template_id": "minimal",
        "credential_type": "MinimalCredential",
        "vct": "urn:example:minimal:1",
        "valid_for_days": 1,
        "status_list": false,
        "display": [{"name": "Minimal", "locale": "en-GB"}],
        "claims_schema": {
            "type": "object",
            "additionalProperties": false,
            "required": ["name"],
            "properties": {"name": {"type": "string"}}
        },
        "claims": [{
            "path": ["name"],
            "selectively_disclosable": true,
            "display": [{"name": "Name", "locale": "en-GB"}]
        }]
    })
}

/// Checks the templates before it loads them.
fn load(values: &[Value]) -> Result<Templates, String> {
    with_files(values, |files| {
        Templates::check(files)?;
        Templates::load(files)
    })
    .map_err(|faults| faults.to_string())
}

fn with_files<T>(values: &[Value], read: impl FnOnce(&[TemplateFile<'_>]) -> T) -> T {
    let texts: Vec<(String, String)> = values
        .iter()
        .enumerate()
        .map(|(number, value)| (format!("{number}.json"), value.to_string()))
        .collect();
    let files: Vec<TemplateFile<'_>> = texts
        .iter()
        .map(|(name, text)| TemplateFile { name, text })
        .collect();
    read(&files)
}

/// The minimal template with one field changed (or removed, by null) must fail with this line.
fn assert_fault(pointer: &str, value: Value, expected: &str) {
    let mut template = minimal();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = template.pointer_mut(parent).unwrap();
    if let Some(members) = parent.as_object_mut() {
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.to_owned(), value);
        }
    } else {
        parent.as_array_mut().unwrap()[name.parse::<usize>().unwrap()] = value;
    }
    let faults = load(&[template]).unwrap_err();
    assert!(
        faults.lines().any(|line| line == expected),
        "expected {expected:?} in:\n{faults}"
    );
}

#[test]
fn the_shipped_templates_load() {
    let templates = templates();
    let ids: Vec<&str> = templates.iter().map(Template::template_id).collect();
    assert_eq!(
        ids,
        ["issue_iban", "company_registration", "employee_badge"]
    );
    let badge = templates.by_template_id("employee_badge").unwrap();
    assert!(!badge.has_status_list());
    for template in templates.iter() {
        let locales: Vec<&str> = template
            .display()
            .iter()
            .map(|d| d.locale.as_str())
            .collect();
        assert_eq!(locales, ["en-GB", "nl-NL"]);
        assert!(
            template
                .claims()
                .iter()
                .all(|claim| claim.display.len() == 2)
        );
    }
}

#[test]
fn the_sample_of_the_contract_is_accepted_verbatim() {
    // The example of Start issue, with its three c's.
    let claims = json!({"companyname": "CoolSoft B.V.", "currency": "EUR", "iban": "NL12TUL25708789078",
        "bic": "TULINL2A", "acccount_type": "Business Checking Account"});
    let templates = templates();
    let template = templates.by_template_id("issue_iban").unwrap();
    assert_eq!(template.check_claims(claims.as_object().unwrap()), Ok(()));
}

#[test]
fn nested_claims_are_accepted() {
    let claims = json!({
        "legal_name": "CoolSoft B.V.", "trade_names": ["CoolSoft", "SoftCool"],
        "legal_form": "besloten vennootschap", "registration_number": "12345678",
        "register": "Kamer van Koophandel", "euid": "NLNHR.12345678",
        "lei": "5493001KJTIIGC8Y1R12", "vat_number": "NL001234567B01",
        "date_of_incorporation": "2012-03-01", "registration_status": "active",
        "registered_address": {"street_address": "Keizersgracht 1", "postal_code": "1015 CN",
            "locality": "Amsterdam", "country": "NL"},
        "representatives": [{"name": "Ada Lovelace", "role": "director", "authority": "sole"}]
    });
    let templates = templates();
    let template = templates.by_template_id("company_registration").unwrap();
    assert_eq!(template.check_claims(claims.as_object().unwrap()), Ok(()));
}

#[test]
fn every_fault_of_the_claims_is_told_without_their_values() {
    let claims =
        json!({"companyname": "", "currency": "euro", "iban": "12 34", "account_type": "x"});
    let templates = templates();
    let template = templates.by_template_id("issue_iban").unwrap();
    let ClaimsRefused::Rejected(faults) = template
        .check_claims(claims.as_object().unwrap())
        .unwrap_err()
    else {
        panic!("the template can be used");
    };
    let mut pointers: Vec<&str> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
    pointers.sort_unstable();
    assert_eq!(
        pointers,
        ["/account_type", "/companyname", "/currency", "/iban"]
    );
    assert!(
        faults
            .iter()
            .all(|fault| !fault.reason.contains("euro") && !fault.reason.contains("12 34"))
    );
}

/// The pointers to what is wrong with a `name` that may be anything.
fn faults_of_open_claim(name: Value) -> Vec<String> {
    let mut template = minimal();
    template["claims_schema"]["properties"]["name"] = json!({});
    let templates = load(&[template]).unwrap();
    let template = templates.by_template_id("minimal").unwrap();
    let claims = json!({ "name": name });
    let faults = match template.check_claims(claims.as_object().unwrap()) {
        Ok(()) => Vec::new(),
        Err(ClaimsRefused::Rejected(faults)) => faults,
        Err(ClaimsRefused::Template(fault)) => panic!("{fault}"),
    };
    faults.into_iter().map(|fault| fault.pointer).collect()
}

#[test]
fn names_that_no_credential_can_have_are_refused_at_any_depth() {
    assert_eq!(
        faults_of_open_claim(json!({"a/b": [{"_sd": []}, {"_sd_alg": "x"}], "...": "x"})),
        ["/name/...", "/name/a~1b/0/_sd", "/name/a~1b/1/_sd_alg"]
    );
    // Further down, the issuer's own claims are claims like any other.
    assert!(faults_of_open_claim(json!({"iss": "x", "status": "open"})).is_empty());
}

#[test]
fn no_more_than_fifty_faults_are_told() {
    let many = vec![json!({"_sd": 1}); 1000];
    assert_eq!(faults_of_open_claim(many.into()).len(), 50);
}

#[test]
fn what_the_schema_makes_compulsory_is_mandatory() {
    let templates = templates();
    let template = templates.by_template_id("company_registration").unwrap();
    let path = |path: Value| serde_json::from_value::<ClaimPath>(path).unwrap();
    assert!(template.is_mandatory(&path(json!(["legal_name"]))));
    assert!(template.is_mandatory(&path(json!(["registered_address", "country"]))));
    assert!(!template.is_mandatory(&path(json!(["registered_address", "postal_code"]))));
    assert!(!template.is_mandatory(&path(json!(["lei"]))));
    assert!(!template.is_mandatory(&path(json!(["representatives", null]))));
}

#[test]
fn a_fault_names_file_field_and_what_would_be_right() {
    for (pointer, value, expected) in [
        ("/validity", json!(1), "0.json: /validity is not known here"),
        (
            "/vct",
            Value::Null,
            "0.json: /vct is missing: it is required",
        ),
        (
            "/status_list",
            json!("yes"),
            "0.json: /status_list must be of type boolean",
        ),
        (
            "/valid_for_days",
            json!(0),
            "0.json: /valid_for_days must be at least 1",
        ),
        (
            "/display/0/locale",
            json!("english"),
            "0.json: /display/0/locale must match ^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?$",
        ),
        (
            "/display/0/background_color",
            json!("red"),
            "0.json: /display/0/background_color must match ^#[0-9A-Fa-f]{6}$",
        ),
        (
            "/display/0/colour",
            json!("#ffffff"),
            "0.json: /display/0/colour is not known here",
        ),
        (
            "/claims_schema/additionalProperties",
            json!(true),
            "0.json: /claims_schema/additionalProperties must be false",
        ),
        (
            "/claims_schema/patternProperties",
            json!({"^i": {}}),
            "0.json: /claims_schema/patternProperties is not allowed here",
        ),
        (
            "/claims/0/path",
            json!(["nome"]),
            "0.json: /claims/0/path names a claim that claims_schema does not describe",
        ),
        (
            "/claims/0/path",
            json!(["nome"]),
            "0.json: /claims has no entry for the claim \"name\" of claims_schema",
        ),
        (
            "/claims/0/display/0/locale",
            json!("EN"),
            "0.json: /claims/0/display/0/locale must match ^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?$",
        ),
        (
            "/claims_schema/properties",
            json!({"name": {}, "iss": {}}),
            "0.json: /claims_schema/properties/iss has a name that is reserved: choose another one for the claim",
        ),
    ] {
        assert_fault(pointer, value, expected);
    }
}

#[test]
fn a_vct_must_not_collide() {
    for vct in ["minimal", "http://example.com/vct", "urn:x", "https://", ""] {
        let mut template = minimal();
        template["vct"] = json!(vct);
        assert!(
            load(&[template])
                .unwrap_err()
                .starts_with("0.json: /vct must match"),
            "{vct}"
        );
    }
}

#[test]
fn a_logo_is_one_that_wallets_take() {
    let load_with = |uri: &str| {
        let mut template = minimal();
        template["display"][0]["logo"] = json!({"uri": uri});
        load(&[template]).map(|_| ())
    };
    for uri in [
        "https://issuer.example/logo.svg",
        "data:image/png;base64,iVBORw0KGgo=",
    ] {
        assert_eq!(load_with(uri), Ok(()), "{uri}");
    }
    for uri in [
        // @openid4vc/openid4vci 0.4 refuses the whole metadata for it.
        "data:image/svg+xml;base64,PHN2Zy8+",
        "http://issuer.example/logo.png",
        "javascript:alert(1)",
        "logo.png",
    ] {
        let faults = load_with(uri).unwrap_err();
        assert!(
            faults.starts_with("0.json: /display/0/logo/uri must match"),
            "{uri}"
        );
    }
}

#[test]
fn a_schema_that_cannot_be_used_is_named_with_its_place() {
    for property in [
        json!({"type": "text"}),
        json!({"$ref": "https://example.com/schema.json"}),
        json!({"$ref": "#/$defs/missing"}),
        json!({"pattern": "("}),
        json!({"format": "ibann"}),
    ] {
        let mut template = minimal();
        template["claims_schema"]["properties"]["name"] = property.clone();
        let faults = load(std::slice::from_ref(&template)).unwrap_err();
        assert!(
            faults.starts_with("0.json: /claims_schema"),
            "{property}: {faults}"
        );

        // A function tells the same when the template is used.
        let templates = with_files(&[template], Templates::load).unwrap();
        let template = templates.by_template_id("minimal").unwrap();
        let claims = json!({"name": "x"});
        let Err(ClaimsRefused::Template(fault)) =
            template.check_claims(claims.as_object().unwrap())
        else {
            panic!("{property} can be used");
        };
        assert_eq!(fault.to_string(), faults);
    }
}

#[test]
fn each_display_language_stands_once() {
    let twice = json!([{"name": "A", "locale": "en-GB"}, {"name": "B", "locale": "en-GB"}]);
    let expected = "locale is there twice: give one display for each language";
    assert_fault(
        "/display",
        twice.clone(),
        &format!("0.json: /display/1/{expected}"),
    );
    assert_fault(
        "/claims/0/display",
        twice,
        &format!("0.json: /claims/0/display/1/{expected}"),
    );
}

#[test]
fn a_claim_is_described_once() {
    let mut template = minimal();
    let claim = template["claims"][0].clone();
    template["claims"].as_array_mut().unwrap().push(claim);
    assert_eq!(
        load(&[template]).unwrap_err(),
        "0.json: /claims/1/path is there twice: describe each claim once"
    );
}

#[test]
fn keys_are_unique_among_files() {
    let faults = load(&[minimal(), minimal()]).unwrap_err();
    assert_eq!(
        faults,
        "1.json: /template_id is the same as in 0.json: it must be unique\n\
         1.json: /credential_type is the same as in 0.json: it must be unique\n\
         1.json: /vct is the same as in 0.json: it must be unique"
    );
}

#[test]
fn what_is_not_json_is_told_with_its_line() {
    let file = |text| TemplateFile {
        name: "broken.json",
        text,
    };
    let faults = Templates::load(&[file("{\n  \"template_id\": oops\n}")]).unwrap_err();
    assert_eq!(
        faults.to_string(),
        "broken.json: the file is not JSON: expected value at line 2 column 18"
    );
    let faults = Templates::load(&[file(r#"{"vct": 1, "vct": 2}"#)]).unwrap_err();
    assert!(
        faults.to_string().contains("a member is named twice"),
        "{faults}"
    );
}

#[test]
fn no_template_at_all_is_a_fault() {
    assert!(
        load(&[])
            .unwrap_err()
            .contains("there must be at least one template")
    );
}

#[test]
fn faults_of_all_files_are_told_at_once() {
    let mut broken = minimal();
    broken["status_list"] = json!(1);
    let faults = load(&[broken.clone(), broken]).unwrap_err();
    assert_eq!(faults.lines().count(), 2);
    assert_eq!(TEMPLATE_FILES.len(), 3);
}

use super::*;
use crate::{Status, TxCodeInputMode};
use proptest::prelude::*;
use serde_json::json;

/// The sample of the issue contract, with a whole PNG for its logo.
const SAMPLE: &str = r##"{
  "correlation_id": "89cba89",
  "template_id": "issue_iban",
  "claims": {"companyname": "CoolSoft B.V.", "currency": "EUR", "iban": "NL12TUL25708789078",
             "bic": "TULINL2A", "acccount_type": "Business Checking Account"},
  "request_uri_base": "https://customerwallet.com",
  "qr_code": {"size": 400, "color_dark": "#000000", "color_light": "#ffffff", "padding": 16,
              "logo_uri": "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII=", "logo_size": 20, "marker_color": "#000000"},
  "callback": {"url": "https://backend.example/hook", "status": ["issue_completed", "error"]}
}"##;

fn read(body: &Value) -> StartIssue {
    StartIssue::from_json(body.to_string().as_bytes()).unwrap()
}

fn faults(body: &Value) -> Vec<(String, String)> {
    let problem = StartIssue::from_json(body.to_string().as_bytes()).unwrap_err();
    assert_eq!(problem.status, 400);
    let pairs = problem.errors.into_iter();
    pairs.map(|fault| (fault.pointer, fault.reason)).collect()
}

#[test]
fn the_sample_of_the_contract_is_read_whole() {
    let start = StartIssue::from_json(SAMPLE.as_bytes()).unwrap();
    let id = start.correlation_id.as_ref().map(CorrelationId::as_str);
    assert_eq!(id, Some("89cba89"));
    assert_eq!(start.template_id, "issue_iban");
    assert_eq!(
        start.claims.members()["acccount_type"],
        "Business Checking Account"
    );
    assert!(start.qr_code.as_ref().unwrap().logo_uri.is_some());

    let mut sent: Value = serde_json::from_str(SAMPLE).unwrap();
    sent["request_uri_base"] = json!("https://customerwallet.com/");
    assert_eq!(serde_json::to_value(&start).unwrap(), sent);
}

#[test]
fn what_public_clients_send_is_understood() {
    // The WordPress plugin: no correlation id, numbers as strings, a base and a QR code together.
    let plugin = read(&json!({
        "template_id": "issue_iban",
        "claims": {"iban": "NL12TUL25708789078"},
        "request_uri_base": "https://customerwallet.com",
        "qr_code": {"size": "300", "padding": "0", "logo_size": "20", "logo_uri": ""},
    }));
    assert_eq!(plugin.correlation_id, None);
    assert_eq!(plugin.qr_code.map(|options| options.size), Some(300));
    // A PowerShell client: an empty correlation id, statuses joined by commas.
    let power_shell = read(&json!({
        "correlation_id": "",
        "template_id": "issue_iban",
        "claims": {},
        "callback": {"url": "https://backend.example/hook", "status": "issue_completed,error"},
    }));
    assert_eq!(power_shell.correlation_id, None);
    assert_eq!(
        power_shell.callback.map(|callback| callback.status),
        Some(vec![Status::IssueCompleted, Status::Error])
    );
}

#[test]
fn callback_statuses_are_taken_in_every_form() {
    use Status::{Error, IssueCompleted};
    for (status, expected) in [
        (json!(null), vec![]),
        (json!(""), vec![]),
        (json!([]), vec![]),
        (json!("error"), vec![Error]),
        (
            json!(" error , issue_completed,error,"),
            vec![Error, IssueCompleted],
        ),
        (
            json!(["error", "issue_completed"]),
            vec![Error, IssueCompleted],
        ),
        (json!(["seen,error", 7]), vec![Error]),
        (json!("seen"), vec![]),
    ] {
        let body = json!({"template_id": "t", "claims": {},
            "callback": {"url": "http://127.0.0.1:9/hook", "status": status}});
        assert_eq!(read(&body).callback.unwrap().status, expected, "{status}");
    }
}

#[test]
fn an_empty_object_asks_for_the_defaults() {
    let start = read(&json!({"template_id": "t", "claims": {}, "qr_code": {}, "tx_code": {}}));
    assert_eq!(start.qr_code, Some(QrCode::default()));
    assert_eq!(start.tx_code, Some(TxCode::default()));
    let start = read(&json!({"template_id": "t", "claims": {}, "tx_code":
        {"input_mode": "text", "length": "8", "description": "It is in your e-mail."}}));
    let tx_code = start.tx_code.unwrap();
    assert_eq!(
        (tx_code.input_mode, tx_code.length),
        (TxCodeInputMode::Text, 8)
    );
}

#[test]
fn every_fault_is_told_at_once() {
    let body = json!({
        "correlation_id": 7,
        "claims": ["NL12TUL25708789078"],
        "request_uri_base": "javascript:alert(1)",
        "qr_code": {"size": 1, "color_light": "#000", "logo_uri": "https://"},
        "callback": {"status": 1},
        "tx_code": {"input_mode": "morse", "length": 3, "description": "x".repeat(301)},
        "more": 1,
    });
    let expected = [
        ("/correlation_id", "is a number: give a string"),
        (
            "/template_id",
            "is missing: give the key of a credential issue template",
        ),
        (
            "/claims",
            "is an array: give an object, such as {\"iban\": …}",
        ),
        (
            "/request_uri_base",
            "has the scheme `javascript:`, which no wallet has: give an https, http or app URL",
        ),
        (
            "/qr_code/size",
            "is 1: give a whole number from 128 to 2048",
        ),
        (
            "/qr_code/logo_uri",
            "is not a valid URL: give a PNG or JPEG as data:image/png;base64,… or \
             data:image/jpeg;base64,…, or its https URL",
        ),
        (
            "/qr_code/color_dark",
            "has too little contrast to color_light (#000000 on #000000): the ratio is 1.00:1, at \
             least 3:1 is needed to scan; give a darker colour or a lighter color_light",
        ),
        (
            "/callback/url",
            "is missing: give an absolute URL such as https://backend.example/hook",
        ),
        (
            "/callback/status",
            "is a number: give a string or an array of strings",
        ),
        (
            "/tx_code/input_mode",
            "is not known: give \"numeric\" or \"text\"",
        ),
        ("/tx_code/length", "is 3: give a whole number from 4 to 16"),
        (
            "/tx_code/description",
            "is too long: at most 300 characters are allowed",
        ),
    ];
    let expected = expected.map(|(pointer, reason)| (pointer.to_owned(), reason.to_owned()));
    assert_eq!(faults(&body), expected);
}

#[test]
fn what_is_not_an_object_is_refused() {
    for (body, detail) in [
        ("", "The body is empty: send a JSON object."),
        (" \n", "The body is empty: send a JSON object."),
        ("[1]", "The body is an array: send a JSON object."),
        (
            r#"{"claims": {"iban": NL12}}"#,
            "The body is not valid JSON: expected value at line 1 column 21.",
        ),
    ] {
        let problem = StartIssue::from_json(body.as_bytes()).unwrap_err();
        assert_eq!((problem.status, problem.detail.as_str()), (400, detail));
    }
    assert!(StartIssue::from_json(&[b'"', 0xff, b'"']).is_err());
    assert!(StartIssue::from_json("[".repeat(100_000).as_bytes()).is_err());
}

#[test]
fn the_painters_faults_join_the_others() {
    let body = br#"{"template_id": "t", "claims": 1, "qr_code": {}}"#;
    let cut_off =
        |_: &QrCode| Err::<(), _>(vec![FieldError::new("/qr_code/logo_uri", "is cut off")]);
    let problem = StartIssue::from_json_with(body, cut_off, |_| Ok(())).unwrap_err();
    let pointers: Vec<_> = problem.errors.iter().map(|f| f.pointer.as_str()).collect();
    assert_eq!(pointers, ["/claims", "/qr_code/logo_uri"]);

    let body = br#"{"template_id": "t", "claims": {}, "qr_code": {"size": 200}}"#;
    let (_, size) =
        StartIssue::from_json_with(body, |options| Ok(options.size), |_| Ok(())).unwrap();
    assert_eq!(size, Some(200));
    let body = br#"{"template_id": "t", "claims": {}}"#;
    let (_, size) =
        StartIssue::from_json_with(body, |options| Ok(options.size), |_| Ok(())).unwrap();
    assert_eq!(size, None);
}

#[test]
fn a_callback_that_may_not_be_called_is_a_fault_like_any_other() {
    let body =
        br#"{"template_id": "t", "claims": 1, "callback": {"url": "https://inside.example"}}"#;
    let refuse = |url: &Url| Err(format!("{} is inside", url.host_str().unwrap_or_default()));
    let problem = StartIssue::from_json_with(body, |_| Ok(()), refuse).unwrap_err();
    let faults: Vec<_> = problem
        .errors
        .iter()
        .map(|fault| (fault.pointer.as_str(), fault.reason.as_str()))
        .collect();
    assert_eq!(faults[1], ("/callback/url", "inside.example is inside"));
}

#[test]
fn claims_and_codes_are_not_printed() {
    let start = StartIssue::from_json(SAMPLE.as_bytes()).unwrap();
    assert!(!format!("{start:?}").contains("CoolSoft"));
    let answer: StartIssueAnswer = serde_json::from_value(json!({
        "correlation_id": "x", "request_uri": "https://w.example/?secret", "tx_code": "493536",
    }))
    .unwrap();
    let shown = format!("{answer:?}");
    assert!(
        !shown.contains("secret") && !shown.contains("493536"),
        "{shown}"
    );
}

#[test]
fn the_canonical_form_ignores_spelling_name_and_picture_but_nothing_else() {
    let canonical = |body: &Value| read(body).canonical_json();
    let body = json!({"correlation_id": "a", "template_id": "t", "claims": {"a": {"c": 1, "b": 2}},
                      "qr_code": {"size": 400}, "callback": {"url": "https://b.example"},
                      "tx_code": {"length": 6}});
    let same = json!({"correlation_id": "b", "more": 1, "qr_code": {"size": 500},
                      "tx_code": {"length": "6"}, "callback": {"url": "https://b.example", "status": ""},
                      "claims": {"a": {"b": 2, "c": 1}}, "template_id": "t"});
    assert_eq!(canonical(&body), canonical(&same));
    for (pointer, value) in [
        ("/template_id", json!("u")),
        ("/claims/a/b", json!(3)),
        ("/tx_code/length", json!(7)),
        ("/callback/url", json!("https://c.example")),
    ] {
        let mut other = body.clone();
        *other.pointer_mut(pointer).unwrap() = value;
        assert_ne!(canonical(&body), canonical(&other), "{pointer}");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[a-z_]{1,8}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

const MEMBERS: [&str; 7] = [
    "correlation_id",
    "template_id",
    "claims",
    "request_uri_base",
    "qr_code",
    "callback",
    "tx_code",
];

proptest! {
    #[test]
    fn a_request_is_read_by_a_wallet_as_it_was_sent(
        id in proptest::option::of("[!-~]{3,20}"),
        template_id in "[a-z_]{1,20}",
        claims in proptest::collection::btree_map("\\PC{0,8}", any_json(), 0..4),
        base in proptest::option::of("https://[a-z]{1,8}\\.example(/[a-z]{0,4})?(\\?a=b)?"),
        size in proptest::option::of(QrCode::SIZE),
        callback in any::<bool>(),
        length in proptest::option::of(TxCode::MIN_LENGTH..=TxCode::MAX_LENGTH),
    ) {
        let start = StartIssue {
            correlation_id: id.map(|id| id.parse().unwrap()),
            template_id,
            claims: claims.into_iter().collect::<Map<_, _>>().into(),
            request_uri_base: base.map(|base| base.parse().unwrap()),
            qr_code: size.map(|size| QrCode { size, ..QrCode::default() }),
            callback: callback.then(|| Callback {
                url: "https://backend.example/hook".to_owned(),
                status: vec![Status::Error],
            }),
            tx_code: length.map(|length| TxCode { length, ..TxCode::default() }),
        };
        let sent = serde_json::to_vec(&start).unwrap();
        let read = StartIssue::from_json(&sent).unwrap();
        prop_assert_eq!(&read, &start);
        prop_assert_eq!(read.canonical_json(), start.canonical_json());
    }

    #[test]
    fn any_members_are_read_or_refused_without_repeating_a_claim(
        members in proptest::collection::btree_map(
            proptest::sample::select(&MEMBERS[..]), any_json(), 0..7),
        secret in "[A-Z]{12}",
    ) {
        let mut body: Map<String, Value> =
            members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        body.insert("claims".to_owned(), json!([{"iban": secret.clone()}]));
        let problem = StartIssue::from_json(Value::Object(body).to_string().as_bytes()).unwrap_err();
        prop_assert!(!serde_json::to_string(&problem).unwrap().contains(&secret));
    }
}

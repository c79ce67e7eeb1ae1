use super::*;
use crate::chunk::LineOutcome;
use bestow_clock::OperatingSystem;
use proptest::prelude::*;
use serde_json::json;

fn body(correlation_id: &str, company: &str) -> String {
    json!({
        "correlation_id": correlation_id,
        "template_id": "issue_iban",
        "claims": {"companyname": company},
        "qr_code": {},
    })
    .to_string()
}

fn may_be_called(url: &Url) -> Result<(), String> {
    match url.host_str() {
        Some("backend.example") => Ok(()),
        _ => Err("is elsewhere".to_owned()),
    }
}

fn ndjson(text: &str) -> Result<Upload, Problem> {
    Upload::from_ndjson(text.as_bytes(), may_be_called, &OperatingSystem)
}

fn array(text: &str) -> Result<Upload, Problem> {
    Upload::from_array(text.as_bytes(), may_be_called, &OperatingSystem)
}

/// The status of each line's problem, 0 where it has none.
fn statuses(upload: &Upload) -> Vec<u16> {
    let status = |line: &Result<_, LineResult>| match line {
        Ok(_) => 0,
        Err(result) => match &result.outcome {
            LineOutcome::Failed(problem) => problem.status,
            LineOutcome::Started { .. } => panic!("it cannot be started yet"),
        },
    };
    upload.lines.iter().map(status).collect()
}

#[test]
fn what_is_wrong_with_a_line_is_that_lines_problem() {
    let text = format!(
        "\u{feff}{}\r\n\n{{\n{}\n[]\n{{\"template_id\": \"t\"}}\n",
        body("a", "A"),
        body("b", "B")
    );
    let upload = ndjson(&text).unwrap();
    assert_eq!(statuses(&upload), [0, 400, 0, 400, 400]);
    let text = format!("[{}, 1, {}]", body("a", "A"), body("b", "B"));
    assert_eq!(statuses(&array(&text).unwrap()), [0, 400, 0]);
}

#[test]
fn a_callback_that_may_not_be_called_is_its_lines_problem() {
    let to = |host: &str| {
        let callback = json!({"url": format!("https://{host}/hook")});
        json!({"template_id": "t", "claims": {}, "callback": callback}).to_string()
    };
    let (good, bad) = (to("backend.example"), to("10.0.0.1"));
    assert_eq!(
        statuses(&ndjson(&format!("{good}\n{bad}")).unwrap()),
        [0, 400]
    );
    assert_eq!(
        statuses(&array(&format!("[{good},{bad}]")).unwrap()),
        [0, 400]
    );
}

#[test]
fn every_line_that_can_be_started_has_a_name() {
    let text = r#"{"template_id": "t", "claims": {}}"#;
    let upload = ndjson(&format!("{text}\n{text}")).unwrap();
    let ids: Vec<_> = upload
        .lines
        .iter()
        .map(|line| match line {
            Ok(line) => line.request.correlation_id.clone().unwrap(),
            Err(_) => panic!("both are fine"),
        })
        .collect();
    assert_ne!(ids[0], ids[1]);
}

#[test]
fn a_name_is_for_one_request() {
    let text = [body("a", "A"), body("a", "A"), body("a", "B")].join("\n");
    let upload = ndjson(&text).unwrap();
    assert_eq!(statuses(&upload), [0, 0, 409]);
    let Err(result) = &upload.lines[2] else {
        panic!("it is refused");
    };
    assert_eq!(result.correlation_id, Some("a".parse().unwrap()));
}

#[test]
fn repeats_of_a_long_line_cost_no_more_than_they_are_long() {
    let long = body("a", &"x".repeat(StartIssue::MAX_BODY_BYTES - 500));
    let short = body("a", "A");
    let text = [long, vec![short; 5_000].join("\n")].join("\n");
    let begin = std::time::Instant::now();
    let refused = statuses(&ndjson(&text).unwrap());
    assert!(refused.iter().skip(1).all(|status| *status == 409));
    // To look at the first line for each of the others takes minutes.
    assert!(begin.elapsed() < std::time::Duration::from_secs(10));
}

#[test]
fn a_line_is_no_longer_than_a_request() {
    let long = body("a", &"x".repeat(StartIssue::MAX_BODY_BYTES));
    assert_eq!(statuses(&ndjson(&long).unwrap()), [413]);
}

#[test]
fn what_is_wrong_with_the_whole_is_the_uploads_problem() {
    for text in ["", "\n \r\n", "\u{feff}"] {
        assert_eq!(ndjson(text).unwrap_err().status, 400, "{text:?}");
    }
    for text in ["", " ", "[]", "{}", "[{}", "[] []", "null", "[1,]"] {
        assert_eq!(array(text).unwrap_err().status, 400, "{text:?}");
    }
    let detail = array(r#""PLANTED""#).unwrap_err().detail;
    assert!(!detail.contains("PLANTED"), "{detail}");
    let many = "{}\n".repeat(MAX_UPLOAD_LINES);
    assert_eq!(ndjson(&many).unwrap().lines.len(), MAX_UPLOAD_LINES);
    assert_eq!(ndjson(&format!("{many}{{}}")).unwrap_err().status, 413);
    let many = format!("[{}]", vec!["{}"; MAX_UPLOAD_LINES + 1].join(","));
    assert_eq!(array(&many).unwrap_err().status, 413);
}

proptest! {
    #[test]
    fn no_upload_panics_or_repeats_a_value(text in "[\\[\\]{}\",:a-z0-9\n ]{0,200}") {
        for upload in [ndjson(&text), array(&text)].into_iter().flatten() {
            prop_assert!(!upload.lines.is_empty());
        }
    }
}

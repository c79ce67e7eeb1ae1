//! A value of each type, and of each kind of problem, that the document describes.

use crate::*;
use serde_json::{Value, json};
use uuid::Uuid;

/// A type, by the name of its schema.
pub(super) struct Described {
    pub(super) schema: &'static str,
    pub(super) fields: Vec<&'static str>,
    /// With every field that there can be.
    pub(super) full: Value,
    /// Without those that can be absent.
    pub(super) least: Value,
}

/// Describes a type by all its fields: one that is new does not compile until it is here. The variable
/// says whether a field that can be absent shall be there.
macro_rules! described {
    (|$all:ident| $Type:ident { $($field:ident: $value:expr),+ $(,)? }) => {{
        let value = |$all: bool| json!($Type { $($field: $value),+ });
        Described {
            schema: stringify!($Type),
            fields: vec![$(stringify!($field)),+],
            full: value(true),
            least: value(false),
        }
    }};
    // As a variant of an enumeration, which adds its name as `status`.
    (|$all:ident| $Type:ident { $($field:ident: $value:expr),+ $(,)? } as $variant:path) => {{
        let value = |$all: bool| json!($variant($Type { $($field: $value),+ }));
        Described {
            schema: stringify!($Type),
            fields: vec!["status", $(stringify!($field)),+],
            full: value(true),
            least: value(false),
        }
    }};
}

/// The names of an enumeration on the wire: a variant that is new does not compile until it is here.
macro_rules! names {
    ($Type:ident { $($variant:ident),+ }) => {{
        let _ = |value: $Type| match value { $($Type::$variant => ()),+ };
        json!([$($Type::$variant),+])
    }};
}

pub(super) const UUID: Uuid = Uuid::from_u128(0x0e2c_1f62_3392_462e_a25e_483f_a0e2_a3a3);

fn id() -> CorrelationId {
    "89cba89".parse().unwrap()
}

fn url() -> String {
    "https://issuer.example/api/v2/issue/89cba89".to_owned()
}

fn fault() -> FieldError {
    FieldError::new("/claims/iban", "is missing: the template requires it")
}

/// Every object of the document.
pub(super) fn all() -> Vec<Described> {
    [requests(), answers(), jobs(), deliveries(), problems()]
        .into_iter()
        .flatten()
        .collect()
}

pub(super) fn requests() -> Vec<Described> {
    let logo = b"\x89PNG\r\n\x1a\n".to_vec();
    vec![
        described!(|all| StartIssue {
            correlation_id: all.then(id),
            template_id: "issue_iban".to_owned(),
            claims: Claims::default(),
            request_uri_base: all.then(|| "mywallet://".parse().unwrap()),
            qr_code: all.then(QrCode::default),
            callback: all.then(|| Callback {
                url: url(),
                status: Vec::new()
            }),
            tx_code: all.then(TxCode::default),
        }),
        described!(|all| QrCode {
            size: 400,
            color_dark: Color::BLACK,
            color_light: Color::WHITE,
            padding: 16,
            logo_uri: all.then(|| LogoUri::Picture(Logo::from_file(logo.clone()).unwrap())),
            logo_size: 20,
            marker_color: all.then_some(Color::BLACK),
        }),
        described!(|all| Callback {
            url: url(),
            status: all.then_some(Status::Error).into_iter().collect(),
        }),
        described!(|all| TxCode {
            input_mode: TxCodeInputMode::Numeric,
            length: 6,
            description: all.then(|| "It is in your letter box.".to_owned()),
        }),
        described!(|all| CredentialStatusChange {
            status: CredentialStatus::Revoked,
            reason: all.then(|| "The account was closed.".to_owned()),
        }),
    ]
}

fn answers() -> Vec<Described> {
    let entry = || StatusListEntry {
        uri: url(),
        idx: 4711,
    };
    vec![
        described!(|all| StartIssueAnswer {
            correlation_id: id(),
            request_uri: url(),
            status_uri: url(),
            qr_uri: all.then(|| "data:image/png;base64,iVBORw0KGgo=".to_owned()),
            tx_code: all.then(|| "493536".to_owned()),
            revocation_uuid: all.then_some(UUID),
            expires_at: all.then_some(1_795_457_700),
        }),
        described!(|all| IssueStatus {
            status: Status::Error,
            correlation_id: id(),
            revocation_uuid: all.then_some(UUID),
            stage: all.then_some(Stage::Expired),
            template_id: all.then(|| "issue_iban".to_owned()),
            last_updated: all.then_some(1_795_456_800_000),
            sequence: all.then_some(4),
            error: all.then(|| IssueError::new("expired", "The offer ran out.")),
        }),
        described!(|_all| IssueError {
            code: "expired".to_owned(),
            message: "The offer ran out.".to_owned(),
        }),
        described!(|all| CredentialStatusAnswer {
            revocation_uuid: UUID,
            status: CredentialStatus::Revoked,
            published_status: CredentialStatus::Valid,
            published_at: all.then_some(1_795_456_800),
            status_list: entry(),
        }),
        described!(|_all| StatusListEntry {
            uri: url(),
            idx: 4711,
        }),
    ]
}

fn jobs() -> Vec<Described> {
    vec![
        described!(|_all| JobAccepted {
            job_id: UUID,
            status_uri: url(),
            total: 2,
        }),
        described!(|_all| JobStatus {
            job_id: UUID,
            total: 2,
            done: 2,
            failed: 1,
            results_uri: url(),
        }),
        described!(|all| StartedLine {
            line: 1,
            correlation_id: id(),
            request_uri: url(),
            status_uri: url(),
            tx_code: all.then(|| "493536".to_owned()),
            revocation_uuid: all.then_some(UUID),
            expires_at: all.then_some(1_795_457_700),
        } as JobResult::Started),
        described!(|all| FailedLine {
            line: 2,
            correlation_id: all.then(id),
            problem: Problem::invalid_body(vec![fault()]),
        } as JobResult::Failed),
    ]
}

fn deliveries() -> Vec<Described> {
    let attempt = |http_status| DeliveryAttempt {
        at: 1_795_456_800_210,
        http_status,
        ms: 48,
        error: http_status.map(|_| "http_status".to_owned()),
    };
    let delivery = described!(|all| Delivery {
        id: "AQAAAaIJjw5gAAAAAAAAAAQAAAAAAAAAADg5Y2JhODk".to_owned(),
        event: Status::IssueCompleted,
        stage: all.then_some(Stage::CredentialIssued),
        sequence: 4,
        correlation_id: id(),
        subscription: "callback".to_owned(),
        url: "https://backend.example".to_owned(),
        status: DeliveryStatus::Pending,
        reason: all.then(|| "exhausted".to_owned()),
        created_at: 1_795_456_800_000,
        next_attempt_at: all.then_some(1_795_460_400_000),
        attempts: vec![attempt(None), attempt(Some(503))],
    });
    vec![
        delivery,
        described!(|_all| Deliveries {
            deliveries: Vec::new(),
        }),
        described!(|all| DeliveryAttempt {
            at: 1_795_456_800_210,
            http_status: all.then_some(503),
            ms: 48,
            error: all.then(|| "http_status".to_owned()),
        }),
    ]
}

fn problems() -> Vec<Described> {
    let problem = |all: bool| Problem {
        type_uri: ProblemKind::ClaimsRejected.type_uri(),
        title: ProblemKind::ClaimsRejected.title().to_owned(),
        status: 422,
        detail: "/claims/iban is missing.".to_owned(),
        instance: all.then(|| "/api/v2/credential/issue".to_owned()),
        errors: all.then(fault).into_iter().collect(),
        retry_after_seconds: None,
    };
    vec![
        Described {
            schema: "Problem",
            // Not those of the type: one is a header, another is written twice.
            fields: vec![
                "type", "title", "status", "detail", "instance", "message", "errors",
            ],
            full: json!(problem(true)),
            least: json!(problem(false)),
        },
        described!(|_all| FieldError {
            pointer: "/claims/iban".to_owned(),
            reason: "is missing: the template requires it".to_owned(),
        }),
    ]
}

/// Every enumeration of the document, and its names.
pub(super) fn enumerations() -> Vec<(&'static str, Value)> {
    vec![
        ("Status/enum", json!(Status::known().collect::<Vec<_>>())),
        ("Stage/examples", json!(Stage::known().collect::<Vec<_>>())),
        (
            "CredentialStatus/enum",
            names!(CredentialStatus {
                Valid,
                Suspended,
                Revoked
            }),
        ),
        (
            "TxCodeInputMode/enum",
            names!(TxCodeInputMode { Numeric, Text }),
        ),
        (
            "DeliveryStatus/enum",
            names!(DeliveryStatus {
                Pending,
                Delivered,
                Failed
            }),
        ),
    ]
}

/// An error as the code makes it.
pub(super) fn problem(kind: ProblemKind) -> Problem {
    let problem = match kind {
        ProblemKind::InvalidRequest => Problem::invalid_body(vec![
            FieldError::new(
                "/template_id",
                "is missing: give the key of a credential issue template",
            ),
            FieldError::new(
                "/qr_code/size",
                "is 99999: give a whole number from 128 to 2048",
            ),
        ]),
        ProblemKind::Unauthorized => {
            Problem::unauthorized("Send your API key in the x-api-key header.")
        }
        ProblemKind::Forbidden => Problem::lacks_scope(Scope::IssueWrite),
        ProblemKind::NotFound => Problem::not_found("No issuance is known under this id."),
        ProblemKind::MethodNotAllowed => Problem::method_not_allowed("GET"),
        ProblemKind::Conflict => {
            Problem::conflict("An issuance with this correlation_id was started with another body.")
        }
        ProblemKind::TooLarge => Problem::too_large(StartIssue::MAX_BODY_BYTES),
        ProblemKind::UnsupportedMediaType => Problem::unsupported_media_type(),
        ProblemKind::ClaimsRejected => Problem::claims_rejected(vec![FieldError::new(
            "/claims/iban",
            "is missing: the template requires it",
        )]),
        ProblemKind::TooManyRequests => Problem::too_many_requests(2),
        ProblemKind::Internal => Problem::internal(),
        ProblemKind::WalletFault => {
            Problem::wallet_fault("The wallet's answer is not one of the issue contract.")
        }
        ProblemKind::Unavailable => Problem::unavailable("The wallet cannot be reached."),
        ProblemKind::WalletTimeout => Problem::wallet_timeout("The wallet did not answer in time."),
    };
    problem.with_instance(paths::START_ISSUE)
}

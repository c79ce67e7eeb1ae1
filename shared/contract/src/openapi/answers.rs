//! The error answers, each a named response with an example that is made as the answer itself is.

use crate::{Fault, PROBLEM_JSON, Problem, ProblemKind, Scope, StartIssue};
use serde_json::json;
use utoipa::{
    ToSchema,
    openapi::{
        ContentBuilder, Header, Ref, RefOr, ResponseBuilder, ResponsesBuilder,
        response::Response,
        schema::{ObjectBuilder, Type},
    },
};

/// Every kind of problem as a response of `components`.
pub(super) fn named() -> impl Iterator<Item = (String, RefOr<Response>)> {
    ProblemKind::ALL
        .into_iter()
        .map(|kind| (name(kind), answer(kind).into()))
}

/// Adds a reference to each of these error answers.
pub(super) fn add(responses: ResponsesBuilder, kinds: &[ProblemKind]) -> ResponsesBuilder {
    kinds.iter().fold(responses, |responses, kind| {
        responses.response(
            kind.status().to_string(),
            Ref::from_response_name(name(*kind)),
        )
    })
}

fn name(kind: ProblemKind) -> String {
    format!("{kind:?}")
}

fn answer(kind: ProblemKind) -> Response {
    let problem = example(kind);
    let description = format!("{}.", problem.title);
    let response = ResponseBuilder::new().description(description).content(
        PROBLEM_JSON,
        ContentBuilder::new()
            .schema(Some(Ref::from_schema_name(Problem::name())))
            .example(Some(json!(problem)))
            .build(),
    );
    let may_come_again = matches!(
        kind,
        ProblemKind::Conflict
            | ProblemKind::TooManyRequests
            | ProblemKind::Unavailable
            | ProblemKind::WalletTimeout
    );
    if may_come_again {
        response.header("Retry-After", retry_after()).build()
    } else {
        response.build()
    }
}

fn retry_after() -> Header {
    let mut header = Header::new(
        ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(0)),
    );
    header.description = Some(
        "After how many seconds a repeat makes sense, if it does (RFC 9110 §10.2.3).".to_owned(),
    );
    header
}

fn example(kind: ProblemKind) -> Problem {
    let problem = match kind {
        ProblemKind::InvalidRequest => Problem::invalid_body(vec![
            Fault::new(
                "/template_id",
                "is missing: give the key of a credential issue template",
            ),
            Fault::new(
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
        ProblemKind::ClaimsRejected => Problem::claims_rejected(vec![Fault::new(
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
    problem.with_instance(crate::paths::START_ISSUE)
}

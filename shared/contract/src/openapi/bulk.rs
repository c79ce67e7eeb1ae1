//! The operations of bulk start.

use super::examples::{self, UUID};
use super::operations::{COMMON, body_of, json_of, path_parameter};
use super::{answers, security};
use crate::{
    JobAccepted, JobResult, JobStatus, MAX_UPLOAD_BYTES, MAX_UPLOAD_LINES, NDJSON,
    ProblemKind::{Conflict, NotFound, TooLarge, UnsupportedMediaType},
    Scope, StartIssue,
};
use serde_json::{Value, json};
use utoipa::{
    ToSchema,
    openapi::{
        Content, ContentBuilder, Header, Ref, ResponseBuilder, ResponsesBuilder,
        path::{Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn},
        request_body::RequestBodyBuilder,
        schema::{ArrayBuilder, ObjectBuilder, Type},
    },
};

pub(super) fn start_batch(public_base_url: &str) -> Operation {
    let accepted = ResponseBuilder::new()
        .description("Every line is kept, and is started as fast as the wallet takes it.")
        .content(
            "application/json",
            json_of::<JobAccepted>(json!({
                "job_id": UUID,
                "status_uri": format!("{public_base_url}/api/v2/jobs/{UUID}"),
                "total": 2,
            })),
        )
        .header("Location", uri_header("The same as `status_uri`."));
    let responses = ResponsesBuilder::new().response("202", accepted);
    let responses = answers::add(responses, &COMMON);
    let responses = answers::add(responses, &[Conflict, TooLarge, UnsupportedMediaType]);
    let list = ArrayBuilder::new()
        .items(Ref::from_schema_name(StartIssue::name()))
        .min_items(Some(1))
        .max_items(Some(MAX_UPLOAD_LINES));
    let list = ContentBuilder::new()
        .schema(Some(list.build()))
        .example(Some(json!([examples::start_issue()])))
        .build();
    let line = json!({
        "correlation_id": "89cba89",
        "template_id": "issue_iban",
        "claims": {"iban": "NL12TUL25708789078"},
    });
    let body = RequestBodyBuilder::new()
        .content(NDJSON, lines(&[line]))
        .content("application/json", list);
    OperationBuilder::new()
        .operation_id(Some("startBatch"))
        .securities(Some(security::needs(Scope::IssueWrite)))
        .tag("Bulk issuance")
        .summary(Some("Start many issuances"))
        .description(Some(format!(
            "Takes Start-issue bodies, one a line (NDJSON) or as a JSON array: at most \
             {MAX_UPLOAD_LINES}, and at most {MAX_UPLOAD_BYTES} bytes together. Either all lines are \
             taken or none. A line that is malformed or refused is that line's problem, told with the \
             results; the others are started. `qr_code` is ignored: paint the link of the result.\n\n\
             A line without `correlation_id` is given one. To be safe when an answer is lost, send an \
             `Idempotency-Key`: the same upload again under the same key gets the same job. Or give \
             each line its own `correlation_id`: an issuance that was started is not started twice."
        )))
        .parameter(idempotency_key())
        .request_body(Some(body_of(body)))
        .responses(responses)
        .build()
}

pub(super) fn get_job(public_base_url: &str) -> Operation {
    let found = ResponseBuilder::new()
        .description("How far the job is.")
        .content(
            "application/json",
            json_of::<JobStatus>(json!({
                "job_id": UUID,
                "total": 2,
                "done": 2,
                "failed": 1,
                "results_uri": format!("{public_base_url}/api/v2/jobs/{UUID}/results"),
            })),
        );
    let responses = ResponsesBuilder::new().response("200", found);
    let responses = answers::add(responses, &COMMON);
    OperationBuilder::new()
        .operation_id(Some("getJob"))
        .securities(Some(security::needs(Scope::IssueRead)))
        .tag("Bulk issuance")
        .summary(Some("Get the progress of a job"))
        .description(Some(
            "The job is finished when `done` is `total`, which is a day after the upload at the \
             latest: a line that the wallet could not take until then has failed. A job is kept for a \
             week.",
        ))
        .parameter(job_id())
        .responses(answers::add(responses, &[NotFound]))
        .build()
}

pub(super) fn get_job_results(public_base_url: &str) -> Operation {
    let started = json!({
        "line": 1,
        "status": "started",
        "correlation_id": "89cba89",
        "request_uri": "openid-credential-offer://?credential_offer_uri=https%3A%2F%2Fissuer.example\
                        %2Fwallet%2Foffers%2FA1b2C3d4E5f6G7h8I9j0Kl",
        "status_uri": format!("{public_base_url}/api/v2/issue/89cba89"),
    });
    let failed = json!({
        "line": 2,
        "status": "failed",
        "problem": crate::Problem::invalid_body(vec![crate::Fault::new(
            "/template_id",
            "is missing: give the key of a credential issue template",
        )]),
    });
    let found = ResponseBuilder::new()
        .description(format!(
            "One `{}` a line, in the order of the upload. Lines that are not done yet are left out.",
            JobResult::name()
        ))
        .content(NDJSON, lines(&[started, failed]))
        .header(
            "Link",
            uri_header("Where the results go on (`rel=\"next\"`, RFC 8288), if this is not all."),
        );
    let responses = ResponsesBuilder::new().response("200", found);
    let responses = answers::add(responses, &COMMON);
    let cursor = ParameterBuilder::new()
        .name("cursor")
        .parameter_in(ParameterIn::Query)
        .description(Some(
            "Where to go on: a part of the URL in the `Link` header.",
        ))
        .schema(Some(
            ObjectBuilder::new()
                .schema_type(Type::Integer)
                .minimum(Some(1)),
        ))
        .build();
    OperationBuilder::new()
        .operation_id(Some("getJobResults"))
        .securities(Some(security::needs(Scope::IssueRead)))
        .tag("Bulk issuance")
        .summary(Some("Get the results of a job"))
        .description(Some(
            "What became of the lines that are done. A large job comes in several pages: go on at the \
             `Link` header while there is one.",
        ))
        .parameter(job_id())
        .parameter(cursor)
        .responses(answers::add(responses, &[NotFound]))
        .build()
}

/// NDJSON of these lines. OpenAPI 3.1 can say of a sequence only that it is text.
fn lines(lines: &[Value]) -> Content {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    ContentBuilder::new()
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .example(Some(text.into()))
        .build()
}

fn idempotency_key() -> Parameter {
    let text = ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(crate::MAX_IDEMPOTENCY_KEY_BYTES));
    ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .description(Some(
            "Names this upload for a week: the same upload again gets the same job, another one gets \
             409.",
        ))
        .schema(Some(text))
        .build()
}

fn job_id() -> Parameter {
    let uuid = ObjectBuilder::new()
        .schema_type(Type::String)
        .format(super::schemas::format("uuid"));
    path_parameter("job_id")
        .description(Some("The `job_id` of the answer to the upload."))
        .schema(Some(uuid))
        .example(Some(json!(UUID)))
        .build()
}

fn uri_header(description: &str) -> Header {
    let mut header = Header::new(ObjectBuilder::new().schema_type(Type::String));
    header.description = Some(description.to_owned());
    header
}

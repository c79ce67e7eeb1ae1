//! The operations of the contract.

use super::examples::{DELIVERY_ID, ONE_PIXEL, UUID};
use super::{answers, bulk, examples, security};
use crate::{
    CredentialStatusAnswer, CredentialStatusChange, Deliveries, Delivery, EventType, IssueStatus,
    ProblemKind::{
        self, ClaimsRejected, Conflict, Forbidden, Internal, InvalidRequest, NotFound, TooLarge,
        TooManyRequests, Unauthorized, Unavailable, UnsupportedMediaType, WalletFault,
        WalletTimeout,
    },
    Scope, StartIssue, StartIssueAnswer, paths,
};
use serde_json::{Value, json};
use utoipa::{
    ToSchema,
    openapi::{
        Content, ContentBuilder, HttpMethod, Paths, PathsBuilder, Ref, Required, ResponseBuilder,
        ResponsesBuilder,
        path::{
            Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn, PathItem,
            PathItemBuilder,
        },
        request_body::{RequestBody, RequestBodyBuilder},
        schema::{ObjectBuilder, Type},
        security::SecurityRequirement,
    },
};

/// Errors of every operation that needs credentials.
pub(super) const COMMON: [ProblemKind; 6] = [
    InvalidRequest,
    Unauthorized,
    Forbidden,
    TooManyRequests,
    Internal,
    Unavailable,
];

/// The operations that Bestow serves.
pub(super) fn served(public_base_url: &str) -> Paths {
    PathsBuilder::new()
        .path(
            paths::START_ISSUE,
            PathItem::new(HttpMethod::Post, start_issue(public_base_url)),
        )
        .path(
            paths::START_BATCH,
            PathItem::new(HttpMethod::Post, bulk::start_batch(public_base_url)),
        )
        .path(
            paths::JOB_STATUS,
            PathItem::new(HttpMethod::Get, bulk::get_job(public_base_url)),
        )
        .path(
            paths::JOB_RESULTS,
            PathItem::new(HttpMethod::Get, bulk::get_job_results(public_base_url)),
        )
        .path(
            paths::ISSUE_STATUS,
            PathItem::new(HttpMethod::Get, get_issue_status("getIssueStatus", "")),
        )
        .path(
            paths::ISSUE_STATUS_ALIAS,
            PathItem::new(
                HttpMethod::Get,
                get_issue_status(
                    "getIssueStatusByCredentialPath",
                    " This is the same operation where some clients look for it.",
                ),
            ),
        )
        .path(
            paths::CREDENTIAL_STATUS,
            PathItemBuilder::new()
                .operation(HttpMethod::Put, set_credential_status(public_base_url))
                .operation(HttpMethod::Get, get_credential_status(public_base_url))
                .build(),
        )
        .path(
            paths::WALLET_CALLBACK,
            PathItem::new(HttpMethod::Post, wallet_callback()),
        )
        .path(
            paths::DELIVERIES,
            PathItem::new(HttpMethod::Get, get_deliveries()),
        )
        .path(
            paths::REPLAY_DELIVERY,
            PathItem::new(HttpMethod::Post, replay_delivery()),
        )
        .path(
            paths::OPENAPI,
            PathItem::new(HttpMethod::Get, get_openapi()),
        )
        .path(
            paths::EVENT_SCHEMA,
            PathItem::new(HttpMethod::Get, get_event_schema()),
        )
        .build()
}

fn start_issue(public_base_url: &str) -> Operation {
    let created = ResponseBuilder::new()
        .description("The offer was made, now or by the same request before.")
        .content(
            "application/json",
            json_of::<StartIssueAnswer>(json!({
                "correlation_id": "89cba89",
                "request_uri": "https://customerwallet.com/?credential_offer_uri=https%3A%2F%2F\
                                issuer.example%2Fwallet%2Foffers%2FA1b2C3d4E5f6G7h8I9j0Kl",
                "status_uri": format!("{public_base_url}/api/v2/issue/89cba89"),
                "qr_uri": format!("data:image/png;base64,{ONE_PIXEL}"),
                "revocation_uuid": UUID,
                "expires_at": 1_795_457_700,
            })),
        );
    let responses = ResponsesBuilder::new().response("201", created);
    let responses = answers::add(responses, &COMMON);
    let responses = answers::add(
        responses,
        &[
            Conflict,
            TooLarge,
            UnsupportedMediaType,
            ClaimsRejected,
            NotFound,
            WalletFault,
            WalletTimeout,
        ],
    );
    OperationBuilder::new()
        .operation_id(Some("startIssue"))
        .securities(Some(security::needs(Scope::IssueWrite)))
        .tag("Issuance")
        .summary(Some("Start issue"))
        .description(Some(
            "Makes an offer of a credential. Send the customer's browser to `request_uri`, or show \
             `qr_uri` to be scanned.\n\n`correlation_id` is the idempotency key: the same body \
             again gets the same answer, another body gets 409. `qr_code` alone may differ: each \
             picture is made from its own request. Members that are not known are \
             ignored, `null` and `\"\"` count as absent, and numbers may be sent as strings.",
        ))
        .request_body(Some(body(json_of::<StartIssue>(examples::start_issue()))))
        .responses(responses)
        .build()
}

fn get_issue_status(operation_id: &str, remark: &str) -> Operation {
    let found = ResponseBuilder::new()
        .description("What became of the issuance so far.")
        .content(
            "application/json",
            json_of::<IssueStatus>(examples::completed()),
        );
    let responses = ResponsesBuilder::new().response("200", found);
    let responses = answers::add(responses, &COMMON);
    OperationBuilder::new()
        .operation_id(Some(operation_id))
        .securities(Some(security::needs(Scope::IssueRead)))
        .tag("Issuance")
        .summary(Some("Get issue status"))
        .description(Some(format!(
            "Tells what became of an issuance. While it is pending, asking has the wallet asked too if \
             it has not been for a second, so that the next answer is up to date; a wallet that fails \
             or says when to come again is left alone until then.{remark}"
        )))
        .parameter(correlation_id())
        .responses(answers::add(responses, &[NotFound]))
        .build()
}

fn set_credential_status(public_base_url: &str) -> Operation {
    let answer = |description: &str, published: &str| {
        ResponseBuilder::new()
            .description(description)
            .content(
                "application/json",
                json_of::<CredentialStatusAnswer>(examples::credential_status(
                    public_base_url,
                    published,
                )),
            )
            .build()
    };
    let responses = ResponsesBuilder::new()
        .response(
            "200",
            answer("The list that anyone can fetch shows it.", "revoked"),
        )
        .response(
            "202",
            answer("It is set, and the list is being published.", "valid"),
        );
    let responses = answers::add(responses, &COMMON);
    let responses = answers::add(
        responses,
        &[
            NotFound,
            Conflict,
            TooLarge,
            UnsupportedMediaType,
            WalletFault,
            WalletTimeout,
        ],
    );
    OperationBuilder::new()
        .operation_id(Some("setCredentialStatus"))
        .securities(Some(security::needs(Scope::CredentialStatus)))
        .tag("Credential status")
        .summary(Some("Revoke, suspend or reinstate a credential"))
        .description(Some(
            "`revoked` is final: a way back is refused with 409. Setting the status that is already \
             set changes nothing.",
        ))
        .parameter(revocation_uuid())
        .request_body(Some(body(json_of::<CredentialStatusChange>(
            json!({"status": "revoked", "reason": "The account was closed."}),
        ))))
        .responses(responses)
        .build()
}

fn get_credential_status(public_base_url: &str) -> Operation {
    let found = ResponseBuilder::new()
        .description("The status that is set, and the one that is published.")
        .content(
            "application/json",
            json_of::<CredentialStatusAnswer>(examples::credential_status(
                public_base_url,
                "revoked",
            )),
        );
    let responses = ResponsesBuilder::new().response("200", found);
    let responses = answers::add(responses, &COMMON);
    OperationBuilder::new()
        .operation_id(Some("getCredentialStatus"))
        .securities(Some(security::needs(Scope::CredentialStatus)))
        .tag("Credential status")
        .summary(Some("Get the status of a credential"))
        .parameter(revocation_uuid())
        .responses(answers::add(
            responses,
            &[NotFound, WalletFault, WalletTimeout],
        ))
        .build()
}

fn wallet_callback() -> Operation {
    let taken = ResponseBuilder::new().description("The wallet will be asked what happened.");
    let responses = ResponsesBuilder::new().response("202", taken);
    let told = RequestBodyBuilder::new()
        .description(Some("Not read: what counts is what the wallet answers."))
        .content(
            "application/json",
            json_of::<IssueStatus>(examples::completed()),
        )
        .required(Some(Required::False))
        .build();
    let token = path_parameter("token")
        .description(Some(
            "Stands for one issuance. Nobody but Bestow can make one, and it says nothing of the issuance.",
        ))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .example(Some(json!("q2ZhbGxiYWNrLWV4YW1wbGU")))
        .build();
    OperationBuilder::new()
        .operation_id(Some("callBack"))
        .tag("Wallets")
        .summary(Some("Call back"))
        .description(Some(
            "For the wallet that issues, not for backends. Start issue sends the wallet an address of its own \
             for each issuance, in `callback.url`. A call there is a hint that something happened: the wallet \
             is asked at once, and is believed no more than otherwise.",
        ))
        .securities(Some([SecurityRequirement::default()]))
        .parameter(token)
        .request_body(Some(told))
        .responses(answers::add(
            responses,
            &[NotFound, TooManyRequests, Internal, Unavailable],
        ))
        .build()
}

fn get_deliveries() -> Operation {
    let found = ResponseBuilder::new()
        .description("What was posted about the issuance; nothing if nobody wants to be told.")
        .content(
            "application/json",
            json_of::<Deliveries>(json!({"deliveries": [examples::delivery()]})),
        );
    let responses = ResponsesBuilder::new().response("200", found);
    let responses = answers::add(responses, &COMMON);
    OperationBuilder::new()
        .operation_id(Some("getDeliveries"))
        .securities(Some(security::needs(Scope::DeliveryRead)))
        .tag("Deliveries")
        .summary(Some("Get deliveries"))
        .description(Some(
            "Lists what was posted about an issuance to its `callback`, and to the operator's \
             subscriptions, with each attempt. A delivery is kept for 30 days.",
        ))
        .parameter(correlation_id())
        .responses(answers::add(responses, &[NotFound]))
        .build()
}

fn replay_delivery() -> Operation {
    let mut pending = examples::delivery();
    if let Value::Object(members) = &mut pending {
        members.insert("status".to_owned(), json!("pending"));
        members.insert("next_attempt_at".to_owned(), json!(1_795_460_400_000_i64));
    }
    let accepted = ResponseBuilder::new()
        .description("It is sent again at once, and from there on by the schedule.")
        .content("application/json", json_of::<Delivery>(pending));
    let responses = ResponsesBuilder::new().response("202", accepted);
    let responses = answers::add(responses, &COMMON);
    OperationBuilder::new()
        .operation_id(Some("replayDelivery"))
        .securities(Some(security::needs(Scope::DeliveryReplay)))
        .tag("Deliveries")
        .summary(Some("Send a delivery again"))
        .description(Some(
            "Sends a delivery again, whatever became of it: the same body under the same \
             `webhook-id`. One that was delivered is delivered once more. If it succeeds, a \
             subscription that the receiver had ended with 410 is resumed.",
        ))
        .parameter(
            path_parameter("id")
                .description(Some("The `id` of the delivery."))
                .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
                .example(Some(json!(DELIVERY_ID)))
                .build(),
        )
        .responses(answers::add(responses, &[NotFound]))
        .build()
}

fn get_openapi() -> Operation {
    let document = ContentBuilder::new()
        .schema(Some(ObjectBuilder::new().build()))
        .build();
    let found = ResponseBuilder::new()
        .description("This document (OpenAPI 3.1).")
        .content("application/json", document);
    OperationBuilder::new()
        .operation_id(Some("getOpenApi"))
        .tag("Description")
        .summary(Some("Get this document"))
        .securities(Some([SecurityRequirement::default()]))
        .responses(ResponsesBuilder::new().response("200", found))
        .build()
}

fn get_event_schema() -> Operation {
    let names = EventType::ALL.map(|event_type| format!("{event_type}.schema.json"));
    let schema = path_parameter("schema")
        .description(Some(
            "The `type` of the events, and `.schema.json`: what their `dataschema` ends with.",
        ))
        .schema(Some(
            ObjectBuilder::new()
                .schema_type(Type::String)
                .enum_values(Some(names)),
        ))
        .example(Some(json!("com.bestow.issue.completed.v1.schema.json")))
        .build();
    let document = ContentBuilder::new()
        .schema(Some(ObjectBuilder::new().build()))
        .build();
    let found = ResponseBuilder::new()
        .description("A JSON Schema (2020-12) of whole events, which are CloudEvents 1.0.")
        .content("application/schema+json", document);
    let responses = ResponsesBuilder::new().response("200", found);
    OperationBuilder::new()
        .operation_id(Some("getEventSchema"))
        .tag("Description")
        .summary(Some("Get the schema of a type of events"))
        .parameter(schema)
        .securities(Some([SecurityRequirement::default()]))
        .responses(answers::add(responses, &[NotFound]))
        .build()
}

fn correlation_id() -> Parameter {
    path_parameter("correlation_id")
        .description(Some(
            "The name of the issuance, as `status_uri` has it: percent-encoded if it has nothing but \
             letters, digits, `-`, `.`, `_`, `~`, `:`, `@`, spaces within it and characters beyond \
             ASCII, and does not begin with `~`; any other one as `~` and its UTF-8 in base64url \
             without padding. Gateways may decode paths, so that a percent-encoded `/` or `?`, for \
             one, does not arrive.",
        ))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .example(Some(json!("89cba89")))
        .build()
}

fn revocation_uuid() -> Parameter {
    let uuid = ObjectBuilder::new()
        .schema_type(Type::String)
        .format(super::schemas::format("uuid"));
    path_parameter("revocation_uuid")
        .description(Some("The `revocation_uuid` that Get issue status told."))
        .schema(Some(uuid))
        .example(Some(json!(UUID)))
        .build()
}

pub(super) fn path_parameter(name: &str) -> ParameterBuilder {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
}

fn body(content: Content) -> RequestBody {
    body_of(RequestBodyBuilder::new().content("application/json", content))
}

pub(super) fn body_of(content: RequestBodyBuilder) -> RequestBody {
    content.required(Some(Required::True)).build()
}

pub(super) fn json_of<T: ToSchema>(example: Value) -> Content {
    ContentBuilder::new()
        .schema(Some(Ref::from_schema_name(T::name())))
        .example(Some(example))
        .build()
}

//! The OpenAPI 3.1 document of the contract, made from its types.

mod answers;
mod bulk;
mod examples;
mod operations;
mod schemas;
mod security;

use crate::{
    CredentialStatusAnswer, CredentialStatusChange, Deliveries, IssueStatus, JobAccepted,
    JobResult, JobStatus, Problem, StartIssue, StartIssueAnswer,
};
use serde_json::Value;
use utoipa::{
    ToSchema,
    openapi::{
        Components, ComponentsBuilder, InfoBuilder, LicenseBuilder, OpenApiBuilder, ServerBuilder,
        tag::TagBuilder,
    },
};

/// The OpenAPI 3.1 document of the public API at `public_base_url` (without a trailing slash).
pub fn openapi(public_base_url: &str) -> Value {
    let info = InfoBuilder::new()
        .title("Bestow")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Hands a verifiable credential to a customer with one call, tells what became of it, \
             and revokes it years later.",
        ))
        .license(Some(
            LicenseBuilder::new()
                .name("Apache License 2.0")
                .identifier(Some("Apache-2.0"))
                .build(),
        ))
        .build();
    let tag = |name: &str, description: &str| {
        TagBuilder::new()
            .name(name)
            .description(Some(description))
            .build()
    };
    let document = OpenApiBuilder::new()
        .info(info)
        .servers(Some([ServerBuilder::new().url(public_base_url).build()]))
        .paths(operations::served(public_base_url))
        .components(Some(components()))
        .tags(Some([
            tag(
                "Issuance",
                "From an offer to a credential in the customer's wallet.",
            ),
            tag(
                "Bulk issuance",
                "Many issuances by one upload, as fast as the wallet takes them.",
            ),
            tag(
                "Credential status",
                "Revocation and suspension of what was issued.",
            ),
            tag("Wallets", "For the wallet that issues."),
            tag(
                "Deliveries",
                "What was posted to callbacks, and what became of it.",
            ),
            tag("Description", "What this API is."),
        ]))
        .build();
    // Maps with string keys and plain values: there is nothing that JSON cannot say.
    serde_json::to_value(document).unwrap_or_default()
}

fn components() -> Components {
    let mut schemas = Vec::new();
    add::<StartIssue>(&mut schemas);
    add::<StartIssueAnswer>(&mut schemas);
    add::<IssueStatus>(&mut schemas);
    add::<JobAccepted>(&mut schemas);
    add::<JobStatus>(&mut schemas);
    add::<JobResult>(&mut schemas);
    add::<CredentialStatusChange>(&mut schemas);
    add::<CredentialStatusAnswer>(&mut schemas);
    add::<Deliveries>(&mut schemas);
    add::<Problem>(&mut schemas);
    let components = ComponentsBuilder::new()
        .schemas_from_iter(schemas)
        .responses_from_iter(answers::named());
    security::schemes(components).build()
}

type NamedSchema = (
    String,
    utoipa::openapi::RefOr<utoipa::openapi::schema::Schema>,
);

/// Adds the schema of `T`, and those that it refers to.
fn add<T: ToSchema>(schemas: &mut Vec<NamedSchema>) {
    schemas.push((T::name().into_owned(), T::schema()));
    T::schemas(schemas);
}

#[cfg(test)]
mod tests;

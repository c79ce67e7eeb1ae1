//! The schemas of types whose form on the wire is not that of their fields.

use crate::{CorrelationId, Fault, Problem, QrCode, RequestUriBase, Stage, Status};
use serde_json::json;
use std::ops::RangeInclusive;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr, SchemaFormat,
        schema::{Array, ObjectBuilder, Ref, Schema, Type},
    },
};

fn text(description: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(description))
}

/// A format of JSON Schema 2020-12 §7.3.
pub(super) fn format(name: &str) -> Option<SchemaFormat> {
    Some(SchemaFormat::Custom(name.to_owned()))
}

/// The schemas are one way to write a request; that numbers may be strings too, the operation says.
fn number(description: &str, range: RangeInclusive<u32>, default: u32) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .description(Some(description))
        .minimum(Some(f64::from(*range.start())))
        .maximum(Some(f64::from(*range.end())))
        .default(Some(json!(default)))
}

impl ToSchema for CorrelationId {}

impl PartialSchema for CorrelationId {
    fn schema() -> RefOr<Schema> {
        text("The name of an issuance: printable text of up to 256 bytes in UTF-8.")
            .min_length(Some(1))
            .max_length(Some(Self::MAX_BYTES))
            .into()
    }
}

impl ToSchema for RequestUriBase {}

impl PartialSchema for RequestUriBase {
    fn schema() -> RefOr<Schema> {
        text(
            "The customer's web wallet or wallet app: an http or https URL, or one of an app's own \
             scheme. Its query is kept; without it the link is for any wallet app.",
        )
        .format(format("uri"))
        .max_length(Some(Self::MAX_BYTES))
        .into()
    }
}

impl ToSchema for Status {}

impl PartialSchema for Status {
    fn schema() -> RefOr<Schema> {
        text(
            "What became of the issuance so far. `issue_completed` and `error` are final: no other \
             status comes after them. Treat any other value as \"not final\".",
        )
        .enum_values(Some(Self::KNOWN.iter().map(Status::as_str)))
        .into()
    }
}

impl ToSchema for Stage {}

impl PartialSchema for Stage {
    fn schema() -> RefOr<Schema> {
        text(
            "How far the customer has come. `accepted`, `declined` and `deleted` are there only if \
             the customer's wallet reports them, which it may do after `issue_completed`: such a \
             change has a `sequence` of its own.",
        )
        .examples(Self::KNOWN.iter().map(Stage::as_str))
        .into()
    }
}

impl ToSchema for QrCode {}

impl PartialSchema for QrCode {
    fn schema() -> RefOr<Schema> {
        let default = Self::default();
        let color = |description: &str| {
            text(description).pattern(Some("^#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$"))
        };
        ObjectBuilder::new()
            .description(Some(
                "The look of the QR code. What does not scan is refused: a dark colour that is not \
                 darker than the light one, a contrast ratio (WCAG 2.2) under 3:1, and a size too \
                 small for the link.",
            ))
            .property(
                "size",
                number("Width and height in pixels.", Self::SIZE, default.size),
            )
            .property(
                "color_dark",
                color("The colour of the dark modules.").default(Some(json!(default.color_dark))),
            )
            .property(
                "color_light",
                color("The colour of the light modules and of the border.")
                    .default(Some(json!(default.color_light))),
            )
            .property(
                "padding",
                number(
                    "The least width of the border in pixels, within `size` and at most a quarter \
                     of it. The border is never narrower than four modules.",
                    Self::PADDING,
                    default.padding,
                ),
            )
            .property(
                "logo_uri",
                text(
                    "A picture for the middle: a PNG or JPEG of at most 128 KiB and 2048 by 2048 \
                     pixels, as a data URI in base64 or as an https URL on the public internet, which is \
                     fetched each time.",
                )
                .format(format("uri")),
            )
            .property(
                "logo_size",
                number(
                    "The logo's width in percent of the code's.",
                    Self::LOGO_SIZE,
                    default.logo_size,
                ),
            )
            .property(
                "marker_color",
                color(
                    "The colour of the three finder patterns; that of the dark modules if absent.",
                ),
            )
            .into()
    }
}

impl ToSchema for Problem {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((Fault::name().into_owned(), Fault::schema()));
    }
}

impl PartialSchema for Problem {
    fn schema() -> RefOr<Schema> {
        let status = ObjectBuilder::new()
            .schema_type(Type::Integer)
            .description(Some("The HTTP status code."))
            .minimum(Some(400))
            .maximum(Some(599));
        let errors = Array::new(Ref::from_schema_name(Fault::name()));
        ObjectBuilder::new()
            .description(Some("Problem details (RFC 9457)."))
            .property(
                "type",
                text("A URI that names the kind of problem, the same for each occurrence.")
                    .format(format("uri-reference")),
            )
            .property("title", text("A short summary of the kind."))
            .property("status", status)
            .property("detail", text("What happened here, for a human to read."))
            .property(
                "instance",
                text("The path of the request.").format(format("uri-reference")),
            )
            .property("message", text("The same as `detail`."))
            .property("errors", errors)
            .required("type")
            .required("title")
            .required("status")
            .required("detail")
            .required("message")
            .into()
    }
}

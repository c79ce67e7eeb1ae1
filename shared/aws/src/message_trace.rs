//! The trace that a message carries through a queue.

use std::collections::HashMap;

use aws_sdk_sqs::types::{
    MessageSystemAttributeNameForSends as Name, MessageSystemAttributeValue as Value,
};
use bestow_runtime::trace;

/// The system attribute that makes a message, and what follows from it, a part of the trace that the calling
/// task works for. It overrides the header that the SDK sends, which names the trace of the invocation: that of
/// a batch, not that of a message in it.
pub(crate) fn system_attributes() -> Option<HashMap<Name, Value>> {
    let header = trace::current()?;
    let value = Value::builder()
        .data_type("String")
        .string_value(header.as_str())
        .build()
        .ok()?;
    Some(HashMap::from([(Name::AwsTraceHeader, value)]))
}

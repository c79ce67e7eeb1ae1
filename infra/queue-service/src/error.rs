//! The errors of SQS, each with the names that SDKs know it by.

use axum::http::StatusCode;

/// Why a request was refused. The message is for the client; it never repeats a message body.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No queue has this name.
    #[error("The specified queue does not exist.")]
    QueueDoesNotExist,
    /// A queue of this name exists with another value for the attribute that is named.
    #[error("A queue already exists with the same name and a different value for attribute {0}.")]
    QueueNameExists(String),
    /// The queue URL is not one of this service.
    #[error("The address {0} is not valid for this endpoint.")]
    InvalidAddress(String),
    /// Queues have no attribute of this name, or it cannot be set.
    #[error("Unknown Attribute {0}.")]
    InvalidAttributeName(String),
    /// A queue attribute's value is out of range or malformed.
    #[error("Invalid value for the parameter {name}. Reason: {reason}")]
    InvalidAttributeValue {
        /// The attribute.
        name: String,
        /// What a legal value looks like.
        reason: String,
    },
    /// A parameter's value is out of range, malformed, or not possible for this kind of queue.
    #[error("{0}")]
    InvalidParameterValue(String),
    /// A required parameter is absent or empty.
    #[error("The request must contain the parameter {0}.")]
    MissingParameter(&'static str),
    /// The body holds characters that SQS does not carry.
    #[error("The message contains characters outside the allowed set.")]
    InvalidMessageContents,
    /// The receipt handle was not made by a receive from this queue.
    #[error("The input receipt handle is invalid.")]
    ReceiptHandleIsInvalid,
    /// The message is not in flight, so it has no visibility time-out to change.
    #[error("The message referred to is not in flight.")]
    MessageNotInflight,
    /// A batch has no entry.
    #[error("There should be at least one entry in the request.")]
    EmptyBatchRequest,
    /// A batch has more than 10 entries.
    #[error("Maximum number of entries per request are 10. You have sent {0}.")]
    TooManyEntriesInBatchRequest(usize),
    /// Two entries of a batch have this id.
    #[error("Id {0} repeated.")]
    BatchEntryIdsNotDistinct(String),
    /// A batch entry's id is not 1 to 80 letters, digits, hyphens and underscores.
    #[error(
        "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It \
         can be at most 80 letters long."
    )]
    InvalidBatchEntryId,
    /// The messages of a batch together are larger than 1 MiB.
    #[error("Batch requests cannot be longer than 1048576 bytes. You have sent {0} bytes.")]
    BatchRequestTooLong(usize),
    /// A move task's queue, or the task itself, does not exist.
    #[error("{0}")]
    ResourceNotFound(String),
    /// The operation exists in SQS but not here.
    #[error("{0} is not supported by this endpoint.")]
    UnsupportedOperation(String),
    /// The operation does not exist in SQS.
    #[error("The action {0} is not valid for this endpoint.")]
    InvalidAction(String),
    /// The request's body is not the JSON that the operation takes.
    #[error("The request could not be read: {0}")]
    Serialization(String),
    /// The database failed. The cause is logged, not told.
    #[error("The queue store failed.")]
    Store(#[from] rusqlite::Error),
}

/// The names of an error on the wire.
pub(crate) struct WireError {
    /// `__type` in the body: the shape's name, with its namespace.
    pub(crate) shape: &'static str,
    /// The code in `x-amzn-query-error`, which the SDKs of this once XML service match on.
    pub(crate) query_code: &'static str,
    pub(crate) status: StatusCode,
}

impl Error {
    /// The names of this error in the JSON protocol, as in SQS's service model.
    pub(crate) fn wire(&self) -> WireError {
        let (shape, query_code) = match self {
            Self::QueueDoesNotExist => (
                "com.amazonaws.sqs#QueueDoesNotExist",
                "AWS.SimpleQueueService.NonExistentQueue",
            ),
            Self::QueueNameExists(_) => ("com.amazonaws.sqs#QueueNameExists", "QueueAlreadyExists"),
            Self::InvalidAddress(_) => ("com.amazonaws.sqs#InvalidAddress", "InvalidAddress"),
            Self::InvalidAttributeName(_) => (
                "com.amazonaws.sqs#InvalidAttributeName",
                "InvalidAttributeName",
            ),
            Self::InvalidAttributeValue { .. } => (
                "com.amazonaws.sqs#InvalidAttributeValue",
                "InvalidAttributeValue",
            ),
            Self::InvalidParameterValue(_) => (
                "com.amazon.coral.service#InvalidParameterValueException",
                "InvalidParameterValue",
            ),
            Self::MissingParameter(_) => (
                "com.amazon.coral.service#MissingRequiredParameterException",
                "MissingParameter",
            ),
            Self::InvalidMessageContents => (
                "com.amazonaws.sqs#InvalidMessageContents",
                "InvalidMessageContents",
            ),
            Self::ReceiptHandleIsInvalid => (
                "com.amazonaws.sqs#ReceiptHandleIsInvalid",
                "ReceiptHandleIsInvalid",
            ),
            Self::MessageNotInflight => (
                "com.amazonaws.sqs#MessageNotInflight",
                "AWS.SimpleQueueService.MessageNotInflight",
            ),
            Self::EmptyBatchRequest => (
                "com.amazonaws.sqs#EmptyBatchRequest",
                "AWS.SimpleQueueService.EmptyBatchRequest",
            ),
            Self::TooManyEntriesInBatchRequest(_) => (
                "com.amazonaws.sqs#TooManyEntriesInBatchRequest",
                "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
            ),
            Self::BatchEntryIdsNotDistinct(_) => (
                "com.amazonaws.sqs#BatchEntryIdsNotDistinct",
                "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
            ),
            Self::InvalidBatchEntryId => (
                "com.amazonaws.sqs#InvalidBatchEntryId",
                "AWS.SimpleQueueService.InvalidBatchEntryId",
            ),
            Self::BatchRequestTooLong(_) => (
                "com.amazonaws.sqs#BatchRequestTooLong",
                "AWS.SimpleQueueService.BatchRequestTooLong",
            ),
            Self::ResourceNotFound(_) => (
                "com.amazonaws.sqs#ResourceNotFoundException",
                "ResourceNotFoundException",
            ),
            Self::UnsupportedOperation(_) => (
                "com.amazonaws.sqs#UnsupportedOperation",
                "AWS.SimpleQueueService.UnsupportedOperation",
            ),
            Self::InvalidAction(_) => (
                "com.amazon.coral.service#UnknownOperationException",
                "InvalidAction",
            ),
            Self::Serialization(_) => (
                "com.amazon.coral.service#SerializationException",
                "MalformedInput",
            ),
            Self::Store(_) => (
                "com.amazon.coral.service#InternalFailureException",
                "InternalFailure",
            ),
        };
        let status = match self {
            Self::Store(_) => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        };
        WireError {
            shape,
            query_code,
            status,
        }
    }

    /// Logs a fault of ours. What the client did wrong is told to the client alone.
    pub(crate) fn log(&self) {
        if let Self::Store(cause) = self {
            tracing::error!(error = %cause, "the queue store failed");
        }
    }

    /// True if the client is at fault, which SQS calls `Sender`.
    pub(crate) fn is_senders_fault(&self) -> bool {
        !matches!(self, Self::Store(_))
    }
}

//! The errors of SQS, each with the names that SDKs know it by.

/// Why a request was refused. The message is for the client; it never repeats a message body.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No queue has this name.
    #[error("The specified queue does not exist.")]
    QueueDoesNotExist,
    /// The queue URL is not one of this service.
    #[error("The address {0} is not valid for this endpoint.")]
    InvalidAddress(String),
    /// Queues have no attribute of this name here, or it cannot be set.
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
    /// A parameter's value is out of range or malformed.
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
    /// The queue of a move task does not exist.
    #[error("The resource that you specified doesn't exist: {0}")]
    ResourceNotFound(String),
    /// The operation exists in SQS but not here.
    #[error("{0} is not supported by this endpoint.")]
    UnsupportedOperation(String),
    /// The operation does not exist in SQS.
    #[error("The action {0} is not valid for this endpoint.")]
    InvalidAction(String),
    /// The request's body is not JSON, or has a parameter that the operation does not take here.
    #[error("The request could not be read: {0}")]
    Serialization(String),
    /// The database failed. The cause is logged, not told.
    #[error("The queue store failed.")]
    Store(#[from] rusqlite::Error),
}

impl Error {
    /// The error's shape in SQS's service model, with its namespace: `__type` in the body.
    pub(crate) fn shape(&self) -> &'static str {
        match self {
            Self::QueueDoesNotExist => "com.amazonaws.sqs#QueueDoesNotExist",
            Self::InvalidAddress(_) => "com.amazonaws.sqs#InvalidAddress",
            Self::InvalidAttributeName(_) => "com.amazonaws.sqs#InvalidAttributeName",
            Self::InvalidAttributeValue { .. } => "com.amazonaws.sqs#InvalidAttributeValue",
            Self::InvalidMessageContents => "com.amazonaws.sqs#InvalidMessageContents",
            Self::ReceiptHandleIsInvalid => "com.amazonaws.sqs#ReceiptHandleIsInvalid",
            Self::MessageNotInflight => "com.amazonaws.sqs#MessageNotInflight",
            Self::EmptyBatchRequest => "com.amazonaws.sqs#EmptyBatchRequest",
            Self::TooManyEntriesInBatchRequest(_) => {
                "com.amazonaws.sqs#TooManyEntriesInBatchRequest"
            }
            Self::BatchEntryIdsNotDistinct(_) => "com.amazonaws.sqs#BatchEntryIdsNotDistinct",
            Self::InvalidBatchEntryId => "com.amazonaws.sqs#InvalidBatchEntryId",
            Self::BatchRequestTooLong(_) => "com.amazonaws.sqs#BatchRequestTooLong",
            Self::ResourceNotFound(_) => "com.amazonaws.sqs#ResourceNotFoundException",
            Self::UnsupportedOperation(_) => "com.amazonaws.sqs#UnsupportedOperation",
            Self::InvalidParameterValue(_) => {
                "com.amazon.coral.service#InvalidParameterValueException"
            }
            Self::MissingParameter(_) => {
                "com.amazon.coral.service#MissingRequiredParameterException"
            }
            Self::InvalidAction(_) => "com.amazon.coral.service#UnknownOperationException",
            Self::Serialization(_) => "com.amazon.coral.service#SerializationException",
            Self::Store(_) => "com.amazon.coral.service#InternalFailureException",
        }
    }

    /// The code in `x-amzn-query-error`, which the SDKs of this once XML service match on.
    pub(crate) fn query_code(&self) -> &'static str {
        match self {
            Self::QueueDoesNotExist => "AWS.SimpleQueueService.NonExistentQueue",
            Self::MessageNotInflight => "AWS.SimpleQueueService.MessageNotInflight",
            Self::EmptyBatchRequest => "AWS.SimpleQueueService.EmptyBatchRequest",
            Self::TooManyEntriesInBatchRequest(_) => {
                "AWS.SimpleQueueService.TooManyEntriesInBatchRequest"
            }
            Self::BatchEntryIdsNotDistinct(_) => "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
            Self::InvalidBatchEntryId => "AWS.SimpleQueueService.InvalidBatchEntryId",
            Self::BatchRequestTooLong(_) => "AWS.SimpleQueueService.BatchRequestTooLong",
            Self::UnsupportedOperation(_) => "AWS.SimpleQueueService.UnsupportedOperation",
            Self::InvalidAddress(_) => "InvalidAddress",
            Self::InvalidAttributeName(_) => "InvalidAttributeName",
            Self::InvalidAttributeValue { .. } => "InvalidAttributeValue",
            Self::InvalidMessageContents => "InvalidMessageContents",
            Self::ReceiptHandleIsInvalid => "ReceiptHandleIsInvalid",
            Self::ResourceNotFound(_) => "ResourceNotFoundException",
            Self::InvalidParameterValue(_) => "InvalidParameterValue",
            Self::MissingParameter(_) => "MissingParameter",
            Self::InvalidAction(_) => "InvalidAction",
            Self::Serialization(_) => "MalformedInput",
            Self::Store(_) => "InternalFailure",
        }
    }

    /// True if the client is at fault, which SQS calls `Sender`.
    pub(crate) fn is_senders_fault(&self) -> bool {
        !matches!(self, Self::Store(_))
    }

    /// Logs a fault of ours. What the client did wrong is told to the client alone.
    pub(crate) fn log(&self) {
        if let Self::Store(cause) = self {
            tracing::error!(error = %cause, "the queue store failed");
        }
    }
}

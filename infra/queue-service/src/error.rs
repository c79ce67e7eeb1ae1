//! The errors of SQS, each with the names that SDKs know it by.

/// Why a request was refused. The message is for the client; it never repeats a message body.
///
/// A variant is named as its shape in SQS's service model.
#[derive(Debug, thiserror::Error, strum::IntoStaticStr)]
#[non_exhaustive]
pub enum Error {
    /// No queue has this name.
    #[error("The specified queue does not exist.")]
    QueueDoesNotExist,
    /// The queue URL is not one of this service.
    #[error("The address {0} is not valid for this endpoint.")]
    InvalidAddress(String),
    /// A parameter's or an attribute's value is out of range or malformed.
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
    #[error("A batch entry id must be 1 to 80 letters, digits, hyphens and underscores.")]
    InvalidBatchEntryId,
    /// The messages of a batch together are larger than 1 MiB.
    #[error("Batch requests cannot be longer than 1048576 bytes. You have sent {0} bytes.")]
    BatchRequestTooLong(usize),
    /// The queue of a move task does not exist.
    #[error("The resource that you specified doesn't exist: {0}")]
    ResourceNotFoundException(String),
    /// The operation or parameter exists in SQS but not here.
    #[error("{0} is not supported by this endpoint.")]
    UnsupportedOperation(String),
    /// The operation does not exist in SQS.
    #[error("The action {0} is not valid for this endpoint.")]
    InvalidAction(String),
    /// The request's body is not JSON, or a parameter is not of its type.
    #[error("The request could not be read: {0}")]
    MalformedInput(String),
    /// The database failed. The cause is logged, not told.
    #[error("The queue store failed.")]
    #[strum(serialize = "InternalFailure")]
    Store(#[from] rusqlite::Error),
}

impl Error {
    /// `__type` in the body.
    pub(crate) fn shape(&self) -> String {
        format!("com.amazonaws.sqs#{}", <&str>::from(self))
    }

    /// The code in `x-amzn-query-error`, by which SDKs know errors since SQS spoke XML.
    pub(crate) fn query_code(&self) -> String {
        let name = match self {
            Self::QueueDoesNotExist => "NonExistentQueue",
            Self::MessageNotInflight
            | Self::EmptyBatchRequest
            | Self::TooManyEntriesInBatchRequest(_)
            | Self::BatchEntryIdsNotDistinct(_)
            | Self::InvalidBatchEntryId
            | Self::BatchRequestTooLong(_)
            | Self::UnsupportedOperation(_) => self.into(),
            _ => return <&str>::from(self).to_owned(),
        };
        format!("AWS.SimpleQueueService.{name}")
    }

    /// Whether the client is at fault.
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

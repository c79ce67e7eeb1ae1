//! How queues and receives are named: queue names, URLs, ARNs, receipt handles.

use crate::Error;

/// The account that every queue belongs to.
pub(crate) const ACCOUNT_ID: &str = "000000000000";

/// The region in ARNs. It has no other meaning: a client may sign for any region.
const REGION: &str = "us-east-1";

/// The URL of a queue. The base has no trailing slash.
pub(crate) fn queue_url(public_base_url: &str, name: &str) -> String {
    format!("{public_base_url}/{ACCOUNT_ID}/{name}")
}

/// The ARN of a queue: `arn:aws:sqs:{REGION}:{ACCOUNT_ID}:{name}`.
pub fn queue_arn(name: &str) -> String {
    format!("arn:aws:sqs:{REGION}:{ACCOUNT_ID}:{name}")
}

/// The queue's name in a queue URL. Host and port are not compared, because a queue outlives the
/// address that it was created under.
pub(crate) fn name_in_url(url: &str) -> Result<&str, Error> {
    let mut segments = url.trim_end_matches('/').rsplit('/');
    match (segments.next(), segments.next()) {
        (Some(name), Some(ACCOUNT_ID)) if !name.is_empty() => Ok(name),
        _ => Err(Error::InvalidAddress(url.to_owned())),
    }
}

/// The queue's name in a queue ARN, of whatever region; none if it is not an ARN of this account.
pub(crate) fn name_in_arn(arn: &str) -> Option<&str> {
    let (_region, account_and_name) = arn.strip_prefix("arn:aws:sqs:")?.split_once(':')?;
    account_and_name.strip_prefix(ACCOUNT_ID)?.strip_prefix(':')
}

/// True for what names a queue, or an entry of a batch: 1 to 80 letters, digits, hyphens and
/// underscores.
pub(crate) fn is_name(text: &str) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=80).contains(&text.len()) && text.bytes().all(is_legal)
}

/// What a receipt handle says: which message of which queue, and which receive of it.
#[derive(Debug)]
pub(crate) struct Receipt {
    pub(crate) queue_id: i64,
    pub(crate) message_row: i64,
    /// Drawn anew for each receive; only the newest one is honoured.
    pub(crate) token: String,
}

impl Receipt {
    /// The text that a client gets.
    pub(crate) fn to_handle(&self) -> String {
        format!("{}/{}/{}", self.queue_id, self.message_row, self.token)
    }

    /// Reads a handle that was made for this queue.
    pub(crate) fn from_handle(handle: &str, queue_id: i64) -> Result<Self, Error> {
        let parse = || {
            let mut parts = handle.splitn(3, '/');
            Some(Self {
                queue_id: parts.next()?.parse().ok()?,
                message_row: parts.next()?.parse().ok()?,
                token: parts.next()?.to_owned(),
            })
        };
        parse()
            .filter(|receipt| receipt.queue_id == queue_id)
            .ok_or(Error::ReceiptHandleIsInvalid)
    }
}

//! How queues and receives are named: queue names, URLs, ARNs, receipt handles.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::Error;

/// The account that every queue belongs to.
pub const ACCOUNT_ID: &str = "000000000000";

/// The region in ARNs. It has no other meaning: a client may sign for any region.
pub const REGION: &str = "us-east-1";

const FIFO_SUFFIX: &str = ".fifo";

/// The URL of a queue: `{public_base_url}/{ACCOUNT_ID}/{name}`. The base has no trailing slash.
pub fn queue_url(public_base_url: &str, name: &str) -> String {
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
    let region_and_rest = arn.strip_prefix("arn:aws:sqs:")?;
    let (_region, account_and_name) = region_and_rest.split_once(':')?;
    account_and_name.strip_prefix(ACCOUNT_ID)?.strip_prefix(':')
}

/// Checks a new queue's name: at most 80 letters, digits, hyphens and underscores, where a FIFO
/// queue's name ends with `.fifo`, which counts towards the 80.
pub(crate) fn check_queue_name(name: &str, fifo: bool) -> Result<(), Error> {
    let stem = if fifo {
        name.strip_suffix(FIFO_SUFFIX)
    } else {
        Some(name)
    };
    let legal = stem.is_some_and(|stem| {
        !stem.is_empty()
            && stem
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    });
    if legal && name.len() <= 80 {
        return Ok(());
    }
    let kind = if fifo { " and end with .fifo" } else { "" };
    Err(Error::InvalidParameterValue(format!(
        "The queue name {name:?} is not legal: it must be 1 to 80 letters, digits, hyphens and \
         underscores{kind}."
    )))
}

/// What a receipt handle says: which message of which queue, and which receive of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Receipt {
    pub(crate) queue_id: i64,
    pub(crate) message_row: i64,
    /// Drawn anew for each receive; only the newest one is honoured.
    pub(crate) token: String,
}

impl Receipt {
    /// The opaque text that a client gets.
    pub(crate) fn to_handle(&self) -> String {
        STANDARD.encode(format!(
            "{}/{}/{}",
            self.queue_id, self.message_row, self.token
        ))
    }

    /// Reads a handle; anything that this service did not make is [`Error::ReceiptHandleIsInvalid`].
    pub(crate) fn from_handle(handle: &str) -> Result<Self, Error> {
        let parse = || {
            let text = String::from_utf8(STANDARD.decode(handle).ok()?).ok()?;
            let mut parts = text.splitn(3, '/');
            Some(Self {
                queue_id: parts.next()?.parse().ok()?,
                message_row: parts.next()?.parse().ok()?,
                token: parts.next()?.to_owned(),
            })
        };
        parse().ok_or(Error::ReceiptHandleIsInvalid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_and_arns_name_their_queue() {
        let url = queue_url("http://127.0.0.1:9324", "polls");
        assert_eq!(url, "http://127.0.0.1:9324/000000000000/polls");
        assert_eq!(name_in_url(&url).unwrap(), "polls");
        assert_eq!(name_in_arn(&queue_arn("polls")), Some("polls"));
        assert!(matches!(
            name_in_url("http://127.0.0.1/polls"),
            Err(Error::InvalidAddress(_))
        ));
        assert_eq!(
            name_in_arn("arn:aws:sns:us-east-1:000000000000:polls"),
            None
        );
    }

    #[test]
    fn names_are_checked_as_sqs_does() {
        for (name, fifo, legal) in [
            ("polls_1-a", false, true),
            ("polls.fifo", true, true),
            ("polls.fifo", false, false),
            ("polls", true, false),
            (".fifo", true, false),
            ("", false, false),
            ("with space", false, false),
        ] {
            assert_eq!(check_queue_name(name, fifo).is_ok(), legal, "{name} {fifo}");
        }
        assert!(check_queue_name(&"x".repeat(80), false).is_ok());
        assert!(check_queue_name(&"x".repeat(81), false).is_err());
    }

    #[test]
    fn a_receipt_survives_its_handle_and_garbage_is_refused() {
        let receipt = Receipt {
            queue_id: 1,
            message_row: 22,
            token: "a/b".into(),
        };
        assert_eq!(Receipt::from_handle(&receipt.to_handle()).unwrap(), receipt);
        for garbage in ["", "garbage", "MS8y"] {
            assert!(Receipt::from_handle(garbage).is_err(), "{garbage}");
        }
    }
}

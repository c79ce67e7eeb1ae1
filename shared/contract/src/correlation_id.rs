use crate::percent;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// The name of one issuance, chosen by the caller or made of a UUID, and at the same time the
/// idempotency key of Start issue.
///
/// Any printable, non-empty text of up to [`CorrelationId::MAX_BYTES`] bytes in UTF-8. It is
/// [percent-encoded](CorrelationId::percent_encoded) wherever it enters a URL.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CorrelationId(String);

impl CorrelationId {
    /// The longest correlation id, in bytes of UTF-8.
    pub const MAX_BYTES: usize = 256;

    /// The id as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id as one path segment or query value of a URL (RFC 3986 §2.1).
    pub fn percent_encoded(&self) -> String {
        percent::encode(&self.0)
    }
}

/// Why a text is not a [`CorrelationId`]. The message says what would be right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCorrelationId {
    /// No characters at all.
    #[error("is empty: leave it out, or give 1 to 256 bytes of printable text")]
    Empty,
    /// More than [`CorrelationId::MAX_BYTES`] bytes.
    #[error("is {0} bytes long: at most 256 bytes of UTF-8 are allowed")]
    TooLong(usize),
    /// A control character, a line separator or a mark that reorders text.
    #[error(
        "has a character that cannot be printed: use printable text without control characters"
    )]
    NotPrintable,
    /// `.` or `..`, which no encoding can protect as a path segment (WHATWG URL §3.5).
    #[error("is a dot segment, which cannot stand in a URL's path: use another text")]
    DotSegment,
}

impl TryFrom<String> for CorrelationId {
    type Error = InvalidCorrelationId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.as_str() {
            "" => Err(InvalidCorrelationId::Empty),
            "." | ".." => Err(InvalidCorrelationId::DotSegment),
            long if long.len() > Self::MAX_BYTES => Err(InvalidCorrelationId::TooLong(long.len())),
            odd if !odd.chars().all(is_printable) => Err(InvalidCorrelationId::NotPrintable),
            _ => Ok(Self(text)),
        }
    }
}

/// Control characters break logs and headers; separators and bidirectional controls (Unicode
/// UAX #9) make two different ids look the same to a human.
pub(crate) fn is_printable(character: char) -> bool {
    !character.is_control()
        && !matches!(character,
            '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

impl FromStr for CorrelationId {
    type Err = InvalidCorrelationId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::try_from(text.to_owned())
    }
}

impl From<uuid::Uuid> for CorrelationId {
    /// The id of an issuance whose caller named none.
    fn from(uuid: uuid::Uuid) -> Self {
        Self(uuid.to_string())
    }
}

impl From<CorrelationId> for String {
    fn from(id: CorrelationId) -> Self {
        id.0
    }
}

impl AsRef<str> for CorrelationId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CorrelationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_that_cannot_name_an_issuance_is_refused() {
        for (text, fault) in [
            ("", InvalidCorrelationId::Empty),
            ("..", InvalidCorrelationId::DotSegment),
            ("a\nb", InvalidCorrelationId::NotPrintable),
            ("a\u{202e}b", InvalidCorrelationId::NotPrintable),
        ] {
            assert_eq!(text.parse::<CorrelationId>(), Err(fault), "{text:?}");
        }
        let longest = "é".repeat(128);
        assert!(longest.parse::<CorrelationId>().is_ok());
        assert_eq!(
            format!("{longest}x").parse::<CorrelationId>(),
            Err(InvalidCorrelationId::TooLong(257))
        );
    }

    proptest! {
        #[test]
        fn an_id_survives_a_url_path(text in "\\PC{1,40}") {
            prop_assume!(text != "." && text != "..");
            let Ok(id) = text.parse::<CorrelationId>() else { return Ok(()) };
            let url = format!("https://issuer.example/issue/{}", id.percent_encoded());
            let url = url::Url::parse(&url).unwrap();
            let segments: Vec<_> = url.path_segments().unwrap().collect();
            prop_assert_eq!(segments.len(), 2);
            // A query value decodes percent escapes; an encoded id has no `+` to be misread.
            let decoded = url::form_urlencoded::parse(segments[1].as_bytes()).next().unwrap().0;
            prop_assert_eq!(decoded.as_ref(), text.as_str());
        }
    }
}

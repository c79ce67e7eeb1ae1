use crate::percent;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_with::{DeserializeFromStr, SerializeDisplay};
use std::{fmt, str::FromStr};

/// The name of one issuance and the idempotency key of Start issue: any printable, non-empty text of
/// up to [`CorrelationId::MAX_BYTES`] bytes of UTF-8.
#[derive(
    Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, SerializeDisplay, DeserializeFromStr,
)]
pub struct CorrelationId(String);

impl CorrelationId {
    /// The longest correlation id, in bytes of UTF-8.
    pub const MAX_BYTES: usize = 256;

    /// The id as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the percent-encoded id survives a path that API Gateway decodes.
    ///
    /// It decodes a path twice and cuts it at a `?` in between, so a `/`, `#` or `\` of the id looks
    /// like one of the URL. Plain are unreserved characters, `:` and `@` (RFC 3986 §3.3), inner spaces
    /// and non-ASCII characters, unless the id begins with the `~` that marks the other form.
    pub fn is_plain(&self) -> bool {
        let is_safe = |character: char| {
            !character.is_ascii()
                || character.is_ascii_alphanumeric()
                || matches!(character, '-' | '.' | '_' | '~' | ':' | '@' | ' ')
        };
        !self.0.starts_with(ENCODED) && self.0.trim() == self.0 && self.0.chars().all(is_safe)
    }

    /// The id as one segment of a URL's path: percent-encoded if it is [plain](Self::is_plain),
    /// otherwise `~` and its UTF-8 in base64url without padding (RFC 4648 §5).
    pub fn path_segment(&self) -> String {
        if self.is_plain() {
            percent::encode(&self.0)
        } else {
            format!("{ENCODED}{}", URL_SAFE_NO_PAD.encode(&self.0))
        }
    }

    /// The id that a percent-decoded path segment names, if it names one. Besides the forms of
    /// [`path_segment`](Self::path_segment), any id that does not begin with `~` is read as it is, for
    /// clients that build the URL themselves.
    pub fn from_path_segment(decoded: &str) -> Option<Self> {
        let Some(encoded) = decoded.strip_prefix(ENCODED) else {
            return decoded.parse().ok();
        };
        let bytes = URL_SAFE_NO_PAD.decode(encoded).ok()?;
        std::str::from_utf8(&bytes).ok()?.parse().ok()
    }
}

/// Marks a path segment that holds the id in base64url. No gateway changes it: it is unreserved.
const ENCODED: char = '~';

/// Why a text is not a [`CorrelationId`].
#[expect(missing_docs, reason = "the messages say it")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CorrelationIdError {
    #[error("is empty: leave it out, or give 1 to 256 bytes of printable text")]
    Empty,
    #[error("is {0} bytes long: at most 256 bytes of UTF-8 are allowed")]
    TooLong(usize),
    #[error(
        "has a character that cannot be printed: use printable text without control characters"
    )]
    NotPrintable,
    // No encoding can protect it as a path segment (WHATWG URL §3.5).
    #[error("is a dot segment, which cannot stand in a URL's path: use another text")]
    DotSegment,
}

/// Control characters break logs and headers; line separators and bidirectional controls (Unicode
/// UAX #9) make two different texts look the same to a human.
pub(crate) fn is_printable(character: char) -> bool {
    !character.is_control()
        && !matches!(character,
            '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

impl FromStr for CorrelationId {
    type Err = CorrelationIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "" => Err(CorrelationIdError::Empty),
            "." | ".." => Err(CorrelationIdError::DotSegment),
            long if long.len() > Self::MAX_BYTES => Err(CorrelationIdError::TooLong(long.len())),
            odd if !odd.chars().all(is_printable) => Err(CorrelationIdError::NotPrintable),
            _ => Ok(Self(text.to_owned())),
        }
    }
}

impl From<uuid::Uuid> for CorrelationId {
    /// The id of an issuance whose caller named none.
    fn from(uuid: uuid::Uuid) -> Self {
        Self(uuid.to_string())
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
            ("", CorrelationIdError::Empty),
            ("..", CorrelationIdError::DotSegment),
            ("a\nb", CorrelationIdError::NotPrintable),
            ("a\u{202e}b", CorrelationIdError::NotPrintable),
        ] {
            assert_eq!(text.parse::<CorrelationId>(), Err(fault), "{text:?}");
        }
        let longest = "é".repeat(128);
        assert!(longest.parse::<CorrelationId>().is_ok());
        assert_eq!(
            format!("{longest}x").parse::<CorrelationId>(),
            Err(CorrelationIdError::TooLong(257))
        );
    }

    #[test]
    fn a_path_segment_says_how_it_is_to_be_read() {
        for (text, segment) in [
            ("89cba89", "89cba89"),
            ("urn:order:7", "urn%3Aorder%3A7"),
            ("order 7 é", "order%207%20%C3%A9"),
            ("a~b", "a~b"),
            ("a/b", "~YS9i"),
            ("a?b#c%25+", "~YT9iI2MlMjUr"),
            ("~x", "~fng"),
            (" x", "~IHg"),
        ] {
            let id: CorrelationId = text.parse().unwrap();
            assert_eq!(id.path_segment(), segment, "{text:?}");
        }
    }

    #[test]
    fn a_segment_that_names_no_id_is_none() {
        for segment in ["", "..", "~", "~x", "~!", "~YS9i=", "~Li4", "~Cg", "~_w"] {
            assert_eq!(CorrelationId::from_path_segment(segment), None, "{segment}");
        }
        let too_long = format!("~{}", URL_SAFE_NO_PAD.encode("x".repeat(257)));
        assert_eq!(CorrelationId::from_path_segment(&too_long), None);
    }

    #[test]
    fn a_segment_that_a_client_encoded_itself_names_its_id_where_it_arrives() {
        for text in ["a/b?c#d%25", "a+b", " x"] {
            let id = CorrelationId::from_path_segment(text).unwrap();
            assert_eq!(id.as_str(), text);
        }
        let plain = CorrelationId::from_path_segment("~ODljYmE4OQ").unwrap();
        assert_eq!(plain.as_str(), "89cba89");
    }

    /// No `+`, `&` or `=` may be in `text`: they would not mean themselves.
    fn percent_decoded(text: &str) -> String {
        let mut pairs = url::form_urlencoded::parse(text.as_bytes());
        pairs.next().unwrap().0.into_owned()
    }

    proptest! {
        #[test]
        fn an_id_survives_a_path_and_a_gateway_that_decodes_it(
            text in "\\PC{1,40}|[a-z /?#%+.\\\\~:@é]{1,10}",
        ) {
            let Ok(id) = text.parse::<CorrelationId>() else { return Ok(()) };
            let segment = id.path_segment();
            let is_unreserved = |c: char| c.is_ascii_alphanumeric() || "-._~%".contains(c);
            prop_assert!(segment.chars().all(is_unreserved), "{segment}");

            let decoded = percent_decoded(&segment);
            prop_assert_eq!(CorrelationId::from_path_segment(&decoded), Some(id.clone()));

            // As API Gateway's HTTP APIs deliver it, and the runtime's URL parser takes it up.
            let delivered = percent_decoded(decoded.split('?').next().unwrap());
            let url = url::Url::parse(&format!("https://issuer.example/issue/{delivered}")).unwrap();
            let segments: Vec<_> = url.path_segments().unwrap().collect();
            prop_assert_eq!(segments.len(), 2);
            let decoded = percent_decoded(segments[1]);
            prop_assert_eq!(CorrelationId::from_path_segment(&decoded), Some(id));
        }
    }
}

//! Percent-encoding of a value that becomes one path segment or one query value.

use std::fmt::Write;

/// Encodes every byte that is not *unreserved* (RFC 3986 §2.3), so that the result can stand
/// anywhere in a URL without being taken for a delimiter.
pub(crate) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            // Writing to a String cannot fail.
            _ => drop(write!(encoded, "%{byte:02X}")),
        }
    }
    encoded
}

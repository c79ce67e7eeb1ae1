//! Reading `Content-Type`.

/// Whether a `Content-Type` header names this media type, with or without parameters. Type names are
/// case-insensitive (RFC 9110 §8.3.1).
pub(crate) fn is(content_type: Option<&str>, media_type: &str) -> bool {
    content_type
        .and_then(|value| value.split(';').next())
        .is_some_and(|name| name.trim().eq_ignore_ascii_case(media_type))
}

#[cfg(test)]
mod tests {
    use super::is;

    #[test]
    fn parameters_and_case_do_not_matter() {
        for value in [
            "application/json",
            "Application/JSON; charset=utf-8",
            " application/json ;x=y",
        ] {
            assert!(is(Some(value), "application/json"), "{value}");
        }
        for value in [
            None,
            Some(""),
            Some("application/jwt"),
            Some("application/jsonp"),
        ] {
            assert!(!is(value, "application/json"), "{value:?}");
        }
    }
}

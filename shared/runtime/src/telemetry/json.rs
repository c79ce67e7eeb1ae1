//! JSON, written straight into a line.

use std::fmt::{self, Display, Write};

/// Writes what it is given as the inside of a JSON string (RFC 8259 §7).
pub(crate) struct Escaped<'a>(pub(crate) &'a mut String);

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            match character {
                '"' => self.0.push_str("\\\""),
                '\\' => self.0.push_str("\\\\"),
                '\n' => self.0.push_str("\\n"),
                control if control.is_control() => {
                    write!(self.0, "\\u{:04x}", u32::from(control))?;
                }
                plain => self.0.push(plain),
            }
        }
        Ok(())
    }
}

/// Appends `value`, as it prints, as a JSON string.
pub(crate) fn push_text(line: &mut String, value: impl Display) {
    line.push('"');
    // A String takes everything; a value whose own `Display` fails is cut there.
    let _ = write!(Escaped(line), "{value}");
    line.push('"');
}

/// Appends `"name":`, after a comma where something stands before.
pub(crate) fn push_name(line: &mut String, name: &str) {
    if !line.ends_with(['{', '[']) && !line.is_empty() {
        line.push(',');
    }
    push_text(line, name);
    line.push(':');
}

/// Appends a number. JSON has none that is not finite.
pub(crate) fn push_number(line: &mut String, value: f64) {
    if value.is_finite() {
        let _ = write!(line, "{value}");
    } else {
        line.push_str("null");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_is_read_back_as_it_was() {
        for text in [
            "",
            "plain",
            "\"\\\n\r\t\u{1}\u{7f}\u{85}",
            "é\u{1f600}\u{2028}",
        ] {
            let mut line = String::new();
            push_text(&mut line, text);
            let read: String = serde_json::from_str(&line).unwrap();
            assert_eq!(read, text);
            assert!(!line.contains(char::is_control), "{line}");
        }
    }

    #[test]
    fn members_are_separated_and_numbers_are_numbers() {
        let mut line = "{".to_owned();
        for (name, value) in [("a", 1.5), ("b", f64::NAN), ("c", 1e21)] {
            push_name(&mut line, name);
            push_number(&mut line, value);
        }
        line.push('}');
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(read, serde_json::json!({"a": 1.5, "b": null, "c": 1e21}));
    }
}

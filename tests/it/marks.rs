//! Marked values, and the search for them in whatever may have leaked them: as they are, and in every form in
//! which something could have written them down.

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// A secret longer than this is found by any piece of this length too.
const PIECE: usize = 32;
/// Shorter values could occur by chance.
const SHORTEST: usize = 8;

/// Where something was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A line that a function wrote.
    Log,
    /// A request to DynamoDB, or an item of a table.
    Table,
    /// A request to SQS, or a message.
    Queue,
    /// A request to EventBridge, or an event.
    Bus,
    /// What an HTTP caller was told who is not to be told secrets.
    Answer,
    /// What was posted to somebody's callback.
    Callback,
}

/// Something that was written.
pub struct Written {
    pub place: Place,
    /// Where exactly, for whoever reads the failure.
    pub label: String,
    pub bytes: Vec<u8>,
}

/// A value that must not be found but in the places that are meant for it.
struct Mark {
    name: String,
    value: String,
    meant_for: &'static [Place],
}

/// All values that must not be found.
#[derive(Default)]
pub struct Marks(Vec<Mark>);

impl Marks {
    /// A value that must be found nowhere.
    pub fn add(&mut self, name: &str, value: &str) {
        self.add_meant_for(&[], name, value);
    }

    /// A value that is kept or shown on purpose in these places, and nowhere else.
    pub fn add_meant_for(&mut self, meant_for: &'static [Place], name: &str, value: &str) {
        assert!(value.len() >= SHORTEST, "{name} is too short to look for");
        self.0.push(Mark {
            name: name.to_owned(),
            value: value.to_owned(),
            meant_for,
        });
    }

    /// Every string in a JSON value, by its pointer.
    pub fn add_strings(&mut self, name: &str, value: &serde_json::Value) {
        match value {
            serde_json::Value::String(text) if text.len() >= SHORTEST => self.add(name, text),
            serde_json::Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.add_strings(&format!("{name}/{index}"), item);
                }
            }
            serde_json::Value::Object(members) => {
                for (member, value) in members {
                    self.add_strings(&format!("{name}/{member}"), value);
                }
            }
            _ => {}
        }
    }

    /// What a compact JWS or SD-JWT says and proves: its parts, but for the headers, which are no secret.
    pub fn add_token_parts(&mut self, name: &str, token: &str) {
        for (number, part) in token.split(['.', '~']).enumerate().skip(1) {
            if part.len() >= SHORTEST
                && !part.starts_with("eyJ0eXAi")
                && !part.starts_with("eyJhbGci")
            {
                self.add(&format!("{name}, part {number}"), part);
            }
        }
    }

    /// Where each mark was found that was not meant to be there: a line for each mark and place.
    pub fn found_in(&self, written: &[Written]) -> Vec<String> {
        let mut patterns = Vec::new();
        let mut owners = Vec::new();
        for (index, mark) in self.0.iter().enumerate() {
            for (form, pattern) in forms(&mark.value) {
                patterns.push(pattern);
                owners.push((index, form));
            }
        }
        let search = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .build(&patterns)
            .expect("patterns");
        let mut leaks: Vec<((usize, Place, String), String)> = Vec::new();
        for one in written {
            for hit in search.find_overlapping_iter(&one.bytes) {
                let (index, form) = owners[hit.pattern().as_usize()];
                let mark = &self.0[index];
                let key = (index, one.place, one.label.clone());
                if mark.meant_for.contains(&one.place)
                    || leaks.iter().any(|(known, _)| *known == key)
                {
                    continue;
                }
                let around = hit.start().saturating_sub(160)..(hit.end() + 80).min(one.bytes.len());
                let around = String::from_utf8_lossy(&one.bytes[around]).into_owned();
                leaks.push((
                    key,
                    format!(
                        "{} ({form}) in {:?} {}: …{around}…",
                        mark.name, one.place, one.label
                    ),
                ));
            }
        }
        leaks.into_iter().map(|(_, leak)| leak).collect()
    }
}

/// The forms of a value, and what to look for.
fn forms(value: &str) -> Vec<(&'static str, Vec<u8>)> {
    let mut forms = Vec::new();
    let mut texts = vec![value.to_owned()];
    // What most encodings leave as it is.
    let core = value
        .split(|letter: char| !letter.is_ascii_alphanumeric())
        .max_by_key(|run| run.len())
        .unwrap_or_default();
    if core.len() >= SHORTEST + 4 && core != value {
        texts.push(core.to_owned());
    }
    if value.is_ascii() && value.len() > PIECE {
        let letters = value.as_bytes();
        let pieces = letters.windows(PIECE).step_by(PIECE / 2);
        forms.extend(pieces.map(|piece| ("in part", String::from_utf8_lossy(piece).into_owned())));
    }
    for text in texts {
        let escaped = json_escaped(&text);
        forms.push(("in JSON in JSON", json_escaped(&escaped)));
        forms.push(("in ASCII JSON", ascii_json_escaped(&text)));
        forms.push(("in JSON", escaped));
        forms.push(("percent-encoded", percent_encoded(&text, &[])));
        forms.push(("form-encoded", percent_encoded(&text, b"-._~")));
        forms.push((
            "in hex",
            text.bytes().map(|byte| format!("{byte:02x}")).collect(),
        ));
        let numbers: Vec<_> = text.bytes().map(|byte| byte.to_string()).collect();
        forms.push(("as a list of bytes", numbers.join(", ")));
        forms.push(("as a JSON list of bytes", numbers.join(",")));
        for shift in 0..3 {
            forms.push(("in base64", base64(&STANDARD_NO_PAD, &text, shift)));
            forms.push(("in base64url", base64(&URL_SAFE_NO_PAD, &text, shift)));
        }
        forms.push(("in the clear", text));
    }
    forms
        .into_iter()
        .map(|(form, pattern)| (form, pattern.into_bytes()))
        .collect()
}

/// The letters of the encoding that follow from the text alone, when `shift` bytes come before it in a group.
fn base64(engine: &impl base64::Engine, text: &str, shift: usize) -> String {
    let shifted = [&vec![0; shift], text.as_bytes()].concat();
    let whole = engine.encode(&shifted);
    let from = [0, 2, 3][shift];
    let to = shifted.len() * 8 / 6;
    whole[from..to].to_owned()
}

fn json_escaped(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

fn ascii_json_escaped(text: &str) -> String {
    let mut escaped = String::new();
    for letter in json_escaped(text).chars() {
        if letter.is_ascii() {
            escaped.push(letter);
        } else {
            let mut units = [0; 2];
            for unit in letter.encode_utf16(&mut units) {
                escaped.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    escaped
}

/// Every byte but letters, digits and these.
fn percent_encoded(text: &str, kept: &[u8]) -> String {
    text.bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() || kept.contains(&byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(value: &str, bytes: impl Into<Vec<u8>>) -> bool {
        let mut marks = Marks::default();
        marks.add("it", value);
        let written = Written {
            place: Place::Log,
            label: String::new(),
            bytes: bytes.into(),
        };
        !marks.found_in(&[written]).is_empty()
    }

    #[test]
    fn a_mark_is_found_in_whatever_form_it_was_written_down() {
        let value = "Zoë \"Marked\" & Søns/MarkedXq7Lf0Wz";
        let document = serde_json::json!({"a": value, "b": [1]}).to_string();
        for written in [
            value.to_owned(),
            format!("{value:?}"),
            document.clone(),
            serde_json::json!({"body": document}).to_string(),
            format!("x={}", percent_encoded(value, &[])),
            percent_encoded(value, b"-._~").to_lowercase(),
            format!("{:?}", document.as_bytes()),
            r#"{"a":"Zo\u00eb \"Marked\" & S\u00f8ns/MarkedXq7Lf0Wz"}"#.to_owned(),
            document.bytes().map(|byte| format!("{byte:02X}")).collect(),
        ] {
            assert!(found(value, written.clone()), "{written}");
        }
        for before in ["", "1", "12", "123"] {
            let text = format!("{before}{document}");
            assert!(found(value, STANDARD_NO_PAD.encode(&text)), "{text}");
            assert!(found(value, URL_SAFE_NO_PAD.encode(&text)), "{text}");
        }
        assert!(!found(value, "Zoe Marked and Sons/Marked Xq7Lf0Wz"));
    }

    #[test]
    fn a_piece_of_a_long_secret_is_enough() {
        let secret: String = ('a'..='z').chain('A'..='Z').chain('0'..='9').collect();
        assert!(found(&secret, format!("token={}…", &secret[..40])));
        assert!(!found(&secret, "token=abcdefgh…"));
    }
}

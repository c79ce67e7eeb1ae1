//! Names that a subject's claims cannot have.

use serde_json::{Map, Value};

use crate::{NEVER_DISCLOSABLE, SD_JWT_NAMES};

/// Registered claims that are the issuer's to set, besides those that must always be visible.
const OTHER_OWN: [&str; 2] = ["iat", "jti"];

/// Whether a claim at the top level cannot have this name: the issuer sets it, or SD-JWT gives it a meaning.
pub fn is_reserved_claim(name: &str) -> bool {
    NEVER_DISCLOSABLE.contains(&name) || OTHER_OWN.contains(&name) || SD_JWT_NAMES.contains(&name)
}

/// The first `at_most` places in the claims whose name is reserved: at the top level as [`is_reserved_claim`] says,
/// further down the names of SD-JWT alone. Each is a path of member names and element indices, the reserved name
/// last.
pub fn reserved_names(claims: &Map<String, Value>, at_most: usize) -> Vec<Vec<String>> {
    let mut search = Search {
        here: Vec::new(),
        found: Vec::new(),
        at_most,
    };
    search.members(claims, is_reserved_claim);
    search.found
}

struct Search {
    here: Vec<String>,
    found: Vec<Vec<String>>,
    at_most: usize,
}

impl Search {
    fn members(&mut self, members: &Map<String, Value>, is_reserved: fn(&str) -> bool) {
        for (name, value) in members {
            self.here.push(name.clone());
            if !is_reserved(name) {
                self.inside(value);
            } else if self.found.len() < self.at_most {
                self.found.push(self.here.clone());
            }
            self.here.pop();
        }
    }

    fn inside(&mut self, value: &Value) {
        match value {
            Value::Object(members) => self.members(members, |name| SD_JWT_NAMES.contains(&name)),
            Value::Array(elements) => {
                for (index, element) in elements.iter().enumerate() {
                    self.here.push(index.to_string());
                    self.inside(element);
                    self.here.pop();
                }
            }
            _ => {}
        }
    }
}

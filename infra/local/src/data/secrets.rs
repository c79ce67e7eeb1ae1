//! The secrets that AWS would generate and keep.

use std::collections::BTreeMap;

use crate::data::data_dir::{DataDir, DataDirError};
use crate::template::Secret;

const FILE: &str = "secrets.json";

/// The secrets of a stack by their names in the template.
#[derive(Clone)]
pub(crate) struct Secrets(BTreeMap<String, String>);

impl Secrets {
    /// Loads the secrets from `data`, and makes those that are not there yet.
    pub(crate) fn load_or_create(data: &DataDir, wanted: &[Secret]) -> Result<Self, DataDirError> {
        data.json(FILE, |kept: &mut BTreeMap<String, String>| {
            for secret in wanted {
                kept.entry(secret.logical_id.clone())
                    .or_insert_with(|| random_text(secret.length));
            }
        })
        .map(Self)
    }

    pub(crate) fn get(&self, logical_id: &str) -> Option<&str> {
        self.0.get(logical_id).map(String::as_str)
    }
}

/// `length` hexadecimal digits, of which all but 6 in every 32 are random.
fn random_text(length: usize) -> String {
    let mut text = String::with_capacity(length + 32);
    while text.len() < length {
        text.push_str(&uuid::Uuid::new_v4().simple().to_string());
    }
    text.truncate(length);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_made_once_and_kept() {
        let directory = tempfile::tempdir().unwrap();
        let data = DataDir::open(directory.path()).unwrap();
        let secret = |name: &str| Secret {
            logical_id: name.to_owned(),
            length: 48,
        };
        let first = Secrets::load_or_create(&data, &[secret("A")]).unwrap();
        let second = Secrets::load_or_create(&data, &[secret("A"), secret("B")]).unwrap();
        assert_eq!(first.get("A"), second.get("A"));
        assert_ne!(second.get("A"), second.get("B"));
        assert_eq!(second.get("B").unwrap().len(), 48);
    }
}

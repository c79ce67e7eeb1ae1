//! Who wants to be told.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{SHA256, digest};
use bestow_contract::Callback;
use thiserror::Error;
use url::Url;

use crate::delivery::CallbackUrl;

/// Names a subscription without its URL, which may carry a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SubscriptionId {
    /// The callback that an issuance was started with. It ends with the issuance.
    Issuance,
    /// One that the operator configured, for every issuance: the first bytes of the SHA-256 of its URL.
    Account([u8; 8]),
}

impl SubscriptionId {
    /// The subscription of everything at `url`.
    pub fn of_account(url: &str) -> Self {
        let hash = digest(&SHA256, url.as_bytes());
        Self::Account(hash.as_ref().first_chunk().copied().unwrap_or_default())
    }

    pub(crate) fn to_bytes(self) -> [u8; 8] {
        match self {
            Self::Issuance => [0; 8],
            Self::Account(bytes) => bytes,
        }
    }

    pub(crate) fn from_bytes(bytes: [u8; 8]) -> Self {
        match bytes {
            [0, 0, 0, 0, 0, 0, 0, 0] => Self::Issuance,
            bytes => Self::Account(bytes),
        }
    }
}

/// `callback`, or 16 hexadecimal digits.
impl fmt::Display for SubscriptionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Issuance => f.write_str("callback"),
            Self::Account(bytes) => f.write_str(&hex::encode(bytes)),
        }
    }
}

/// The subscriptions that the operator configured: URLs, separated by commas (within a URL, `%2C`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountSubscriptions(Vec<(SubscriptionId, CallbackUrl)>);

/// An entry of the list of subscriptions that is none. The message does not repeat it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SubscriptionsError {
    /// Too many.
    #[error("there are {0} URLs: at most {max} are allowed", max = AccountSubscriptions::MOST)]
    TooMany(usize),
    /// An entry cannot be posted to.
    #[error("URL number {position} {reason}")]
    Entry {
        /// Which one, from 1.
        position: usize,
        /// What is wrong with it and what would be right.
        reason: &'static str,
    },
}

impl AccountSubscriptions {
    /// The most subscriptions: each costs a delivery for every change of every issuance.
    pub const MOST: usize = 10;

    /// Every subscription, and where changes are posted.
    pub fn iter(&self) -> impl Iterator<Item = &(SubscriptionId, CallbackUrl)> {
        self.0.iter()
    }

    /// Whether there is a subscription of this name.
    pub(crate) fn contains(&self, id: SubscriptionId) -> bool {
        self.0.iter().any(|(known, _)| *known == id)
    }
}

impl FromStr for AccountSubscriptions {
    type Err = SubscriptionsError;

    fn from_str(list: &str) -> Result<Self, Self::Err> {
        let entries: Vec<&str> = match list.trim() {
            "" => Vec::new(),
            list => list.split(',').map(str::trim).collect(),
        };
        if entries.len() > Self::MOST {
            return Err(SubscriptionsError::TooMany(entries.len()));
        }
        let mut subscriptions = Self::default();
        for (index, entry) in entries.into_iter().enumerate() {
            let id = SubscriptionId::of_account(entry);
            let reason = match check(entry) {
                Err(reason) => reason,
                Ok(()) if subscriptions.contains(id) => "is there twice: leave one of them out",
                Ok(()) => {
                    subscriptions.0.push((id, CallbackUrl::new(entry)));
                    continue;
                }
            };
            let position = index + 1;
            return Err(SubscriptionsError::Entry { position, reason });
        }
        Ok(subscriptions)
    }
}

fn check(entry: &str) -> Result<(), &'static str> {
    if entry.is_empty() {
        return Err("is empty: leave out the comma, or write it as %2C within a URL");
    }
    if entry.len() > Callback::MAX_URL_BYTES {
        return Err("is longer than 2048 bytes: shorten it");
    }
    match Url::parse(entry) {
        Ok(url) if !matches!(url.scheme(), "http" | "https") => {
            Err("is not an http or https URL: give one such as https://backend.example/hook")
        }
        Ok(url) if url.fragment().is_some() => {
            Err("has a fragment, which is never sent: leave it out")
        }
        Ok(_) => Ok(()),
        Err(_) => Err("is not an absolute URL: give one such as https://backend.example/hook"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_urls_is_read_and_never_shown() {
        let list = "https://one.example/hunter2, http://127.0.0.1:9/x?key=hunter2";
        let subscriptions: AccountSubscriptions = list.parse().unwrap();
        assert_eq!(subscriptions.iter().count(), 2);
        for (id, url) in subscriptions.iter() {
            assert_eq!(*id, SubscriptionId::of_account(url.as_str()));
            assert!(subscriptions.contains(*id));
            assert_eq!(id.to_string().len(), 16);
        }
        assert!(!subscriptions.contains(SubscriptionId::Issuance));
        assert!(!format!("{subscriptions:?}").contains("hunter2"));
        assert_eq!("".parse(), Ok(AccountSubscriptions::default()));
    }

    #[test]
    fn a_bad_entry_is_named_by_its_position() {
        let good = "https://one.example/hunter2";
        for bad in [
            "",
            "hunter2",
            "ftp://hunter2.example",
            "https://one.example/#hunter2",
            good,
            &format!("https://one.example/{}", "hunter2".repeat(300)),
        ] {
            let fault = format!("{good},{bad}").parse::<AccountSubscriptions>();
            let fault = fault.unwrap_err().to_string();
            assert!(fault.starts_with("URL number 2 "), "{fault}");
            assert!(!fault.contains("hunter2"), "{fault}");
        }
        let many: Vec<_> = (0..11).map(|n| format!("https://{n}.example")).collect();
        assert_eq!(
            many.join(",").parse::<AccountSubscriptions>(),
            Err(SubscriptionsError::TooMany(11))
        );
    }
}

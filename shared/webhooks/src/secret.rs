//! How a delivery is signed: Standard Webhooks, with symmetric keys
//! (<https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>).

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bestow_sealing::MacKey;
use thiserror::Error;
use zeroize::Zeroizing;

/// What a secret begins with.
const PREFIX: &str = "whsec_";
/// What a signature with a symmetric key begins with.
const SCHEME: &str = "v1,";
/// How many bytes a secret has.
const LENGTH: std::ops::RangeInclusive<usize> = 24..=64;

/// The secrets that deliveries are signed with: one, or two during a rotation. A receiver needs to know one of them.
pub struct WebhookSecrets(Vec<MacKey>);

/// Secrets that cannot be used. The message does not repeat them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SecretsError {
    /// None, or more than two.
    #[error(
        "there must be one secret, or two during a rotation, separated by a comma; there are {0}"
    )]
    Count(usize),
    /// A secret of another form.
    #[error(
        "secret number {0} must be whsec_ and the base64 of 24 to 64 random bytes; \
         make one with: echo whsec_$(openssl rand -base64 32)"
    )]
    Form(usize),
}

impl WebhookSecrets {
    /// The value of `webhook-signature`: one signature for each secret, separated by spaces. `webhook_id` has no `.`
    /// in it; `timestamp` is in Unix seconds.
    pub fn sign(&self, webhook_id: &str, timestamp: i64, body: &str) -> String {
        let signed = signed(webhook_id, timestamp, body.as_bytes());
        let signature = |key: &MacKey| STANDARD.encode(key.sign(&[&signed]));
        let signatures = self.0.iter().map(|key| SCHEME.to_owned() + &signature(key));
        signatures.collect::<Vec<_>>().join(" ")
    }

    /// Whether one of `signatures` was made with one of these secrets, in constant time. The age of `timestamp` is
    /// the caller's to judge.
    pub fn verify(&self, webhook_id: &str, timestamp: i64, body: &[u8], signatures: &str) -> bool {
        let signed = signed(webhook_id, timestamp, body);
        let tags = signatures.split(' ').filter_map(|signature| {
            let encoded = signature.strip_prefix(SCHEME)?;
            STANDARD.decode(encoded).ok()
        });
        let tags: Vec<Vec<u8>> = tags.collect();
        let mut keys = self.0.iter();
        keys.any(|key| tags.iter().any(|tag| key.verifies(&signed, tag)))
    }
}

fn signed(webhook_id: &str, timestamp: i64, body: &[u8]) -> Vec<u8> {
    [format!("{webhook_id}.{timestamp}.").as_bytes(), body].concat()
}

/// One or two secrets, separated by a comma or white space.
impl FromStr for WebhookSecrets {
    type Err = SecretsError;

    fn from_str(list: &str) -> Result<Self, Self::Err> {
        let secrets: Vec<&str> = list
            .split(|separator: char| separator == ',' || separator.is_whitespace())
            .filter(|secret| !secret.is_empty())
            .collect();
        if !(1..=2).contains(&secrets.len()) {
            return Err(SecretsError::Count(secrets.len()));
        }
        let read = secrets.into_iter().enumerate().map(|(index, secret)| {
            secret
                .strip_prefix(PREFIX)
                .and_then(|encoded| STANDARD.decode(encoded).ok())
                .map(Zeroizing::new)
                .filter(|bytes| LENGTH.contains(&bytes.len()))
                .map(|bytes| MacKey::shared(&bytes))
                .ok_or(SecretsError::Form(index + 1))
        });
        read.collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Debug for WebhookSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WebhookSecrets({} active)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // The example of the specification's reference libraries (libraries/javascript, README and tests).
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    fn sign(secrets: &str) -> String {
        let secrets: WebhookSecrets = secrets.parse().unwrap();
        secrets.sign(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            r#"{"test": 2432232314}"#,
        )
    }

    #[test]
    fn the_published_example_is_signed_as_published() {
        assert_eq!(sign(SECRET), SIGNATURE);
    }

    #[test]
    fn during_a_rotation_there_is_a_signature_for_each_secret() {
        let other = format!("whsec_{}", STANDARD.encode([7; 64]));
        for separator in [",", " ", ", "] {
            let both = sign(&format!("{other}{separator}{SECRET}"));
            let (new, old) = both.split_once(' ').unwrap();
            assert_eq!(old, SIGNATURE);
            assert_eq!(new, sign(&other));
        }
    }

    #[test]
    fn what_was_signed_with_any_active_secret_is_verified() {
        let other = format!("whsec_{}", STANDARD.encode([7; 64]));
        let read = |list: &str| list.parse::<WebhookSecrets>().unwrap();
        let both = read(&format!("{other} {SECRET}"));
        let signatures = both.sign("id", 1, "{}");
        for known in [&other, SECRET] {
            assert!(read(known).verify("id", 1, b"{}", &signatures));
            assert!(both.verify("id", 1, b"{}", &read(known).sign("id", 1, "{}")));
            assert!(!read(known).verify("id", 2, b"{}", &signatures));
        }
        let stranger = read(&format!("whsec_{}", STANDARD.encode([8; 24])));
        for wrong in [signatures.as_str(), "", "v1,", "v1a,AAAA", "v1,A v1,AAAA"] {
            assert!(!stranger.verify("id", 1, b"{}", wrong), "{wrong}");
        }
    }

    #[test]
    fn what_is_no_secret_is_named_by_its_position_and_not_shown() {
        let form = |secret: &str| format!("{SECRET},{secret}").parse::<WebhookSecrets>();
        for bad in [
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned(),
            "whsec_hunter2".to_owned(),
            format!("whsec_{}", STANDARD.encode([7; 23])),
            format!("whsec_{}", STANDARD.encode([7; 65])),
        ] {
            assert_eq!(form(&bad).unwrap_err(), SecretsError::Form(2), "{bad}");
        }
        for (list, count) in [("", 0), (" ,", 0), (&format!("{SECRET} ").repeat(3), 3)] {
            let fault = list.parse::<WebhookSecrets>().unwrap_err();
            assert_eq!(fault, SecretsError::Count(count));
        }
    }

    #[test]
    fn the_debug_form_shows_no_secret() {
        let secrets: WebhookSecrets = SECRET.parse().unwrap();
        assert_eq!(format!("{secrets:?}"), "WebhookSecrets(1 active)");
    }
}

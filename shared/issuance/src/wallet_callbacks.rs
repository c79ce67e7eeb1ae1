//! The addresses of wallets' callbacks.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bestow_contract::{Callback, CorrelationId, paths};
use bestow_sealing::{CryptoError, DerivationKey, SyntheticAead};
use secrecy::SecretString;

/// Separates this use of the secret from any other.
const PURPOSE: &[u8] = b"bestow: address of a wallet's callback, version 1";

/// The longest token: nonce, the longest correlation id (256 bytes) and tag, in base64url.
const MAX_TOKEN_LENGTH: usize = (256 + SyntheticAead::OVERHEAD) * 4 / 3 + 1;

/// The tokens in the addresses of callbacks. Whoever has one can have its issuance polled, cannot tell which one it is,
/// and cannot make another.
///
/// A token is the correlation id, encrypted, so nothing is stored and nothing is looked up. It is the same each time: a
/// repeated Start issue must not look like another one to the wallet.
pub struct CallbackTokens(SyntheticAead);

impl CallbackTokens {
    /// Derives the keys from `secret` by HKDF-SHA256 (RFC 5869) with an empty salt.
    ///
    /// # Errors
    /// Only if the cryptographic library fails.
    pub fn new(secret: &SecretString) -> Result<Self, CryptoError> {
        DerivationKey::extract(&[], secret)
            .synthetic_aead(&[PURPOSE, b" cipher"], &[PURPOSE, b" nonce"])
            .map(Self)
    }

    /// The token of an issuance, the same each time: letters, digits, `-` and `_`.
    ///
    /// # Errors
    /// Only if the cryptographic library fails.
    pub fn token(&self, id: &CorrelationId) -> Result<String, CryptoError> {
        let sealed = self.0.seal(&[], PURPOSE, id.as_str().as_bytes())?;
        Ok(URL_SAFE_NO_PAD.encode(sealed))
    }

    /// The issuance whose token this is, or `None` if it was not made with this secret.
    pub fn open(&self, token: &str) -> Option<CorrelationId> {
        if token.len() > MAX_TOKEN_LENGTH {
            return None;
        }
        let sealed = URL_SAFE_NO_PAD.decode(token).ok()?;
        let id = self.0.open(PURPOSE, sealed).ok()?;
        std::str::from_utf8(&id).ok()?.parse().ok()
    }
}

/// Where a wallet that can call back is told to call.
pub struct WalletCallbacks {
    /// Whether the wallet of new issuances calls back. Those that were started before stay as they are.
    pub enabled: bool,
    /// What the addresses begin with, without a trailing slash.
    pub base_url: String,
    /// Makes the rest of each address.
    pub tokens: CallbackTokens,
}

impl WalletCallbacks {
    /// The callback of an issuance: at an address of its own, for every status.
    pub(crate) fn of(&self, id: &CorrelationId) -> Option<Callback> {
        match self.tokens.token(id) {
            Ok(token) => Some(Callback {
                url: paths::wallet_callback_url(&self.base_url, &token),
                status: Vec::new(),
            }),
            Err(fault) => {
                tracing::error!(correlation_id = %id, %fault, "an issuance goes without callbacks");
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(secret: &str) -> CallbackTokens {
        CallbackTokens::new(&SecretString::from(secret)).unwrap()
    }

    fn id(id: &str) -> CorrelationId {
        id.parse().unwrap()
    }

    #[test]
    fn a_token_names_its_issuance_and_shows_nothing_of_it() {
        let tokens = tokens("secret");
        for name in ["89cba89", "order 7/é", &"x".repeat(256)] {
            let token = tokens.token(&id(name)).unwrap();
            assert_eq!(tokens.open(&token), Some(id(name)));
            assert_eq!(tokens.token(&id(name)).unwrap(), token);
            assert!(!token.contains(name) && token.len() <= MAX_TOKEN_LENGTH);
            let in_path = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            assert!(token.chars().all(in_path), "{token}");
        }
    }

    #[test]
    fn nothing_else_is_a_token() {
        let made = tokens("secret").token(&id("89cba89")).unwrap();
        assert_eq!(tokens("an older secret").open(&made), None);
        let tokens = tokens("secret");
        for forged in [
            "",
            "89cba89",
            "AAAA",
            &made[1..],
            &made[..made.len() - 1],
            &format!("{made}A"),
            &format!("{made}="),
            &format!(" {made}"),
            &"A".repeat(100_000),
        ] {
            assert_eq!(tokens.open(forged), None, "{forged}");
        }
        for index in 0..made.len() {
            let mut forged = made.clone().into_bytes();
            forged[index] = if forged[index] == b'A' { b'B' } else { b'A' };
            assert_eq!(
                tokens.open(std::str::from_utf8(&forged).unwrap()),
                None,
                "{index}"
            );
        }
    }

    #[test]
    fn tokens_of_running_issuances_stay_what_they_are() {
        let tokens = tokens("a secret of at least thirty-two characters");
        let token = "tsQeMhvMmxjMoZ2jSUTfTNMWmvGLl19Sl6UrpXQqsA1Yl-k";
        assert_eq!(tokens.token(&id("89cba89")).unwrap(), token);
        assert_eq!(tokens.open(token), Some(id("89cba89")));
    }
}

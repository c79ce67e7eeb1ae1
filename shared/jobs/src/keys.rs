//! The keys of jobs, all derived from one secret.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{hkdf, hmac};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use crate::chunk::ChunkId;

/// Domain separation from whatever else the same secret might feed.
const SALT: &[u8] = b"bestow/jobs/v1";

/// Every key of the jobs. They are the same for as long as the secret is: with another secret, lines that
/// wait cannot be started and results cannot be read.
pub struct JobKeys {
    /// Parent of the keys that seal, one for each part of each write.
    seal: hkdf::Prk,
    /// Upload to fingerprint, and idempotency key to name.
    fingerprint: hmac::Key,
}

/// The two parts of a chunk that are sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The lines that are not done, with their claims.
    Lines,
    /// What became of those that are.
    Results,
}

impl Part {
    fn name(self) -> &'static [u8] {
        match self {
            Self::Lines => b"lines",
            Self::Results => b"results",
        }
    }
}

/// The cryptographic library refused a key of a fixed, legal length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cryptographic library could not derive a key")]
pub struct KeyError;

/// The cryptographic library failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cryptographic library could not encrypt")]
pub struct SealFailed;

/// What is stored was not sealed for this place under this secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("what is stored cannot be opened with this JOB_SECRET")]
pub struct NotOurs;

impl JobKeys {
    /// Derives all keys with HKDF-SHA256 (RFC 5869) from `secret`, which is `JOB_SECRET`.
    ///
    /// # Errors
    /// [`KeyError`] only if the cryptographic library fails.
    pub fn derive(secret: &SecretString) -> Result<Self, KeyError> {
        let root =
            hkdf::Salt::new(hkdf::HKDF_SHA256, SALT).extract(secret.expose_secret().as_bytes());
        let seal = root
            .expand(&[b"seal"], hkdf::HKDF_SHA256)
            .map(hkdf::Prk::from)
            .map_err(|_| KeyError)?;
        let fingerprint = root
            .expand(&[b"fingerprint"], hmac::HMAC_SHA256)
            .map(hmac::Key::from)
            .map_err(|_| KeyError)?;
        Ok(Self { seal, fingerprint })
    }

    /// Seals one part of a chunk for the write `write_id`, which must be a new random one for each write:
    /// it makes the key, and with one plaintext for each key the nonce may be constant.
    ///
    /// # Errors
    /// [`SealFailed`] only if the cryptographic library fails.
    pub fn seal(
        &self,
        part: Part,
        chunk: ChunkId,
        write_id: Uuid,
        plaintext: Vec<u8>,
    ) -> Result<Vec<u8>, SealFailed> {
        let cipher = self.cipher(part, chunk, write_id).map_err(|_| SealFailed)?;
        let mut sealed = plaintext;
        cipher
            .seal_in_place_append_tag(nonce(), Aad::from(part.name()), &mut sealed)
            .map_err(|_| SealFailed)?;
        Ok(sealed)
    }

    /// Opens what [`JobKeys::seal`] made for the same part, chunk and write.
    ///
    /// # Errors
    /// [`NotOurs`] for anything else.
    pub fn open(
        &self,
        part: Part,
        chunk: ChunkId,
        write_id: Uuid,
        sealed: &[u8],
    ) -> Result<Vec<u8>, NotOurs> {
        let cipher = self.cipher(part, chunk, write_id).map_err(|_| NotOurs)?;
        let mut opened = sealed.to_vec();
        let plaintext = cipher
            .open_in_place(nonce(), Aad::from(part.name()), &mut opened)
            .map_err(|_| NotOurs)?
            .len();
        opened.truncate(plaintext);
        Ok(opened)
    }

    /// The fingerprint of an upload, or the name of an idempotency key: 64 hexadecimal digits. Keyed,
    /// because claims can be guessed.
    pub fn fingerprint(&self, of: &str, bytes: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&self.fingerprint);
        context.update(of.as_bytes());
        context.update(&[0]);
        context.update(bytes);
        hex::encode(context.sign())
    }

    fn cipher(&self, part: Part, chunk: ChunkId, write_id: Uuid) -> Result<LessSafeKey, KeyError> {
        let info: [&[u8]; 4] = [
            part.name(),
            chunk.job_id.as_bytes(),
            &chunk.first_line.to_be_bytes(),
            write_id.as_bytes(),
        ];
        let key = self
            .seal
            .expand(&info, &AES_256_GCM)
            .map_err(|_| KeyError)?;
        Ok(LessSafeKey::new(UnboundKey::from(key)))
    }
}

/// The same for every message, because no key has two.
fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; NONCE_LEN])
}

impl fmt::Debug for JobKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JobKeys(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn keys(secret: &str) -> JobKeys {
        JobKeys::derive(&secret.to_owned().into()).unwrap()
    }

    fn chunk(first_line: u32) -> ChunkId {
        ChunkId {
            job_id: Uuid::from_u128(1),
            first_line,
        }
    }

    proptest! {
        #[test]
        fn what_was_sealed_opens_in_its_place_only(text in ".{0,200}", write: u128) {
            let write = Uuid::from_u128(write);
            let ours = keys("a secret");
            let sealed = ours.seal(Part::Lines, chunk(1), write, text.clone().into_bytes()).unwrap();
            prop_assert_eq!(ours.open(Part::Lines, chunk(1), write, &sealed), Ok(text.into_bytes()));
            prop_assert_eq!(ours.open(Part::Results, chunk(1), write, &sealed), Err(NotOurs));
            prop_assert_eq!(ours.open(Part::Lines, chunk(2), write, &sealed), Err(NotOurs));
            let other = Uuid::from_u128(write.as_u128() ^ 1);
            prop_assert_eq!(ours.open(Part::Lines, chunk(1), other, &sealed), Err(NotOurs));
            prop_assert_eq!(keys("another").open(Part::Lines, chunk(1), write, &sealed), Err(NotOurs));
        }
    }

    #[test]
    fn a_fingerprint_is_of_one_kind_and_one_secret() {
        let of = |secret: &str, kind: &str| keys(secret).fingerprint(kind, b"x");
        assert_eq!(of("a", "upload").len(), 64);
        assert_eq!(of("a", "upload"), of("a", "upload"));
        assert_ne!(of("a", "upload"), of("a", "key"));
        assert_ne!(of("a", "upload"), of("b", "upload"));
    }

    #[test]
    fn keys_do_not_print() {
        assert_eq!(format!("{:?}", keys("secret")), "JobKeys(redacted)");
    }

    #[test]
    fn what_is_stored_still_opens() {
        let keys = keys("a secret of at least thirty-two characters");
        let write = Uuid::from_u128(7);
        let sealed = [
            168, 149, 231, 248, 186, 144, 18, 54, 118, 38, 70, 189, 169, 59, 197, 149, 152, 214,
            12, 149, 14,
        ];
        let made = keys.seal(Part::Lines, chunk(1), write, b"lines".to_vec());
        assert_eq!(made.unwrap(), sealed);
        let opened = keys.open(Part::Lines, chunk(1), write, &sealed);
        assert_eq!(opened.unwrap(), b"lines");
        assert_eq!(
            keys.fingerprint("upload", b"x"),
            "a44b279cf04f876d5b7a631d64f103e6401484b578d957d4ec6cf0eb371a0d69"
        );
    }
}

//! The keys of jobs, all derived from one secret.

use std::fmt;

use bestow_sealing::{CryptoError, DerivationKey, MacKey, OneTimeAead, OpenError};
use secrecy::SecretString;
use uuid::Uuid;

use crate::chunk::ChunkId;

const SALT: &[u8] = b"bestow/jobs/v1";

/// Every key of the jobs. With another secret, lines that wait cannot be started and results cannot be read.
pub struct JobKeys {
    /// Parent of the keys that seal, one for each part of each write.
    seal: DerivationKey,
    /// Upload to fingerprint, and idempotency key to name.
    fingerprint: MacKey,
}

/// The two parts of a chunk that are sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
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

impl JobKeys {
    /// Derives all keys with HKDF-SHA256 (RFC 5869) from `secret`, which is `JOB_SECRET`.
    pub fn derive(secret: &SecretString) -> Result<Self, CryptoError> {
        let root = DerivationKey::extract(SALT, secret);
        Ok(Self {
            seal: root.derive(&[b"seal"])?,
            fingerprint: root.mac_key(&[b"fingerprint"])?,
        })
    }

    /// Seals one part of a chunk for the write `write_id`. That must be a new random one for each write: the key is
    /// derived from it, and seals once.
    pub(crate) fn seal(
        &self,
        part: Part,
        chunk: ChunkId,
        write_id: Uuid,
        plaintext: Vec<u8>,
    ) -> Result<Vec<u8>, CryptoError> {
        self.aead(part, chunk, write_id)?
            .seal(part.name(), plaintext)
    }

    /// Opens what [`JobKeys::seal`] made for the same part, chunk and write.
    pub(crate) fn open(
        &self,
        part: Part,
        chunk: ChunkId,
        write_id: Uuid,
        sealed: &[u8],
    ) -> Result<Vec<u8>, OpenError> {
        let aead = self.aead(part, chunk, write_id).map_err(|_| OpenError)?;
        aead.open(part.name(), sealed)
    }

    /// The fingerprint of an upload, or the name of an idempotency key: 64 hexadecimal digits. Keyed, because claims can
    /// be guessed.
    pub(crate) fn fingerprint(&self, of: &str, bytes: &[u8]) -> String {
        hex::encode(self.fingerprint.sign(&[of.as_bytes(), &[0], bytes]))
    }

    fn aead(&self, part: Part, chunk: ChunkId, write_id: Uuid) -> Result<OneTimeAead, CryptoError> {
        self.seal.one_time_aead(&[
            part.name(),
            chunk.job_id.as_bytes(),
            &chunk.first_line.to_be_bytes(),
            write_id.as_bytes(),
        ])
    }
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
            prop_assert_eq!(ours.open(Part::Results, chunk(1), write, &sealed), Err(OpenError));
            prop_assert_eq!(ours.open(Part::Lines, chunk(2), write, &sealed), Err(OpenError));
            let other = Uuid::from_u128(write.as_u128() ^ 1);
            prop_assert_eq!(ours.open(Part::Lines, chunk(1), other, &sealed), Err(OpenError));
            prop_assert_eq!(keys("another").open(Part::Lines, chunk(1), write, &sealed), Err(OpenError));
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

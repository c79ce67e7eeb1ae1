//! A Token Status List as a verifier reads it, its signature not verified: that is tested elsewhere.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use flate2::read::ZlibDecoder;
use serde_json::Value;

/// A published list.
pub struct StatusList {
    bits: usize,
    bytes: Vec<u8>,
}

/// Where a credential stands on a list.
pub struct Entry {
    pub uri: String,
    pub index: usize,
}

impl StatusList {
    pub fn read(token: &str) -> Self {
        let payload = payload(token);
        let list = &payload["status_list"];
        let compressed = URL_SAFE_NO_PAD
            .decode(list["lst"].as_str().expect("lst"))
            .expect("base64url");
        let mut bytes = Vec::new();
        ZlibDecoder::new(compressed.as_slice())
            .read_to_end(&mut bytes)
            .expect("zlib");
        let bits = list["bits"].as_u64().expect("bits") as usize;
        Self { bits, bytes }
    }

    /// The entry that a credential names.
    pub fn entry_of(credential: &str) -> Entry {
        let claims = payload(credential.split('~').next().expect("an issuer-signed JWT"));
        let entry = &claims["status"]["status_list"];
        Entry {
            uri: entry["uri"].as_str().expect("a URI").to_owned(),
            index: entry["idx"].as_u64().expect("an index") as usize,
        }
    }

    /// The status at an index: entries are packed from the least significant bit on (§4.1).
    pub fn status(&self, index: usize) -> u8 {
        let per_byte = 8 / self.bits;
        let byte = self.bytes[index / per_byte];
        let mask = ((1_u16 << self.bits) - 1) as u8;
        (byte >> (index % per_byte * self.bits)) & mask
    }

    /// How many entries are not valid.
    pub fn changed(&self) -> usize {
        let entries = self.bytes.len() * 8 / self.bits;
        (0..entries)
            .filter(|index| self.status(*index) != 0)
            .count()
    }
}

fn payload(compact: &str) -> Value {
    let payload = compact.split('.').nth(1).expect("a payload");
    let payload = URL_SAFE_NO_PAD.decode(payload).expect("base64url");
    serde_json::from_slice(&payload).expect("JSON")
}

//! Reading a Status List Token the way its specification says, apart from the crate that writes it.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use flate2::read::ZlibDecoder;
use serde_json::Value;

use crate::answer::Answer;

/// The values of Token Status List §7.1.
pub const VALID: u8 = 0;
pub const INVALID: u8 = 1;
pub const SUSPENDED: u8 = 2;

/// A published list, its signature not verified: the interop tests do that.
#[derive(Debug, Clone, PartialEq)]
pub struct PublishedList {
    pub header: Value,
    pub payload: Value,
    bits: usize,
    bytes: Vec<u8>,
}

impl PublishedList {
    /// Fetches the list as it stands.
    pub async fn fetch(http: &reqwest::Client, uri: &str) -> Self {
        let answer = Answer::to(http.get(uri)).await.expect(200);
        assert_eq!(answer.media_type(), "application/statuslist+jwt");
        let list = Self::read(&answer.text());
        assert_eq!(list.payload["sub"], uri);
        list
    }

    /// Reads a compact JWS.
    pub fn read(token: &str) -> Self {
        let (header, payload) = decode_jwt(token);
        let list = &payload["status_list"];
        let bits = list["bits"].as_u64().expect("bits") as usize;
        let compressed = URL_SAFE_NO_PAD
            .decode(list["lst"].as_str().expect("lst"))
            .expect("base64url");
        let mut bytes = Vec::new();
        ZlibDecoder::new(compressed.as_slice())
            .read_to_end(&mut bytes)
            .expect("zlib");
        Self {
            header,
            payload,
            bits,
            bytes,
        }
    }

    /// The status at an index: entries are packed from the least significant bit on (§4.1).
    pub fn status(&self, index: u64) -> u8 {
        let bit = usize::try_from(index).expect("an index") * self.bits;
        (self.bytes[bit / 8] >> (bit % 8)) & ((1 << self.bits) - 1)
    }

    /// How many entries the list has.
    pub fn len(&self) -> usize {
        self.bytes.len() * 8 / self.bits
    }

    /// How many entries are not valid.
    pub fn changed(&self) -> usize {
        (0..self.len() as u64)
            .filter(|index| self.status(*index) != VALID)
            .count()
    }
}

/// Header and payload of a compact JWS, not verified.
pub fn decode_jwt(compact: &str) -> (Value, Value) {
    let mut parts = compact.split('.').map(|part| {
        let bytes = URL_SAFE_NO_PAD.decode(part).expect("base64url");
        serde_json::from_slice(&bytes).unwrap_or(Value::Null)
    });
    (
        parts.next().expect("a header"),
        parts.next().expect("a payload"),
    )
}

/// The always visible claims of an SD-JWT VC, not verified.
pub fn credential_claims(credential: &str) -> Value {
    decode_jwt(credential.split('~').next().expect("an issuer-signed JWT")).1
}

/// URI and index of the status list entry that a credential names.
pub fn status_reference(credential: &str) -> (String, u64) {
    let claims = credential_claims(credential);
    let entry = &claims["status"]["status_list"];
    let uri = entry["uri"]
        .as_str()
        .unwrap_or_else(|| panic!("no status list: {claims}"));
    (uri.to_owned(), entry["idx"].as_u64().expect("an index"))
}

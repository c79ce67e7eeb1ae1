//! ECDSA signatures from DER, as key services and X.509 write them, to JOSE's `r || s`.

use bestow_jose::Signature;
use x509_cert::der::Decode;
use x509_cert::der::asn1::UintRef;

/// Bytes of `r` and of `s` for P-256.
const INTEGER_BYTES: usize = 32;

/// The bytes are not the DER encoding of a P-256 ECDSA signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the DER encoding of a P-256 signature")]
pub struct DerSignatureError;

/// Converts `SEQUENCE { r INTEGER, s INTEGER }` (RFC 3279 §2.2.3) to `r || s`. Refuses what is not strict DER, and
/// integers that are zero, negative or longer than 32 bytes.
pub fn ecdsa_der_to_raw(der: &[u8]) -> Result<Signature, DerSignatureError> {
    let integers = Vec::<UintRef<'_>>::from_der(der).map_err(|_| DerSignatureError)?;
    let [r, s] = integers.try_into().map_err(|_| DerSignatureError)?;
    let mut raw = [0; 2 * INTEGER_BYTES];
    let (r_half, s_half) = raw.split_at_mut(INTEGER_BYTES);
    write_padded(r, r_half)?;
    write_padded(s, s_half)?;
    Ok(raw)
}

fn write_padded(integer: UintRef<'_>, half: &mut [u8]) -> Result<(), DerSignatureError> {
    let magnitude = integer.as_bytes();
    let padding = INTEGER_BYTES.checked_sub(magnitude.len());
    match padding.and_then(|padding| half.get_mut(padding..)) {
        Some(tail) if magnitude != [0] => {
            tail.copy_from_slice(magnitude);
            Ok(())
        }
        _ => Err(DerSignatureError),
    }
}

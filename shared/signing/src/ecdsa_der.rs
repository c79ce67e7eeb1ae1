//! ECDSA signatures from DER, as key services and X.509 write them, to JOSE's `r || s`.

use jose::Signature;

/// Bytes of `r` and of `s` for P-256.
const INTEGER_BYTES: usize = 32;
const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;

/// The bytes are not the DER encoding of a P-256 ECDSA signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the DER encoding of a P-256 signature")]
pub struct DerSignatureError;

/// Converts `SEQUENCE { r INTEGER, s INTEGER }` (RFC 3279 §2.2.3) to `r || s`.
///
/// DER writes an integer as short as it can, with a zero byte in front where its first bit is set:
/// both are undone here. Anything that is not strict DER, and integers that are zero, negative or
/// longer than 32 bytes, are refused.
///
/// ```
/// # fn main() -> Result<(), signing::DerSignatureError> {
/// let raw = signing::ecdsa_der_to_raw(&[0x30, 0x07, 0x02, 0x01, 0x05, 0x02, 0x02, 0x00, 0xff])?;
/// assert_eq!((raw[31], raw[63]), (5, 0xff));
/// # Ok(())
/// # }
/// ```
pub fn ecdsa_der_to_raw(der: &[u8]) -> Result<Signature, DerSignatureError> {
    let (body, rest) = element(der, SEQUENCE)?;
    let (r, after_r) = element(body, INTEGER)?;
    let (s, after_s) = element(after_r, INTEGER)?;
    if !rest.is_empty() || !after_s.is_empty() {
        return Err(DerSignatureError);
    }
    let mut raw = [0; 2 * INTEGER_BYTES];
    let (r_half, s_half) = raw.split_at_mut(INTEGER_BYTES);
    write_padded(r, r_half)?;
    write_padded(s, s_half)?;
    Ok(raw)
}

/// Splits an element with the given tag off the front: its contents, and what follows it.
fn element(der: &[u8], tag: u8) -> Result<(&[u8], &[u8]), DerSignatureError> {
    match der {
        // A P-256 signature is at most 72 bytes, so each length is one byte below 128.
        [found, length @ 0..0x80, rest @ ..] if *found == tag => rest
            .split_at_checked(usize::from(*length))
            .ok_or(DerSignatureError),
        _ => Err(DerSignatureError),
    }
}

fn write_padded(integer: &[u8], half: &mut [u8]) -> Result<(), DerSignatureError> {
    let magnitude = match integer {
        [0x00, rest @ ..] if rest.first().is_some_and(|byte| byte & 0x80 != 0) => rest,
        [0x01..0x80, ..] => integer,
        // Empty, zero, negative, or with a zero byte that DER forbids.
        _ => return Err(DerSignatureError),
    };
    let padding = INTEGER_BYTES
        .checked_sub(magnitude.len())
        .ok_or(DerSignatureError)?;
    half.get_mut(padding..)
        .ok_or(DerSignatureError)?
        .copy_from_slice(magnitude);
    Ok(())
}

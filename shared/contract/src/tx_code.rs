//! The transaction code of an offer. `[ours]`: the members are those of OpenID4VCI 1.0.

use crate::fields::Fields;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use strum::EnumString;

/// The form of an issuance's transaction code; `{}` means six digits.
///
/// The wallet returns the code to the backend, which hands it to the customer by another way than the
/// offer. The members are those of OpenID4VCI 1.0 §4.1.1, `tx_code`.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TxCode {
    /// Which characters the code is made of.
    pub input_mode: TxCodeInputMode,
    /// How many characters the code has.
    pub length: u32,
    /// What the customer's wallet says about where the code comes from, at most 300 characters.
    pub description: Option<String>,
}

/// The characters of a transaction code (OpenID4VCI 1.0 §4.1.1, `input_mode`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, EnumString)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum TxCodeInputMode {
    /// Digits.
    #[default]
    Numeric,
    /// Any characters.
    Text,
}

impl TxCode {
    /// The shortest code: with five attempts, 4 digits are guessed once in 2000 times.
    pub const MIN_LENGTH: u32 = 4;
    /// The longest code that a human is asked to type.
    pub const MAX_LENGTH: u32 = 16;
    /// The length if none is asked for.
    pub const DEFAULT_LENGTH: u32 = 6;
    /// The longest description, in characters (OpenID4VCI 1.0 §4.1.1).
    pub const MAX_DESCRIPTION_CHARS: usize = 300;

    pub(crate) fn read(mut fields: Fields<'_>) -> Self {
        let input_mode = fields.name("input_mode", "give \"numeric\" or \"text\"");
        let length = fields
            .number("length", Self::MIN_LENGTH..=Self::MAX_LENGTH)
            .unwrap_or(Self::DEFAULT_LENGTH);
        let description = fields.short_text("description", 4 * Self::MAX_DESCRIPTION_CHARS);
        let chars = description.as_ref().map_or(0, |text| text.chars().count());
        if chars > Self::MAX_DESCRIPTION_CHARS {
            fields.fault(
                "description",
                "is too long: at most 300 characters are allowed",
            );
        }
        Self {
            input_mode: input_mode.unwrap_or_default(),
            length,
            description,
        }
    }
}

impl Default for TxCode {
    fn default() -> Self {
        Self {
            input_mode: TxCodeInputMode::default(),
            length: Self::DEFAULT_LENGTH,
            description: None,
        }
    }
}

use super::QrCode;
use serde_with::SerializeDisplay;
use std::{fmt, str::FromStr};

/// An opaque sRGB colour, written `#rrggbb` or `#rgb`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, SerializeDisplay)]
pub struct Color {
    /// Red, 0 to 255.
    pub red: u8,
    /// Green, 0 to 255.
    pub green: u8,
    /// Blue, 0 to 255.
    pub blue: u8,
}

/// A text that is not a [`Color`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a colour: give it as #rrggbb, such as #1a2b3c")]
pub struct ColorError;

impl Color {
    /// `#000000`.
    pub const BLACK: Self = Self::new(0, 0, 0);
    /// `#ffffff`.
    pub const WHITE: Self = Self::new(255, 255, 255);

    /// A colour of its red, green and blue parts.
    pub const fn new(red: u8, green: u8, blue: u8) -> Self {
        Self { red, green, blue }
    }

    /// How bright the colour is, from 0 (black) to 1 (white): WCAG 2.2, "relative luminance".
    fn relative_luminance(self) -> f64 {
        let linear = |part: u8| {
            let part = f64::from(part) / 255.0;
            if part <= 0.04045 {
                part / 12.92
            } else {
                ((part + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * linear(self.red) + 0.7152 * linear(self.green) + 0.0722 * linear(self.blue)
    }

    /// The contrast ratio of two colours, from 1 to 21: WCAG 2.2, "contrast ratio".
    pub(super) fn contrast_with(self, other: Self) -> f64 {
        let (one, two) = (self.relative_luminance(), other.relative_luminance());
        (one.max(two) + 0.05) / (one.min(two) + 0.05)
    }

    /// Whether modules of the colour `dark` on this light colour can be scanned, or why not.
    pub(super) fn scans_behind(self, dark: Self) -> Result<(), String> {
        let needed = QrCode::MIN_CONTRAST;
        // Rounded down: a ratio just below the limit does not read as the limit.
        let found = (self.contrast_with(dark) * 100.0).floor() / 100.0;
        if dark.relative_luminance() > self.relative_luminance() {
            return Err(format!(
                "is lighter than color_light ({dark} on {self}), which many scanners cannot read: \
                 swap the two or give a darker colour, with a contrast ratio of at least {needed}:1"
            ));
        }
        if found < needed {
            return Err(format!(
                "has too little contrast to color_light ({dark} on {self}): the ratio is \
                 {found:.2}:1, at least {needed}:1 is needed to scan; give a darker colour or a \
                 lighter color_light"
            ));
        }
        Ok(())
    }
}

impl FromStr for Color {
    type Err = ColorError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix('#').ok_or(ColorError)?;
        let repeats = if digits.len() == 3 { 2 } else { 1 };
        let repeated = |digit| std::iter::repeat_n(digit, repeats);
        let digits: String = digits.chars().flat_map(repeated).collect();
        let mut parts = [0; 3];
        hex::decode_to_slice(digits, &mut parts).map_err(|_| ColorError)?;
        let [red, green, blue] = parts;
        Ok(Self::new(red, green, blue))
    }
}

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:02x}{:02x}{:02x}", self.red, self.green, self.blue)
    }
}

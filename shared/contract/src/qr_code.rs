//! How the QR code of a Start issue looks. The members are the vendor's; the ranges, the defaults and
//! what is refused because it does not scan are `[ours]`. The crate `qr-code` reads the logo and draws.

mod color;
mod logo;

pub use color::{Color, ColorError};
pub use logo::{Logo, LogoError, LogoFormat, LogoUri};

use crate::fields::Fields;
use serde::Serialize;
use serde_with::skip_serializing_none;
use std::ops::RangeInclusive;
use url::Url;

/// The options of the QR code, `qr_code` of Start issue. `{}` means the defaults.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct QrCode {
    /// Width and height of the picture in pixels: [`QrCode::SIZE`], 400 by default.
    pub size: u32,
    /// The colour of the dark modules, black by default.
    pub color_dark: Color,
    /// The colour of the light modules and of the border, white by default.
    pub color_light: Color,
    /// The least width of the light border in pixels, within `size`: [`QrCode::PADDING`] and at most
    /// a quarter of `size`, 16 by default. It is at least the four modules of ISO/IEC 18004 §6.3.8.
    pub padding: u32,
    /// The picture in the middle, none by default.
    pub logo_uri: Option<LogoUri>,
    /// The logo's width in percent of the code's: [`QrCode::LOGO_SIZE`], 20 by default.
    pub logo_size: u32,
    /// The colour of the three finder patterns in the corners, `color_dark` by default.
    pub marker_color: Option<Color>,
}

impl QrCode {
    /// The sizes that can be asked for, in pixels.
    pub const SIZE: RangeInclusive<u32> = 128..=2048;
    /// The paddings that can be asked for, in pixels.
    pub const PADDING: RangeInclusive<u32> = 0..=512;
    /// The logo sizes that can be asked for, in percent of the code's width. At most 9 percent of the
    /// modules are hidden then; error correction level H restores 30.
    pub const LOGO_SIZE: RangeInclusive<u32> = 5..=30;
    /// The least contrast ratio between dark and light that scanners read (WCAG 2.2, 1 to 21).
    pub const MIN_CONTRAST: f64 = 3.0;

    /// Where the logo is, if it was not sent itself.
    pub fn logo_link(&self) -> Option<&Url> {
        match &self.logo_uri {
            Some(LogoUri::Link(url)) => Some(url),
            _ => None,
        }
    }

    /// The same with this logo.
    #[must_use]
    pub fn with_logo(self, logo: Logo) -> Self {
        Self {
            logo_uri: Some(LogoUri::Picture(logo)),
            ..self
        }
    }

    /// The colour of the finder patterns.
    pub fn marker_color(&self) -> Color {
        self.marker_color.unwrap_or(self.color_dark)
    }

    pub(crate) fn read(mut fields: Fields<'_>) -> Self {
        let default = Self::default();
        let options = Self {
            size: fields.number("size", Self::SIZE).unwrap_or(default.size),
            color_dark: fields.parsed("color_dark").unwrap_or(default.color_dark),
            color_light: fields.parsed("color_light").unwrap_or(default.color_light),
            padding: fields
                .number("padding", Self::PADDING)
                .unwrap_or(default.padding),
            logo_uri: fields.parsed("logo_uri"),
            logo_size: fields
                .number("logo_size", Self::LOGO_SIZE)
                .unwrap_or(default.logo_size),
            marker_color: fields.parsed("marker_color"),
        };
        if options.padding > options.size / 4 {
            let (padding, most) = (options.padding, options.size / 4);
            let reason = format!("is {padding}: give at most a quarter of the size, {most}");
            fields.fault("padding", reason);
        }
        if let Err(reason) = options.color_light.scans_behind(options.color_dark) {
            fields.fault("color_dark", reason);
        }
        if let Some(marker) = options.marker_color
            && let Err(reason) = options.color_light.scans_behind(marker)
        {
            fields.fault("marker_color", reason);
        }
        options
    }
}

impl Default for QrCode {
    fn default() -> Self {
        Self {
            size: 400,
            color_dark: Color::BLACK,
            color_light: Color::WHITE,
            padding: 16,
            logo_uri: None,
            logo_size: 20,
            marker_color: None,
        }
    }
}

#[cfg(test)]
mod tests;

use crate::{
    logo::LogoImage,
    matrix::{Cell, Matrix, TextTooLongError},
    png_file,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use bestow_contract::{Color, FieldError, LogoUri, QrCode};
use fast_qr::ECL;
use image::{Rgb, RgbImage, imageops};
use std::fmt;

/// The quiet zone, in modules (ISO/IEC 18004 §6.3.8).
const QUIET_ZONE: u32 = 4;
/// The least width of a module in pixels: with one pixel, a scaled picture loses modules.
const LEAST_SCALE: u32 = 2;

/// How a QR code shall look, with its logo read: everything but the text.
pub struct Design {
    options: QrCode,
    logo: Option<LogoImage>,
}

/// A finished QR code.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    png: Vec<u8>,
}

/// Why a text cannot be drawn with a [`Design`].
#[derive(Debug, thiserror::Error)]
pub enum DrawError {
    /// No code holds the text.
    #[error(transparent)]
    TextTooLongError(#[from] TextTooLongError),
    /// The code of the text needs more room.
    #[error(
        "a size of {size} pixels is too small for a text of {text_bytes} bytes: it needs {needed}"
    )]
    SizeTooSmall {
        /// The size that was asked for, in pixels.
        size: u32,
        /// The length of the text, in bytes of UTF-8.
        text_bytes: usize,
        /// The least size with the same padding and logo, in pixels.
        needed: u32,
    },
    /// The PNG could not be written. (Writing to memory does not fail.)
    #[error("the picture could not be written")]
    Png(#[from] png::EncodingError),
}

impl Design {
    /// Reads the logo, if there is one. A link to one is left out: the caller fetches it first, for
    /// [`QrCode::with_logo`].
    ///
    /// # Errors
    /// A fault at `/qr_code/logo_uri` if the logo is not a whole picture, or is too large.
    pub fn new(options: &QrCode) -> Result<Self, Vec<FieldError>> {
        let logo = match &options.logo_uri {
            Some(LogoUri::Picture(logo)) => Some(
                LogoImage::read(logo, options.color_light)
                    .map_err(|reason| vec![FieldError::new("/qr_code/logo_uri", reason)])?,
            ),
            Some(LogoUri::Link(_)) | None => None,
        };
        Ok(Self {
            options: options.clone(),
            logo,
        })
    }

    /// Checks whether any text of `text_bytes` bytes can be drawn, before the text exists.
    ///
    /// # Errors
    /// As [`Design::draw`].
    pub fn check_room(&self, text_bytes: usize) -> Result<(), DrawError> {
        // Lower-case letters take the most room for their number.
        self.lay_out(&"x".repeat(text_bytes)).map(|_| ())
    }

    /// Draws the QR code of `text`.
    ///
    /// # Errors
    /// If the text is too long for a QR code, or its code too large for the picture.
    pub fn draw(&self, text: &str) -> Result<Picture, DrawError> {
        let (matrix, scale) = self.lay_out(text)?;
        let mut picture = self.paint(&matrix, scale);
        if let Some(logo) = &self.logo {
            let share = length(matrix.side()) * self.options.logo_size / 100;
            let logo = logo.fit((share * scale).max(1));
            // Half a module of light around the logo, in an odd number of whole modules.
            let cleared = |pixels: u32| ((pixels + scale).div_ceil(scale) | 1) * scale;
            let (width, height) = (cleared(logo.width()), cleared(logo.height()));
            let light = pixel(self.options.color_light);
            put_in_middle(&mut picture, &RgbImage::from_pixel(width, height, light));
            put_in_middle(&mut picture, &logo);
        }
        let png = png_file::encode(&picture)?;
        Ok(Picture { png })
    }

    /// The code of a text, and the width of a module in pixels.
    fn lay_out(&self, text: &str) -> Result<(Matrix, u32), DrawError> {
        let matrix = match self.logo {
            Some(_) => Matrix::under_logo(text)?,
            None => Matrix::of_text(text, ECL::M)?,
        };
        let QrCode { size, padding, .. } = self.options;
        let side = length(matrix.side());
        let scale = (size.saturating_sub(2 * padding) / side).min(size / (side + 2 * QUIET_ZONE));
        if scale < LEAST_SCALE {
            let with_padding = LEAST_SCALE * side + 2 * padding;
            return Err(DrawError::SizeTooSmall {
                size,
                text_bytes: text.len(),
                needed: with_padding.max(LEAST_SCALE * (side + 2 * QUIET_ZONE)),
            });
        }
        Ok((matrix, scale))
    }

    /// The code with its border.
    fn paint(&self, matrix: &Matrix, scale: u32) -> RgbImage {
        let size = self.options.size;
        let border = (size - length(matrix.side()) * scale) / 2;
        let light = pixel(self.options.color_light);
        let dark = pixel(self.options.color_dark);
        let marker = pixel(self.options.marker_color());
        RgbImage::from_fn(size, size, |x, y| {
            let module = |at: u32| Some((at.checked_sub(border)? / scale) as usize);
            match matrix.cell(module(x), module(y)) {
                Cell::Light => light,
                Cell::Dark => dark,
                Cell::Marker => marker,
            }
        })
    }
}

fn put_in_middle(picture: &mut RgbImage, part: &RgbImage) {
    let left = picture.width().saturating_sub(part.width()) / 2;
    let top = picture.height().saturating_sub(part.height()) / 2;
    imageops::replace(picture, part, left.into(), top.into());
}

fn pixel(color: Color) -> Rgb<u8> {
    Rgb([color.red, color.green, color.blue])
}

/// A number of modules, at most 177 in a row.
fn length(modules: usize) -> u32 {
    u32::try_from(modules).unwrap_or(u32::MAX)
}

impl Picture {
    /// The PNG file.
    pub fn png(&self) -> &[u8] {
        &self.png
    }

    /// The PNG file as a `data:` URI (RFC 2397).
    pub fn data_uri(&self) -> String {
        format!("data:image/png;base64,{}", STANDARD.encode(&self.png))
    }
}

impl DrawError {
    /// The fault of the request that asked for the picture; nothing if it is not the request's.
    pub fn fault(&self) -> Option<FieldError> {
        match self {
            Self::TextTooLongError(TextTooLongError { bytes, max_bytes }) => Some(FieldError::new(
                "/qr_code",
                format!(
                    "cannot be drawn: the link has {bytes} bytes and a QR code like this holds \
                     {max_bytes}; give a shorter request_uri_base, or leave the logo out"
                ),
            )),
            Self::SizeTooSmall { size, needed, .. } => Some(FieldError::new(
                "/qr_code/size",
                format!("is {size}: the link needs at least {needed} pixels with this padding"),
            )),
            Self::Png(_) => None,
        }
    }
}

impl fmt::Debug for Design {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Design").field(&self.options).finish()
    }
}

impl fmt::Debug for Picture {
    /// Whoever sees the picture can take the credential.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Picture({} bytes)", self.png.len())
    }
}

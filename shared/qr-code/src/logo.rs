use bestow_contract::{Color, LogoFormat};
use image::{
    DynamicImage, ImageFormat, ImageReader, Limits, Rgb, RgbImage,
    error::ImageError,
    imageops::{self, FilterType},
};
use std::io::Cursor;

/// The widest and highest logo that is read, in pixels. At most 614 pixels of it are ever shown.
const MAX_SIDE: u32 = 2048;
/// The most memory that reading a logo may take, in bytes: 16 bits in four channels at the greatest
/// size, and half as much again for the decoder's own buffers.
const MAX_ALLOC_BYTES: u64 = 48 * 1024 * 1024;

/// A logo's pixels, with what is transparent filled with the light colour.
pub(crate) struct LogoImage(RgbImage);

impl LogoImage {
    /// Reads the file, within limits that a file made to fill the memory ("decompression bomb")
    /// runs into before it does harm.
    ///
    /// # Errors
    /// What is wrong and what would be right, to be read after the name of the field.
    pub(crate) fn read(logo: &bestow_contract::Logo, background: Color) -> Result<Self, String> {
        let format = match logo.format() {
            LogoFormat::Png => ImageFormat::Png,
            LogoFormat::Jpeg => ImageFormat::Jpeg,
        };
        let mut limits = Limits::default();
        limits.max_image_width = Some(MAX_SIDE);
        limits.max_image_height = Some(MAX_SIDE);
        limits.max_alloc = Some(MAX_ALLOC_BYTES);
        let mut reader = ImageReader::with_format(Cursor::new(logo.file()), format);
        reader.limits(limits);
        let image = reader.decode().map_err(|error| match error {
            ImageError::Limits(_) => {
                format!("is too large: at most {MAX_SIDE} by {MAX_SIDE} pixels are allowed")
            }
            _ => format!("is not a whole {format:?} file: give one that a browser can show"),
        })?;
        Ok(Self(flatten(&image, background)))
    }

    /// The logo scaled to fit into a square of `side` pixels, with its proportions kept.
    pub(crate) fn fit(&self, side: u32) -> RgbImage {
        let (width, height) = self.fitted_size(side);
        imageops::resize(&self.0, width, height, FilterType::CatmullRom)
    }

    /// The width and height of [`LogoImage::fit`].
    fn fitted_size(&self, side: u32) -> (u32, u32) {
        let (width, height) = (self.0.width().max(1), self.0.height().max(1));
        let scaled = |part: u32, whole: u32| (side * part / whole).clamp(1, side.max(1));
        if width >= height {
            (side.max(1), scaled(height, width))
        } else {
            (scaled(width, height), side.max(1))
        }
    }
}

/// Puts the picture on the light colour. Scaling comes after it, so that the colour of transparent
/// pixels does not bleed into the edges.
fn flatten(image: &DynamicImage, background: Color) -> RgbImage {
    let background = [background.red, background.green, background.blue];
    let image = image.to_rgba8();
    let mut flat = RgbImage::new(image.width(), image.height());
    for (target, source) in flat.pixels_mut().zip(image.pixels()) {
        let [red, green, blue, alpha] = source.0;
        let blend = |above: u8, below: u8| {
            let (above, below, alpha) = (u32::from(above), u32::from(below), u32::from(alpha));
            // At most 255, as an average of two bytes.
            u8::try_from((above * alpha + below * (255 - alpha) + 127) / 255).unwrap_or(u8::MAX)
        };
        let [back_red, back_green, back_blue] = background;
        *target = Rgb([
            blend(red, back_red),
            blend(green, back_green),
            blend(blue, back_blue),
        ]);
    }
    flat
}

use bestow_contract::{Color, LogoFormat};
use image::{
    DynamicImage, ImageFormat, ImageReader, Limits, RgbImage, Rgba, RgbaImage,
    error::ImageError,
    imageops::{self, FilterType},
};
use std::io::Cursor;

/// The widest and highest logo that is read, in pixels. At most 614 pixels of it are ever shown.
const MAX_SIDE: u32 = 2048;
/// The most memory that reading a logo may take, in bytes: four channels of 16 bits at the greatest
/// size, and half as much for the decoder's buffers.
const MAX_ALLOC_BYTES: u64 = 48 * 1024 * 1024;

/// A logo's pixels, with what is transparent filled with the light colour.
pub(crate) struct LogoImage(DynamicImage);

impl LogoImage {
    /// Reads the file, within limits that stop a decompression bomb.
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
        let fitted = self.0.resize(side, side, FilterType::CatmullRom);
        fitted.into_rgb8()
    }
}

/// Puts the picture on the light colour. Scaling comes after it, so that the colour of transparent
/// pixels does not bleed into the edges.
fn flatten(image: &DynamicImage, background: Color) -> DynamicImage {
    let Color { red, green, blue } = background;
    let background = Rgba([red, green, blue, u8::MAX]);
    let mut flat = RgbaImage::from_pixel(image.width(), image.height(), background);
    imageops::overlay(&mut flat, &image.to_rgba8(), 0, 0);
    flat.into()
}

use png::{BitDepth, ColorType, Compression, Encoder, EncodingError, Filter};

/// A pixel: red, green, blue.
pub(crate) type Pixel = [u8; 3];

/// A square picture as a PNG file, with a palette if it has at most 256 colours.
pub(crate) fn encode(pixels: &[Pixel], side: u32) -> Result<Vec<u8>, EncodingError> {
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, side, side);
    encoder.set_compression(Compression::Balanced);
    let data = match indexed(pixels) {
        Some((palette, indices)) => {
            let (depth, bits) = match palette.len() {
                0..=2 => (BitDepth::One, 1),
                3..=4 => (BitDepth::Two, 2),
                5..=16 => (BitDepth::Four, 4),
                _ => (BitDepth::Eight, 8),
            };
            encoder.set_color(ColorType::Indexed);
            encoder.set_depth(depth);
            encoder.set_palette(palette.concat());
            // A module's rows are all the same, which this filter turns into zeros.
            encoder.set_filter(Filter::Up);
            pack(&indices, side, bits)
        }
        None => {
            encoder.set_color(ColorType::Rgb);
            encoder.set_depth(BitDepth::Eight);
            encoder.set_filter(Filter::Adaptive);
            pixels.concat()
        }
    };
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&data)?;
    writer.finish()?;
    Ok(file)
}

/// The picture's colours and, for each pixel, which of them it has; nothing if there are more than
/// 256.
fn indexed(pixels: &[Pixel]) -> Option<(Vec<Pixel>, Vec<u8>)> {
    let mut palette: Vec<Pixel> = Vec::new();
    let mut indices = Vec::with_capacity(pixels.len());
    let mut last = None;
    for pixel in pixels {
        // Most pixels are as the one before.
        let index = match last {
            Some((color, index)) if color == pixel => index,
            _ => {
                let known = palette.iter().position(|color| color == pixel);
                let position = known.unwrap_or_else(|| {
                    palette.push(*pixel);
                    palette.len() - 1
                });
                u8::try_from(position).ok()?
            }
        };
        last = Some((pixel, index));
        indices.push(index);
    }
    Some((palette, indices))
}

/// Puts the pixels of each row into bytes, `bits` for each, the leftmost in the high bits; a row
/// starts a new byte (PNG §7.2).
fn pack(indices: &[u8], side: u32, bits: usize) -> Vec<u8> {
    let per_byte = 8 / bits;
    // On every platform with 32-bit addresses or more.
    let side = usize::try_from(side).unwrap_or(usize::MAX);
    indices
        .chunks(side.max(1))
        .flat_map(|row| row.chunks(per_byte))
        .map(|group| {
            let missing = per_byte - group.len();
            let byte = group
                .iter()
                .fold(0u32, |byte, index| (byte << bits) | u32::from(*index));
            u8::try_from(byte << (missing * bits)).unwrap_or_default()
        })
        .collect()
}

use image::{Rgb, RgbImage};
use png::{BitDepth, ColorType, Compression, Encoder, EncodingError, Filter};

/// A picture as a PNG file, with a palette if it has at most 256 colours.
pub(crate) fn encode(picture: &RgbImage) -> Result<Vec<u8>, EncodingError> {
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, picture.width(), picture.height());
    encoder.set_compression(Compression::Balanced);
    let data = match indexed(picture) {
        Some((palette, indices)) => {
            let depth = match palette.len() {
                0..=2 => BitDepth::One,
                3..=4 => BitDepth::Two,
                5..=16 => BitDepth::Four,
                _ => BitDepth::Eight,
            };
            encoder.set_color(ColorType::Indexed);
            encoder.set_depth(depth);
            encoder.set_palette(palette.iter().flat_map(|color| color.0).collect::<Vec<_>>());
            // A module's rows are all the same, which this filter turns into zeros.
            encoder.set_filter(Filter::Up);
            pack(&indices, picture.width() as usize, depth as usize)
        }
        None => {
            encoder.set_color(ColorType::Rgb);
            encoder.set_depth(BitDepth::Eight);
            encoder.set_filter(Filter::Adaptive);
            picture.as_raw().clone()
        }
    };
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&data)?;
    writer.finish()?;
    Ok(file)
}

/// The picture's colours and, for each pixel, which of them it has; nothing if there are more than 256.
fn indexed(picture: &RgbImage) -> Option<(Vec<Rgb<u8>>, Vec<u8>)> {
    let mut palette: Vec<Rgb<u8>> = Vec::new();
    let mut indices = Vec::with_capacity(picture.pixels().len());
    let mut last = None;
    for pixel in picture.pixels() {
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
fn pack(indices: &[u8], width: usize, bits: usize) -> Vec<u8> {
    let per_byte = 8 / bits;
    let rows = indices.chunks(width.max(1));
    let groups = rows.flat_map(|row| row.chunks(per_byte));
    let pack = |group: &[u8]| {
        let places = (0..per_byte).rev().map(|place| place * bits);
        let indices = group.iter().zip(places);
        indices.fold(0, |byte, (index, place)| byte | index << place)
    };
    groups.map(pack).collect()
}

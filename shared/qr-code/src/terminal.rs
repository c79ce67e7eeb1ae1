use crate::matrix::{Cell, Correction, Matrix, TextTooLongError};

/// The quiet zone, in modules (ISO/IEC 18004 §6.3.8).
const QUIET_ZONE: usize = 4;

/// The QR code of `text` for a terminal, one line feed after each line.
///
/// Two rows of modules make one line, with half blocks for the upper one. Black and white are set by
/// escape sequences (ISO/IEC 8613-6 indexed colours 16 and 231), because a code in the terminal's own
/// colours is light on dark as often as not; so write it to a terminal only.
///
/// # Errors
/// If the text is longer than 2953 bytes.
pub fn terminal(text: &str) -> Result<String, TextTooLongError> {
    let matrix = Matrix::of_text(text, Correction::Low)?;
    let width = matrix.side() + 2 * QUIET_ZONE;
    let border = std::iter::repeat_n(vec![false; width], QUIET_ZONE);
    let middle = matrix.rows().map(|row| {
        let edge = || std::iter::repeat_n(false, QUIET_ZONE);
        let dark = row.iter().map(|cell| *cell != Cell::Light);
        edge().chain(dark).chain(edge()).collect()
    });
    let rows: Vec<Vec<bool>> = border.clone().chain(middle).chain(border).collect();

    let mut picture = String::new();
    for pair in rows.chunks(2) {
        picture.push_str("\u{1b}[38;5;16;48;5;231m");
        let (upper, lower) = (pair.first(), pair.get(1));
        for column in 0..width {
            let dark = |row: Option<&Vec<bool>>| row.and_then(|row| row.get(column)) == Some(&true);
            picture.push(match (dark(upper), dark(lower)) {
                (true, true) => '█',
                (true, false) => '▀',
                (false, true) => '▄',
                (false, false) => ' ',
            });
        }
        picture.push_str("\u{1b}[0m\n");
    }
    Ok(picture)
}

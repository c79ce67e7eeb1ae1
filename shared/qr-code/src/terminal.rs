use crate::matrix::{Cell, Matrix, TextTooLongError};
use fast_qr::ECL;

/// The quiet zone, in modules (ISO/IEC 18004 §6.3.8).
const QUIET_ZONE: usize = 4;

/// The QR code of `text` for a terminal, one line feed after each line.
///
/// Two rows of modules make one line, with half blocks for the upper one. Black and white are set by
/// escape sequences (ISO/IEC 8613-6 indexed colours 16 and 231), because the terminal's own colours are
/// often light on dark; so write it to a terminal only.
///
/// # Errors
/// If the text is longer than 2953 bytes.
pub fn terminal(text: &str) -> Result<String, TextTooLongError> {
    let matrix = Matrix::of_text(text, ECL::L)?;
    let is_dark = |x: usize, y: usize| {
        let module = matrix.cell(x.checked_sub(QUIET_ZONE), y.checked_sub(QUIET_ZONE));
        module != Cell::Light
    };
    let width = matrix.side() + 2 * QUIET_ZONE;
    let mut picture = String::new();
    for y in (0..width).step_by(2) {
        picture.push_str("\u{1b}[38;5;16;48;5;231m");
        for x in 0..width {
            picture.push(match (is_dark(x, y), is_dark(x, y + 1)) {
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

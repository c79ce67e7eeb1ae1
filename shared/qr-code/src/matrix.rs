use fast_qr::{ECL, Module, ModuleType, QRBuilder, QRCode, Version};

/// A text that no QR code can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the text has {bytes} bytes: a QR code like this one holds {max_bytes}")]
pub struct TextTooLongError {
    /// The length of the text, in bytes of UTF-8.
    pub bytes: usize,
    /// The most bytes that the code holds at its level of error correction.
    pub max_bytes: usize,
}

/// One module of a QR code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    Light,
    Dark,
    /// A dark module of a finder pattern, in one of three corners.
    Marker,
}

/// A QR code without its quiet zone.
pub(crate) struct Matrix(QRCode);

/// In a code of fewer modules in width, a logo hides a share of the few codewords that error correction
/// cannot restore. It is the width of version 6.
const LEAST_SIDE_WITH_LOGO: usize = 41;

impl Matrix {
    /// The smallest code of `text` at this level of error correction (ISO/IEC 18004 §6.5.1).
    pub(crate) fn of_text(text: &str, level: ECL) -> Result<Self, TextTooLongError> {
        let code = QRBuilder::new(text).ecl(level).build();
        code.map(Self).map_err(|_| TextTooLongError {
            bytes: text.len(),
            max_bytes: max_bytes(level),
        })
    }

    /// The smallest code of `text` that can still be read with a logo on it.
    pub(crate) fn under_logo(text: &str) -> Result<Self, TextTooLongError> {
        let smallest = Self::of_text(text, ECL::H)?;
        if smallest.side() >= LEAST_SIDE_WITH_LOGO {
            return Ok(smallest);
        }
        // What fits a smaller version fits this one.
        let mut larger = QRBuilder::new(text);
        let larger = larger.ecl(ECL::H).version(Version::V06).build();
        Ok(larger.map_or(smallest, Self))
    }

    /// The number of modules in a row, and of rows.
    pub(crate) fn side(&self) -> usize {
        self.0.size
    }

    /// The module at a place counted from the upper left one; light outside the code.
    pub(crate) fn cell(&self, column: Option<usize>, row: Option<usize>) -> Cell {
        let side = self.side();
        let inside = |place: Option<usize>| place.filter(|place| *place < side);
        let index = inside(column).zip(inside(row));
        let index = index.map(|(column, row)| row * side + column);
        let module = index.and_then(|index| self.0.data.get(index));
        module.map_or(Cell::Light, |module| Cell::of(*module))
    }
}

/// What version 40 holds in byte mode (ISO/IEC 18004 §6.4.10, table 7).
fn max_bytes(level: ECL) -> usize {
    match level {
        ECL::L => 2953,
        ECL::M => 2331,
        ECL::Q => 1663,
        ECL::H => 1273,
    }
}

impl Cell {
    fn of(module: Module) -> Self {
        match (module.value(), module.module_type()) {
            (false, _) => Self::Light,
            (true, ModuleType::FinderPattern) => Self::Marker,
            (true, _) => Self::Dark,
        }
    }
}

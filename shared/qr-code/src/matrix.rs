use fast_qr::{ECL, Module, ModuleType, QRBuilder, Version};

/// How much of a code may be lost and still be read (ISO/IEC 18004 §6.5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Correction {
    /// Level L, 7 percent: for a screen that nothing covers.
    Low,
    /// Level M, 15 percent.
    Medium,
    /// Level H, 30 percent: what a logo needs.
    High,
}

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
pub(crate) struct Matrix {
    cells: Vec<Cell>,
    side: usize,
}

/// Under this many modules in width, a logo hides a share of the few codewords that error
/// correction cannot restore. It is the width of version 6.
const LEAST_SIDE_WITH_LOGO: usize = 41;

impl Matrix {
    /// The smallest code of `text` at this level of error correction.
    pub(crate) fn of_text(text: &str, correction: Correction) -> Result<Self, TextTooLongError> {
        let mut builder = QRBuilder::new(text);
        builder.ecl(correction.level());
        builder
            .build()
            .map(|code| Self::of_code(&code))
            .map_err(|_| TextTooLongError {
                bytes: text.len(),
                max_bytes: correction.max_bytes(),
            })
    }

    /// The smallest code of `text` that can still be read with a logo on it.
    pub(crate) fn under_logo(text: &str) -> Result<Self, TextTooLongError> {
        let smallest = Self::of_text(text, Correction::High)?;
        if smallest.side >= LEAST_SIDE_WITH_LOGO {
            return Ok(smallest);
        }
        let mut builder = QRBuilder::new(text);
        builder.ecl(ECL::H).version(Version::V06);
        // What fits a smaller version fits this one.
        Ok(builder
            .build()
            .map_or(smallest, |code| Self::of_code(&code)))
    }

    fn of_code(code: &fast_qr::QRCode) -> Self {
        let side = code.size;
        let modules = code.data.iter().take(side * side);
        Self {
            cells: modules.map(|module| Cell::of(*module)).collect(),
            side,
        }
    }

    /// The number of modules in a row, and of rows.
    pub(crate) fn side(&self) -> usize {
        self.side
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = &[Cell]> {
        self.cells.chunks(self.side)
    }

    /// Makes a block of `width` times `height` modules in the middle light.
    pub(crate) fn clear_middle(&mut self, width: usize, height: usize) {
        let left = self.side.saturating_sub(width) / 2;
        let top = self.side.saturating_sub(height) / 2;
        for row in self.cells.chunks_mut(self.side).skip(top).take(height) {
            for cell in row.iter_mut().skip(left).take(width) {
                *cell = Cell::Light;
            }
        }
    }
}

impl Correction {
    fn level(self) -> ECL {
        match self {
            Self::Low => ECL::L,
            Self::Medium => ECL::M,
            Self::High => ECL::H,
        }
    }

    /// What version 40 holds in byte mode (ISO/IEC 18004 §6.4.10, table 7).
    fn max_bytes(self) -> usize {
        match self {
            Self::Low => 2953,
            Self::Medium => 2331,
            Self::High => 1273,
        }
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

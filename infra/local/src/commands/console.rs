//! Writing to the terminal. What cannot be written is left out: then nobody is looking.

use std::io::{self, Write};

/// Writes a text and a line feed to standard output.
pub(super) fn print(text: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// Writes what went wrong to standard error.
pub(super) fn error(text: &str) {
    let _ = writeln!(io::stderr().lock(), "error: {text}");
}

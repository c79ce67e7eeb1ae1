//! QR codes: as a picture of exactly the size and colours that were asked for, and for a terminal.
//!
//! What can be judged without a picture (ranges, colours, contrast, the form of the logo's URI) is
//! judged by [`bestow_contract::QrCode`]. [`Design::new`] adds what needs the logo's pixels, so that
//! [`bestow_contract::StartIssue::from_json_with`] tells all faults of a request at once:
//!
//! ```
//! use bestow_contract::{Problem, StartIssue};
//!
//! # fn main() -> Result<(), Problem> {
//! let body = br#"{"template_id": "issue_iban", "claims": {}, "qr_code": {"size": 300}}"#;
//! let (start, design) = StartIssue::from_json_with(body, bestow_qr_code::Design::new, |_| Ok(()))?;
//! # assert!(design.is_some_and(|design| design.draw("https://wallet.example").is_ok()));
//! # Ok(())
//! # }
//! ```

mod design;
mod logo;
mod matrix;
mod png_file;
mod terminal;

pub use design::{Design, DrawError, Picture};
pub use matrix::TextTooLongError;
pub use terminal::terminal;

#[cfg(test)]
mod tests;

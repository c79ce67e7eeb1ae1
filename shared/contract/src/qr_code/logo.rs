use base64::{Engine, engine::general_purpose::GeneralPurpose};
use base64::{alphabet, engine::DecodePaddingMode, engine::GeneralPurposeConfig};
use serde_with::SerializeDisplay;
use std::{fmt, str::FromStr};
use url::Url;

/// With padding or without: both are found in data URIs.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A `logo_uri`: the picture itself, or where it is.
#[derive(Clone, Debug, PartialEq, Eq, SerializeDisplay)]
pub enum LogoUri {
    /// The picture, in a `data:` URI.
    Picture(Logo),
    /// An `http` or `https` URL, to be fetched by whoever may.
    Link(Url),
}

/// A PNG or JPEG file, as far as its first bytes tell; in JSON a `data:` URI (RFC 2397).
#[derive(Clone, PartialEq, Eq)]
pub struct Logo {
    format: LogoFormat,
    file: Vec<u8>,
}

/// The formats of a [`Logo`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogoFormat {
    /// `image/png`.
    Png,
    /// `image/jpeg`.
    Jpeg,
}

/// Why a text is not a [`Logo`]. The message says what would be right.
#[expect(missing_docs, reason = "the messages say it")]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogoError {
    #[error("is not a valid URL: {WANTED}")]
    Link,
    #[error("is not a data URI in base64: {WANTED}")]
    NotDataUri,
    #[error("is an SVG, which is not supported: {WANTED}")]
    Svg,
    #[error("is neither a PNG nor a JPEG file: {WANTED}")]
    Format,
    #[error("is not valid base64 after the comma: {WANTED}")]
    Base64,
    #[error("is too large: at most 131072 bytes (128 KiB) are allowed before base64")]
    TooLarge,
}

const WANTED: &str =
    "give a PNG or JPEG as data:image/png;base64,… or data:image/jpeg;base64,…, or its https URL";

impl Logo {
    /// The largest file, in bytes. In base64 it leaves room for claims in the body of Start issue.
    pub const MAX_BYTES: usize = 128 * 1024;

    /// The logo that is this file.
    ///
    /// # Errors
    /// [`LogoError::Format`] or [`LogoError::TooLarge`].
    pub fn from_file(file: Vec<u8>) -> Result<Self, LogoError> {
        if file.len() > Self::MAX_BYTES {
            return Err(LogoError::TooLarge);
        }
        let format = LogoFormat::of(&file).ok_or(LogoError::Format)?;
        Ok(Self { format, file })
    }

    /// The format that the file begins like.
    pub fn format(&self) -> LogoFormat {
        self.format
    }

    /// The file.
    pub fn file(&self) -> &[u8] {
        &self.file
    }

    /// The logo as a data URI.
    pub fn data_uri(&self) -> String {
        let media_type = match self.format {
            LogoFormat::Png => "image/png",
            LogoFormat::Jpeg => "image/jpeg",
        };
        format!("data:{media_type};base64,{}", BASE64.encode(&self.file))
    }
}

impl LogoFormat {
    /// By the first bytes: the declared format is often wrong.
    fn of(file: &[u8]) -> Option<Self> {
        match file {
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Self::Png),
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            _ => None,
        }
    }
}

impl FromStr for Logo {
    type Err = LogoError;

    fn from_str(uri: &str) -> Result<Self, Self::Err> {
        let (scheme, rest) = uri.split_once(':').ok_or(LogoError::NotDataUri)?;
        if !scheme.eq_ignore_ascii_case("data") {
            return Err(LogoError::NotDataUri);
        }
        let (description, data) = rest.split_once(',').ok_or(LogoError::NotDataUri)?;
        let description = description.to_ascii_lowercase();
        if description.starts_with("image/svg") {
            return Err(LogoError::Svg);
        }
        if !description.ends_with(";base64") {
            return Err(LogoError::NotDataUri);
        }
        if data.len() > Self::MAX_BYTES.div_ceil(3) * 4 {
            return Err(LogoError::TooLarge);
        }
        let file = BASE64.decode(data).map_err(|_| LogoError::Base64)?;
        Self::from_file(file)
    }
}

impl FromStr for LogoUri {
    type Err = LogoError;

    fn from_str(uri: &str) -> Result<Self, Self::Err> {
        let (scheme, _) = uri.split_once(':').unwrap_or_default();
        if ["http", "https"]
            .iter()
            .any(|http| scheme.eq_ignore_ascii_case(http))
        {
            let url = Url::parse(uri).map_err(|_| LogoError::Link)?;
            Ok(Self::Link(url))
        } else {
            uri.parse().map(Self::Picture)
        }
    }
}

impl fmt::Display for LogoUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Picture(logo) => f.write_str(&logo.data_uri()),
            Self::Link(url) => url.fmt(f),
        }
    }
}

impl fmt::Debug for Logo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Logo({:?}, {} bytes)", self.format, self.file.len())
    }
}

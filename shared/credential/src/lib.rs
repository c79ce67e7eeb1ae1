//! Credential formats: claims in, signed credential out.

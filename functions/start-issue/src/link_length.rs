//! How long a link will be that the wallet has not made yet.

use contract::{StartIssue, request_uri};
use url::Url;

/// Foretells the length of a wallet's links, so that a QR code that is too small is refused before there
/// is an offer. Exact for the bundled wallet. For another one it errs on the short side, and the rare
/// code that turns out too small is refused when the link is known.
pub(crate) struct LinkLength {
    offer_uri: String,
}

impl LinkLength {
    /// For a wallet whose offers are below its base URL, named by 128 random bits.
    pub(crate) fn of_wallet(base_url: &Url) -> Self {
        let base_url = base_url.as_str().trim_end_matches('/');
        Self {
            offer_uri: format!("{base_url}/offers/{}", "x".repeat(22)),
        }
    }

    /// The length in bytes of the `request_uri` that answers `request`.
    pub(crate) fn of(&self, request: &StartIssue) -> usize {
        request_uri(request.request_uri_base.as_ref(), &self.offer_uri).len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_link_is_counted_with_its_base_and_percent_encoding() {
        let length = LinkLength::of_wallet(&Url::parse("https://issuer.example/wallet").unwrap());
        let body =
            br#"{"template_id": "t", "claims": {}, "request_uri_base": "https://w.example"}"#;
        let request = StartIssue::from_json(body).unwrap();
        let link = "https://w.example/?credential_offer_uri=\
                    https%3A%2F%2Fissuer.example%2Fwallet%2Foffers%2F0123456789012345678901";
        assert_eq!(length.of(&request), link.len());
    }
}

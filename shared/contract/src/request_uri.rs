use crate::percent;
use serde_with::SerializeDisplay;
use std::{fmt, str::FromStr};
use url::{Host, Url};

/// The customer's web wallet or wallet app, to which an offer is handed (`request_uri_base`).
///
/// Untrusted: end users may type it. Only `http`, `https` and the schemes of apps are taken.
#[derive(Clone, Debug, PartialEq, Eq, SerializeDisplay)]
pub struct RequestUriBase(Url);

/// Why a text is not a [`RequestUriBase`].
#[expect(missing_docs, reason = "the messages say it")]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestUriBaseError {
    #[error("is {0} bytes long: at most 2048 bytes are allowed")]
    TooLong(usize),
    // URL parsers drop it silently.
    #[error("has a space or a control character: percent-encode it")]
    Space,
    #[error("is not an absolute URL: give one such as https://wallet.example or mywallet://")]
    NotAbsolute,
    #[error("has the scheme `{0}:`, which no wallet has: give an https, http or app URL")]
    Scheme(String),
    // They hide the real host from a human.
    #[error("has a user name or password before the host: leave them out")]
    UserInfo,
    #[error("already has `{0}` in its query: leave it out, it is added for each offer")]
    OfferParameter(&'static str),
}

/// Schemes that a browser or an operating system handles itself, in ways that can do harm.
const FORBIDDEN_SCHEMES: &str = "about blob chrome chrome-extension content data file filesystem ftp \
    intent jar javascript mailto moz-extension resource sms tel vbscript view-source ws wss";

/// The longest `request_uri`, in bytes.
const MAX_REQUEST_URI_BYTES: usize = 8 * 1024;

impl RequestUriBase {
    /// The longest base, in bytes.
    pub const MAX_BYTES: usize = 2048;

    /// The URL that hands the offer at `credential_offer_uri` to this wallet: in the query, after what
    /// is there. A base with a host but no path gets `/` as its path.
    fn with_offer(&self, credential_offer_uri: &str) -> String {
        let mut url = self.0.clone();
        let has_host = match url.host() {
            None | Some(Host::Domain("")) => false,
            Some(_) => true,
        };
        if has_host && url.path().is_empty() {
            url.set_path("/");
        }
        let offer = offer_parameter(credential_offer_uri);
        let query = match url.query().map(|query| query.trim_end_matches('&')) {
            None | Some("") => offer,
            Some(query) => format!("{query}&{offer}"),
        };
        url.set_query(Some(&query));
        url.into()
    }
}

impl FromStr for RequestUriBase {
    type Err = RequestUriBaseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > Self::MAX_BYTES {
            return Err(RequestUriBaseError::TooLong(text.len()));
        }
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(RequestUriBaseError::Space);
        }
        let url = Url::parse(text).map_err(|_| RequestUriBaseError::NotAbsolute)?;
        if !leads_to_a_wallet(&url) {
            return Err(RequestUriBaseError::Scheme(url.scheme().to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(RequestUriBaseError::UserInfo);
        }
        // Of two offers in one URL, wallets differ in which one they take.
        for name in ["credential_offer_uri", "credential_offer"] {
            if url.query_pairs().any(|(key, _)| key == name) {
                return Err(RequestUriBaseError::OfferParameter(name));
            }
        }
        Ok(Self(url))
    }
}

impl fmt::Display for RequestUriBase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The `request_uri` of an offer, which the customer's browser is redirected to or a QR code shows.
///
/// `credential_offer_uri` is where a wallet fetches the Credential Offer (OpenID4VCI 1.0 §4.1.3).
/// Without a `base` the scheme is `openid-credential-offer:`, which any wallet app handles.
pub fn request_uri(base: Option<&RequestUriBase>, credential_offer_uri: &str) -> String {
    match base {
        Some(base) => base.with_offer(credential_offer_uri),
        None => format!(
            "openid-credential-offer://?{}",
            offer_parameter(credential_offer_uri)
        ),
    }
}

/// Whether `text` can be the `request_uri` of another wallet: an absolute URL of at most 8 KiB with a
/// scheme that a [`RequestUriBase`] may have.
pub fn is_request_uri(text: &str) -> bool {
    text.len() <= MAX_REQUEST_URI_BYTES && Url::parse(text).is_ok_and(|url| leads_to_a_wallet(&url))
}

fn leads_to_a_wallet(url: &Url) -> bool {
    let mut forbidden = FORBIDDEN_SCHEMES.split_ascii_whitespace();
    !forbidden.any(|scheme| scheme == url.scheme())
}

fn offer_parameter(credential_offer_uri: &str) -> String {
    format!(
        "credential_offer_uri={}",
        percent::encode(credential_offer_uri)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OFFER: &str = "https://issuer.example/wallet/offers/abc?x=1&y=2";
    const ENCODED: &str =
        "credential_offer_uri=https%3A%2F%2Fissuer.example%2Fwallet%2Foffers%2Fabc%3Fx%3D1%26y%3D2";

    #[test]
    fn an_offer_is_added_to_any_base() {
        for (base, expected) in [
            (
                "https://customerwallet.com",
                "https://customerwallet.com/?@",
            ),
            (
                "https://customerwallet.com/",
                "https://customerwallet.com/?@",
            ),
            ("http://127.0.0.1:8080/a/b", "http://127.0.0.1:8080/a/b?@"),
            (
                "https://w.example?tenant=7",
                "https://w.example/?tenant=7&@",
            ),
            ("https://w.example/?a=1&", "https://w.example/?a=1&@"),
            ("https://w.example/?", "https://w.example/?@"),
            ("https://w.example/?a=%26b", "https://w.example/?a=%26b&@"),
            ("https://w.example/#/offers", "https://w.example/?@#/offers"),
            ("https://w.example?a=1#f", "https://w.example/?a=1&@#f"),
            ("openid-credential-offer://", "openid-credential-offer://?@"),
            ("haip-vci://", "haip-vci://?@"),
            ("mywallet://open", "mywallet://open/?@"),
            ("mywallet://open/offer", "mywallet://open/offer?@"),
            ("com.example.wallet:/offer", "com.example.wallet:/offer?@"),
            ("mywallet:offer", "mywallet:offer?@"),
        ] {
            let uri = request_uri(Some(&base.parse().unwrap()), OFFER);
            assert_eq!(uri, expected.replace('@', ENCODED), "{base}");
        }
    }

    #[test]
    fn without_a_base_any_wallet_app_is_addressed() {
        assert_eq!(
            request_uri(None, OFFER),
            format!("openid-credential-offer://?{ENCODED}")
        );
    }

    #[test]
    fn dangerous_bases_are_refused() {
        for base in [
            "javascript:alert(1)",
            "JavaScript://wallet.example/%0aalert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "vbscript:x",
            "blob:https://w.example/1",
            "intent://x#Intent;end",
            "java\nscript:alert(1)",
            " https://w.example",
            "https://w.example/a b",
            "https://bank.example@evil.example",
            "https://w.example?credential_offer_uri=x",
            "https://w.example?credential%5Foffer=x",
            "//w.example",
            "w.example",
            "https://",
        ] {
            assert!(base.parse::<RequestUriBase>().is_err(), "{base}");
        }
        let long = format!("https://w.example/{}", "a".repeat(2048));
        assert!(long.parse::<RequestUriBase>().is_err());
    }

    #[test]
    fn a_wallets_link_is_held_to_the_same_schemes() {
        for link in [
            "openid-credential-offer://?credential_offer_uri=x",
            "https://w.example/?credential_offer_uri=x",
            "haip-vci://?credential_offer_uri=x",
        ] {
            assert!(is_request_uri(link), "{link}");
        }
        let long = format!("https://w.example/{}", "a".repeat(8 * 1024));
        for link in [
            "javascript:alert(1)",
            "java\nscript:alert(1)",
            "\u{1} JAVASCRIPT:alert(1)",
            "data:text/html,x",
            "intent://x#Intent;end",
            "/offers/1",
            "",
            &long,
        ] {
            assert!(!is_request_uri(link), "{link}");
        }
    }

    proptest! {
        #[test]
        fn a_wallet_finds_the_offer_and_what_was_there(
            path in "(/[a-z]{0,5}){0,3}",
            query in proptest::option::of("[a-z]{1,3}=[a-z%26=]{0,5}(&[a-z]{1,3}=[a-z]{0,3}){0,2}"),
            fragment in proptest::option::of("[a-z/?&=]{0,8}"),
            offer in "https://[a-z]{1,8}\\.example/\\PC{0,20}",
        ) {
            let mut base = format!("https://w.example{path}");
            if let Some(query) = &query { base = format!("{base}?{query}"); }
            if let Some(fragment) = &fragment { base = format!("{base}#{fragment}"); }
            let Ok(parsed) = base.parse::<RequestUriBase>() else { return Ok(()) };
            let uri = Url::parse(&request_uri(Some(&parsed), &offer)).unwrap();
            let mut expected: Vec<_> = Url::parse(&base).unwrap().query_pairs().into_owned().collect();
            expected.push(("credential_offer_uri".to_owned(), offer));
            let found: Vec<_> = uri.query_pairs().into_owned().collect();
            prop_assert_eq!(found, expected);
            prop_assert_eq!(uri.fragment(), fragment.as_deref());
        }
    }
}

//! What a person pastes: the link that would open a wallet.

use url::Url;

/// Where the offer of a link is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum OfferSource {
    /// Behind this address (`credential_offer_uri`).
    Reference(Url),
    /// In the link itself (`credential_offer`): JSON.
    Value(String),
}

/// Reads a link: `openid-credential-offer://?…`, the address of a web wallet with an offer in its
/// query, or the address of the offer itself (OpenID4VCI 1.0 §4.1). An error is the end of a sentence.
pub(super) fn parse(link: &str) -> Result<OfferSource, &'static str> {
    let link = Url::parse(link.trim()).map_err(|_| "it is not a URL")?;
    let mut found = None;
    for (name, value) in link.query_pairs() {
        let source = match name.as_ref() {
            "credential_offer_uri" => OfferSource::Reference(web_address(&value)?),
            "credential_offer" => OfferSource::Value(value.into_owned()),
            _ => continue,
        };
        if found.replace(source).is_some() {
            return Err("it holds more than one offer");
        }
    }
    match found {
        Some(source) => Ok(source),
        None if link.scheme().starts_with("http") => Ok(OfferSource::Reference(link)),
        None => Err("it holds neither credential_offer_uri nor credential_offer"),
    }
}

fn web_address(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text).map_err(|_| "its credential_offer_uri is not a URL")?;
    match url.scheme() {
        "https" | "http" => Ok(url),
        _ => Err("its credential_offer_uri is not an https address"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_link_is_read() {
        let reference =
            || OfferSource::Reference(Url::parse("https://issuer.example/offers/1").unwrap());
        let encoded = "https%3A%2F%2Fissuer.example%2Foffers%2F1";
        for (link, expected) in [
            (
                format!("openid-credential-offer://?credential_offer_uri={encoded}"),
                reference(),
            ),
            (
                format!("haip-vci://?credential_offer_uri={encoded}"),
                reference(),
            ),
            (
                format!("https://wallet.example/?x=1&credential_offer_uri={encoded}"),
                reference(),
            ),
            (" https://issuer.example/offers/1\n".to_owned(), reference()),
            (
                "openid-credential-offer://?credential_offer=%7B%7D".to_owned(),
                OfferSource::Value("{}".to_owned()),
            ),
        ] {
            assert_eq!(parse(&link), Ok(expected), "{link}");
        }
    }

    #[test]
    fn what_is_no_offer_is_refused() {
        for link in [
            "",
            "hello",
            "openid-credential-offer://",
            "openid-credential-offer://?credential_offer_uri=hello",
            "openid-credential-offer://?credential_offer_uri=file%3A%2F%2F%2Fetc%2Fpasswd",
            "openid-credential-offer://?credential_offer=%7B%7D&credential_offer_uri=https%3A%2F%2Fa",
        ] {
            assert!(parse(link).is_err(), "{link}");
        }
    }
}

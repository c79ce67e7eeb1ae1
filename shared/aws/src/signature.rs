//! Signature Version 4 of a request whose body is its only content
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>).

use std::sync::{Mutex, PoisonError};

use aws_credential_types::Credentials;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use jiff::Timestamp;

/// Signs requests to one service.
#[derive(Debug)]
pub(crate) struct Signer {
    credentials: Credentials,
    region: String,
    service: &'static str,
    /// The key of a day, with the day.
    key: Mutex<Option<(String, Key)>>,
}

impl Signer {
    pub(crate) fn new(credentials: Credentials, region: &str, service: &'static str) -> Self {
        Self {
            credentials,
            region: region.to_owned(),
            service,
            key: Mutex::new(None),
        }
    }

    /// The headers to send besides `headers`, which must be in lower case and include `host`, with a POST of `body`
    /// to `path`.
    pub(crate) fn sign<'h>(
        &self,
        now: Timestamp,
        path: &str,
        headers: impl IntoIterator<Item = (&'h str, &'h str)>,
        body: &[u8],
    ) -> Vec<(&'static str, String)> {
        let time = now.strftime("%Y%m%dT%H%M%SZ").to_string();
        let date = time.split('T').next().unwrap_or_default();
        let token = self.credentials.session_token();
        let token = token.map(|token| ("x-amz-security-token", token));
        let mut headers: Vec<(&str, &str)> = headers.into_iter().collect();
        headers.extend(token);
        headers.push(("x-amz-date", &time));
        headers.sort_unstable();

        let mut names = String::with_capacity(128);
        let mut canonical = String::with_capacity(1_024);
        canonical.extend(["POST\n", path, "\n\n"]);
        for (name, value) in &headers {
            if !names.is_empty() {
                names.push(';');
            }
            names.push_str(name);
            canonical.extend([name, ":", value.trim(), "\n"]);
        }
        let body = hex(digest(&SHA256, body).as_ref());
        canonical.extend(["\n", &names, "\n", &body]);

        let scope = [date, &self.region, self.service, "aws4_request"].join("/");
        let canonical = hex(digest(&SHA256, canonical.as_bytes()).as_ref());
        let signed = ["AWS4-HMAC-SHA256", &time, &scope, &canonical].join("\n");
        let signature = hex(sign(&self.key_of(date), signed.as_bytes()).as_ref());
        let authorization = [
            "AWS4-HMAC-SHA256 Credential=",
            self.credentials.access_key_id(),
            "/",
            &scope,
            ", SignedHeaders=",
            &names,
            ", Signature=",
            &signature,
        ]
        .concat();
        let token = token.map(|(name, token)| (name, token.to_owned()));
        let added = [("x-amz-date", time), ("authorization", authorization)];
        added.into_iter().chain(token).collect()
    }

    fn key_of(&self, date: &str) -> Key {
        let mut cached = self.key.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, key)) = cached.as_ref()
            && of == date
        {
            return key.clone();
        }
        let secret = format!("AWS4{}", self.credentials.secret_access_key());
        let parts = [date, &self.region, self.service, "aws4_request"];
        let key = parts.iter().fold(key(secret.as_bytes()), |derived, part| {
            key(sign(&derived, part.as_bytes()).as_ref())
        });
        *cached = Some((date.to_owned(), key.clone()));
        key
    }
}

/// A digest or a signature in hexadecimal.
fn hex(bytes: &[u8]) -> String {
    let mut text = vec![0; bytes.len() * 2];
    // There is room for it, and it is ASCII.
    let _ = hex::encode_to_slice(bytes, &mut text);
    String::from_utf8(text).unwrap_or_default()
}

fn key(bytes: &[u8]) -> Key {
    Key::new(HMAC_SHA256, bytes)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
    use aws_sigv4::sign::v4::SigningParams;

    use super::*;

    #[test]
    fn it_signs_as_the_sdk_does() {
        let body = br#"{"TableName":"t"}"#;
        let headers = [
            ("content-type", "application/x-amz-json-1.0"),
            ("host", "dynamodb.eu-central-1.amazonaws.com"),
            ("x-amz-target", "DynamoDB_20120810.GetItem"),
        ];
        for token in [None, Some("token".to_owned())] {
            let credentials = Credentials::new("AKIDEXAMPLE", "secret", token, None, "test");
            let signer = Signer::new(credentials.clone(), "eu-central-1", "dynamodb");
            // The second day has another key.
            for seconds in [1_795_000_000_u64, 1_795_000_001, 1_795_100_000] {
                let now = Timestamp::from_second(seconds.try_into().unwrap()).unwrap();
                let signed = signer.sign(now, "/", headers, body);

                let identity = credentials.clone().into();
                let params = SigningParams::builder()
                    .identity(&identity)
                    .region("eu-central-1")
                    .name("dynamodb")
                    .time(UNIX_EPOCH + Duration::from_secs(seconds))
                    .settings(SigningSettings::default())
                    .build()
                    .unwrap();
                let request = SignableRequest::new(
                    "POST",
                    "https://dynamodb.eu-central-1.amazonaws.com/",
                    headers.into_iter(),
                    SignableBody::Bytes(body),
                );
                let (theirs, _) = sign(request.unwrap(), &params.into()).unwrap().into_parts();
                for (name, value) in theirs.headers() {
                    let own = signed.iter().find(|(own, _)| *own == name);
                    assert_eq!(own.map(|(_, own)| own.as_str()), Some(value), "{name}");
                }
                assert_eq!(signed.len(), theirs.headers().count());
            }
        }
    }
}

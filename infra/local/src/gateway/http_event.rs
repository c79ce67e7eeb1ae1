//! HTTP requests and answers in API Gateway's payload format 2.0.

use axum::{
    Json,
    body::{Body, Bytes},
    http::{
        HeaderMap, HeaderName, StatusCode,
        header::{CONTENT_TYPE, COOKIE, HOST, SET_COOKIE, USER_AGENT},
        request::Parts,
    },
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::template::{LOCAL_ACCOUNT, Route};

/// The event that a function gets for a request, less what `lambda_http` makes of path and query itself. None if the
/// gateway would refuse the path, see [`delivered_path`].
pub(super) fn event(request: &Parts, body: &Bytes, route: &Route, now: Timestamp) -> Option<Value> {
    let path = delivered_path(request.uri.path())?;
    let query = request.uri.query().unwrap_or_default();
    let host = text(&request.headers, &HOST);
    let route_key = format!("{} {}", route.method, route.path);
    let mut event = json!({
        "version": "2.0",
        "routeKey": route_key,
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers(&request.headers),
        "requestContext": {
            "accountId": LOCAL_ACCOUNT,
            "apiId": "local",
            "domainName": host,
            "domainPrefix": host.split('.').next(),
            "http": {
                "method": request.method.as_str(),
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": text(&request.headers, &USER_AGENT),
            },
            "requestId": Uuid::new_v4().to_string(),
            "routeKey": route_key,
            "stage": "$default",
            "time": now.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(),
            "timeEpoch": now.as_millisecond(),
        },
    });
    let (encoded, is_base64) = encode_body(&request.headers, body);
    if let Value::Object(members) = &mut event {
        members.insert("isBase64Encoded".to_owned(), is_base64.into());
        if !body.is_empty() {
            members.insert("body".to_owned(), encoded.into());
        }
        if let Some(cookies) = cookies(&request.headers) {
            members.insert("cookies".to_owned(), cookies);
        }
    }
    Some(event)
}

/// The path as an HTTP API delivers it, which is not as it was sent: decoded, cut at a `?` that was
/// encoded, and decoded once more. None where the second decoding fails, which is refused with `400`.
/// AWS does not document this; the tests hold what live gateways did.
fn delivered_path(sent: &str) -> Option<String> {
    let once = percent_decoded(sent)?;
    let path = once.split('?').next().unwrap_or_default();
    percent_decoded(path)
}

/// None if a `%` is not followed by two hexadecimal digits, or the result is not UTF-8.
fn percent_decoded(text: &str) -> Option<String> {
    let decoded: Vec<u8> = percent_decode_str(text).collect();
    // A `%` that is decoded takes two digits with it; what is malformed stays.
    let is_whole = text.len() - decoded.len() == 2 * text.matches('%').count();
    String::from_utf8(decoded).ok().filter(|_| is_whole)
}

/// Lower-case names; several values of one name joined with commas; cookies apart.
fn headers(headers: &HeaderMap) -> Map<String, Value> {
    let names = headers.keys().filter(|name| **name != COOKIE);
    let mut members: Map<String, Value> = names
        .map(|name| (name.as_str().to_owned(), text(headers, name).into()))
        .collect();
    for (name, value) in [
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-proto", "http"),
    ] {
        members.entry(name).or_insert_with(|| value.into());
    }
    members
}

fn text(headers: &HeaderMap, name: &HeaderName) -> String {
    let values = headers.get_all(name).iter();
    let texts: Vec<_> = values
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        .collect();
    texts.join(",")
}

fn cookies(headers: &HeaderMap) -> Option<Value> {
    let cookies: Vec<_> = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|cookies| cookies.split(';').map(str::trim))
        .collect();
    (!cookies.is_empty()).then(|| json!(cookies))
}

/// Text of the types that an HTTP API knows as text stays as it is; all else, forms too, is base64.
fn encode_body(headers: &HeaderMap, body: &Bytes) -> (String, bool) {
    let content_type = text(headers, &CONTENT_TYPE);
    let is_text = content_type.starts_with("text/")
        || [
            "application/json",
            "application/javascript",
            "application/xml",
        ]
        .iter()
        .any(|known| content_type.starts_with(known));
    match std::str::from_utf8(body) {
        Ok(text) if is_text || text.is_empty() => (text.to_owned(), false),
        _ => (STANDARD.encode(body), true),
    }
}

/// What a function answers, as far as an HTTP API reads it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    status_code: u16,
    #[serde(default)]
    headers: Map<String, Value>,
    #[serde(default)]
    cookies: Vec<String>,
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

/// The HTTP answer that a function's answer comes to; none if it is malformed, for which an HTTP API
/// answers `500`. An answer without `statusCode` is the body of a `200`, in JSON.
pub(super) fn response(answer: Value) -> Option<Response> {
    if answer.get("statusCode").is_none() {
        return Some(Json(answer).into_response());
    }
    let answer: Answer = serde_json::from_value(answer).ok()?;
    let body = answer.body.unwrap_or_default();
    let body = if answer.is_base64_encoded {
        Body::from(STANDARD.decode(body).ok()?)
    } else {
        Body::from(body)
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(answer.status_code).ok()?;
    let headers = response.headers_mut();
    for (name, value) in answer.headers {
        let value = match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        headers.insert(HeaderName::try_from(name).ok()?, value.parse().ok()?);
    }
    for cookie in answer.cookies {
        headers.append(SET_COOKIE, cookie.parse().ok()?);
    }
    Some(response)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderValue, Request};
    use http_body_util::BodyExt as _;

    fn route() -> Route {
        Route {
            method: "POST".to_owned(),
            path: "/capture/{id}".to_owned(),
            function: "Function".to_owned(),
        }
    }

    /// Path sent and path delivered, as captured from live HTTP APIs in July 2026 by hotsock/voker
    /// (vokerhttp/testdata/ingress-paths.json, MIT). None: refused with 400.
    #[test]
    fn paths_are_delivered_as_live_gateways_did() {
        for (sent, delivered) in [
            ("/capture/plain", Some("/capture/plain")),
            ("/capture/space%20value", Some("/capture/space value")),
            ("/capture/question%3Fvalue", Some("/capture/question")),
            ("/capture/percent%25done", None),
            ("/capture/hash%23value", Some("/capture/hash#value")),
            ("/capture/slash%2Fvalue", Some("/capture/slash/value")),
            (
                "/capture/unicode-%CE%BB-%E4%B8%96%E7%95%8C",
                Some("/capture/unicode-\u{3bb}-\u{4e16}\u{754c}"),
            ),
            ("/capture/literal%252Fvalue", Some("/capture/literal/value")),
            ("/capture/literal%253Fvalue", Some("/capture/literal?value")),
            ("/capture/literal%2525value", Some("/capture/literal%value")),
        ] {
            assert_eq!(delivered_path(sent).as_deref(), delivered, "{sent}");
        }
    }

    /// The request behind the event that hotsock/voker captured (apigwv2-request.json, MIT).
    #[test]
    fn a_request_becomes_the_event_that_a_live_gateway_made_of_it() {
        let query = "repeat=one&repeat=two&redirect=https%3A%2F%2Fexample.com%2Fa%2Fb\
                     &literalPlus=a+b&encodedPlus=a%2Bb&empty=";
        let body = "{\"message\":\"hello\",\"unicode\":\"lambda-\u{3bb}\"}";
        let (request, body) = Request::post(format!("/capture/space%20value?{query}"))
            .header("Host", "api.example.com")
            .header("Content-Type", "application/json")
            .header("Cookie", "session=abc123; theme=dark")
            .header("User-Agent", "curl/8.7.1")
            .header("X-Voker-Probe", "first")
            .header("X-Voker-Probe", "second")
            .body(Bytes::from(body))
            .unwrap()
            .into_parts();
        let now: Timestamp = "2026-07-10T19:19:05.766Z".parse().unwrap();
        let mut event = event(&request, &body, &route(), now).unwrap();
        event["requestContext"]["requestId"].take();
        assert_eq!(
            event,
            json!({
                "version": "2.0",
                "routeKey": "POST /capture/{id}",
                "rawPath": "/capture/space value",
                "rawQueryString": query,
                "cookies": ["session=abc123", "theme=dark"],
                "headers": {
                    "content-type": "application/json",
                    "host": "api.example.com",
                    "user-agent": "curl/8.7.1",
                    "x-forwarded-for": "127.0.0.1",
                    "x-forwarded-proto": "http",
                    "x-voker-probe": "first,second",
                },
                "requestContext": {
                    "accountId": "000000000000",
                    "apiId": "local",
                    "domainName": "api.example.com",
                    "domainPrefix": "api",
                    "http": {
                        "method": "POST",
                        "path": "/capture/space value",
                        "protocol": "HTTP/1.1",
                        "sourceIp": "127.0.0.1",
                        "userAgent": "curl/8.7.1",
                    },
                    "requestId": null,
                    "routeKey": "POST /capture/{id}",
                    "stage": "$default",
                    "time": "10/Jul/2026:19:19:05 +0000",
                    "timeEpoch": 1_783_711_145_766_i64,
                },
                "body": "{\"message\":\"hello\",\"unicode\":\"lambda-\u{3bb}\"}",
                "isBase64Encoded": false,
            })
        );
    }

    #[test]
    fn forms_and_binaries_travel_as_base64() {
        for (content_type, body, is_base64) in [
            ("application/json; charset=utf-8", &b"{}"[..], false),
            ("text/plain", b"x", false),
            ("text/plain", b"\xff", true),
            ("application/x-www-form-urlencoded", b"a=b", true),
            ("image/png", b"x", true),
        ] {
            let headers =
                HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(content_type))]);
            let (encoded, encoded_as_base64) = encode_body(&headers, &Bytes::from(body));
            assert_eq!(encoded_as_base64, is_base64, "{content_type}");
            let decoded = if is_base64 {
                STANDARD.decode(encoded).unwrap()
            } else {
                encoded.into_bytes()
            };
            assert_eq!(decoded, body);
        }
    }

    #[tokio::test]
    async fn an_answer_becomes_a_response() {
        let answer = json!({
            "statusCode": 201, "headers": {"content-type": "image/png", "x-count": 2},
            "cookies": ["a=1", "b=2"], "body": "iVBO", "isBase64Encoded": true,
        });
        let response = response(answer).unwrap();
        assert_eq!(response.status(), StatusCode::CREATED);
        assert_eq!(response.headers()["x-count"], "2");
        assert_eq!(response.headers().get_all(SET_COOKIE).iter().count(), 2);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(&body[..], b"\x89PN");
    }

    #[tokio::test]
    async fn an_answer_without_a_status_is_a_json_body_and_a_malformed_one_none() {
        let inferred = response(json!({"message": "hi"})).unwrap();
        assert_eq!(inferred.status(), StatusCode::OK);
        assert_eq!(inferred.headers()[CONTENT_TYPE], "application/json");
        for malformed in [json!({"statusCode": "OK"}), json!({"statusCode": 99})] {
            assert!(response(malformed.clone()).is_none(), "{malformed}");
        }
    }
}

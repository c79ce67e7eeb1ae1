//! The examples: the samples of the contract itself.

use serde_json::{Value, json};

pub(super) const UUID: &str = "0e2c1f62-3392-462e-a25e-483fa0e2a3a3";

/// A whole PNG of one pixel, base64.
pub(super) const ONE_PIXEL: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII=";

pub(super) fn start_issue() -> Value {
    json!({
        "correlation_id": "89cba89",
        "template_id": "issue_iban",
        "claims": {
            "companyname": "CoolSoft B.V.",
            "currency": "EUR",
            "iban": "NL12TUL25708789078",
            "bic": "TULINL2A",
            "acccount_type": "Business Checking Account",
        },
        "request_uri_base": "https://customerwallet.com",
        "qr_code": {
            "size": 400,
            "color_dark": "#000000",
            "color_light": "#ffffff",
            "padding": 16,
            "logo_uri": format!("data:image/png;base64,{ONE_PIXEL}"),
            "logo_size": 20,
            "marker_color": "#000000",
        },
        "callback": {
            "url": "https://backend.example/hook",
            "status": ["issue_completed", "error"],
        },
    })
}

pub(super) fn completed() -> Value {
    json!({
        "status": "issue_completed",
        "correlation_id": "89cba89",
        "revocation_uuid": UUID,
        "stage": "credential_issued",
        "template_id": "issue_iban",
        "last_updated": 1_795_456_800_000_i64,
        "sequence": 4,
    })
}

pub(super) fn credential_status(public_base_url: &str, published: &str) -> Value {
    json!({
        "revocation_uuid": UUID,
        "status": "revoked",
        "published_status": published,
        "published_at": 1_795_456_800,
        "status_list": {
            "uri": format!("{public_base_url}/wallet/status-lists/1"),
            "idx": 4711,
        },
    })
}

/// Of change 4 of the issuance 89cba89, for its own callback.
pub(super) const DELIVERY_ID: &str = "AQAAAaIJjw5gAAAAAAAAAAQAAAAAAAAAADg5Y2JhODk";

pub(super) fn delivery() -> Value {
    json!({
        "id": DELIVERY_ID,
        "event": "issue_completed",
        "stage": "credential_issued",
        "sequence": 4,
        "correlation_id": "89cba89",
        "subscription": "callback",
        "url": "https://backend.example/hook",
        "status": "delivered",
        "created_at": 1_795_456_800_000_i64,
        "attempts": [
            {"at": 1_795_456_800_210_i64, "http_status": 503, "ms": 48, "error": "http_status"},
            {"at": 1_795_456_805_430_i64, "http_status": 204, "ms": 31, "error": null},
        ],
    })
}

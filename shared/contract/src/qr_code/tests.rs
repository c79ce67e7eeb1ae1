use super::*;
use crate::FieldError;
use proptest::prelude::*;
use serde_json::{Value, json};

fn read(value: Value) -> (QrCode, Vec<FieldError>) {
    let mut faults = Vec::new();
    let body = value.to_string();
    let fields = Fields::of_body(body.as_bytes(), &mut faults).unwrap();
    let options = QrCode::read(fields);
    (options, faults)
}

fn reason(value: Value) -> String {
    let (_, faults) = read(value);
    assert_eq!(faults.len(), 1, "{faults:?}");
    faults[0].reason.clone()
}

#[test]
fn nothing_means_the_defaults() {
    let blank = json!({"size": "", "color_dark": null, "logo_uri": "", "marker_color": ""});
    for value in [json!({}), blank] {
        assert_eq!(read(value), (QrCode::default(), vec![]));
    }
}

#[test]
fn numbers_may_be_strings() {
    let (options, faults) = read(json!({"size": "300", "padding": " 8 ", "logo_size": 25.0}));
    assert_eq!(faults, []);
    assert_eq!(
        (options.size, options.padding, options.logo_size),
        (300, 8, 25)
    );
}

#[test]
fn numbers_out_of_range_are_refused_with_the_range() {
    for (value, expected) in [
        (
            json!({"size": 99_999}),
            "is 99999: give a whole number from 128 to 2048",
        ),
        (
            json!({"size": "big"}),
            "is a string: give a whole number from 128 to 2048",
        ),
        (
            json!({"size": "NaN"}),
            "is a string: give a whole number from 128 to 2048",
        ),
        (
            json!({"size": 200.5}),
            "is 200.5: give a whole number from 128 to 2048",
        ),
        (
            json!({"padding": -1}),
            "is -1: give a whole number from 0 to 512",
        ),
        (
            json!({"padding": 101}),
            "is 101: give at most a quarter of the size, 100",
        ),
        (
            json!({"logo_size": 31}),
            "is 31: give a whole number from 5 to 30",
        ),
        (
            json!({"logo_size": [20]}),
            "is an array: give a whole number from 5 to 30",
        ),
    ] {
        assert_eq!(reason(value), expected);
    }
}

#[test]
fn colours_that_do_not_scan_are_refused_with_the_ratio() {
    let inverted = reason(json!({"color_dark": "#ffffff", "color_light": "#000000"}));
    assert!(
        inverted.starts_with("is lighter than color_light (#ffffff on #000000)"),
        "{inverted}"
    );
    // WCAG: #949494 on white is 3.03:1, #959595 is 2.99:1.
    assert_eq!(read(json!({"color_dark": "#949494"})).1, []);
    let pale = reason(json!({"color_dark": "#959595"}));
    assert!(
        pale.contains("the ratio is 2.99:1, at least 3:1 is needed"),
        "{pale}"
    );
    let (_, faults) = read(json!({"marker_color": "#ff0"}));
    assert_eq!(faults[0].pointer, "/marker_color");
    assert_eq!(
        reason(json!({"color_dark": "black"})),
        ColorError.to_string()
    );
}

#[test]
fn contrast_is_that_of_wcag() {
    assert!((Color::BLACK.contrast_with(Color::WHITE) - 21.0).abs() < 1e-9);
    let grey: Color = "#777".parse().unwrap();
    assert!((grey.contrast_with(Color::WHITE) - 4.478).abs() < 0.001);
}

#[test]
fn logos_are_taken_by_what_they_are() {
    for (uri, expected) in [
        ("https://bank.example/logo.png", LogoError::NotDataUri),
        ("ftp://bank.example/logo.png", LogoError::NotDataUri),
        ("logo.png", LogoError::NotDataUri),
        ("data:image/png,iVBORw0KGgo=", LogoError::NotDataUri),
        ("data:image/svg+xml;base64,PHN2Zz4=", LogoError::Svg),
        ("data:image/svg+xml;utf8,<svg/>", LogoError::Svg),
        ("data:image/png;base64,R0lGODlh", LogoError::Format),
        ("data:image/png;base64,%%%", LogoError::Base64),
    ] {
        assert_eq!(uri.parse::<Logo>(), Err(expected), "{uri}");
    }
    let large = format!("data:image/png;base64,{}", "A".repeat(400_000));
    assert_eq!(large.parse::<Logo>(), Err(LogoError::TooLarge));
    for uri in [
        "data:image/png;base64,iVBORw0KGgo=",
        "DATA:image/jpeg;BASE64,iVBORw0KGgo",
    ] {
        let logo: Logo = uri.parse().unwrap();
        assert_eq!(logo.format(), LogoFormat::Png);
        assert_eq!(logo.data_uri(), "data:image/png;base64,iVBORw0KGgo=");
    }
}

proptest! {
    #[test]
    fn a_colour_is_read_as_it_was_written(red: u8, green: u8, blue: u8) {
        let color = Color::new(red, green, blue);
        prop_assert_eq!(color.to_string().parse(), Ok(color));
    }

    #[test]
    fn any_text_is_a_colour_or_is_not(text in "#?\\PC{0,8}") {
        let _ = text.parse::<Color>();
    }
}

#[test]
fn a_logo_may_be_linked_to() {
    let uri = |text: &str| text.parse::<LogoUri>();
    let link = uri("HTTPS://bank.example/logo.png").unwrap();
    assert_eq!(
        link,
        LogoUri::Link("https://bank.example/logo.png".parse().unwrap())
    );
    assert!(matches!(
        uri("data:image/png;base64,iVBORw0KGgo="),
        Ok(LogoUri::Picture(_))
    ));
    assert_eq!(uri("https://"), Err(LogoError::Link));
    assert_eq!(uri("//bank.example/logo.png"), Err(LogoError::NotDataUri));

    let (options, _) = read(json!({"logo_uri": "https://bank.example/logo.png"}));
    let sent = json!(options)["logo_uri"].clone();
    assert_eq!(sent, "https://bank.example/logo.png");
    let file = b"\x89PNG\r\n\x1a\n".to_vec();
    let embedded = options.with_logo(Logo::from_file(file).unwrap());
    assert_eq!(embedded.logo_link(), None);
}

use crate::{Design, DrawError, Picture, terminal};
use bestow_contract::{Color, LogoUri, QrCode, StartIssue};
use image::{DynamicImage, ImageFormat, Rgba, RgbaImage};
use proptest::prelude::*;
use std::io::Cursor;

/// As long as the link of an offer of the bundled wallet.
const LINK: &str = "openid-credential-offer://?credential_offer_uri=https%3A%2F%2Fissuer.example\
                    %2Fwallet%2Foffers%2FA1b2C3d4E5f6G7h8I9j0Kl";

/// A file with a round, half transparent picture in it.
fn logo(format: ImageFormat, width: u32, height: u32) -> bestow_contract::Logo {
    let picture = DynamicImage::ImageRgba8(RgbaImage::from_fn(width, height, |x, y| {
        let (dx, dy) = (x.abs_diff(width / 2), y.abs_diff(height / 2));
        let inside = 4 * (dx * dx + dy * dy) < width.min(height).pow(2);
        Rgba(if inside {
            [200, 30, 90, 255]
        } else {
            [0, 0, 0, 0]
        })
    }));
    let picture = match format {
        ImageFormat::Jpeg => DynamicImage::ImageRgb8(picture.to_rgb8()),
        _ => picture,
    };
    let mut file = Vec::new();
    picture
        .write_to(&mut Cursor::new(&mut file), format)
        .unwrap();
    parsed_logo(&file)
}

fn parsed_logo(file: &[u8]) -> bestow_contract::Logo {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let uri = format!("data:image/png;base64,{}", STANDARD.encode(file));
    uri.parse().unwrap()
}

fn draw(options: &QrCode, text: &str) -> Picture {
    Design::new(options).unwrap().draw(text).unwrap()
}

fn image(picture: &Picture) -> image::RgbImage {
    image::load_from_memory_with_format(picture.png(), ImageFormat::Png)
        .unwrap()
        .to_rgb8()
}

/// What an independent reader finds in the picture.
fn read_back(picture: &Picture) -> String {
    let image = image::DynamicImage::ImageRgb8(image(picture)).to_luma8();
    read_luma(image.width() as usize, image.height() as usize, |x, y| {
        image.get_pixel(x as u32, y as u32).0[0]
    })
}

fn read_luma(width: usize, height: usize, fill: impl FnMut(usize, usize) -> u8) -> String {
    let mut prepared = rqrr::PreparedImage::prepare_from_greyscale(width, height, fill);
    let grids = prepared.detect_grids();
    assert_eq!(grids.len(), 1, "one code in {width} by {height}");
    grids[0].decode().unwrap().1
}

#[test]
fn any_mix_of_options_scans() {
    let logos = [
        None,
        Some(logo(ImageFormat::Png, 64, 64)),
        Some(logo(ImageFormat::Png, 300, 90)),
        Some(logo(ImageFormat::Jpeg, 90, 300)),
    ];
    let colors = [
        ("#000000", "#ffffff", None),
        ("#003366", "#ffeecc", Some("#cc0000")),
        ("#949494", "#ffffff", Some("#007a33")),
    ];
    for size in [200, 256, 401] {
        for padding in [0, 40] {
            for logo in &logos {
                for (dark, light, marker) in colors {
                    let options = QrCode {
                        size,
                        padding,
                        color_dark: dark.parse().unwrap(),
                        color_light: light.parse().unwrap(),
                        marker_color: marker.map(|color| color.parse().unwrap()),
                        logo_uri: logo.clone().map(LogoUri::Picture),
                        logo_size: 30,
                    };
                    let picture = match Design::new(&options).unwrap().draw(LINK) {
                        Ok(picture) => picture,
                        Err(DrawError::SizeTooSmall { .. }) if size < 256 => continue,
                        Err(error) => panic!("{options:?}: {error}"),
                    };
                    assert_eq!(image(&picture).dimensions(), (size, size));
                    assert_eq!(read_back(&picture), LINK, "{options:?}");
                }
            }
        }
    }
}

#[test]
fn the_border_is_as_wide_as_asked_and_never_too_narrow() {
    let border = |padding| {
        let picture = image(&draw(
            &QrCode {
                padding,
                ..QrCode::default()
            },
            LINK,
        ));
        let row_is_light = |y: u32| (0..400).all(|x| picture.get_pixel(x, y).0 == [255; 3]);
        (0..400).take_while(|y| row_is_light(*y)).count()
    };
    // 45 modules (version 7) of 7 pixels leave 85 of 400 pixels for two borders.
    assert_eq!(border(0), 42);
    assert!(border(60) >= 60);
}

#[test]
fn markers_and_modules_have_their_colours() {
    let red = Color::new(200, 0, 0);
    let blue = Color::new(0, 0, 120);
    let options = QrCode {
        color_dark: blue,
        marker_color: Some(red),
        ..QrCode::default()
    };
    let picture = image(&draw(&options, LINK));
    let count = |color: [u8; 3]| picture.pixels().filter(|pixel| pixel.0 == color).count();
    // A finder pattern has 33 dark modules, here of 7 by 7 pixels.
    assert_eq!(count([200, 0, 0]), 3 * 33 * 49);
    assert!(count([0, 0, 120]) > 0);
    assert_eq!(count([0, 0, 0]), 0);
}

#[test]
fn a_picture_of_few_colours_is_a_small_file() {
    assert!(draw(&QrCode::default(), LINK).png().len() < 2_000);
    let picture = draw(&QrCode::default(), LINK);
    assert!(
        picture
            .data_uri()
            .starts_with("data:image/png;base64,iVBORw0KGgo")
    );
    assert_eq!(&picture.png()[24..26], &[1, 3], "one bit, palette");
    assert!(!format!("{picture:?}").contains("iVBOR"));
}

#[test]
fn a_size_too_small_for_the_text_is_refused_with_the_least_that_would_do() {
    let options = |size| QrCode {
        size,
        padding: 0,
        ..QrCode::default()
    };
    let long = "x".repeat(500);
    let design = Design::new(&options(150)).unwrap();
    let error = design.draw(&long).unwrap_err();
    let DrawError::SizeTooSmall { needed, .. } = error else {
        panic!("{error}")
    };
    let fault = error.fault().unwrap();
    assert_eq!(fault.pointer, "/qr_code/size");
    assert!(
        fault.reason.contains(&format!("at least {needed} pixels")),
        "{}",
        fault.reason
    );
    assert!(design.check_room(500).is_err());
    assert!(design.check_room(20).is_ok());
    assert!(
        Design::new(&options(needed - 1))
            .unwrap()
            .draw(&long)
            .is_err()
    );
    assert_eq!(read_back(&draw(&options(needed), &long)), long);
}

#[test]
fn a_text_too_long_for_any_code_is_refused() {
    let large = QrCode {
        size: 2048,
        ..QrCode::default()
    };
    assert_eq!(read_back(&draw(&large, &"x".repeat(2331))).len(), 2331);
    let error = Design::new(&large)
        .unwrap()
        .draw(&"x".repeat(2332))
        .unwrap_err();
    assert!(
        matches!(&error, DrawError::TextTooLongError(long) if long.max_bytes == 2331),
        "{error}"
    );
    assert_eq!(error.fault().unwrap().pointer, "/qr_code");
    let logo = Some(LogoUri::Picture(logo(ImageFormat::Png, 10, 10)));
    let design = Design::new(&QrCode {
        logo_uri: logo,
        ..large
    })
    .unwrap();
    assert!(design.draw(&"x".repeat(1273)).is_ok());
    assert!(design.draw(&"x".repeat(1274)).is_err());
}

#[test]
fn a_logo_that_is_no_picture_is_a_fault_of_the_request() {
    let whole = logo(ImageFormat::Png, 64, 64);
    let cut_off = parsed_logo(&whole.file()[..60]);
    let bomb = parsed_logo(&png_header(30_000, 30_000));
    for (logo, expected) in [
        (
            cut_off,
            "is not a whole Png file: give one that a browser can show",
        ),
        (
            bomb,
            "is too large: at most 2048 by 2048 pixels are allowed",
        ),
        (
            logo(ImageFormat::Jpeg, 2049, 1),
            "is too large: at most 2048 by 2048 pixels are allowed",
        ),
    ] {
        let options = QrCode {
            logo_uri: Some(LogoUri::Picture(logo)),
            ..QrCode::default()
        };
        let faults = Design::new(&options).unwrap_err();
        assert_eq!(faults.len(), 1);
        assert_eq!(faults[0].pointer, "/qr_code/logo_uri");
        assert_eq!(faults[0].reason, expected);
    }
}

/// A PNG that claims a size and has no pixels: what a decompression bomb begins like.
fn png_header(width: u32, height: u32) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Rgba);
    drop(encoder.write_header().unwrap());
    file
}

#[test]
fn a_bad_logo_is_told_with_the_other_faults() {
    let uri = {
        let whole = logo(ImageFormat::Png, 64, 64);
        parsed_logo(&whole.file()[..60]).data_uri()
    };
    let body = format!(r#"{{"claims": {{}}, "qr_code": {{"logo_uri": "{uri}"}}}}"#);
    let problem = StartIssue::from_json_with(body.as_bytes(), Design::new, |_| Ok(())).unwrap_err();
    let pointers: Vec<_> = problem.errors.iter().map(|f| f.pointer.as_str()).collect();
    assert_eq!(pointers, ["/template_id", "/qr_code/logo_uri"]);
}

#[test]
fn a_terminal_shows_a_code_that_scans() {
    let shown = terminal(LINK).unwrap();
    let rows: Vec<Vec<char>> = shown
        .lines()
        .map(|line| {
            let line = line.strip_prefix("\u{1b}[38;5;16;48;5;231m").unwrap();
            line.strip_suffix("\u{1b}[0m").unwrap().chars().collect()
        })
        .collect();
    // 4 pixels for each module: a character is one wide and two high.
    let (width, height) = (rows[0].len() * 4, rows.len() * 8);
    let text = read_luma(width, height, |x, y| {
        let half = (rows[y / 8][x / 4], y / 4 % 2);
        let dark = matches!(half, ('█', _) | ('▀', 0) | ('▄', 1));
        if dark { 0 } else { 255 }
    });
    assert_eq!(text, LINK);
    assert!(terminal(&"x".repeat(2954)).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_text_is_drawn_readable_or_refused(
        text in "[a-zA-Z0-9:/?&=%._-]{1,400}",
        size in *QrCode::SIZE.start()..700,
        padding in 0u32..64,
        logo_size in QrCode::LOGO_SIZE,
        with_logo in any::<bool>(),
        (logo_width, logo_height) in (1u32..80, 1u32..80),
    ) {
        let options = QrCode {
            size,
            padding,
            logo_size,
            logo_uri: with_logo
                .then(|| LogoUri::Picture(logo(ImageFormat::Png, logo_width, logo_height))),
            ..QrCode::default()
        };
        match Design::new(&options).unwrap().draw(&text) {
            Ok(picture) => prop_assert_eq!(read_back(&picture), text),
            Err(DrawError::SizeTooSmall { needed, .. }) => {
                let larger = QrCode { size: needed, ..options };
                prop_assert!(needed > size);
                prop_assert_eq!(read_back(&draw(&larger, &text)), text);
            }
            Err(other) => prop_assert!(false, "{other}"),
        }
    }
}

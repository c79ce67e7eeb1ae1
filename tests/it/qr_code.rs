//! The QR code of a personal wallet's flow, read back as a phone would.

use axum::Router;
use axum::response::Redirect;
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::{GrayImage, RgbaImage};
use serde_json::{Value, json};

use crate::backend::{iban, unique};
use crate::cloud;
use crate::function_host::{free_port, serve};

#[tokio::test]
async fn what_a_phone_reads_is_the_request_uri() {
    let logo = format!("data:image/png;base64,{}", STANDARD.encode(png_square()));
    for options in [
        json!({}),
        json!({"size": 400, "color_dark": "#000000", "color_light": "#ffffff", "padding": 16}),
        json!({"size": "600", "padding": "24"}),
        json!({"size": 300, "color_dark": "#1a237e", "color_light": "#fffde7", "marker_color": "#b71c1c"}),
        json!({"size": 500, "logo_uri": logo, "logo_size": 20}),
    ] {
        let (request_uri, image) = draw(&options).await;
        let size = options["size"]
            .as_u64()
            .or(options["size"].as_str().and_then(|s| s.parse().ok()));
        assert_eq!(u64::from(image.width()), size.unwrap_or(400), "{options}");
        assert_eq!(image.width(), image.height());
        assert_eq!(read(&image), request_uri, "{options}");
    }
}

#[tokio::test]
async fn the_colours_are_the_ones_asked_for() {
    let options =
        json!({"size": 400, "padding": 16, "color_dark": "#102030", "color_light": "#f0f1f2"});
    let (_, image) = draw(&options).await;
    assert_eq!(
        image.get_pixel(0, 0).0,
        [0xf0, 0xf1, 0xf2, 0xff],
        "the quiet zone"
    );
    assert!(
        image
            .pixels()
            .any(|pixel| pixel.0 == [0x10, 0x20, 0x30, 0xff])
    );
}

/// The picture at the other end of a link is taken as if it had been sent.
#[tokio::test]
async fn a_logo_may_be_linked_to() {
    let routes = Router::new()
        .route("/logo.png", get(async || png_square()))
        .route("/page", get(async || "<html>"))
        .route("/moved", get(async || Redirect::permanent("/logo.png")))
        .route("/large", get(async || vec![0; 200_000]));
    let site = serve(routes, free_port().await);
    let sent = format!("data:image/png;base64,{}", STANDARD.encode(png_square()));
    let id = unique("linked");
    let mut pictures = Vec::new();
    for logo in [sent, format!("{site}/logo.png")] {
        let mut body = iban(&id);
        body["qr_code"] = json!({"size": 500, "logo_uri": logo});
        let started = cloud::shared().backend().start(&body).await.expect(201);
        pictures.push(started.str("qr_uri").to_owned());
    }
    assert_eq!(pictures[0], pictures[1]);

    for path in ["page", "moved", "large", "nowhere"] {
        let mut body = iban(&unique("no-logo"));
        body["qr_code"] = json!({"logo_uri": format!("{site}/{path}")});
        let refused = cloud::shared().backend().start(&body).await;
        refused.expect_problem(400);
        assert_eq!(
            refused.body["errors"][0]["pointer"], "/qr_code/logo_uri",
            "{path}"
        );
    }
}

/// Starts an issuance with these options and gives what the code must say, and its picture.
async fn draw(options: &Value) -> (String, RgbaImage) {
    let mut body = iban(&unique("qr"));
    body["qr_code"] = options.clone();
    let started = cloud::shared().backend().start(&body).await.expect(201);
    let data = started
        .str("qr_uri")
        .strip_prefix("data:image/png;base64,")
        .expect("a PNG data URI");
    let png = STANDARD.decode(data).expect("base64");
    let image = image::load_from_memory_with_format(&png, image::ImageFormat::Png).expect("a PNG");
    (started.str("request_uri").to_owned(), image.into_rgba8())
}

fn read(image: &RgbaImage) -> String {
    let gray: GrayImage = image::DynamicImage::ImageRgba8(image.clone()).into_luma8();
    let (width, height) = gray.dimensions();
    let mut prepared =
        rqrr::PreparedImage::prepare_from_greyscale(width as usize, height as usize, |x, y| {
            gray.get_pixel(x as u32, y as u32).0[0]
        });
    let grids = prepared.detect_grids();
    assert_eq!(grids.len(), 1, "one code in the picture");
    grids[0].decode().expect("the code can be read").1
}

/// A logo: a red square.
fn png_square() -> Vec<u8> {
    let mut png = std::io::Cursor::new(Vec::new());
    RgbaImage::from_pixel(32, 32, image::Rgba([200, 0, 0, 255]))
        .write_to(&mut png, image::ImageFormat::Png)
        .expect("a PNG in memory");
    png.into_inner()
}

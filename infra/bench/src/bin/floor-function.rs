//! The least that a function can do: before it answers, it calls DynamoDB as often as it is asked to (`/?calls=3`), with
//! signed requests on a bare connection.

use std::time::Duration;

use aws_lc_rs::{digest, hmac};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use lambda_http::{RequestExt, Response, run, service_fn};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::Mutex;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Of one call, as in the functions.
const TIMEOUT: Duration = Duration::from_secs(2);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let table = Table::from_environment()?;
    let table = &table;
    run(service_fn(async move |request: lambda_http::Request| {
        let query = request.query_string_parameters();
        let calls = query.first("calls").and_then(|calls| calls.parse().ok());
        for _ in 0..calls.unwrap_or(0_u32) {
            table.update().await?;
        }
        Ok::<_, Failure>(Response::new(String::from("{}")))
    }))
    .await
}

/// A table, behind one connection that is kept.
struct Table {
    name: String,
    authority: String,
    region: String,
    key_id: String,
    secret: String,
    connection: Mutex<Option<SendRequest<Full<Bytes>>>>,
    signing_key: Mutex<Option<(String, hmac::Key)>>,
}

impl Table {
    fn from_environment() -> Result<Self, Failure> {
        let endpoint = std::env::var("AWS_ENDPOINT_URL_DYNAMODB")?;
        Ok(Self {
            name: std::env::var("TABLE")?,
            authority: endpoint.trim_start_matches("http://").to_owned(),
            region: std::env::var("AWS_REGION")?,
            key_id: std::env::var("AWS_ACCESS_KEY_ID")?,
            secret: std::env::var("AWS_SECRET_ACCESS_KEY")?,
            connection: Mutex::new(None),
            signing_key: Mutex::new(None),
        })
    }

    /// A conditional write that gives the item back, like those of the functions.
    async fn update(&self) -> Result<Value, Failure> {
        let call = json!({
            "TableName": self.name,
            "Key": {"pk": {"S": "issuance#floor"}, "sk": {"S": "record"}},
            "UpdateExpression": "SET #state = :state, last_updated_ms = :now, write_id = :write_id ADD attempt :one",
            "ConditionExpression": "attribute_not_exists(pk) OR attempt >= :zero",
            "ExpressionAttributeNames": {"#state": "state"},
            "ExpressionAttributeValues": {
                ":state": {"S": "offered"},
                ":now": {"N": "1795000000000"},
                ":write_id": {"S": "5f0e3a0c-6f4b-4c53-8a3e-0a4d2c0b7a11"},
                ":one": {"N": "1"},
                ":zero": {"N": "0"},
            },
            "ReturnValues": "ALL_NEW",
        });
        let request = self
            .signed("DynamoDB_20120810.UpdateItem", call.to_string())
            .await?;
        let mut connection = self.connection.lock().await;
        let sender = match connection.as_mut() {
            Some(sender) if !sender.is_closed() => sender,
            _ => connection.insert(connect(&self.authority).await?),
        };
        let answer = async {
            sender.ready().await?;
            let answer = sender.send_request(request).await?;
            let status = answer.status();
            Ok::<_, hyper::Error>((status, answer.into_body().collect().await?.to_bytes()))
        };
        let (status, body) = tokio::time::timeout(TIMEOUT, answer).await??;
        if !status.is_success() {
            return Err(format!("the call was answered {status}").into());
        }
        Ok(serde_json::from_slice(&body)?)
    }

    /// A request with Signature Version 4.
    async fn signed(
        &self,
        target: &str,
        body: String,
    ) -> Result<hyper::Request<Full<Bytes>>, Failure> {
        let time = Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
        let date = time.split('T').next().unwrap_or_default();
        let (host, region) = (&self.authority, &self.region);
        let canonical = format!(
            "POST\n/\n\nhost:{host}\nx-amz-date:{time}\nx-amz-target:{target}\n\nhost;x-amz-date;x-amz-target\n{}",
            sha256(&body),
        );
        let scope = format!("{date}/{region}/dynamodb/aws4_request");
        let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", sha256(&canonical),);
        let mut cached = self.signing_key.lock().await;
        let key = match cached.as_ref() {
            Some((of, key)) if of == date => key,
            _ => &cached.insert((date.to_owned(), self.key_of(date))).1,
        };
        let signature = hex::encode(hmac::sign(key, to_sign.as_bytes()).as_ref());
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders=host;x-amz-date;x-amz-target, Signature={signature}",
            self.key_id,
        );
        Ok(hyper::Request::post("/")
            .header("host", host)
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-date", &time)
            .header("x-amz-target", target)
            .header("authorization", authorization)
            .body(Full::new(body.into()))?)
    }

    /// The key of a day.
    fn key_of(&self, date: &str) -> hmac::Key {
        let secret = format!("AWS4{}", self.secret);
        let parts = [date, &self.region, "dynamodb", "aws4_request"];
        let first = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        parts.iter().fold(first, |key, part| {
            let derived = hmac::sign(&key, part.as_bytes());
            hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref())
        })
    }
}

fn sha256(text: &str) -> String {
    hex::encode(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
}

async fn connect(authority: &str) -> Result<SendRequest<Full<Bytes>>, Failure> {
    let stream = TcpStream::connect(authority).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

//! The guarded client against those who would lead it astray.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::response::Redirect;
use axum::routing::get;
use bestow_egress::{Allowed, GuardedClient, Limits, SendError, UrlError};
use reqwest::Method;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::net::TcpListener;
use url::Url;

const LIMITS: Limits = Limits {
    connect_timeout: Duration::from_secs(5),
    total_timeout: Duration::from_secs(10),
    body_bytes: 1_000,
};

/// A name server under a stranger's control: each question gets the next answer.
struct StrangersResolver {
    answers: Mutex<VecDeque<Vec<IpAddr>>>,
    questions: AtomicUsize,
}

impl StrangersResolver {
    fn new<const N: usize>(answers: [&[&str]; N]) -> Arc<Self> {
        let parse = |address: &&str| address.parse().unwrap();
        Arc::new(Self {
            answers: Mutex::new(answers.map(|some| some.iter().map(parse).collect()).into()),
            questions: AtomicUsize::new(0),
        })
    }
}

impl Resolve for StrangersResolver {
    fn resolve(&self, _: Name) -> Resolving {
        self.questions.fetch_add(1, Ordering::SeqCst);
        let answer = self.answers.lock().unwrap().pop_front().unwrap_or_default();
        let addresses: Vec<SocketAddr> = answer
            .into_iter()
            .map(|address| SocketAddr::new(address, 0))
            .collect();
        Box::pin(async move { Ok(Box::new(addresses.into_iter()) as Addrs) })
    }
}

/// A server that counts the connections made to it, and closes each after its answer.
struct Server {
    port: u16,
    connections: Arc<AtomicUsize>,
}

impl Server {
    async fn at(address: &str, port: u16) -> Self {
        let listener = TcpListener::bind((address, port)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        tokio::spawn(async move {
            use tokio::io::{AsyncReadExt, AsyncWriteExt};
            while let Ok((mut stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let _ = stream.read(&mut [0; 4096]).await;
                let answer = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
                let _ = stream.write_all(answer).await;
            }
        });
        Self { port, connections }
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// 127.0.0.2 stands for an address on the public internet; 127.0.0.1, with a service at the same port,
/// for what nobody outside may reach.
async fn checked_and_inside() -> (Server, Server) {
    let checked = Server::at("127.0.0.2", 0).await;
    let inside = Server::at("127.0.0.1", checked.port).await;
    (checked, inside)
}

fn client(resolver: &Arc<StrangersResolver>) -> GuardedClient {
    let allowed = "127.0.0.2,attacker.example".parse().unwrap();
    GuardedClient::with_resolver(allowed, LIMITS, Arc::clone(resolver) as Arc<dyn Resolve>).unwrap()
}

async fn post(client: &GuardedClient, url: &str) -> Result<u16, SendError> {
    let request = client.request(Method::POST, Url::parse(url).unwrap());
    Ok(client.send(request).await?.status.as_u16())
}

/// The name is resolved once for each connection, and the connection is made to that answer. The next
/// answer, for the next connection, is checked anew.
#[tokio::test]
async fn a_name_that_changes_its_address_leads_nowhere() {
    let (checked, inside) = checked_and_inside().await;
    let resolver = StrangersResolver::new([&["127.0.0.2"], &["169.254.169.254"]]);
    let client = client(&resolver);
    let url = format!("http://attacker.example:{}/", checked.port);

    assert_eq!(post(&client, &url).await.unwrap(), 204);
    assert_eq!(resolver.questions.load(Ordering::SeqCst), 1);
    assert_eq!(checked.connections(), 1);

    let refused = post(&client, &url).await;
    assert!(
        matches!(refused, Err(SendError::ForbiddenAddress)),
        "{refused:?}"
    );
    assert_eq!((checked.connections(), inside.connections()), (1, 0));
}

/// As above with https and a name that nobody listed: refused before a byte is sent.
#[tokio::test]
async fn a_public_name_that_is_rebound_to_loopback_is_refused() {
    let inside = Server::at("127.0.0.1", 0).await;
    for answer in [
        "127.0.0.1",
        "::1",
        "::ffff:127.0.0.1",
        "10.0.0.1",
        "169.254.169.254",
        "64:ff9b::7f00:1",
        "fd00:ec2::254",
        "0.0.0.0",
    ] {
        let resolver = StrangersResolver::new([&[answer]]);
        let url = format!("https://rebound.example:{}/", inside.port);
        let refused = post(&client(&resolver), &url).await;
        assert!(
            matches!(refused, Err(SendError::ForbiddenAddress)),
            "{answer}: {refused:?}"
        );
    }
    assert_eq!(inside.connections(), 0);
}

/// A client that is content with one good address among several would go on to the next when the good
/// one does not answer.
#[tokio::test]
async fn of_a_names_addresses_only_the_good_ones_are_tried() {
    let inside = Server::at("127.0.0.1", 0).await;
    let resolver =
        StrangersResolver::new([&["127.0.0.2", "127.0.0.1"], &["127.0.0.1", "127.0.0.2"]]);
    let allowed = "127.0.0.2".parse().unwrap();
    let client =
        GuardedClient::with_resolver(allowed, LIMITS, Arc::clone(&resolver) as Arc<dyn Resolve>)
            .unwrap();
    let url = format!("https://mixed.example:{}/", inside.port);
    for _ in 0..2 {
        // Nobody listens at 127.0.0.2.
        let failed = post(&client, &url).await;
        assert!(
            matches!(failed, Err(SendError::Unreachable(_))),
            "{failed:?}"
        );
    }
    assert_eq!(inside.connections(), 0);
}

#[tokio::test]
async fn what_the_url_itself_says_is_refused_without_a_question() {
    let resolver = StrangersResolver::new([]);
    let client = client(&resolver);
    for (url, reason) in [
        ("https://127.0.0.1/", UrlError::Address),
        ("https://[::1]/", UrlError::Address),
        ("https://2130706433/", UrlError::Address),
        ("https://localhost/", UrlError::Address),
        ("http://backend.example/", UrlError::Insecure),
        ("https://backend.example:25/", UrlError::Port(25)),
    ] {
        let refused = post(&client, url).await.unwrap_err();
        assert!(
            matches!(refused, SendError::UrlError(found) if found == reason),
            "{url}: {refused:?}"
        );
    }
    assert_eq!(resolver.questions.load(Ordering::SeqCst), 0);
}

async fn serve(app: Router) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(std::future::IntoFuture::into_future(axum::serve(
        listener, app,
    )));
    Url::parse(&format!("http://{address}/")).unwrap()
}

fn local_client(limits: Limits) -> GuardedClient {
    GuardedClient::new("127.0.0.1".parse().unwrap(), limits).unwrap()
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let app = Router::new().route(
        "/",
        get(async || Redirect::temporary("http://169.254.169.254/latest/")),
    );
    let client = local_client(LIMITS);
    let answer = client
        .send(client.request(Method::GET, serve(app).await))
        .await;
    assert_eq!(answer.unwrap().status, 307);
}

/// The server would go on for ever: reading ends at the limit, not at the end.
#[tokio::test]
async fn an_endless_answer_is_read_up_to_the_limit() {
    let endless = || {
        let chunks = futures::stream::repeat_with(|| {
            Ok::<_, std::io::Error>(Bytes::from_static(&[b'x'; 300]))
        });
        Body::from_stream(chunks)
    };
    let url = serve(Router::new().route("/", get(async move || endless()))).await;
    let client = local_client(LIMITS);
    let request = || client.request(Method::GET, url.clone());
    let refused = client.send(request()).await.unwrap_err();
    assert!(matches!(refused, SendError::TooLarge { limit: 1_000 }));
    let cut = client.send_and_cut(request()).await.unwrap();
    assert_eq!((cut.status.as_u16(), cut.body.len()), (200, 1_000));
}

/// Whoever only wants the status has it with the headers, whatever becomes of the body.
#[tokio::test]
async fn a_body_that_breaks_off_is_cut() {
    let broken = || {
        let chunks = [
            Ok(Bytes::from_static(b"so far")),
            Err(std::io::Error::other("no further")),
        ];
        // The headers and the first chunk are out before the second.
        let chunks = futures::StreamExt::then(futures::stream::iter(chunks), async |chunk| {
            tokio::time::sleep(Duration::from_millis(50)).await;
            chunk
        });
        Body::from_stream(chunks)
    };
    let url = serve(Router::new().route("/", get(async move || broken()))).await;
    let client = local_client(LIMITS);
    let request = || client.request(Method::GET, url.clone());
    let refused = client.send(request()).await;
    assert!(matches!(refused, Err(SendError::Broken(_))), "{refused:?}");
    let cut = client.send_and_cut(request()).await.unwrap();
    assert_eq!((cut.status.as_u16(), &*cut.body), (200, &b"so far"[..]));
}

/// A byte now and then keeps a connection busy: the whole time counts.
#[tokio::test]
async fn a_slow_answer_is_cut_off_in_time() {
    let slow = || {
        let bytes = futures::stream::unfold((), async |()| {
            tokio::time::sleep(Duration::from_millis(20)).await;
            Some((Ok::<_, std::io::Error>(Bytes::from_static(b"x")), ()))
        });
        Body::from_stream(bytes)
    };
    let url = serve(Router::new().route("/", get(async move || slow()))).await;
    let client = local_client(Limits {
        total_timeout: Duration::from_millis(300),
        ..LIMITS
    });
    let refused = client.send(client.request(Method::GET, url.clone())).await;
    assert!(matches!(refused, Err(SendError::Timeout)), "{refused:?}");
    let cut = client.send_and_cut(client.request(Method::GET, url)).await;
    assert_eq!(cut.unwrap().status, 200);
}

#[tokio::test]
async fn without_a_list_nothing_at_home_can_be_reached() {
    let inside = Server::at("127.0.0.1", 0).await;
    let client = GuardedClient::new(Allowed::default(), LIMITS).unwrap();
    for host in ["127.0.0.1", "localhost", "[::1]", "0.0.0.0"] {
        for scheme in ["http", "https"] {
            let url = format!("{scheme}://{host}:{}/", inside.port);
            assert!(post(&client, &url).await.is_err(), "{url}");
        }
    }
    assert_eq!(inside.connections(), 0);
}

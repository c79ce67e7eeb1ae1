//! Local clouds under test: one that tests share, and ones of their own.

use std::path::Path;
use std::sync::OnceLock;

use bestow_local::{LocalCloud, Options, RunningCloud};

use crate::backend::Backend;
use crate::queues::Queues;

/// A running local cloud.
pub struct Cloud {
    pub running: RunningCloud,
}

impl Cloud {
    /// A cloud of one's own, in memory and on free ports.
    pub async fn start_ephemeral() -> Self {
        Self::start_with(Options::default()).await
    }

    /// A cloud that keeps its data in a directory.
    pub async fn start_in(data_dir: &Path, port: u16) -> Self {
        Self::start_with(Options {
            data_dir: Some(data_dir.to_owned()),
            port,
            ..Options::default()
        })
        .await
    }

    /// A cloud with a key of its own, which is taken from everywhere.
    pub async fn start_with_key(api_key: &str) -> Self {
        Self::start_with(Options {
            api_key: api_key.to_owned(),
            ..Options::default()
        })
        .await
    }

    /// A cloud with other values for parameters of the template.
    pub async fn start_with_parameters<const N: usize>(parameters: [(&str, &str); N]) -> Self {
        Self::start_with(Options {
            parameters: parameters
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            ..Options::default()
        })
        .await
    }

    /// A cloud with options of one's own.
    pub async fn start_with(options: Options) -> Self {
        let running = LocalCloud::start(options)
            .await
            .unwrap_or_else(|fault| panic!("{fault}"));
        Self { running }
    }

    /// A caller of its API.
    pub fn backend(&self) -> Backend {
        Backend::new(self.running.base_url(), self.running.api_key())
    }

    /// Its queues, to look into.
    pub fn queues(&self) -> Queues {
        Queues::of(&self.running)
    }
}

/// The cloud that all tests share which do not disturb each other.
pub fn shared() -> &'static Cloud {
    static SHARED: OnceLock<Cloud> = OnceLock::new();
    SHARED.get_or_init(|| on_its_own_threads(Cloud::start_ephemeral()))
}

/// What is deployed with an external wallet, which nobody reaches.
pub const EXTERNAL: [(&str, &str); 2] = [
    ("WalletBaseUrl", "https://wallet.example"),
    ("WalletApiKey", "a key"),
];

/// A shared cloud of a deployment with an external wallet.
pub fn shared_external() -> &'static Cloud {
    static SHARED: OnceLock<Cloud> = OnceLock::new();
    SHARED.get_or_init(|| on_its_own_threads(Cloud::start_with_parameters(EXTERNAL)))
}

/// Each test has a runtime that ends with it; a cloud that is shared must not.
fn on_its_own_threads(cloud: impl Future<Output = Cloud> + Send + 'static) -> Cloud {
    let (send, receive) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            send.send(cloud.await).expect("a test waits for it");
            std::future::pending::<()>().await;
        });
    });
    receive.recv().expect("the shared cloud starts")
}

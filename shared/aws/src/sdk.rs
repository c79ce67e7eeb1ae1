//! The AWS SDK's clients, made from a function's own environment.
//!
//! Without `aws-config`: a Lambda function's credentials, region and endpoints are environment variables, and looking
//! for them elsewhere (profiles, SSO, instance metadata) costs cold start, or finds someone else's.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::http::{
    HttpConnectorSettings, SharedHttpConnector, http_client_fn,
};
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bestow_runtime::{ConfigError, Env};

use crate::service::{Dynamodb, EventBridge, Kms, Service, Sqs};

/// Attempts of one call, the first included. The functions' time-outs (`template.yaml`) allow for the calls that each
/// makes in a row.
pub(crate) const ATTEMPTS: u32 = 3;
const CONNECT_TIMEOUT: Duration = Duration::from_millis(1_000);
pub(crate) const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(2_000);
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_millis(6_500);

/// Names in the certificates that AWS endpoints are under (<https://www.amazontrust.com/repository/>).
const AMAZON_ROOTS: [&[u8]; 2] = [
    b"Amazon Root CA ",
    b"Starfield Services Root Certificate Authority",
];

/// The configuration that all AWS clients of a function share: credentials, region, time-outs,
/// connections.
#[derive(Debug, Clone)]
pub struct Sdk {
    config: SdkConfig,
    env: Env,
    /// The connections of all clients.
    connector: SharedHttpConnector,
    credentials: Credentials,
    region: String,
}

impl Sdk {
    /// Reads `AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`, which Lambda sets.
    /// Each client also reads its `AWS_ENDPOINT_URL_…`, for another endpoint, such as the local cloud.
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let region = env.required("AWS_REGION", "a region, for example eu-central-1")?;
        let access_key_id = env.required("AWS_ACCESS_KEY_ID", "an access key id")?;
        let secret = env.required("AWS_SECRET_ACCESS_KEY", "a secret access key")?;
        let session_token = env.optional("AWS_SESSION_TOKEN").map(str::to_owned);
        let credentials =
            Credentials::new(access_key_id, secret, session_token, None, "environment");

        let tls = TlsContext::builder()
            .with_trust_store(amazon_trust_store())
            .build()
            .map_err(|fault| ConfigError::invalid("AWS_REGION", fault))?;
        let settings = HttpConnectorSettings::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .build();
        let connector = Connector::builder()
            .connector_settings(settings)
            .sleep_impl(TokioSleep::new())
            .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
            .tls_context(tls)
            .build();
        let connector = SharedHttpConnector::new(connector);
        let shared = connector.clone();
        let http_client = http_client_fn(move |_, _| shared.clone());

        let config = SdkConfig::builder()
            .behavior_version(aws_sdk_dynamodb::config::BehaviorVersion::latest())
            .region(Region::new(region.to_owned()))
            .credentials_provider(SharedCredentialsProvider::new(credentials.clone()))
            .http_client(http_client)
            .sleep_impl(TokioSleep::new())
            .retry_config(
                RetryConfig::standard()
                    .with_max_attempts(ATTEMPTS)
                    .with_initial_backoff(Duration::from_millis(50)),
            )
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(CONNECT_TIMEOUT)
                    .operation_attempt_timeout(ATTEMPT_TIMEOUT)
                    .operation_timeout(CALL_TIMEOUT)
                    .build(),
            )
            .build();
        Ok(Self {
            config,
            env: env.clone(),
            connector,
            credentials,
            region: region.to_owned(),
        })
    }

    /// DynamoDB.
    pub fn dynamodb(&self) -> Dynamodb {
        let client = aws_sdk_dynamodb::Client::new;
        self.service("dynamodb", "AWS_ENDPOINT_URL_DYNAMODB", client)
    }

    /// KMS.
    pub fn kms(&self) -> Kms {
        self.service("kms", "AWS_ENDPOINT_URL_KMS", |config| {
            aws_sdk_kms::Client::new(config)
        })
    }

    /// SQS.
    pub fn sqs(&self) -> Sqs {
        self.service("sqs", "AWS_ENDPOINT_URL_SQS", aws_sdk_sqs::Client::new)
    }

    /// EventBridge.
    pub fn eventbridge(&self) -> EventBridge {
        let client = aws_sdk_eventbridge::Client::new;
        self.service("events", "AWS_ENDPOINT_URL_EVENTBRIDGE", client)
    }

    /// The service with this name in addresses and signatures.
    fn service<C>(
        &self,
        name: &'static str,
        variable: &str,
        client: fn(&SdkConfig) -> C,
    ) -> Service<C> {
        let endpoint = match self.env.optional(variable) {
            Some(endpoint) => endpoint.to_owned(),
            None => endpoint_of(name, &self.region),
        };
        Service::new(
            client(&self.with_endpoint(variable)),
            self.connector.clone(),
            (self.credentials.clone(), &self.region, name),
            &endpoint,
        )
    }

    /// The configuration of a client whose endpoint `variable` may set.
    fn with_endpoint(&self, variable: &str) -> SdkConfig {
        let mut config = self.config.clone().into_builder();
        config.set_endpoint_url(self.env.optional(variable).map(str::to_owned));
        config.build()
    }
}

/// Where a service is (<https://docs.aws.amazon.com/general/latest/gr/rande.html>).
fn endpoint_of(service: &str, region: &str) -> String {
    let domain = if region.starts_with("cn-") {
        "amazonaws.com.cn"
    } else {
        "amazonaws.com"
    };
    format!("https://{service}.{region}.{domain}")
}

/// Only the roots that AWS uses: reading the system's whole bundle takes 8 ms of each cold start.
fn amazon_trust_store() -> TrustStore {
    amazon_roots().fold(TrustStore::empty(), |store, root| {
        store.with_pem_certificate(pem(root))
    })
}

fn amazon_roots() -> impl Iterator<Item = &'static [u8]> {
    let contains = |certificate: &[u8], name: &[u8]| {
        certificate.windows(name.len()).any(|window| window == name)
    };
    webpki_root_certs::TLS_SERVER_ROOT_CERTS
        .iter()
        .map(AsRef::as_ref)
        .filter(move |root| AMAZON_ROOTS.iter().any(|name| contains(root, name)))
}

fn pem(certificate: &[u8]) -> String {
    format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        STANDARD.encode(certificate)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amazon_has_five_roots() {
        assert_eq!(amazon_roots().count(), 5);
    }

    #[tokio::test]
    async fn services_are_where_the_sdk_finds_them() {
        use aws_sdk_dynamodb::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
        for region in ["eu-central-1", "us-east-1", "us-gov-west-1", "cn-north-1"] {
            let params = Params::builder().region(region).build().unwrap();
            let endpoint = DefaultResolver::new()
                .resolve_endpoint(&params)
                .await
                .unwrap();
            assert_eq!(endpoint_of("dynamodb", region), endpoint.url());
        }
    }

    #[test]
    fn a_missing_region_is_named() {
        let fault = Sdk::from_env(&Env::from_iter([("AWS_ACCESS_KEY_ID", "x")])).unwrap_err();
        assert!(fault.to_string().contains("AWS_REGION"), "{fault}");
    }
}

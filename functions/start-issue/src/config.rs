//! What this function is configured with.

use bestow_access::Guard;
use bestow_aws::sdk::Sdk;
use bestow_egress::{Allowed, Logos};
use bestow_runtime::{ConfigError, Env};
use bestow_wallets::StartIssuing;

/// The configuration, with the clients that it is about.
pub(crate) struct Config {
    /// `ACCESS_…`: who may start issuances.
    pub(crate) guard: Guard,
    /// `PUBLIC_BASE_URL`, without a trailing slash: what `status_uri` begins with.
    pub(crate) public_base_url: String,
    /// `EGRESS_ALLOW`: where callbacks may go and logos may be, besides the public internet.
    pub(crate) allowed: Allowed,
    /// Fetches logos from there.
    pub(crate) logos: Logos,
    /// The use case, with the variables of [`bestow_wallets::start_issuing`].
    pub(crate) use_case: StartIssuing,
}

impl Config {
    /// Reads the variables that are named at the fields. A fault names its variable.
    pub(crate) fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let public_base_url = env.base_url("PUBLIC_BASE_URL")?;
        let allowed = Allowed::from_env(env)?;
        let logos = Logos::new(allowed.clone())
            .map_err(|fault| ConfigError::invalid("EGRESS_ALLOW", fault))?;
        let sdk = Sdk::from_env(env)?;
        let guard = Guard::from_env(env, &sdk)?;
        Ok(Self {
            guard,
            public_base_url,
            allowed,
            logos,
            use_case: bestow_wallets::start_issuing(env, &sdk)?,
        })
    }
}

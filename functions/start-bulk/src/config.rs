//! What this function is configured with.

use bestow_access::Guard;
use bestow_aws::sdk::Sdk;
use bestow_backend::{JobTable, StartQueue};
use bestow_clock::OperatingSystem;
use bestow_egress::Allowed;
use bestow_jobs::{AcceptUpload, JobKeys, ReadJob};
use bestow_runtime::{ConfigError, Env};

/// The configuration, with the clients that it is about.
pub(crate) struct Config {
    /// `ACCESS_…`: who may start and read jobs.
    pub(crate) guard: Guard,
    /// `PUBLIC_BASE_URL`, without a trailing slash: what addresses in answers begin with.
    pub(crate) public_base_url: String,
    /// `EGRESS_ALLOW`: where callbacks may go, besides the public internet.
    pub(crate) allowed: Allowed,
    /// With `JOB_TABLE`, `START_QUEUE_URL` and `JOB_SECRET`.
    pub(crate) accept: AcceptUpload<JobTable, StartQueue, OperatingSystem>,
    /// With `JOB_TABLE` and `JOB_SECRET`.
    pub(crate) read: ReadJob<JobTable>,
}

impl Config {
    /// Reads the variables that are named at the fields. A fault names its variable.
    pub(crate) fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let table = env.required("JOB_TABLE", "the name of the table of jobs")?;
        let queue = env.required("START_QUEUE_URL", "the URL of the start queue")?;
        let secret = env.master_secret("JOB_SECRET")?;
        let public_base_url = env.base_url("PUBLIC_BASE_URL")?;
        let allowed = Allowed::from_env(env)?;
        let sdk = Sdk::from_env(env)?;
        let guard = Guard::from_env(env, &sdk)?;
        let keys =
            || JobKeys::derive(&secret).map_err(|fault| ConfigError::invalid("JOB_SECRET", fault));
        let jobs = JobTable::new(sdk.dynamodb(), table);
        Ok(Self {
            guard,
            public_base_url,
            allowed,
            accept: AcceptUpload {
                jobs: jobs.clone(),
                queue: StartQueue::new(sdk.sqs(), queue),
                system: OperatingSystem,
                keys: keys()?,
            },
            read: ReadJob {
                jobs,
                keys: keys()?,
            },
        })
    }
}

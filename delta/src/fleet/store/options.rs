//! How a store is opened.

use std::collections::BTreeMap;
use std::time::Duration;

/// Settings of a store. Nothing is read from the environment.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// Credentials, endpoint, region and the like, by the names that the crate `object_store` gives them: for S3
    /// `access_key_id`, `secret_access_key`, `session_token`, `region`, `endpoint`, `allow_http`,
    /// `virtual_hosted_style_request`; for Azure `account_name`, `access_key`, `sas_token`, `endpoint`, `allow_http`. A
    /// name that is not known is refused. None for a local folder.
    pub settings: BTreeMap<String, String>,
    /// How long a request, or a part of 8 MiB of a longer transfer, is tried before it counts as failed: repetitions and
    /// pauses together. 60 s by default.
    pub timeout: Duration,
    /// How long one attempt is waited for. 20 s by default.
    pub attempt_timeout: Duration,
    /// The pause before the second attempt; each later one is twice as long, up to 5 s. 100 ms by default.
    pub first_pause: Duration,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            settings: BTreeMap::new(),
            timeout: Duration::from_secs(60),
            attempt_timeout: Duration::from_secs(20),
            first_pause: Duration::from_millis(100),
        }
    }
}

//! What an engine may use, as JSON.

use mender_delta::fleet::job::failure::Failure as Refusal;
use mender_delta::fleet::job::options::{EngineOptions, Quota};
use mender_delta::fleet::reason::Reason;
use mender_delta::fleet::store::Store;
use mender_delta::fleet::store::options::StoreOptions;
use mender_delta::fleet::tenant::TenantId;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// Longest text that is read, in bytes.
const MOST: usize = 1 << 20;

/// The JSON form; what is not there is as [`EngineOptions`] has it by default. Sizes are in bytes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Json {
    v: u32,
    work_folder: PathBuf,
    workers: Option<usize>,
    threads: Option<usize>,
    memory: Option<u64>,
    disk: Option<u64>,
    queue_length: Option<usize>,
    quota: Option<QuotaJson>,
    #[serde(default)]
    tenants: BTreeMap<TenantId, QuotaJson>,
    failures_kept: Option<usize>,
    failure_lifetime_seconds: Option<u64>,
    store: Option<StoreJson>,
}

/// Where results are kept.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StoreJson {
    /// A folder, or `file://`, `s3://`, `az://`.
    address: String,
    #[serde(default)]
    settings: BTreeMap<String, String>,
    timeout_seconds: Option<u64>,
    attempt_timeout_seconds: Option<u64>,
}

impl StoreJson {
    fn open(self) -> Result<Store, Refusal> {
        let mut options = StoreOptions { settings: self.settings, ..StoreOptions::default() };
        set(&mut options.timeout, self.timeout_seconds.map(Duration::from_secs));
        set(&mut options.attempt_timeout, self.attempt_timeout_seconds.map(Duration::from_secs));
        Store::open(&self.address, &options)
            .map_err(|error| Refusal::because(error.reason(), error.to_string()))
    }
}

/// What a tenant may have going on.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct QuotaJson {
    queue_length: Option<usize>,
    jobs_in_parallel: Option<usize>,
}

impl QuotaJson {
    /// The quota, with what is not said as in `usual`.
    fn over(&self, usual: Quota) -> Quota {
        Quota {
            queue_length: self.queue_length.unwrap_or(usual.queue_length),
            jobs_in_parallel: self.jobs_in_parallel.unwrap_or(usual.jobs_in_parallel),
        }
    }
}

/// What the JSON form says.
pub(super) struct Options {
    pub(super) engine: EngineOptions,
    /// Of tenants that have their own.
    pub(super) quotas: BTreeMap<TenantId, Quota>,
}

/// Reads the JSON form.
///
/// # Errors
/// `bad_request`.
pub(super) fn options(json: &str) -> Result<Options, Refusal> {
    let refuse = |text: String| Refusal::because(Reason::BadRequest, format!("options of an engine: {text}"));
    if json.len() > MOST {
        return Err(refuse(format!("{} bytes, expected at most {MOST}", json.len())));
    }
    let json: Json = serde_json::from_str(json).map_err(|error| refuse(error.to_string()))?;
    if json.v != 1 {
        return Err(refuse(format!("v: expected 1, found {}", json.v)));
    }
    if json.work_folder.as_os_str().is_empty() {
        return Err(refuse("work_folder is empty".to_owned()));
    }
    let mut options = EngineOptions::new(json.work_folder);
    set(&mut options.workers, json.workers);
    set(&mut options.threads, json.threads);
    set(&mut options.memory_budget, json.memory);
    set(&mut options.disk_budget, json.disk);
    set(&mut options.queue_length, json.queue_length);
    set(&mut options.failures_kept, json.failures_kept);
    set(&mut options.failure_lifetime, json.failure_lifetime_seconds.map(Duration::from_secs));
    options.store = json.store.map(StoreJson::open).transpose()?;
    let usual = json.quota.map_or(options.quota, |quota| quota.over(options.quota));
    options.quota = usual;
    let quotas = json.tenants.into_iter().map(|(tenant, quota)| (tenant, quota.over(usual))).collect();
    Ok(Options { engine: options, quotas })
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_taken_and_the_rest_is_as_usual() {
        let usual = options(r#"{"v":1,"work_folder":"w"}"#).unwrap().engine;
        let defaults = EngineOptions::new("w");
        assert_eq!((usual.workers, usual.memory_budget), (defaults.workers, defaults.memory_budget));
        let json = r#"{"v":1,"work_folder":"w","workers":3,"threads":5,"memory":7,"disk":9,"queue_length":11,
            "quota":{"jobs_in_parallel":13},"tenants":{"acme":{"queue_length":17}},"failure_lifetime_seconds":15}"#;
        let Options { engine: said, quotas } = options(json).unwrap();
        let acme = quotas[&TenantId::new("acme").unwrap()];
        assert_eq!((acme.queue_length, acme.jobs_in_parallel), (17, 13));
        assert_eq!((said.workers, said.threads, said.memory_budget, said.disk_budget), (3, 5, 7, 9));
        assert_eq!((said.queue_length, said.quota.jobs_in_parallel), (11, 13));
        assert_eq!(said.quota.queue_length, defaults.quota.queue_length);
        assert_eq!(said.failure_lifetime, Duration::from_secs(15));
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for (json, expected) in [
            ("", "EOF"),
            ("{}", "missing field `v`"),
            (r#"{"v":1}"#, "missing field `work_folder`"),
            (r#"{"v":2,"work_folder":"w"}"#, "v: expected 1, found 2"),
            (r#"{"v":1,"work_folder":""}"#, "work_folder is empty"),
            (r#"{"v":1,"work_folder":"w","memroy":1}"#, "unknown field `memroy`"),
            (r#"{"v":1,"work_folder":"w","quota":{"jobs":1}}"#, "unknown field `jobs`"),
            (r#"{"v":1,"work_folder":"w","threads":-1}"#, "invalid value"),
            (r#"{"v":1,"work_folder":"w","tenants":{"a/b":{}}}"#, "another character"),
            (r#"{"v":1,"work_folder":"w","store":{}}"#, "missing field `address`"),
            (r#"{"v":1,"work_folder":"w","store":{"address":"ftp://x"}}"#, "found ftp://"),
            (r#"{"v":1,"work_folder":"w","store":{"address":"s3://b","settings":{"x":"1"}}}"#, "store: x"),
        ] {
            let refused = options(json).err().unwrap();
            assert!(refused.text.contains(expected), "{json}: {}", refused.text);
            assert_eq!(refused.reason, Reason::BadRequest);
        }
        assert!(options(&" ".repeat(MOST + 1)).is_err());
    }
}

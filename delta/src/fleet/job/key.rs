//! What makes two jobs the same: one SHA-256 over everything that decides the bytes of the result.

use super::spec::{AlgorithmSpec, JobSpec, LevelName, Packing, SignMode};
use crate::fleet::digest::{NotASha256, Sha256Sum};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;

/// Version of what is hashed.
const VERSION: u32 = 1;
/// Revisions of the generators: raised when one of them makes other bytes of the same inputs. A test that knows the
/// digests of some deltas fails when that is forgotten.
const NATIVE_REVISION: u32 = 1;
const XDELTA3_REVISION: u32 = 1;
const BSDIFF_REVISION: u32 = 1;
/// Revision of how Artifacts are written, likewise.
const WRITER_REVISION: u32 = 1;

/// The key of a result: SHA-256 of the canonical JSON (RFC 8785) of `v`, `tenant`, `from_sha256`, `to_sha256`, `algorithm`,
/// `algorithm_rev`, `params`, `compression`, `writer_rev` and `sign_key_id`. The same key means the same bytes; with it goes
/// that a job that failed for a reason that lasts fails again. So what decides about failing is among `params`: the least
/// saving, the memory of devices, the key that inputs are signed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobKey(Sha256Sum);

impl JobKey {
    /// The key of a job between two Artifacts, whose files have these digests.
    #[must_use]
    pub fn of(spec: &JobSpec, from: &Sha256Sum, to: &Sha256Sum) -> Self {
        Self(Sha256Sum(Sha256::digest(canonical(spec, from, to)).into()))
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0.0
    }
}

impl From<[u8; 32]> for JobKey {
    fn from(bytes: [u8; 32]) -> Self {
        Self(Sha256Sum(bytes))
    }
}

impl fmt::Display for JobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for JobKey {
    type Err = NotASha256;

    fn from_str(text: &str) -> Result<Self, NotASha256> {
        text.parse().map(Self)
    }
}

/// The text that is hashed.
fn canonical(spec: &JobSpec, from: &Sha256Sum, to: &Sha256Sum) -> String {
    let sha256 = |text: &String| Sha256Sum(Sha256::digest(text).into()).to_string();
    let mut params = json!({
        "apply_memory": spec.limits.apply_memory.map(|bytes| bytes.to_string()),
        "min_saving_permille": spec.limits.min_saving_permille,
        "verify_key_sha256": spec.verify_key.as_ref().map(sha256),
    });
    let revision = match &spec.algorithm {
        AlgorithmSpec::Native { level } => {
            params["level"] = match level {
                LevelName::Fast => "fast",
                LevelName::Default => "default",
                LevelName::Max => "max",
            }
            .into();
            NATIVE_REVISION
        }
        AlgorithmSpec::Xdelta3 { pack, window, source_window, decoder_arguments } => {
            params["pack"] = (*pack).into();
            params["window"] = (*window).into();
            params["source_window"] = source_window.map(|bytes| bytes.to_string()).into();
            params["decoder_arguments"] = decoder_arguments.clone().into();
            XDELTA3_REVISION
        }
        AlgorithmSpec::Bsdiff {} => BSDIFF_REVISION,
    };
    let compression = match spec.compression {
        Packing::None => "none",
        Packing::Gzip => "gzip",
        Packing::Xz => "xz",
        Packing::Zstd => "zstd",
    };
    let sign_key_id = match &spec.sign {
        SignMode::None {} => None,
        // Whoever names a public key has the signature checked with it, and joins nobody who has not.
        SignMode::External { key_id: Some(id), public_key } => Some(match public_key.as_ref().map(sha256) {
            Some(key) => format!("external:{id}:{key}"),
            None => format!("external:{id}"),
        }),
        SignMode::External { key_id: None, public_key } => {
            Some(format!("external:{}", public_key.as_ref().map(sha256).unwrap_or_default()))
        }
        SignMode::Signer { name } => Some(format!("signer:{name}")),
    };
    let value = json!({
        "v": VERSION,
        "tenant": spec.tenant.as_str(),
        "from_sha256": from.to_string(),
        "to_sha256": to.to_string(),
        "algorithm": spec.algorithm.name(),
        "algorithm_rev": revision,
        "params": params,
        "compression": compression,
        "writer_rev": WRITER_REVISION,
        "sign_key_id": sign_key_id,
    });
    let mut text = String::new();
    write(&value, &mut text);
    text
}

/// Appends `value` as RFC 8785 has it. Names are ASCII and numbers below 2^53: larger ones go as text.
fn write(value: &Value, out: &mut String) {
    match value {
        Value::Object(members) => {
            let mut names: Vec<&String> = members.keys().collect();
            names.sort();
            out.push('{');
            for (nth, name) in names.into_iter().enumerate() {
                if nth > 0 {
                    out.push(',');
                }
                write(&Value::from(name.as_str()), out);
                out.push(':');
                write(&members[name.as_str()], out);
            }
            out.push('}');
        }
        Value::Array(elements) => {
            out.push('[');
            for (nth, element) in elements.iter().enumerate() {
                if nth > 0 {
                    out.push(',');
                }
                write(element, out);
            }
            out.push(']');
        }
        // Numbers without a fraction and strings are written by serde_json as RFC 8785 wants them.
        other => out.push_str(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::tenant::TenantId;

    const FROM: Sha256Sum = Sha256Sum([1; 32]);
    const TO: Sha256Sum = Sha256Sum([2; 32]);

    fn spec() -> JobSpec {
        JobSpec::new(TenantId::new("acme").unwrap())
    }

    #[test]
    fn the_text_is_canonical_and_stays_as_it_is() {
        let (from, to) = ("01".repeat(32), "02".repeat(32));
        let expected = format!(
            "{{\"algorithm\":\"native\",\"algorithm_rev\":1,\"compression\":\"gzip\",\"from_sha256\":\"{from}\",\
             \"params\":{{\"apply_memory\":null,\"level\":\"default\",\"min_saving_permille\":0,\
             \"verify_key_sha256\":null}},\"sign_key_id\":null,\"tenant\":\"acme\",\"to_sha256\":\"{to}\",\"v\":1,\
             \"writer_rev\":1}}"
        );
        assert_eq!(canonical(&spec(), &FROM, &TO), expected);
        let key = JobKey::of(&spec(), &FROM, &TO);
        assert_eq!(key.to_string().parse(), Ok(key));
    }

    #[test]
    fn what_decides_the_outcome_changes_the_key_and_nothing_else_does() {
        let key = |change: fn(&mut JobSpec)| {
            let mut spec = spec();
            change(&mut spec);
            JobKey::of(&spec, &FROM, &TO)
        };
        let same = key(|_| {});
        assert_eq!(key(|spec| spec.limits.threads = 3), same);
        assert_eq!(key(|spec| spec.limits.memory = 1 << 20), same);
        assert_eq!(key(|spec| spec.from_sha256 = Some(FROM)), same);
        let others = [
            key(|spec| spec.tenant = TenantId::new("acmf").unwrap()),
            key(|spec| spec.algorithm = AlgorithmSpec::Bsdiff {}),
            key(|spec| spec.algorithm = AlgorithmSpec::Native { level: LevelName::Max }),
            key(|spec| spec.compression = Packing::Zstd),
            key(|spec| spec.sign = SignMode::Signer { name: "a".into() }),
            key(|spec| spec.sign = SignMode::External { public_key: None, key_id: Some("a".into()) }),
            key(|spec| spec.sign = SignMode::External { public_key: Some("a".into()), key_id: None }),
            key(|spec| spec.verify_key = Some("a".into())),
            key(|spec| spec.limits.apply_memory = Some(32 << 20)),
            key(|spec| spec.limits.min_saving_permille = 1),
            JobKey::of(&spec(), &TO, &FROM),
        ];
        let distinct: std::collections::BTreeSet<JobKey> = others.iter().copied().chain([same]).collect();
        assert_eq!(distinct.len(), others.len() + 1);
    }
}

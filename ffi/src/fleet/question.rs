//! A question about one device, as JSON, and its answer.

use mender_delta::fleet::catalog::device::Device;
use mender_delta::fleet::catalog::error::CatalogError;
use mender_delta::fleet::catalog::index::Catalog;
use mender_delta::fleet::catalog::select::{Candidates, Request};
use mender_delta::fleet::job::engine::Engine;
use mender_delta::fleet::job::insight::EngineInsight;
use mender_delta::fleet::job::spec::JobSpec;
use mender_delta::fleet::plan::insight::{Insight, Known, Pair};
use mender_delta::fleet::plan::policy::{DeltaKind, Policy, Queue};
use mender_delta::fleet::plan::single::plan;
use mender_delta::fleet::tenant::TenantId;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeSet;

/// Longest question that is read, in bytes.
const MOST: usize = 16 << 20;

/// The JSON form; docs/server.md explains it. What is not there is as `Request` and `Policy` have it by default.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Json {
    v: u32,
    /// As devices report it.
    device: Value,
    /// Only those of this release are looked at.
    release: Option<String>,
    /// Only those with these identifiers are looked at.
    ids: Option<Vec<String>>,
    allowed: Option<BTreeSet<String>>,
    max_bytes: Option<u64>,
    #[serde(default)]
    require_signed: bool,
    #[serde(default)]
    require_module: bool,
    #[serde(default)]
    reinstall: bool,
    #[serde(default)]
    policy: PolicyJson,
    /// What is known of deltas that could be made.
    #[serde(default)]
    known: Vec<KnownJson>,
    /// Seconds since 1970, for what is known until then.
    #[serde(default)]
    now: u64,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct PolicyJson {
    enabled: Option<bool>,
    kinds: Option<Vec<DeltaKind>>,
    max_image_bytes: Option<u64>,
    queue: Option<QueueJson>,
    min_saving_permille: Option<u16>,
    decode_memory_bytes: Option<u64>,
    can_sign: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct QueueJson {
    waiting: u64,
    most: u64,
}

/// What is known of one delta; an estimate, or a failure, or that it is under way.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KnownJson {
    from: String,
    to: String,
    algorithm: Option<DeltaKind>,
    #[serde(default)]
    under_way: bool,
    failed: Option<FailedJson>,
    estimate: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FailedJson {
    code: String,
    #[serde(default)]
    text: String,
    until: Option<u64>,
}

impl PolicyJson {
    fn policy(self, tenant: TenantId) -> Policy {
        let usual = Policy::new(tenant);
        Policy {
            enabled: self.enabled.unwrap_or(usual.enabled),
            kinds: self.kinds.unwrap_or(usual.kinds),
            max_image_bytes: self.max_image_bytes.unwrap_or(usual.max_image_bytes),
            queue: self.queue.map(|QueueJson { waiting, most }| Queue { waiting, most }).or(usual.queue),
            min_saving_permille: self.min_saving_permille.unwrap_or(usual.min_saving_permille),
            decode_memory_bytes: self.decode_memory_bytes.unwrap_or(usual.decode_memory_bytes),
            can_sign: self.can_sign.unwrap_or(usual.can_sign),
            tenant: usual.tenant,
        }
    }
}

/// What a question itself says of other deltas, and behind that what an engine knows.
struct Told<'e> {
    question: Vec<KnownJson>,
    engine: Option<&'e EngineInsight<'e>>,
}

impl Told<'_> {
    fn of(&self, pair: &Pair<'_>) -> Option<&KnownJson> {
        self.question.iter().find(|known| {
            known.from == pair.from.id
                && known.to == pair.to.id
                && known.algorithm.is_none_or(|kind| kind == pair.kind)
        })
    }
}

impl Insight for Told<'_> {
    fn known(&self, tenant: &TenantId, pair: &Pair<'_>) -> Known {
        match self.of(pair) {
            Some(KnownJson { failed: Some(FailedJson { code, text, until }), .. }) => {
                Known::Failed { code: code.clone(), text: text.clone(), until: *until }
            }
            Some(KnownJson { under_way: true, .. }) => Known::UnderWay,
            _ => self.engine.map_or(Known::Nothing, |engine| engine.known(tenant, pair)),
        }
    }

    fn estimate(&self, tenant: &TenantId, pair: &Pair<'_>) -> Option<u64> {
        let told = self.of(pair).and_then(|known| known.estimate);
        told.or_else(|| self.engine?.estimate(tenant, pair))
    }
}

fn wrong(reason: String) -> CatalogError {
    CatalogError::Json { what: "question", reason }
}

/// What is to be found out.
#[derive(Clone, Copy)]
pub(super) enum Wish<'e> {
    /// Which of the Artifacts that exist.
    Select,
    /// The same, or which delta should be made.
    Plan,
    /// The same, by an engine whose jobs are like this one.
    PlanWith(&'e Engine, &'e JobSpec),
}

/// Answers a question.
///
/// # Errors
/// For what is no such question, of another version, or over a limit.
pub(super) fn answer(catalog: &Catalog, question: &str, wish: Wish<'_>) -> Result<String, CatalogError> {
    if question.len() > MOST {
        let (wanted, limit) = (question.len() as u64, MOST as u64);
        return Err(CatalogError::Limit { what: "question, bytes", wanted, limit });
    }
    let json: Json = serde_json::from_str(question).map_err(|error| wrong(error.to_string()))?;
    if json.v != 1 {
        return Err(wrong(format!("v: expected 1, found {}", json.v)));
    }
    let device = Device::from_json(json.device.to_string().as_bytes())?;
    let candidates = match (&json.release, &json.ids) {
        (None, None) => Candidates::All,
        (Some(name), None) => Candidates::Release(name),
        (None, Some(ids)) => Candidates::Ids(ids),
        (Some(_), Some(_)) => return Err(wrong("expected release or ids, found both".to_owned())),
    };
    let request = Request {
        candidates,
        allowed: json.allowed.as_ref(),
        max_bytes: json.max_bytes,
        require_signed: json.require_signed,
        require_module: json.require_module,
        reinstall: json.reinstall,
    };
    let answer = match wish {
        Wish::Select => {
            let selection = catalog.select(&device, &request);
            let taken = selection.taken.map(|taken| taken.id.as_str());
            serde_json::to_value(&selection.refused)
                .map(|refused| serde_json::json!({ "taken": taken, "refused": refused }))
        }
        Wish::Plan => {
            let policy = json.policy.policy(catalog.tenant().clone());
            let told = Told { question: json.known, engine: None };
            serde_json::to_value(plan(catalog, &device, &request, &policy, &told, json.now)?)
        }
        Wish::PlanWith(engine, usual) => {
            if usual.tenant != *catalog.tenant() {
                let (expected, found) = (catalog.tenant().clone(), usual.tenant.clone());
                return Err(CatalogError::TenantMismatch { expected, found });
            }
            let insight = engine.insight(usual);
            let mut policy = json.policy.policy(usual.tenant.clone());
            policy.queue = policy.queue.or_else(|| Some(engine.queue(&usual.tenant)));
            let told = Told { question: json.known, engine: Some(&insight) };
            let answer = plan(catalog, &device, &request, &policy, &told, json.now)?;
            let spec = answer.plan.pair().map(|pair| insight.spec(&pair));
            serde_json::to_value(&answer).and_then(|mut said| {
                if let Some(spec) = spec {
                    said["spec"] = serde_json::to_value(spec)?;
                }
                Ok(said)
            })
        }
    };
    answer.map(|answer: Value| answer.to_string()).map_err(|error| wrong(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use mender_delta::fleet::catalog::limits::CatalogLimits;
    use mender_delta::fleet::catalog::summary::ArtifactSummary;
    use mender_delta::fleet::job::options::{EngineOptions, Quota};
    use mender_delta::fleet::job::spec::Packing;

    fn catalog() -> Catalog {
        let mut catalog = Catalog::new(TenantId::new("acme").unwrap(), &CatalogLimits::default());
        for (name, sum) in [("v1", "1"), ("v2", "2")] {
            let sum = sum.repeat(64);
            let summary = format!(
                r#"{{"id":"full-{name}","name":"{name}","size":1000,"device_types_compatible":["board"],
                "artifact_provides":{{"artifact_name":"{name}","rootfs-image.version":"{name}","rootfs-image.checksum":"{sum}"}},
                "updates":[{{"type_info":{{"type":"rootfs-image"}},"files":[{{"name":"image","size":9000,"checksum":"{sum}"}}]}}]}}"#
            );
            let summary = ArtifactSummary::from_json(summary.as_bytes()).unwrap();
            catalog.insert(summary).unwrap();
        }
        catalog
    }

    fn question(more: &str) -> String {
        let sum = "1".repeat(64);
        let provides = format!(
            r#"{{"device_type":"board","artifact_name":"v1","rootfs-image.version":"v1","rootfs-image.checksum":"{sum}",
            "rootfs-image.update-module.mender-binary-delta.mender_update_module":"mender-binary-delta",
            "rootfs-image.update-module.mender-binary-delta.version":"1"}}"#
        );
        format!(r#"{{"v":1,"device":{{"provides":{provides}}},"release":"v2"{more}}}"#)
    }

    fn said(more: &str, wish: Wish<'_>) -> Value {
        serde_json::from_str(&answer(&catalog(), &question(more), wish).unwrap()).unwrap()
    }

    #[test]
    fn a_device_gets_what_fits_or_what_should_be_made() {
        let selected = said("", Wish::Select);
        assert_eq!(selected["taken"], "full-v2");
        let planned = said(r#","policy":{"kinds":["xdelta3"]}"#, Wish::Plan);
        assert_eq!(
            (&planned["plan"], &planned["from"]),
            (&"generate".into(), &"full-v1".into()),
            "{planned}"
        );
        assert_eq!(planned["under_way"], false);
        let known = r#","known":[{"from":"full-v1","to":"full-v2","under_way":true,"estimate":5}]"#;
        let planned = said(known, Wish::Plan);
        assert_eq!((&planned["under_way"], &planned["estimate"]), (&true.into(), &5.into()), "{planned}");
        let known = r#","known":[{"from":"full-v1","to":"full-v2","failed":{"code":"no_gain"}}]"#;
        for more in [r#","policy":{"enabled":false}"#, known] {
            let planned = said(more, Wish::Plan);
            assert_eq!((&planned["plan"], &planned["id"]), (&"full".into(), &"full-v2".into()), "{planned}");
        }
        let nothing = said(r#","allowed":[]"#, Wish::Plan);
        assert_eq!((&nothing["plan"], &nothing["refused"][0]["id"]), (&"nothing".into(), &"full-v2".into()));
    }

    #[test]
    fn an_engine_says_what_it_knows_and_which_job_it_would_be() {
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::new(EngineOptions::new(folder.path())).unwrap();
        let usual = |tenant: &str| {
            let spec = format!(r#"{{"v":1,"tenant":"{tenant}","compression":"zstd"}}"#);
            JobSpec::from_json(spec.as_bytes()).unwrap()
        };
        let said = |more: &str| said(more, Wish::PlanWith(&engine, &usual("acme")));
        let planned = said("");
        assert_eq!(
            (&planned["plan"], &planned["under_way"]),
            (&"generate".into(), &false.into()),
            "{planned}"
        );
        assert_eq!(planned["spec"]["algorithm"]["name"], planned["algorithm"]);
        let spec = JobSpec::from_json(planned["spec"].to_string().as_bytes()).unwrap();
        assert_eq!((spec.tenant.as_str(), spec.compression), ("acme", Packing::Zstd));
        // What the question says goes before.
        let known = r#","known":[{"from":"full-v1","to":"full-v2","under_way":true,"estimate":5}]"#;
        assert_eq!((&said(known)["under_way"], &said(known)["estimate"]), (&true.into(), &5.into()));
        assert_eq!(said(r#","policy":{"enabled":false}"#)["spec"], Value::Null);
        engine.set_quota(&usual("acme").tenant, Quota { queue_length: 0, jobs_in_parallel: 0 });
        assert_eq!(said("")["reasons"][0]["code"], "queue_full");
        let other = answer(&catalog(), &question(""), Wish::PlanWith(&engine, &usual("other")));
        assert!(matches!(other, Err(CatalogError::TenantMismatch { .. })), "{other:?}");
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for (question, expected) in [
            ("", "EOF"),
            ("{}", "missing field `v`"),
            (r#"{"v":2,"device":{}}"#, "v: expected 1, found 2"),
            (r#"{"v":1,"device":{}}"#, "device"),
            (r#"{"v":1,"device":{},"colour":1}"#, "unknown field `colour`"),
            (&question(r#","ids":[]"#), "found both"),
            (&question(r#","policy":{"kinds":["rsync"]}"#), "unknown variant `rsync`"),
        ] {
            let refused = answer(&catalog(), question, Wish::Plan).unwrap_err().to_string();
            assert!(refused.contains(expected), "{question}: {refused}");
        }
    }
}

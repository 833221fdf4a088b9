//! Delta or full image: what the tests of single devices and of fleets have in common.

mod fleet;
mod single;

use crate::fleet::catalog::index::Catalog;
use crate::fleet::catalog::limits::CatalogLimits;
use crate::fleet::catalog::select::{Candidates, Request};
use crate::fleet::catalog::tests::{artifact, tenant};
use crate::fleet::plan::insight::{Insight, Known, Pair};
use crate::fleet::plan::single::{Answer, Plan};
use crate::fleet::tenant::TenantId;
use serde_json::{Value, json};
use std::cell::RefCell;

const NOW: u64 = 1_000;

fn checksum(number: u32) -> String {
    format!("{number:064x}")
}

/// A full image of release `number`: 1,000 bytes as Artifact, 10,000 unpacked.
fn full(number: u32) -> Value {
    json!({"id": format!("full-{number}"), "name": format!("release-{number}"), "size": 1000,
        "device_types_compatible": ["board"],
        "artifact_provides": {"rootfs-image.checksum": checksum(number), "rootfs-image.version": number.to_string()},
        "clears_artifact_provides": ["rootfs-image.*"],
        "updates": [{"type_info": {"type": "rootfs-image"}, "files": [
            {"name": "root.ext4", "checksum": checksum(number), "size": 10_000}]}]})
}

/// A delta between two of them.
fn delta(from: u32, to: u32, size: u64) -> Value {
    let mut value = full(to);
    value["id"] = json!(format!("delta-{from}-{to}"));
    value["size"] = json!(size);
    value["artifact_depends"] = json!({"rootfs-image.checksum": [checksum(from)]});
    value["updates"] = json!([{"type_info": {"type": "mender-delta"}}]);
    value
}

fn catalog(artifacts: &[Value]) -> Catalog {
    let mut catalog = Catalog::new(tenant("t"), &CatalogLimits::default());
    for value in artifacts {
        catalog.insert(artifact(value)).unwrap();
    }
    catalog
}

fn module(name: &str) -> (String, Value) {
    (format!("rootfs-image.update-module.{name}.mender_update_module"), json!(name))
}

/// A device that runs release `number` and has what it takes.
fn ready(number: u32) -> Value {
    let mut provides = json!({"device_type": "board", "artifact_name": format!("release-{number}"),
        "rootfs-image.checksum": checksum(number), "rootfs-image.version": number.to_string()});
    provides.as_object_mut().unwrap().extend([module("mender-delta"), module("mender-binary-delta")]);
    provides
}

fn request() -> Request<'static> {
    Request { candidates: Candidates::Release("release-2"), require_module: true, ..Request::default() }
}

/// The answer in a few words.
fn words(answer: &Answer<'_>) -> String {
    match &answer.plan {
        Plan::Nothing => "nothing".to_owned(),
        Plan::Full { artifact, reasons } => {
            let codes: Vec<_> = reasons.iter().map(super::reason::FullReason::code).collect();
            format!("{}: {}", artifact.id, codes.join(" "))
        }
        Plan::Existing { artifact } => artifact.id.clone(),
        Plan::Generate { from, to, algorithm, under_way, .. } => {
            let under_way = if *under_way { ", under way" } else { "" };
            format!("{} to {} as {}{under_way}", from.id, to.id, algorithm.name())
        }
    }
}

/// What others know, as a test wants it.
#[derive(Default)]
struct Told {
    known: Known,
    estimate: Option<u64>,
    asked: RefCell<Vec<String>>,
}

impl Insight for Told {
    fn known(&self, tenant: &TenantId, pair: &Pair<'_>) -> Known {
        assert_eq!(tenant.as_str(), "t");
        self.asked.borrow_mut().push(pair.from.id.clone());
        self.known.clone()
    }

    fn estimate(&self, _: &TenantId, _: &Pair<'_>) -> Option<u64> {
        self.estimate
    }
}

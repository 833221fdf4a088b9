//! Artifacts that deltas are made between, and workers beside them.

use crate::workplace::{Ended, Workplace, image_bytes};
use mender_delta::fleet::digest::Sha256Sum;
use mender_delta::fleet::store::Store;
use mender_delta::fleet::store::options::StoreOptions;
use mender_delta::fleet::tenant::TenantId;
use serde_json::Value;
use std::io::Write;
use std::process::{Child, Stdio};

pub(crate) fn tenant(name: &str) -> TenantId {
    TenantId::new(name).unwrap()
}

/// Writes an Artifact whose image differs from that of each other version in a few places.
pub(crate) fn write_version(place: &Workplace, version: u8) -> String {
    let mut image = image_bytes();
    for at in [1_000, 90_000, 150_000] {
        image[at + usize::from(version)] = 0x80 | version;
    }
    let (image_name, artifact) = (format!("img-{version}"), format!("v{version}.mender"));
    place.put(&image_name, image);
    let name = format!("release-{version}");
    place.ok(&["write", "rootfs-image", "-f", &image_name, "-n", &name, "-c", "board", "-o", &artifact]);
    artifact
}

/// Writes two Artifacts that keep a worker busy for some seconds.
pub(crate) fn write_slow_pair(place: &Workplace) -> [String; 2] {
    let bytes = |seed: u64| {
        let mut state = seed;
        let next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state.to_be_bytes()[0]
        };
        std::iter::repeat_with(next).take(24 << 20).collect::<Vec<u8>>()
    };
    [("old", 1), ("new", 2)].map(|(name, seed)| {
        let (image, output) = (format!("img-{name}"), format!("{name}.mender"));
        place.put(&image, bytes(seed));
        let flags = ["write", "rootfs-image", "-f", &image, "-n", name, "-c", "board", "-o", &output];
        place.ok(&[&flags[..], &["--compression", "none"]].concat());
        output
    })
}

/// The store in the folder `store`.
pub(crate) fn store(place: &Workplace) -> Store {
    Store::open(place.path("store").to_str().unwrap(), &StoreOptions::default()).unwrap()
}

pub(crate) fn put(place: &Workplace, store: &Store, tenant_name: &str, artifact: &str) -> Sha256Sum {
    let mut file = std::fs::File::open(place.path(artifact)).unwrap();
    store.put(&tenant(tenant_name), &mut file, None).unwrap().sha256
}

/// A task between two objects of the store.
pub(crate) fn object_task(tenant: &str, from: Sha256Sum, to: Sha256Sum) -> Value {
    serde_json::json!({
        "v": 1, "job": {"v": 1, "tenant": tenant}, "from": {"object": from}, "to": {"object": to},
    })
}

/// A task between two files.
pub(crate) fn path_task(tenant: &str, from: &str, to: &str) -> Value {
    serde_json::json!({"v": 1, "job": {"v": 1, "tenant": tenant}, "from": {"path": from}, "to": {"path": to}})
}

/// Starts a command that is given `input`.
pub(crate) fn start(place: &Workplace, arguments: &[&str], input: &str) -> Child {
    let mut child = place
        .command(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // One that refuses its command line reads nothing.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child
}

/// Runs a command that is given `input`.
pub(crate) fn run(place: &Workplace, arguments: &[&str], input: &str) -> Ended {
    Ended::of(&start(place, arguments, input).wait_with_output().unwrap())
}

/// The events of a worker, in order.
pub(crate) fn events(stdout: &str) -> Vec<Value> {
    stdout.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
}

/// What kinds of events came, without those of progress.
pub(crate) fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["event"].as_str().unwrap()).filter(|kind| *kind != "progress").collect()
}

pub(crate) fn signal(child: &Child, name: &str) {
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args([name, &pid]).status().unwrap().success());
}

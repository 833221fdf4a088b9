//! Every condition of a delta by itself.

use super::{NOW, Told, catalog, checksum, delta, full, module, ready, request, words};
use crate::fleet::catalog::index::Catalog;
use crate::fleet::catalog::limits::CatalogLimits;
use crate::fleet::catalog::select::Request;
use crate::fleet::catalog::tests::{artifact, device, tenant};
use crate::fleet::plan::fleet::{FleetOptions, FleetPlanner};
use crate::fleet::plan::insight::Known;
use crate::fleet::plan::policy::{DeltaKind, Policy, Queue};
use crate::fleet::plan::single::plan;
use serde_json::{Value, json};

#[test]
fn every_condition_alone_means_the_full_image() {
    let catalog = catalog(&[full(1), full(2)]);
    let asked = |provides: &Value, policy: &Policy, insight: &Told, request: &Request<'_>| {
        words(&plan(&catalog, &device(provides), request, policy, insight, NOW).unwrap())
    };
    let policy = Policy::new(tenant("t"));
    let yes = "full-1 to full-2 as native";
    assert_eq!(asked(&ready(1), &policy, &Told::default(), &request()), yes);
    // What the device reports.
    let without = |key: &str| {
        let mut provides = ready(1);
        provides.as_object_mut().unwrap().remove(key);
        provides
    };
    let with = |key: &str, value: &str| {
        let mut provides = ready(1);
        provides[key] = json!(value);
        provides
    };
    let native = module("mender-delta").0;
    let neither = {
        let mut provides = without(&native);
        provides[module("mender-binary-delta").0] = json!("another name");
        provides
    };
    let memory = |bytes: &str| with("rootfs-image.update-module.mender-delta.max_decode_mem", bytes);
    let both_short = {
        let mut provides = memory("1000");
        provides["rootfs-image.update-module.mender-binary-delta.max_decode_mem"] = json!("2000");
        provides
    };
    for (provides, expected) in [
        (without("rootfs-image.version"), "full-2: version_not_reported"),
        (without("rootfs-image.checksum"), "full-2: checksum_not_reported"),
        (with("rootfs-image.version", "2"), "full-2: base_differs"),
        (with("rootfs-image.checksum", &checksum(9)), "full-2: base_differs"),
        (with("rootfs-image.checksum", &checksum(2)), "full-2: same_image"),
        (neither, "full-2: module_not_reported"),
        (without(&native), "full-1 to full-2 as xdelta3"),
        (memory("16777216"), yes),
        (memory("16777215"), "full-1 to full-2 as xdelta3"),
        (memory("no number"), yes),
        (both_short, "full-2: decode_memory"),
        (json!({"device_type": "other"}), "nothing"),
        (
            json!({"device_type": "board"}),
            "full-2: version_not_reported checksum_not_reported module_not_reported",
        ),
        (ready(7), "full-2: base_unknown"),
        (ready(2), "nothing"),
    ] {
        assert_eq!(asked(&provides, &policy, &Told::default(), &request()), expected, "{provides}");
    }
    // What the tenant wants and is granted.
    let changed = |change: &dyn Fn(&mut Policy)| {
        let mut policy = policy.clone();
        change(&mut policy);
        policy
    };
    for (policy, expected) in [
        (changed(&|policy| policy.enabled = false), "full-2: deltas_disabled"),
        (changed(&|policy| policy.kinds = vec![DeltaKind::Xdelta3]), "full-1 to full-2 as xdelta3"),
        (changed(&|policy| policy.kinds.clear()), "full-2: module_not_reported"),
        (changed(&|policy| policy.max_image_bytes = 9_999), "full-2: too_large"),
        (changed(&|policy| policy.max_image_bytes = 10_000), yes),
        (changed(&|policy| policy.queue = Some(Queue { waiting: 4, most: 4 })), "full-2: queue_full"),
        (changed(&|policy| policy.queue = Some(Queue { waiting: 3, most: 4 })), yes),
    ] {
        assert_eq!(asked(&ready(1), &policy, &Told::default(), &request()), expected);
    }
    // Signatures.
    let mut signed = Catalog::new(tenant("t"), &CatalogLimits::default());
    for number in [1, 2] {
        let mut value = full(number);
        value["signed"] = json!(true);
        signed.insert(artifact(&value)).unwrap();
    }
    let request_signed = Request { require_signed: true, ..request() };
    for (can_sign, expected) in [(false, "full-2: cannot_sign"), (true, yes)] {
        let policy = changed(&|policy| policy.can_sign = can_sign);
        let answer = plan(&signed, &device(&ready(1)), &request_signed, &policy, &(), NOW).unwrap();
        assert_eq!(words(&answer), expected);
    }
}

#[test]
fn what_others_know_counts() {
    let catalog = catalog(&[full(1), full(2)]);
    let failed =
        |until| Known::Failed { code: "limit_memory".to_owned(), text: "too much".to_owned(), until };
    let policy = Policy {
        min_saving_permille: 100,
        queue: Some(Queue { waiting: 4, most: 4 }),
        ..Policy::new(tenant("t"))
    };
    let free = Policy { queue: None, ..policy.clone() };
    let yes = "full-1 to full-2 as native";
    for (policy, known, estimate, expected) in [
        (&free, failed(None), None, "full-2: known_failure"),
        (&free, failed(Some(NOW + 1)), None, "full-2: known_failure"),
        (&free, failed(Some(NOW)), None, yes),
        (&free, Known::Nothing, Some(899), yes),
        (&free, Known::Nothing, Some(900), "full-2: no_gain"),
        (&free, failed(None), Some(5000), "full-2: known_failure no_gain"),
        // Whoever joins a job takes no place in the queue.
        (&policy, Known::UnderWay, None, "full-1 to full-2 as native, under way"),
        (&policy, Known::Nothing, Some(900), "full-2: queue_full no_gain"),
    ] {
        let told = Told { known, estimate, ..Told::default() };
        let answer = plan(&catalog, &device(&ready(1)), &request(), policy, &told, NOW).unwrap();
        assert_eq!(words(&answer), expected);
        assert_eq!(*told.asked.borrow(), ["full-1"]);
    }
    // Not worth asking about.
    let told = Told::default();
    plan(&catalog, &device(&ready(7)), &request(), &free, &told, NOW).unwrap();
    assert!(told.asked.borrow().is_empty());
}

#[test]
fn deltas_that_exist_are_taken_where_they_are_smaller() {
    let policy = Policy::new(tenant("t"));
    let asked = |catalog: &Catalog, provides: &Value| {
        words(&plan(catalog, &device(provides), &request(), &policy, &(), NOW).unwrap())
    };
    let small = catalog(&[full(1), full(2), full(3), delta(1, 2, 10)]);
    assert_eq!(asked(&small, &ready(1)), "delta-1-2");
    assert_eq!(asked(&small, &ready(3)), "full-3 to full-2 as native");
    let mut without_module = ready(1);
    without_module.as_object_mut().unwrap().remove(&module("mender-delta").0);
    assert_eq!(asked(&small, &without_module), "full-1 to full-2 as xdelta3");
    let large = catalog(&[full(1), full(2), delta(1, 2, 1001)]);
    assert_eq!(asked(&large, &ready(1)), "full-2: delta_not_smaller");
    // What is no root file system stays as it is.
    let mut package = full(2);
    package["updates"][0]["type_info"]["type"] = json!("deb");
    assert_eq!(asked(&catalog(&[full(1), package]), &ready(1)), "full-2: not_a_root_image");
    // The base is there, but for another board: no delta can be made of the two.
    let mut other = full(1);
    other["device_types_compatible"] = json!(["other"]);
    assert_eq!(asked(&catalog(&[other, full(2)]), &ready(1)), "full-2: base_device_type");
}

#[test]
fn answers_as_json() {
    let catalog = catalog(&[full(1), full(2)]);
    let policy = Policy::new(tenant("t"));
    let asked = |provides: &Value| {
        let provides = device(provides);
        json!(plan(&catalog, &provides, &request(), &policy, &(), NOW).unwrap())
    };
    assert_eq!(
        asked(&ready(1)),
        json!({"plan": "generate", "from": "full-1", "to": "full-2", "algorithm": "native", "under_way": false,
            "estimate": null, "refused": []})
    );
    assert_eq!(
        asked(&ready(7)),
        json!({"plan": "full", "id": "full-2", "refused": [], "reasons": [{"code": "base_unknown",
            "text": "no full artifact has the version and checksum that the device reports"}]})
    );
    assert_eq!(
        asked(&ready(2)),
        json!({"plan": "nothing", "refused": [
            {"id": "full-2", "code": "already_installed", "text": "the device runs this release"}]})
    );
}

#[test]
fn a_policy_of_one_tenant_says_nothing_of_another() {
    let catalog = catalog(&[full(1), full(2)]);
    let policy = Policy::new(tenant("other"));
    let error = plan(&catalog, &device(&ready(1)), &request(), &policy, &(), NOW).unwrap_err();
    assert_eq!(error.code(), "tenant_mismatch");
    let options = FleetOptions::default();
    let error = FleetPlanner::new(&catalog, request(), &policy, &options).map(|_| ()).unwrap_err();
    assert_eq!(error.code(), "tenant_mismatch");
}

//! Delta or full image: every condition by itself, and a fleet against the answers for its devices one by one.

use super::fleet::{FleetOptions, FleetPlanner};
use super::fleet_plan::{FleetPlan, SizeFrom};
use super::input::read_fleet;
use super::insight::{Insight, Known, Pair};
use super::policy::{DeltaKind, Policy, Queue};
use super::single::{Answer, Plan, plan};
use crate::fleet::catalog::index::Catalog;
use crate::fleet::catalog::limits::CatalogLimits;
use crate::fleet::catalog::select::{Candidates, Request};
use crate::fleet::catalog::tests::{artifact, device, tenant};
use crate::fleet::tenant::TenantId;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Instant;

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

/// Plans for what `lines` report.
fn fleet(catalog: &Catalog, lines: &str, insight: &dyn Insight, options: &FleetOptions) -> FleetPlan {
    let policy = Policy { queue: Some(Queue { waiting: 9, most: 9 }), ..Policy::new(tenant("t")) };
    let mut planner = FleetPlanner::new(catalog, request(), &policy, options).unwrap();
    let keys = planner.keys().to_vec();
    read_fleet(lines.as_bytes(), Some(&keys), &mut |device| planner.add(device)).unwrap();
    planner.finish(insight, NOW).unwrap()
}

fn line(id: usize, mut provides: Value) -> String {
    provides["id"] = json!(id.to_string());
    provides["serial"] = json!(id.to_string());
    format!("{provides}\n")
}

#[test]
fn a_fleet_gets_what_its_devices_get() {
    let artifacts: Vec<Value> = (1..=5).map(full).chain([delta(4, 2, 10)]).collect();
    let catalog = catalog(&artifacts);
    let mut lines = String::new();
    // Six with 1, three with 3 (one of them without the module for native deltas), and others.
    let states = [1, 3, 1, 4, 1, 7, 3, 1, 2, 1, 3, 1, 4];
    let mut each: BTreeMap<String, u64> = BTreeMap::new();
    for (id, number) in states.into_iter().enumerate() {
        let mut provides = ready(number);
        if id == 6 {
            provides.as_object_mut().unwrap().remove(&module("mender-delta").0);
        }
        let answer = plan(&catalog, &device(&provides), &request(), &Policy::new(tenant("t")), &(), NOW);
        *each.entry(words(&answer.unwrap())).or_default() += 1;
        lines += &line(id, provides);
        if id == 5 {
            lines += "\n  \n";
        }
    }
    let found = fleet(&catalog, &lines, &(), &FleetOptions::default());
    assert_eq!((found.devices, found.states), (13, 6));
    let mut sums: BTreeMap<String, u64> = BTreeMap::new();
    for delta in &found.deltas {
        sums.insert(format!("{} to {} as {}", delta.from, delta.to, delta.algorithm.name()), delta.devices);
    }
    for share in &found.existing {
        sums.insert(share.artifact.clone().unwrap(), share.devices);
    }
    for share in &found.full {
        sums.insert(
            format!("{}: {}", share.artifact.as_ref().unwrap(), share.reasons[0].code()),
            share.devices,
        );
    }
    for share in &found.nothing {
        sums.insert("nothing".to_owned(), share.devices);
    }
    assert_eq!(sums, each);
    // Most bytes first, and without anything known of sizes at most all of them.
    let order: Vec<_> =
        found.deltas.iter().map(|delta| (delta.devices, delta.saved_bytes, delta.size_from)).collect();
    assert_eq!(
        order,
        [(6, 6000, SizeFrom::Unknown), (2, 2000, SizeFrom::Unknown), (1, 1000, SizeFrom::Unknown)]
    );
    assert_eq!(found.full[0].example.as_deref(), Some("5"));
    // The same whatever the order.
    let mut reversed: Vec<&str> = lines.lines().collect();
    reversed.reverse();
    let again = fleet(&catalog, &reversed.join("\n"), &(), &FleetOptions::default());
    assert_eq!((again.deltas, again.devices), (found.deltas, found.devices));
}

#[test]
fn estimates_and_assumptions_change_the_order() {
    struct Sizes;
    impl Insight for Sizes {
        fn estimate(&self, _: &TenantId, pair: &Pair<'_>) -> Option<u64> {
            match pair.from.id.as_str() {
                "full-1" => Some(900),
                "full-3" => Some(100),
                "full-4" => Some(1000),
                _ => None,
            }
        }
    }
    let artifacts: Vec<Value> = (1..=5).map(full).collect();
    let catalog = catalog(&artifacts);
    let count = |number: u32, count: u64| {
        let mut provides = ready(number);
        provides["count"] = json!(count);
        line(0, provides)
    };
    let lines = [count(1, 4), count(3, 1), count(4, 7), count(5, 2)].concat();
    let rows = |options: &FleetOptions| -> Vec<String> {
        let plan = fleet(&catalog, &lines, &Sizes, options);
        let rows = plan.deltas.iter().map(|delta| {
            format!("{} {} {:?} {:?}", delta.from, delta.saved_bytes, delta.delta_bytes, delta.size_from)
        });
        let none = plan.full.iter().map(|share| format!("{} {}", share.devices, share.reasons[0].code()));
        rows.chain(none).collect()
    };
    let options = FleetOptions { assumed_permille: Some(200), ..FleetOptions::default() };
    assert_eq!(
        rows(&options),
        [
            "full-5 1600 Some(200) Assumed",
            "full-3 900 Some(100) Estimated",
            "full-1 400 Some(900) Estimated",
            "7 no_gain"
        ]
    );
    // Only one is estimated: that of most devices.
    assert_eq!(
        rows(&FleetOptions { estimates: 1, ..options }),
        [
            "full-1 3200 Some(200) Assumed",
            "full-5 1600 Some(200) Assumed",
            "full-3 800 Some(200) Assumed",
            "7 no_gain"
        ]
    );
}

#[test]
fn lines_and_tables_say_the_same() {
    let catalog = catalog(&[full(1), full(2)]);
    let (key, name) = module("mender-delta");
    let csv = format!(
        "\u{feff}id,device_type,artifact_name,rootfs-image.version,rootfs-image.checksum,{key},count,location\r\n\
         1,board,release-1,1,{one},{name},3,\"Bern, \"\"old\"\" town\"\r\n\
         \r\n\
         2,board,release-1,1,{one},,,\r\n",
        one = checksum(1),
        name = name.as_str().unwrap(),
    );
    let mut first = ready(1);
    first.as_object_mut().unwrap().remove(&module("mender-binary-delta").0);
    let mut second = first.clone();
    first["count"] = json!(3);
    second.as_object_mut().unwrap().remove(&key);
    // As the client sends it.
    let lines = line(1, first) + &json!({"device_id": "2", "device_provides": second}).to_string();
    let [by_table, by_lines] =
        [&csv, &lines].map(|text| fleet(&catalog, text, &(), &FleetOptions::default()));
    assert_eq!(by_table, by_lines);
    assert_eq!((by_table.devices, by_table.deltas[0].devices, by_table.full[0].devices), (4, 3, 1));
}

#[test]
fn bad_lines_are_named() {
    let read = |text: &[u8]| read_fleet(text, None, &mut |_| Ok(())).unwrap_err().to_string();
    let good = "{\"device_type\":\"a\"}\n";
    for (text, expected) in [
        (format!("{good}\n{{\"x\":\"y\"}}"), "line 3: device: device_type: expected the type of the device"),
        (format!("{good}{{"), "line 2: device: EOF"),
        (format!("{good}[]"), "line 2: device: invalid type"),
        ("[{}]".to_owned(), "line 1: first line: keys: expected device_type among them, or JSON lines"),
        ("id,device_type,id\n".to_owned(), "line 1: first line: key: expected each key once, found 'id'"),
        ("id,device_type\n1\n".to_owned(), "line 2: device: values: expected as many values"),
        ("id,device_type\n1,\n".to_owned(), "line 2: 1: device_type: expected"),
        (
            "device_type,count\na,0\n".to_owned(),
            "line 2: device: count: expected a number above 0, found '0'",
        ),
        ("device_type\n\"a\n".to_owned(), "line 2: device: line: expected quotation marks in pairs"),
        (format!("{good}{{\"{}", "x".repeat(2 << 20)), "line 2: line, bytes: expected at most 1048576"),
    ] {
        let found = read(text.as_bytes());
        assert!(found.starts_with(expected), "{found}");
    }
    assert!(read(b"device_type\n\xff\n").starts_with("line 2: device: line: expected text in UTF-8"));
    assert_eq!(read_fleet(&b""[..], None, &mut |_| Ok(())).unwrap(), 0);
}

#[test]
fn states_are_bounded() {
    let catalog = catalog(&[full(1), full(2)]);
    let policy = Policy::new(tenant("t"));
    let options = FleetOptions { states: 10, ..FleetOptions::default() };
    let mut planner = FleetPlanner::new(&catalog, request(), &policy, &options).unwrap();
    let mut lines = String::new();
    for number in 0..20 {
        lines += &line(0, ready(number));
    }
    let keys = planner.keys().to_vec();
    let error = read_fleet(lines.as_bytes(), Some(&keys), &mut |device| planner.add(device)).unwrap_err();
    assert_eq!((error.line, error.error.code()), (11, "limit"));
    // Few states, but long ones.
    let options = FleetOptions { bytes: 3000, ..FleetOptions::default() };
    let mut planner = FleetPlanner::new(&catalog, request(), &policy, &options).unwrap();
    let mut long = ready(1);
    long["artifact_name"] = json!("x".repeat(2000));
    planner.add(device(&long)).unwrap();
    planner.add(device(&long)).unwrap();
    long["artifact_name"] = json!("y".repeat(2000));
    let message = planner.add(device(&long)).unwrap_err().to_string();
    assert!(message.starts_with("states of devices, bytes: expected at most 3000, found 4"), "{message}");
    let options = FleetOptions { states: 10, ..FleetOptions::default() };
    // What nothing depends on makes no state of its own, even if whoever reads keeps it.
    let mut planner = FleetPlanner::new(&catalog, request(), &policy, &options).unwrap();
    for number in 0..20 {
        let mut provides = ready(1);
        provides["serial"] = json!(number.to_string());
        planner.add(device(&provides)).unwrap();
    }
    let found = planner.finish(&(), NOW).unwrap();
    assert_eq!((found.states, found.devices), (1, 20));
}

/// 100,000 devices with 30 base versions.
#[test]
fn a_large_fleet_takes_seconds() {
    let artifacts: Vec<Value> = (2..=32).map(full).collect();
    let catalog = catalog(&artifacts);
    let mut lines = String::new();
    for id in 0..100_000_u32 {
        let number = 3 + id % 30;
        let (key, name) = module("mender-delta");
        writeln!(
            lines,
            "{{\"id\":\"{id:08x}-0000\",\"device_type\":\"board\",\"artifact_name\":\"release-{number}\",\
             \"rootfs-image.version\":\"{number}\",\"rootfs-image.checksum\":\"{}\",\"{key}\":{name},\
             \"mac\":\"00:00:00:00:{id:x}\",\"mem_total_kB\":1024}}",
            checksum(number)
        )
        .unwrap();
    }
    let start = Instant::now();
    let found = fleet(&catalog, &lines, &(), &FleetOptions::default());
    let took = start.elapsed();
    assert_eq!((found.devices, found.states, found.deltas.len()), (100_000, 30, 30));
    assert_eq!(found.deltas.iter().map(|delta| delta.devices).sum::<u64>(), 100_000);
    assert!(took.as_secs() < 30, "{took:?}");
}

//! A fleet against the answers for its devices one by one.

use super::{NOW, catalog, checksum, delta, full, module, ready, request, words};
use crate::fleet::catalog::index::Catalog;
use crate::fleet::catalog::tests::{device, tenant};
use crate::fleet::plan::fleet::{FleetOptions, FleetPlanner};
use crate::fleet::plan::fleet_plan::{FleetPlan, SizeFrom};
use crate::fleet::plan::input::read_fleet;
use crate::fleet::plan::insight::{Insight, Pair};
use crate::fleet::plan::policy::{Policy, Queue};
use crate::fleet::plan::single::plan;
use crate::fleet::tenant::TenantId;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Instant;

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

//! Choosing Artifacts, predicting provides, and input that is meant to do harm.

use super::device::{Client, Device};
use super::error::CatalogError;
use super::index::{Catalog, Catalogs, Inserted};
use super::limits::{CatalogLimits, MAX_DOCUMENT_LEN, MAX_KEYS};
use super::matching::accepts;
use super::provides::apply_provides;
use super::select::{Candidates, Request};
use super::summary::ArtifactSummary;
use super::who_has::who_has;
use crate::fleet::tenant::TenantId;
use mender_artifact::read::ReadOptions;
use mender_artifact::write::input::PayloadInput;
use mender_artifact::write::plan::{ArtifactPlan, PayloadPlan, ROOTFS_IMAGE};
use mender_artifact::write::{WriteOptions, write_artifact};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

pub(crate) fn tenant(name: &str) -> TenantId {
    TenantId::new(name).unwrap()
}

pub(crate) fn artifact(value: &Value) -> ArtifactSummary {
    ArtifactSummary::from_json(value.to_string().as_bytes()).unwrap()
}

fn module(id: &str, size: u64, depends: &Value) -> Value {
    json!({"id": id, "name": "release-2", "size": size, "device_types_compatible": ["board"], "artifact_depends": depends})
}

pub(crate) fn device(provides: &Value) -> Device {
    Device::from_json(provides.to_string().as_bytes()).unwrap()
}

fn catalog(artifacts: &[Value]) -> Catalog {
    let mut catalog = Catalog::new(tenant("t"), &CatalogLimits::default());
    for value in artifacts {
        assert_eq!(catalog.insert(artifact(value)).unwrap(), Inserted::New);
    }
    catalog
}

fn codes(catalog: &Catalog, device: &Device, request: &Request<'_>) -> (Option<String>, Vec<String>) {
    let selection = catalog.select(device, request);
    let refused = selection.refused.iter().map(|refused| format!("{} {}", refused.id, refused.why.code()));
    (selection.taken.map(|artifact| artifact.id.clone()), refused.collect())
}

/// The bytes of an Artifact with this payload.
fn written(provides: &[(&str, &str)], clears: Option<&[&str]>) -> Vec<u8> {
    use mender_artifact::header::{ArtifactHeader, PayloadHeader, TypeInfoValue};
    let one = |text: &str| TypeInfoValue::One(text.to_owned());
    let header = PayloadHeader {
        payload_type: Some(ROOTFS_IMAGE.to_owned()),
        provides: provides.iter().map(|(key, value)| ((*key).to_owned(), one(value))).collect(),
        depends: BTreeMap::from([(
            "board.revision".to_owned(),
            TypeInfoValue::Many(vec!["a".to_owned(), "b".to_owned()]),
        )]),
        clears: clears.map(|patterns| patterns.iter().map(|pattern| (*pattern).to_owned()).collect()),
        ..PayloadHeader::default()
    };
    let content: &[u8] = b"the image";
    let file = PayloadInput::from_reader("root.ext4", Some(content.len() as u64), content);
    let plan = ArtifactPlan {
        payloads: vec![PayloadPlan {
            header,
            files: vec![file],
            checksum_provide: Some("rootfs-image.checksum".to_owned()),
        }],
        ..ArtifactPlan::like(&ArtifactHeader {
            version: 3,
            artifact_name: "release-2".to_owned(),
            artifact_group: Some("field".to_owned()),
            compatible_types: vec!["board".to_owned()],
            depends_names: vec!["release-1".to_owned()],
            ..ArtifactHeader::default()
        })
    };
    let mut out = Vec::new();
    write_artifact(plan, &mut out, &WriteOptions::default()).unwrap();
    out
}

#[test]
fn a_summary_says_what_the_artifact_says() {
    let bytes = written(&[("rootfs-image.version", "2")], Some(&["rootfs-image.*"]));
    let summary = ArtifactSummary::from_artifact(&bytes[..], Some("one"), &ReadOptions::default()).unwrap();
    // Known from sha256sum.
    let image = "97e9d7a16021e6d07fbe28cce398f5847fc00c574991fbff65d95fd5e032d389";
    assert_eq!(
        serde_json::to_value(&summary).unwrap(),
        json!({
            "id": "one",
            "name": "release-2",
            "info": {"format": "mender", "version": 3},
            "size": bytes.len(),
            "sha256": summary.sha256,
            "device_types_compatible": ["board"],
            "artifact_depends": {"artifact_name": ["release-1"], "board.revision": ["a", "b"]},
            "artifact_provides": {
                "artifact_group": "field",
                "artifact_name": "release-2",
                "rootfs-image.checksum": image,
                "rootfs-image.version": "2",
            },
            "clears_artifact_provides": ["rootfs-image.*"],
            "updates": [{
                "type_info": {"type": "rootfs-image"},
                "files": [{"name": "root.ext4", "checksum": image, "size": 9}],
            }],
            "signed": false,
        })
    );
    // There and back again, and the same once more.
    let json = serde_json::to_vec(&summary).unwrap();
    assert_eq!(ArtifactSummary::from_json(&json).unwrap(), summary);
    let digest = ArtifactSummary::from_artifact(&bytes[..], None, &ReadOptions::default()).unwrap().id;
    assert_eq!(Some(digest), summary.sha256);
    // A depends on its own checksum makes it no full image, as little as another payload type.
    assert_eq!(summary.root_image().unwrap().version, Some("2"));
    let mut delta = summary.clone();
    delta.depends.insert("rootfs-image.checksum".to_owned(), vec!["x".to_owned()]);
    assert_eq!(delta.root_image(), None);
}

#[test]
fn a_damaged_artifact_and_a_broken_stream_are_told_apart() {
    struct Broken;
    impl std::io::Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("connection lost"))
        }
    }
    let bytes = written(&[], None);
    let read = |input: &mut dyn std::io::Read| {
        ArtifactSummary::from_artifact(input, None, &ReadOptions::default()).unwrap_err().code()
    };
    assert_eq!(read(&mut &bytes[..bytes.len() / 2]), "bad_artifact");
    assert_eq!(read(&mut std::io::Read::chain(&bytes[..100], Broken)), "input_io");
}

#[test]
fn what_the_server_lists_is_taken_as_it_is() {
    let listed = json!({
        "id": "0C13A0E6-6B63-475D-8260-EE42A590E8FF", "name": "Application 1.0.0", "description": "x",
        "device_types_compatible": ["Beagle Bone"], "info": {"format": "mender", "version": 3}, "signed": false,
        "updates": [{"type_info": {"type": "rootfs-image"}, "files": [
            {"name": "rootfs-image-1", "checksum": "cc436f982bc60a8255fe1926a450db5f195a19ad0000000000000000000000aa",
             "size": 123, "date": "2016-03-11T13:03:17.063+0000"}], "meta_data": []}],
        "artifact_depends": {"device_type": ["Beagle Bone"], "rootfs-image.checksum": "ab"},
        "artifact_provides": {"artifact_name": "Application 1.0.0"}, "clears_artifact_provides": null,
        "size": 36891648, "modified": "2016-03-11T13:03:17.063493443Z"
    });
    let summary = artifact(&listed);
    assert_eq!(
        summary.depends,
        BTreeMap::from([("rootfs-image.checksum".to_owned(), vec!["ab".to_owned()])])
    );
    assert_eq!((summary.clears, summary.size), (None, 36_891_648));
}

#[test]
fn the_smallest_that_fits_is_taken_and_the_others_have_a_reason() {
    let catalog = catalog(&[
        module("full", 1000, &json!({})),
        module("same-size", 1000, &json!({})),
        module("delta", 10, &json!({"rootfs-image.checksum": ["aa"]})),
        module("other-base", 9, &json!({"rootfs-image.checksum": "bb"})),
        module("needs-key", 8, &json!({"nobody.reports": "x"})),
        module("by-name", 7, &json!({"artifact_name": ["release-0"]})),
        module("by-group", 6, &json!({"artifact_group": ["lab"]})),
        json!({"id": "other-board", "name": "release-2", "size": 1, "device_types_compatible": ["x"]}),
        json!({"id": "augmented", "name": "release-2", "size": 1, "device_types_compatible": ["board"], "augmented": true}),
        json!({"id": "current", "name": "release-1", "size": 1, "device_types_compatible": ["board"]}),
    ]);
    let device = device(&json!({
        "device_type": "board", "artifact_name": "release-1", "artifact_group": "field", "rootfs-image.checksum": "aa"
    }));
    let (taken, refused) = codes(&catalog, &device, &Request::default());
    assert_eq!(taken.as_deref(), Some("delta"));
    assert_eq!(
        refused,
        [
            "augmented augmented",
            "by-group depends_value",
            "by-name depends_value",
            "current already_installed",
            "full larger",
            "needs-key depends_missing",
            "other-base depends_value",
            "other-board device_type",
            "same-size larger",
        ]
    );
    // Only what is allowed; of two of a size the first.
    let allowed: BTreeSet<String> = ["full", "same-size"].map(str::to_owned).into();
    let request = Request {
        allowed: Some(&allowed),
        candidates: Candidates::Release("release-2"),
        ..Request::default()
    };
    let (taken, refused) = codes(&catalog, &device, &request);
    assert_eq!((taken.as_deref(), refused.len()), (Some("full"), 8));
    assert!(refused.contains(&"delta not_allowed".to_owned()), "{refused:?}");
    // Identifiers, known and unknown, one of them twice.
    let ids = ["full", "nothing", "full"].map(str::to_owned);
    let request = Request { candidates: Candidates::Ids(&ids), max_bytes: Some(999), ..Request::default() };
    let (taken, refused) = codes(&catalog, &device, &request);
    assert_eq!((taken, refused), (None, vec!["full too_large".to_owned(), "nothing unknown_id".to_owned()]));
    // Installed already, and again all the same.
    let request =
        Request { candidates: Candidates::Release("release-1"), reinstall: true, ..Request::default() };
    assert_eq!(codes(&catalog, &device, &request).0.as_deref(), Some("current"));
}

#[test]
fn signatures_and_modules_are_asked_for_where_they_are_wanted() {
    let delta = json!({"id": "delta", "name": "release-2", "size": 1, "device_types_compatible": ["board"], "updates": [
        {"type_info": {"type": "mender-binary-delta"}}]});
    let mut signed = module("signed", 2, &json!({}));
    signed["signed"] = json!(true);
    let catalog = catalog(&[delta, signed]);
    let mut provides = json!({"device_type": "board", "artifact_name": "release-1"});
    let request = Request { require_module: true, ..Request::default() };
    let chosen =
        |provides: &Value, request: &Request<'_>| codes(&catalog, &device(provides), request).0.unwrap();
    assert_eq!(chosen(&provides, &Request::default()), "delta");
    assert_eq!(chosen(&provides, &request), "signed");
    provides["rootfs-image.update-module.mender-binary-delta.mender_update_module"] = json!("something-else");
    assert_eq!(chosen(&provides, &request), "signed");
    provides["rootfs-image.update-module.mender-binary-delta.mender_update_module"] =
        json!("mender-binary-delta");
    assert_eq!(chosen(&provides, &request), "delta");
    assert_eq!(chosen(&provides, &Request { require_signed: true, ..request }), "signed");
}

#[test]
fn clients_differ() {
    let listed = artifact(&module("listed", 1, &json!({"board.revision": ["a", "b"]})));
    let old = artifact(&json!({"id": "old", "name": "r", "size": 1, "device_types_compatible": ["board"],
        "info": {"format": "mender", "version": 2}}));
    let named = |version: &str| {
        device(
            &json!({"device_type": "board", "artifact_name": "x", "board.revision": "b", "mender_client_version": version}),
        )
    };
    let code =
        |artifact: &ArtifactSummary, device: &Device| accepts(artifact, device).map_err(|why| why.code());
    for (version, expected) in [("3.5.2", Ok(())), ("unknown", Ok(())), ("4.0.4", Err("depends_list"))] {
        assert_eq!(code(&listed, &named(version)), expected, "{version}");
    }
    for (version, expected) in [("3.5.2", Ok(())), ("5.1.0", Err("format_version"))] {
        assert_eq!(code(&old, &named(version)), expected, "{version}");
    }
    assert_eq!(
        [Client::of_version("2.6.1"), Client::of_version("v10"), Client::of_version("")],
        [Client::Go, Client::Cpp, Client::Unknown]
    );
    let nameless = device(&json!({"device_type": "board", "mender_client_version": "4.0.0"}));
    let any = artifact(&module("any", 1, &json!({})));
    assert_eq!(code(&any, &nameless), Err("no_artifact_name"));
}

#[test]
fn provides_after_an_installation() {
    let before = json!({
        "device_type": "board", "artifact_name": "old", "artifact_group": "field",
        "rootfs-image.checksum": "aa", "rootfs-image.app.version": "1", "data.maps.version": "7"
    });
    let after = |client: &str, artifact_json: Value| -> Value {
        let mut before = before.clone();
        before["mender_client_version"] = json!(client);
        let mut base = json!({"id": "a", "name": "new", "size": 1, "device_types_compatible": ["board"]});
        base.as_object_mut().unwrap().extend(artifact_json.as_object().unwrap().clone());
        let mut after = apply_provides(&device(&before), &artifact(&base));
        assert_eq!(after.remove("device_type").as_deref(), Some("board"));
        assert_eq!(after.remove("mender_client_version").as_deref(), Some(client));
        json!(after)
    };
    for client in ["3.4.0", "5.1.0"] {
        // Nothing said: everything goes, the group, too.
        assert_eq!(after(client, json!({})), json!({"artifact_name": "new"}));
        // What the tool writes for a root file system.
        let rootfs = json!({"clears_artifact_provides": ["artifact_group", "rootfs_image_checksum", "rootfs-image.*"],
            "artifact_provides": {"rootfs-image.checksum": "bb", "rootfs-image.version": "2"}});
        assert_eq!(
            after(client, rootfs),
            json!({"artifact_name": "new", "data.maps.version": "7", "rootfs-image.checksum": "bb",
                "rootfs-image.version": "2"})
        );
        // A module beside it; the group stays, as nothing says otherwise.
        let module = json!({"clears_artifact_provides": ["data.maps.*"],
            "artifact_provides": {"data.maps.version": "8"}});
        assert_eq!(
            after(client, module),
            json!({"artifact_group": "field", "artifact_name": "new", "data.maps.version": "8",
                "rootfs-image.app.version": "1", "rootfs-image.checksum": "aa"})
        );
        // A name cannot be cleared, a group can be set.
        let group =
            json!({"clears_artifact_provides": ["*"], "artifact_provides": {"artifact_group": "lab"}});
        assert_eq!(after(client, group), json!({"artifact_group": "lab", "artifact_name": "new"}));
    }
    let empty = json!({"clears_artifact_provides": []});
    assert_eq!(after("3.4.0", empty.clone()), json!({"artifact_name": "new"}));
    assert_eq!(after("5.1.0", empty)["data.maps.version"], json!("7"));
}

#[test]
fn who_has_it() {
    let rootfs =
        artifact(&json!({"id": "a", "name": "release-2", "size": 1, "device_types_compatible": ["board"],
        "artifact_depends": {"board.revision": "b"}, "artifact_provides": {"rootfs-image.checksum": "bb"}}));
    let fleet: Vec<Device> = [
        // Something was installed beside it.
        json!({"id": "1", "device_type": "board", "artifact_name": "maps-7", "rootfs-image.checksum": "bb"}),
        json!({"id": "2", "count": 5, "device_type": "board", "rootfs-image.checksum": "aa", "board.revision": "b"}),
        json!({"id": "3", "count": 7, "device_type": "board", "rootfs-image.checksum": "aa", "board.revision": "a"}),
        json!({"id": "4", "device_type": "other", "rootfs-image.checksum": "bb"}),
    ]
    .iter()
    .map(device)
    .collect();
    let found = who_has(&rootfs, &fleet);
    assert_eq!((found.have, found.accept, found.more), (vec!["1".to_owned()], vec!["2".to_owned()], false));
    assert_eq!(
        found.counts,
        BTreeMap::from([("has", 1), ("accepts", 5), ("depends_value", 7), ("device_type", 1)])
    );
    // A name alone, where the payload provides nothing.
    let bare =
        artifact(&json!({"id": "b", "name": "maps-7", "size": 1, "device_types_compatible": ["board"]}));
    assert_eq!(who_has(&bare, &fleet).have, ["1"]);
}

#[test]
fn no_tenant_sees_what_another_has() {
    let mut all = Catalogs::new(CatalogLimits { artifacts: 2, tenants: 2 });
    let (one, other) = (tenant("one"), tenant("other"));
    all.of(&one).unwrap().insert(artifact(&module("a", 1, &json!({})))).unwrap();
    // The same identifier with other content is nothing that the other one could notice.
    all.of(&other).unwrap().insert(artifact(&module("a", 2, &json!({})))).unwrap();
    let device = device(&json!({"device_type": "board", "artifact_name": "x"}));
    for (tenant, size) in [(&one, 1), (&other, 2)] {
        let catalog = all.get(tenant).unwrap();
        let selection = catalog.select(&device, &Request::default());
        assert_eq!((selection.taken.unwrap().size, catalog.len()), (size, 1));
        assert_eq!(catalog.release("release-2").count(), 1);
    }
    assert!(all.get(&tenant("third")).is_none());
    assert_eq!(all.of(&tenant("third")).unwrap_err().code(), "limit");
    all.remove(&other);
    assert!(all.get(&other).is_none() && all.get(&one).is_some());
    // One tenant's limit is that one's.
    let catalog = all.of(&one).unwrap();
    assert_eq!(catalog.insert(artifact(&module("a", 1, &json!({})))).unwrap(), Inserted::AlreadyThere);
    assert_eq!(catalog.insert(artifact(&module("a", 3, &json!({})))).unwrap_err().code(), "id_taken");
    catalog.insert(artifact(&module("b", 1, &json!({})))).unwrap();
    assert_eq!(catalog.insert(artifact(&module("c", 1, &json!({})))).unwrap_err().code(), "limit");
    assert_eq!(catalog.remove("b").unwrap().id, "b");
    assert_eq!(catalog.release("release-2").count(), 1);
    catalog.insert(artifact(&module("c", 1, &json!({})))).unwrap();
}

#[test]
fn many_at_once() {
    let one = |id: &str| module(id, 1, &json!({}));
    let (a, b) = (one("a"), one("b"));
    for text in [json!([a, b]).to_string(), format!("{a}\n{b}\n"), format!(" {a:#}{b}")] {
        let ids: Vec<_> =
            ArtifactSummary::all_from_json(text.as_bytes()).unwrap().into_iter().map(|one| one.id).collect();
        assert_eq!(ids, ["a", "b"], "{text}");
    }
    assert!(ArtifactSummary::all_from_json(b" ").unwrap().is_empty());
    for (bad, code) in
        [(format!("{a}x"), "bad_json"), (format!("[{a},"), "bad_json"), (one("").to_string(), "bad_field")]
    {
        assert_eq!(ArtifactSummary::all_from_json(bad.as_bytes()).unwrap_err().code(), code, "{bad}");
    }
}

#[test]
fn absurd_documents_are_refused() {
    let code = |json: &str| ArtifactSummary::from_json(json.as_bytes()).unwrap_err().code();
    let with =
        |extra: &str| format!(r#"{{"id":"a","name":"n","size":1,"device_types_compatible":["b"]{extra}}}"#);
    assert!(ArtifactSummary::from_json(with("").as_bytes()).is_ok());
    for bad in [
        "",
        "null",
        "[]",
        "1",
        "{}",
        "{",
        "\u{0}",
        &"[".repeat(100_000),
        &with(",\"id\":\"b\""),
        &with("} {"),
    ] {
        assert_eq!(code(bad), "bad_json", "{bad:.40}");
    }
    for extra in [
        r#","artifact_provides":{"a":"1","a":"2"}"#,
        r#","artifact_provides":{"a":["1"]}"#,
        r#","artifact_depends":{"a":1}"#,
        r#","artifact_depends":[]"#,
        r#","updates":{}"#,
        r#","signed":"yes""#,
        &format!(r#","clears_artifact_provides":[{}"x"]"#, "\"*a*\",".repeat(2000)),
        &format!(r#","updates":{}1{}"#, "[".repeat(500), "]".repeat(500)),
    ] {
        assert_eq!(code(&with(extra)), "bad_json", "{extra:.40}");
    }
    for extra in [
        r#","sha256":"AA""#,
        r#","info":{"format":"deb","version":3}"#,
        r#","artifact_provides":{"artifact_name":"other"}"#,
        r#","artifact_depends":{"device_type":["other"]}"#,
        r#","updates":[{"files":[{"checksum":"x"}]}]"#,
    ] {
        assert_eq!(code(&with(extra)), "bad_field", "{extra}");
    }
    let many = |count: usize| (0..count).map(|i| format!("\"{i}\":\"x\"")).collect::<Vec<_>>().join(",");
    let keys = format!(r#","artifact_provides":{{{}}}"#, many(MAX_KEYS + 1));
    assert_eq!(code(&with(&keys)), "bad_json");
    assert_eq!(code(&with(&format!(r#","sha256":"{}""#, "0".repeat(MAX_DOCUMENT_LEN)))), "limit");
    assert_eq!(code(&with(&format!(r#","artifact_provides":{{"{}":"1"}}"#, "k".repeat(5000)))), "limit");
    assert_eq!(
        code(&with(&format!(r#","clears_artifact_provides":[{}"x"]"#, "\"a*\",".repeat(300)))),
        "limit"
    );
}

#[test]
fn absurd_devices_are_refused() {
    let code = |json: &str| Device::from_json(json.as_bytes()).unwrap_err().code();
    for bad in [
        "",
        "[]",
        "{",
        r#"{"device_type":"a"} x"#,
        r#"{"device_type":"a","device_type":"b"}"#,
        r#"{"device_type":"a","provides":{"x":"1"},"x":"2"}"#,
        r#"{"device_type":"a","provides":{},"device_provides":{}}"#,
        r#"{"device_type":"a","provides":[]}"#,
        r#"{"device_type":"a","count":0}"#,
        r#"{"device_type":"a","count":-1}"#,
        r#"{"device_type":"a","count":18446744073709551616}"#,
        r#"{"device_type":"a","id":1}"#,
        r#"{"device_type":"a","id":"1","device_id":"2"}"#,
        &format!(r#"{{"device_type":"a","x":{}}}"#, "[".repeat(10_000)),
    ] {
        assert_eq!(code(bad), "bad_json", "{bad:.60}");
    }
    for bad in ["{}", r#"{"device_type":""}"#, r#"{"device_type":["a"]}"#] {
        assert_eq!(code(bad), "bad_field", "{bad}");
    }
    let start = Instant::now();
    let million = (0..1_000_000).map(|i| format!("\"{i}\":\"\"")).collect::<Vec<_>>().join(",");
    assert_eq!(code(&format!("{{\"device_type\":\"a\",{million}}}")), "limit");
    let keys: BTreeMap<String, String> = (0..1_000_000).map(|i| (i.to_string(), String::new())).collect();
    assert!(matches!(Device::new(keys), Err(CatalogError::Limit { wanted: 1_000_000, .. })));
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
    // What is no text counts for nothing.
    let odd = r#"{"id":"d","device_type":"a","x":1.5,"y":[{}],"z":null,"w":{"v":[true]}}"#;
    assert_eq!(Device::from_json(odd.as_bytes()).unwrap().provides.len(), 1);
}

/// The most that one Artifact may clear, of the most that one device may provide.
#[test]
fn the_worst_of_clears_takes_a_moment() {
    let provides: BTreeMap<String, String> =
        (0..MAX_KEYS - 2).map(|i| (format!("{}{i}", "a".repeat(200)), String::new())).collect();
    let mut provides: BTreeMap<String, String> = provides;
    provides.insert("device_type".to_owned(), "board".to_owned());
    let device = Device::new(provides).unwrap();
    let pattern = "*a".repeat(100) + "*b";
    let clears = vec![pattern; super::limits::MAX_CLEARS];
    let artifact = artifact(&json!({"id": "a", "name": "n", "size": 1, "device_types_compatible": ["board"],
        "clears_artifact_provides": clears}));
    let start = Instant::now();
    assert_eq!(apply_provides(&device, &artifact).len(), MAX_KEYS);
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
}

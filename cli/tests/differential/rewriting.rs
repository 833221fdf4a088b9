//! Cases of `modify` and `dump`: Artifacts of all kinds, each changed in many ways and taken apart by both tools.

use crate::cases::Chance;
use crate::content::Content;
use crate::fixtures::Fixtures;
use crate::tools::Tool;
use crate::{Findings, status};
use std::collections::BTreeMap;
use std::fs;

/// How often each Artifact is changed.
const CHANGES: usize = 16;

/// The Artifacts, written by release 3.9, and by what name they go.
const ORIGINALS: [(&str, &[&str]); 7] = [
    ("rootfs", &["rootfs-image", "-f", "f70000"]),
    (
        "rootfs-scripts",
        &["rootfs-image", "-f", "f513", "-s", "scripts", "-d", "k:v", "--compression", "lzma"],
    ),
    ("rootfs-signed", &["rootfs-image", "-f", "f511", "-k", "rsa-pkcs1.pem", "-g", "alpha"]),
    ("module", &["module-image", "-T", "t", "-f", "f512", "-f", "f1", "-m", "meta-small", "-p", "k:v"]),
    (
        "module-clears",
        &["module-image", "-T", "t", "-f", "f0", "--clears-provides", "*", "-N", "old", "-G", "alpha"],
    ),
    (
        "module-signed",
        &["module-image", "-T", "a b", "-f", "executable", "-k", "p256-sec1.pem", "-s", "scripts"],
    ),
    (
        "module-none",
        &["module-image", "-T", "t", "-f", "f300000", "--compression", "none", "-m", "meta-numbers"],
    ),
];

/// An original and the flags of `modify`.
#[derive(Debug)]
pub(crate) struct Change {
    original: &'static str,
    flags: Vec<&'static str>,
}

/// Writes the originals and gives the cases.
pub(crate) fn all(fixtures: &Fixtures) -> Vec<Change> {
    let mut chance = Chance::new();
    let mut changes = Vec::new();
    for (name, flags) in ORIGINALS {
        let common = ["write", flags[0], "-t", "board", "-n", "release-1", "-o", name];
        let written = fixtures.run(Tool::Theirs, &[&common, &flags[1..]].concat());
        assert_eq!(written.status, 0, "{written:?}");
        changes.extend((0..CHANGES).map(|_| Change { original: name, flags: flags_of(&mut chance) }));
    }
    changes
}

fn flags_of(chance: &mut Chance) -> Vec<&'static str> {
    let mut flags = Vec::new();
    for (name, values, once_in) in [
        ("-n", &["release-2", "v1.2~rc3+x", "r\u{e4}"][..], 2),
        ("--name", &["release-3"], 8),
        ("-N", &["release-0", "<old>"], 4),
        ("-g", &["beta", "g r o u p"], 4),
        ("-G", &["beta", "gamma"], 4),
        ("-p", &["k:w", "a.b.c:1:2", "html:<&>"], 4),
        ("-d", &["k:w", "a.b.c:1:2"], 4),
        ("--clears-provides", &["data.app.*", "x"], 4),
        ("--delete-clears-provides", &["*", "rootfs-image.*", "rootfs-image.t.*"], 6),
        ("--compression", &["none", "gzip", "lzma"], 8),
        ("-k", &["rsa-pkcs1.pem", "p256-sec1.pem"], 4),
        ("-m", &["meta-small", "meta-numbers", "meta-deep", "missing"], 6),
    ] {
        // Only one of two names for the same.
        if name == "--name" && flags.contains(&"-n") || !chance.once_in(once_in) {
            continue;
        }
        flags.extend([name, chance.one_of(values)]);
        if matches!(name, "-N" | "-G" | "-p" | "-d") && chance.once_in(2) {
            flags.extend([name, values[0]]);
        }
    }
    flags
}

/// Both change a copy; each result is compared, and checked by the other tool.
pub(crate) fn modify_and_compare(fixtures: &Fixtures, index: usize, change: &Change, findings: &Findings) {
    let case = format!("modify {} {}", change.original, change.flags.join(" "));
    let (ours, theirs) = (format!("{index}.ours.changed"), format!("{index}.theirs.changed"));
    let original = fixtures.bytes(change.original);
    let mut ended = Vec::new();
    for (tool, name) in [(Tool::Ours, &ours), (Tool::Theirs, &theirs)] {
        fs::write(fixtures.path(name), &original).unwrap();
        ended.push(fixtures.run(tool, &[&["modify"], &change.flags[..], &[name]].concat()));
    }
    let [by_us, by_them] = &ended[..] else { panic!() };
    let they_succeeded = by_them.status == 0;
    status::compare(findings, &case, "modify", by_us, by_them, they_succeeded);
    if by_us.status != 0 {
        findings.same(&case, "a failure changes nothing", fixtures.bytes(&ours) == original, true);
    } else if they_succeeded {
        let (ours, theirs) = (fixtures.bytes(&ours), fixtures.bytes(&theirs));
        Content::of(&ours).compare(&Content::of(&theirs), &case, findings);
    }
    let key = change.flags.iter().position(|flag| *flag == "-k").map(|at| change.flags[at + 1]);
    let public = key.map(|key| if key.starts_with("rsa") { "rsa-public.pem" } else { "p256-public.pem" });
    if key.is_none() && fixtures.bytes(&ours).windows(12).any(|name| name == b"manifest.sig") {
        findings.same(
            &case,
            "a signature stays where nothing changes",
            fixtures.bytes(&ours) == original,
            true,
        );
    }
    let check: Vec<&str> = public.iter().flat_map(|public| ["-k", public]).collect();
    if by_us.status == 0 {
        let checked = fixtures.run(Tool::Theirs, &[&["validate", ours.as_str()], &check[..]].concat());
        // It says so also where the status does not.
        let sound = checked.stdout.contains("validated successfully") && checked.status == 0;
        let unsigned = fixtures.run(Tool::Ours, &[&["validate", ours.as_str()], &check[..]].concat());
        findings.same(&case, "validate by theirs of ours", sound, unsigned.status == 0);
    }
    for file in [ours, theirs] {
        fs::remove_file(fixtures.path(&file)).unwrap();
    }
}

/// Both take an original apart: the same files, the same arguments.
pub(crate) fn dump_and_compare(fixtures: &Fixtures, index: usize, findings: &Findings) {
    let (original, _) = ORIGINALS[index];
    let case = format!("dump {original}");
    let mut found = Vec::new();
    for (tool, who) in [(Tool::Ours, "ours"), (Tool::Theirs, "theirs")] {
        let folder = format!("{index}.{who}.dumped");
        let parts = ["f", "m", "s"].map(|part| format!("{folder}/{part}"));
        let flags = [
            "--files",
            &parts[0],
            "--meta-data",
            &parts[1],
            "--scripts",
            &parts[2],
            "--print0-cmdline",
            original,
        ];
        let ended = fixtures.run(tool, &[&["dump"], &flags[..]].concat());
        let words = ended.stdout.replace(&folder, "FOLDER").replace("--compatible-types", "--device-type");
        let mut words: Vec<String> = words.split('\0').map(str::to_owned).collect();
        // The order of provides is another each time in release 3.9.
        words.sort();
        let mut files = BTreeMap::new();
        for part in ["f", "m", "s"] {
            for entry in fs::read_dir(fixtures.path(&format!("{folder}/{part}"))).into_iter().flatten() {
                let path = entry.unwrap().path();
                let name = format!("{part}/{}", path.file_name().unwrap().to_string_lossy());
                files.insert(name, fs::read(path).unwrap());
            }
        }
        fs::remove_dir_all(fixtures.path(&folder)).unwrap();
        found.push((ended.status, words, files));
    }
    let [ours, theirs] = &found[..] else { panic!() };
    findings.same(&case, "status of dump", ours.0, theirs.0);
    findings.same(&case, "arguments", format!("{:?}", ours.1), format!("{:?}", theirs.1));
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>().join(" ");
    findings.same(&case, "dumped files", names(&ours.2), names(&theirs.2));
    for (name, contents) in &ours.2 {
        let text = |contents: &[u8]| match contents.len() {
            0..1000 => String::from_utf8_lossy(contents).into_owned(),
            _ => crate::content::hex(contents),
        };
        let theirs = theirs.2.get(name).map_or_else(String::new, |contents| text(contents));
        findings.same(&case, &format!("dumped {name}"), text(contents), theirs);
    }
}

/// How many originals there are to be taken apart.
pub(crate) const DUMPS: usize = ORIGINALS.len();

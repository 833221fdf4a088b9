//! Command lines of `write`. Most are put together by chance from a fixed seed: every option with each of its values
//! meets every kind of payload many times. The rest are limits and mistakes, one for each.

use crate::fixtures::{META_DATA, SIZES, long_name};
use crate::tools::Tool;

const GENERATED: usize = 240;

/// A command line for both tools.
#[derive(Debug, Default)]
pub(crate) struct Case {
    kind: &'static str,
    flags: Vec<String>,
    device_types: Vec<String>,
    /// Private and public key.
    pub(crate) key: Option<(&'static str, &'static str)>,
}

impl Case {
    /// Release 3.9 knows --compatible-types only as --device-type.
    pub(crate) fn arguments(&self, tool: Tool, output: &str) -> Vec<String> {
        let types = if tool == Tool::Ours { "--compatible-types" } else { "--device-type" };
        let mut words = vec!["write".to_owned(), self.kind.to_owned()];
        words.extend(self.flags.iter().cloned());
        words.extend(self.device_types.iter().flat_map(|name| [types.to_owned(), name.clone()]));
        words.extend(self.key.iter().flat_map(|(private, _)| ["-k".to_owned(), (*private).to_owned()]));
        words.extend(["-o".to_owned(), output.to_owned()]);
        words
    }

    pub(crate) fn check_flags(&self) -> Vec<&str> {
        self.key.iter().flat_map(|(_, public)| ["-k", *public]).collect()
    }

    pub(crate) fn line(&self) -> String {
        self.arguments(Tool::Ours, "OUT").join(" ")
    }

    fn new(kind: &'static str, flags: &[&str]) -> Self {
        let flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
        Self { kind, flags, device_types: vec!["board".to_owned()], key: None }
    }
}

pub(crate) fn all() -> Vec<Case> {
    let mut chance = Chance::new();
    let mut cases: Vec<Case> = (0..GENERATED).map(|_| generated(&mut chance)).collect();
    cases.extend(version_2());
    cases.extend(augmented());
    cases.extend(limits());
    cases.extend(mistakes());
    cases
}

/// Numbers that look like chance and are always the same.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }

    fn below(&mut self, count: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % count
    }

    pub(crate) fn one_of<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.below(values.len())]
    }

    /// Once in `times`.
    pub(crate) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }
}

const ROOTFS: &str = "rootfs-image";
const MODULE: &str = "module-image";
const BOOTSTRAP: &str = "bootstrap-artifact";

const KEY_VALUES: [&str; 9] = [
    "k:v",
    "k:later",
    "a.b.c:1:2",
    ":value",
    "key:",
    "rootfs-image.version:mine",
    "rootfs-image.checksum:mine",
    "html:<&>",
    "\u{e4}:\u{f6}",
];
const CLEARS: [&str; 4] = ["rootfs-image.*", "artifact_group", "*", "data.app.*"];

fn generated(chance: &mut Chance) -> Case {
    let kind = chance.one_of(&[ROOTFS, ROOTFS, MODULE, MODULE, BOOTSTRAP]);
    let mut case =
        Case::new(kind, &["-n", chance.one_of(&["release-1", "v1.2~rc3+x", "1", "<r&d>", "r\u{e4}"])]);
    let mut flag = |words: &[&str]| case.flags.extend(words.iter().map(|word| (*word).to_owned()));
    let file = |chance: &mut Chance| format!("f{}", chance.one_of(&SIZES));
    match kind {
        ROOTFS => {
            flag(&["-f", &file(chance)]);
            if chance.once_in(6) {
                flag(&["--legacy-rootfs-image-checksum"]);
            }
            if chance.once_in(6) {
                flag(&["--no-checksum-provide"]);
            }
        }
        MODULE => {
            flag(&["-T", chance.one_of(&["single-file", "deb", "rootfs-image-v2", "a b", "x.y"])]);
            let mut names: Vec<String> = (0..chance.below(4)).map(|_| file(chance)).collect();
            if chance.once_in(5) {
                names.push(chance.one_of(&["executable", ".dot", "a,b"]).to_owned());
            }
            names.sort();
            names.dedup();
            if chance.once_in(2) {
                names.reverse();
            }
            names.iter().for_each(|name| flag(&["-f", name]));
            if chance.once_in(2) {
                flag(&["-m", META_DATA[chance.below(4)].0]);
            }
        }
        _ => {}
    }
    if kind != BOOTSTRAP {
        match chance.below(5) {
            0 => flag(&["-s", "scripts"]),
            1 => flag(&["-s", "scripts/ArtifactReboot_Error_05", "-s", "scripts/ArtifactInstall_Enter_00"]),
            _ => {}
        }
        for (name, values) in [
            ("--software-name", &["app", ""][..]),
            ("--software-version", &["7", "v<8>", ""]),
            ("--software-filesystem", &["data", "rootfs-image"]),
        ] {
            if chance.once_in(4) {
                flag(&[name, chance.one_of(values)]);
            }
        }
        for name in ["--no-default-software-version", "--no-default-clears-provides"] {
            if chance.once_in(6) {
                flag(&[name]);
            }
        }
    }
    for (name, values, most) in [
        ("-N", &["release-0", "release-00", "<old>"][..], 3),
        ("-G", &["alpha", "beta"], 3),
        ("-p", &KEY_VALUES, 4),
        ("-d", &KEY_VALUES, 4),
        ("--clears-provides", &CLEARS, 3),
    ] {
        if chance.once_in(2) {
            (0..chance.below(most)).for_each(|_| flag(&[name, chance.one_of(values)]));
        }
    }
    if chance.once_in(3) {
        flag(&["-g", chance.one_of(&["alpha", "g r o u p", ""])]);
    }
    // lzma takes release 3.9 two thirds of a gigabyte.
    if chance.once_in(8) {
        flag(&["--compression", "lzma"]);
    } else if chance.once_in(2) {
        flag(&["--compression", chance.one_of(&["none", "gzip"])]);
    }
    for more in ["board-2", "b oard", "b<3>"] {
        if chance.once_in(4) {
            case.device_types.push(more.to_owned());
        }
    }
    case.key = chance.one_of(&[
        None,
        None,
        Some(("rsa-pkcs1.pem", "rsa-public.pem")),
        Some(("p256-sec1.pem", "p256-public.pem")),
    ]);
    case
}

/// The format before groups, provides and depends.
fn version_2() -> Vec<Case> {
    let mut cases = Vec::new();
    for compression in ["none", "gzip", "lzma"] {
        for key in
            [None, Some(("rsa-pkcs1.pem", "rsa-public.pem")), Some(("p256-sec1.pem", "p256-public.pem"))]
        {
            for scripts in [&[][..], &["-s", "scripts"]] {
                let flags = ["-v", "2", "-n", "release-1", "-f", "f70000", "--compression", compression];
                cases.push(Case { key, ..Case::new(ROOTFS, &[&flags[..], scripts].concat()) });
            }
        }
    }
    cases
}

/// A second header, which no signature covers.
fn augmented() -> Vec<Case> {
    let mut cases = Vec::new();
    for more in [
        &[][..],
        &["--augment-file", "f511"],
        &["--augment-file", "f511", "--augment-file", "f0", "--compression", "none"],
        &["--augment-provides", "k:v", "--augment-depends", "l:w"],
        &["--augment-meta-data", "meta-small", "-m", "meta-numbers"],
        &["--augment-meta-data", "meta-small", "--augment-file", "f511", "-k", "rsa-pkcs1.pem"],
    ] {
        let flags = ["-n", "r", "-T", "t", "-f", "f513", "--augment-type", "t"];
        let mut case = Case::new(MODULE, &[&flags[..], more].concat());
        if more.contains(&"-k") {
            case.flags.truncate(case.flags.len() - 2);
            case.key = Some(("rsa-pkcs1.pem", "rsa-public.pem"));
        }
        cases.push(case);
    }
    cases
}

/// Names and texts as long as they may be, and one longer.
fn limits() -> Vec<Case> {
    let text = |len: usize| "x".repeat(len);
    let mut cases = Vec::new();
    for len in [1, 255, 256, 257] {
        let name = text(len);
        cases.push(Case::new(ROOTFS, &["-n", &name, "-f", "f1"]));
        cases.push(Case::new(MODULE, &["-n", "r", "-T", &name, "-f", "f1"]));
        for flag in ["-N", "-g", "-G"] {
            cases.push(Case::new(BOOTSTRAP, &["-n", "r", flag, &name]));
        }
        let mut case = Case::new(BOOTSTRAP, &["-n", "r"]);
        case.device_types = vec![name];
        cases.push(case);
    }
    for len in [100, 101, 255] {
        cases.push(Case::new(MODULE, &["-n", "r", "-T", "t", "-f", &long_name(len)]));
        cases.push(Case::new(ROOTFS, &["-n", "r", "-f", &long_name(len)]));
    }
    for value in ["k:v\u{1}", "k\u{7f}:v", "k:\u{2028}"] {
        cases.push(Case::new(BOOTSTRAP, &["-n", "r", "-p", value]));
    }
    let many: Vec<String> =
        (0..60).flat_map(|n| ["-p".to_owned(), format!("key-{n}:{}", text(200))]).collect();
    let mut flags = vec!["-n", "r"];
    flags.extend(many.iter().map(String::as_str));
    cases.push(Case::new(BOOTSTRAP, &flags));
    cases
}

/// What both refuse, or one of them.
fn mistakes() -> Vec<Case> {
    let rootfs = ["-n", "r", "-f", "f1"];
    let module = ["-n", "r", "-T", "t"];
    let mut cases = Vec::new();
    for more in [
        &["-f", "missing"][..],
        &["-f", "scripts"],
        &["-f", "two words"],
        &["-f", "brace{"],
        &["-f", "\u{fc}mlaut"],
        &["-n", ""],
        &["-n", "two words"],
        &["-n", "tab\t"],
        &["-v", "1"],
        &["-v", "4"],
        &["-v", "0"],
        &["-v", "three"],
        &["-p", "none"],
        &["-d", "none"],
        &["-s", "wrong-script"],
        &["-s", "wrong-scripts"],
        &["-s", "missing"],
        &["-k", "missing"],
        &["-k", "rsa-public.pem"],
        &["-k", "f511"],
        &["-o", "no/such/folder"],
        &["--compression", "bzip2"],
        &["--compression"],
        &["--frobnicate"],
        &["-f"],
        &["--no-progress=perhaps"],
    ] {
        cases.push(Case::new(ROOTFS, &[&rootfs, more].concat()));
    }
    for more in [
        &["-f", "f1", "-f", "f1"][..],
        &["-f", "f1", "-f", "missing"],
        &["-f", "two words"],
        &["-f", "./-dash"],
        &["-n", "two words"],
        &["-n", ""],
        &["-n", "a\u{1}"],
        &["-T", ""],
        &["-T", "rootfs-image", "-f", "f1"],
        &["-T", "rootfs-image"],
        &["-m", "missing"],
        &["-m", "wrong-json"],
        &["-m", "wrong-list"],
        &["-m", "wrong-text"],
        &["-m", "wrong-empty"],
        &["-v", "2"],
        &["-p", ""],
        &["-N", ""],
        &["-G", ""],
    ] {
        cases.push(Case::new(MODULE, &[&module, more].concat()));
    }
    cases.push(Case::new(ROOTFS, &["-n", "r"]));
    cases.push(Case::new(ROOTFS, &["-f", "f1"]));
    cases.push(Case::new(MODULE, &["-n", "r", "-f", "f1"]));
    cases.push(Case::new(BOOTSTRAP, &[]));
    cases.push(Case::new(BOOTSTRAP, &["-n", "two words"]));
    cases.push(Case::new(BOOTSTRAP, &["-n", "r", "-f", "f1"]));
    for (kind, flags) in [(ROOTFS, &rootfs[..]), (MODULE, &module), (BOOTSTRAP, &["-n", "r"])] {
        for types in [&[][..], &[""], &["a\u{1}"]] {
            let mut case = Case::new(kind, flags);
            case.device_types = types.iter().map(|name| (*name).to_owned()).collect();
            cases.push(case);
        }
    }
    cases
}

//! A folder with everything that cases name: payloads, scripts, meta-data, keys.

use crate::tools::{Ended, Tool, run};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Sizes around those of tar blocks and compressor blocks; the file is called `f` and the size.
pub(crate) const SIZES: [usize; 7] = [0, 1, 511, 512, 513, 70_000, 300_000];

/// Whole seconds: release 3.9 rounds times to the nearest one, we cut.
const TIME: u64 = 1_700_000_000;

pub(crate) struct Fixtures(tempfile::TempDir);

impl Fixtures {
    pub(crate) fn new() -> Self {
        let fixtures = Self(tempfile::tempdir().unwrap());
        for size in SIZES {
            fixtures.put(&format!("f{size}"), &contents(size), 0o644);
        }
        fixtures.put("executable", b"#!/bin/sh\n", 0o755);
        fixtures.put(&long_name(100), b"long", 0o600);
        fixtures.put(&long_name(101), b"longer", 0o600);
        fixtures.put(&long_name(255), b"longest", 0o600);
        for name in ["two words", "brace{", "ümlaut", ".dot", "-dash", "a,b"] {
            fixtures.put(name, b"odd name", 0o644);
        }
        fs::create_dir(fixtures.path("scripts")).unwrap();
        for name in ["ArtifactInstall_Enter_00", "ArtifactCommit_Leave_99_last", "ArtifactReboot_Error_05"] {
            fixtures.put(&format!("scripts/{name}"), format!("#!/bin/sh\n# {name}\n").as_bytes(), 0o755);
        }
        fs::create_dir(fixtures.path("wrong-scripts")).unwrap();
        fixtures.put("wrong-scripts/ArtifactInstall_Enter_1", b"", 0o755);
        fixtures.put("wrong-script", b"", 0o755);
        for (name, text) in META_DATA {
            fixtures.put(name, text.as_bytes(), 0o644);
        }
        let keys = Path::new(env!("CARGO_MANIFEST_DIR")).join("../mender-artifact/tests/keys");
        for name in ["rsa-pkcs1.pem", "rsa-public.pem", "p256-sec1.pem", "p256-public.pem"] {
            fs::copy(keys.join(name), fixtures.path(name)).unwrap();
        }
        fixtures
    }

    fn put(&self, name: &str, contents: &[u8], mode: u32) {
        let path = self.path(name);
        fs::write(&path, contents).unwrap();
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(TIME);
        fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    pub(crate) fn run(&self, tool: Tool, arguments: &[impl AsRef<str>]) -> Ended {
        let arguments: Vec<&str> = arguments.iter().map(AsRef::as_ref).collect();
        run(tool, self.0.path(), &arguments)
    }
}

/// Files of meta-data; those from `wrong` on are none.
pub(crate) const META_DATA: [(&str, &str); 8] = [
    ("meta-empty", "{}"),
    ("meta-small", r#"{"b": 1, "a": "x", "c": [1, 2.5, "three", true, null]}"#),
    ("meta-deep", r#"{"o": {"p": {"q": [{"r": "<&>"}]}}, "u": "\u00e4\u2028"}"#),
    ("meta-numbers", r#"{"n": [0, -1, 1.5, 1e3, 123456789]}"#),
    ("wrong-json", "{"),
    ("wrong-list", "[1]"),
    ("wrong-text", "\"x\""),
    ("wrong-empty", ""),
];

pub(crate) fn long_name(len: usize) -> String {
    format!("{}.long", "n".repeat(len - 5))
}

/// Half noise, half the same.
fn contents(size: usize) -> Vec<u8> {
    let mut state = 88_172_645_463_325_252_u64;
    (0..size)
        .map(|at| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            if at % 4096 < 2048 { state.to_le_bytes()[0] } else { b'.' }
        })
        .collect()
}

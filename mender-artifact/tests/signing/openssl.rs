//! The `openssl` command, run in a folder of its own.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A temporary folder in which `openssl` runs.
pub(crate) struct OpenSsl(tempfile::TempDir);

impl OpenSsl {
    /// None, and a line about it, where there is no openssl.
    pub(crate) fn find() -> Option<Self> {
        if Command::new("openssl").arg("version").stdout(Stdio::null()).status().is_err() {
            println!("skipped: there is no openssl");
            return None;
        }
        Some(Self(tempfile::tempdir().unwrap()))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs a command line, which must succeed.
    pub(crate) fn run(&self, line: &str) {
        let output =
            Command::new("openssl").args(line.split(' ')).current_dir(self.0.path()).output().unwrap();
        assert!(output.status.success(), "openssl {line}: {}", String::from_utf8_lossy(&output.stderr));
    }

    pub(crate) fn put(&self, name: &str, contents: impl AsRef<[u8]>) {
        fs::write(self.path(name), contents).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    /// Makes `rsa.pem` and `p256.pem`, and `rsa.pub` and `p256.pub` to them.
    pub(crate) fn make_keys(&self) {
        self.run("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa.pem");
        self.run("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out p256.pem");
        for name in ["rsa", "p256"] {
            self.run(&format!("pkey -in {name}.pem -pubout -out {name}.pub"));
        }
    }
}

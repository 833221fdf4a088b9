//! Makes partition tables in files.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use mender_image::error::Error;
use mender_image::limits::Limits;
use mender_image::partition::{self, PartitionTable};
use tempfile::TempDir;

/// Whether a program is there; says so when not.
pub(crate) fn installed(program: &str) -> bool {
    let there = tool(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !there {
        println!("skipped: {program} is not installed");
    }
    there
}

pub(crate) fn tool(program: &str) -> Command {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new(program);
    command.env("PATH", format!("{path}:/usr/sbin:/sbin")).env("LC_ALL", "C");
    command
}

/// A disk image in a folder of its own.
pub(crate) struct MadeDisk {
    folder: TempDir,
}

impl MadeDisk {
    /// A sparse file of `len_bytes`, with the partitions that a script of sfdisk describes.
    pub(crate) fn new(len_bytes: u64, script: &str) -> Self {
        let disk = Self { folder: tempfile::tempdir().unwrap() };
        File::create(disk.path()).unwrap().set_len(len_bytes).unwrap();
        let mut sfdisk = tool("sfdisk")
            .args(["-q", disk.path().to_str().unwrap()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        sfdisk.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
        assert!(sfdisk.wait().unwrap().success(), "{script}");
        disk
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("disk")
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        fs::read(self.path()).unwrap()
    }

    /// Number, start and size in sectors of each partition, as sfdisk lists them.
    pub(crate) fn listed(&self) -> Vec<(u32, u64, u64)> {
        let output = tool("sfdisk").args(["-d", self.path().to_str().unwrap()]).output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap().lines().filter_map(listed_line).collect()
    }
}

/// `NAME1 : start=        2048, size=       18432, type=83`
fn listed_line(line: &str) -> Option<(u32, u64, u64)> {
    let (name, rest) = line.split_once(" : ")?;
    let digits = name.rsplit_once(|character: char| !character.is_ascii_digit())?.1;
    let value = |key: &str| {
        let (_, value) = rest.split_once(key)?;
        value.split(',').next()?.trim().parse().ok()
    };
    Some((digits.parse().ok()?, value("start=")?, value("size=")?))
}

pub(crate) fn read(bytes: &[u8]) -> Result<Option<PartitionTable>, Error> {
    partition::read(&bytes, &Limits::default())
}

/// The message of the failure to read a disk.
pub(crate) fn refused(bytes: &[u8]) -> String {
    read(bytes).unwrap_err().to_string()
}

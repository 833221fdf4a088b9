//! Disks and bare file systems, made by mkfs and sfdisk.

use crate::failure::{Doing, Failure};
use crate::step::{find, program, run};
use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;
use std::process::Stdio;

pub(super) const MIB: u64 = 1 << 20;

/// A file system on a disk.
#[derive(Clone, Copy)]
pub(super) struct Part {
    /// Number of its partition; none of a disk that is one file system.
    pub(super) number: Option<u32>,
    /// First byte on the disk.
    pub(super) at: u64,
    /// Bytes.
    pub(super) len: u64,
    pub(super) kind: Kind,
    /// Where the command finds it in the image.
    pub(super) mounted: &'static str,
}

/// A kind of file system, and how it is made.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// The width of an entry of the table in bits.
    Fat(&'static str),
    /// Bytes of a block.
    Ext4(&'static str),
}

/// An image file.
pub(super) struct Disk {
    pub(super) name: &'static str,
    pub(super) parts: Vec<Part>,
}

const BARE: [(&str, u64, Kind); 4] = [
    ("fat12.img", 8, Kind::Fat("12")),
    ("fat32.img", 64, Kind::Fat("32")),
    ("ext4-1k.img", 32, Kind::Ext4("1024")),
    ("ext4-4k.img", 32, Kind::Ext4("4096")),
];

/// First MiB, MiB, kind and place of each partition.
const PARTITIONS: [(u64, u64, Kind, &str); 4] = [
    (1, 32, Kind::Fat("16"), "/uboot"),
    (33, 32, Kind::Ext4("4096"), ""),
    (65, 32, Kind::Ext4("4096"), ""),
    (97, 16, Kind::Ext4("1024"), "/data"),
];
const DISK_MIB: u64 = 120;

/// All of them, in `dir`.
pub(super) fn all(dir: &Path) -> Result<Vec<Disk>, Failure> {
    let mut disks = Vec::new();
    for (name, mib, kind) in BARE {
        let part = Part { number: None, at: 0, len: mib * MIB, kind, mounted: "" };
        make(&dir.join(name), part)?;
        disks.push(Disk { name, parts: vec![part] });
    }
    for (name, label, types) in [("disk.sdimg", "dos", ["c", "83"]), ("disk.uefiimg", "gpt", ["U", "L"])] {
        let parts = PARTITIONS.into_iter().zip(1..).map(|((first, mib, kind, mounted), number)| {
            // The place of the boot partition has a name of its own on disks for UEFI.
            let mounted = if label == "gpt" && mounted == "/uboot" { "/boot/efi" } else { mounted };
            Part { number: Some(number), at: first * MIB, len: mib * MIB, kind, mounted }
        });
        let disk = Disk { name, parts: parts.collect() };
        partition(&dir.join(name), label, types, &disk.parts)?;
        for part in &disk.parts {
            let bare = dir.join("part.img");
            make(&bare, *part)?;
            put(&bare, &dir.join(name), part.at)?;
        }
        disks.push(disk);
    }
    Ok(disks)
}

/// Makes a file system in a file of its own.
fn make(path: &Path, part: Part) -> Result<(), Failure> {
    let sized = File::create(path).and_then(|file| file.set_len(part.len));
    sized.doing(|| path.display().to_string())?;
    let (name, options): (_, &[&str]) = match part.kind {
        Kind::Fat(width) => ("mkfs.vfat", &["-F", width]),
        Kind::Ext4(block) => ("mkfs.ext4", &["-q", "-F", "-b", block]),
    };
    run(program(tool(name)?).args(options).arg(path).stdout(Stdio::null()))
}

fn partition(path: &Path, label: &str, types: [&str; 2], parts: &[Part]) -> Result<(), Failure> {
    let doing = || format!("sfdisk {}", path.display());
    let sized = File::create(path).and_then(|file| file.set_len(DISK_MIB * MIB));
    sized.doing(doing)?;
    let mut script = format!("label: {label}\n");
    for part in parts {
        let kind = if matches!(part.kind, Kind::Fat(_)) { types[0] } else { types[1] };
        script += &format!("start={}MiB, size={}MiB, type={kind}\n", part.at / MIB, part.len / MIB);
    }
    let mut sfdisk = program(tool("sfdisk")?);
    let mut child = sfdisk.arg("-q").arg(path).stdin(Stdio::piped()).spawn().doing(doing)?;
    let given = child.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(script.as_bytes()));
    given.doing(doing)?;
    let status = child.wait().doing(doing)?;
    if status.success() { Ok(()) } else { Err(Failure::new(format!("{}: {status}", doing()))) }
}

/// Copies a file into a disk.
fn put(from: &Path, disk: &Path, at: u64) -> Result<(), Failure> {
    let copy = || -> io::Result<()> {
        let mut disk = File::options().write(true).open(disk)?;
        disk.seek(SeekFrom::Start(at))?;
        io::copy(&mut File::open(from)?, &mut disk)?;
        fs::remove_file(from)
    };
    copy().doing(|| format!("copying {}", from.display()))
}

/// A program that makes or checks file systems.
pub(super) fn tool(name: &str) -> Result<std::path::PathBuf, Failure> {
    find(name).ok_or_else(|| Failure::new(format!("{name} is not installed")))
}

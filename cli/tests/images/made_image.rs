//! Images made by mkfs, sfdisk and mtools, and what these say of them afterwards.

use crate::workplace::Workplace;
use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::process::{Command, Stdio};

pub(crate) const MIB: u64 = 1 << 20;

/// A program that may be in a folder for administrators.
pub(crate) fn tool(program: &str) -> Command {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new(program);
    command.env("PATH", format!("{path}:/usr/sbin:/sbin")).env("LC_ALL", "C.UTF-8").env("TZ", "UTC");
    command.env("MTOOLS_SKIP_CHECK", "1").stdin(Stdio::null());
    command
}

/// Whether the programs are there that make and check images; says so when not.
pub(crate) fn installed(programs: &[&str]) -> bool {
    for program in programs {
        let quiet =
            |command: &mut Command| command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
        if !quiet(tool(program).arg("-V")) {
            println!("skipped: {program} is not installed");
            return false;
        }
    }
    true
}

pub(crate) const ALL: [&str; 5] = ["mke2fs", "debugfs", "mkfs.vfat", "mcopy", "sfdisk"];

pub(crate) fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The tree of a small root file system, in the folder `tree`.
fn make_tree(place: &Workplace) {
    let tree = place.path("tree");
    if tree.exists() {
        return;
    }
    for folder in ["etc/mender", "data", "uboot", "boot/efi", "boot/grub", "usr/bin", "database", "a b"] {
        fs::create_dir_all(tree.join(folder)).unwrap();
    }
    fs::write(tree.join("etc/mender/artifact_info"), "artifact_name=release-1\n").unwrap();
    fs::write(tree.join("etc/mender/mender.conf"), CONF).unwrap();
    fs::write(tree.join("a b/c d"), "blanks\n").unwrap();
    fs::write(tree.join("usr/bin/large"), noise(300_000)).unwrap();
    let link = |target: &str, name: &str| std::os::unix::fs::symlink(target, tree.join(name)).unwrap();
    link("/etc/mender/mender.conf", "conf-link");
    link("../../../../etc/passwd", "outside");
    link("etc/mender", "folder-link");
}

pub(crate) const CONF: &str = r#"{
  "ServerURL": "https://docker.mender.io",
  "Unknown": [1, 2.50, {"x": null}],
  "TenantToken": "a&b"
}
"#;

/// Content without a period.
pub(crate) fn noise(len: usize) -> Vec<u8> {
    let mut state = 1u32;
    (0..len)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        })
        .collect()
}

/// An ext4 root file system.
pub(crate) fn make_ext(place: &Workplace, name: &str, len: u64, options: &str) {
    make_tree(place);
    File::create(place.path(name)).unwrap().set_len(len).unwrap();
    let mut mke2fs = tool("mke2fs");
    mke2fs.args(["-q", "-F", "-t", "ext4", "-U", "01234567-89ab-cdef-0123-456789abcdef", "-d"]);
    mke2fs.arg(place.path("tree")).args(options.split_whitespace()).arg(place.path(name));
    run(mke2fs.env("E2FSPROGS_FAKE_TIME", "1700000000"));
}

/// A FAT file system with a file.
pub(crate) fn make_fat(place: &Workplace, name: &str, len: u64) {
    File::create(place.path(name)).unwrap().set_len(len).unwrap();
    run(tool("mkfs.vfat").args(["-n", "boot", "-i", "12345678"]).arg(place.path(name)));
    place.put("uEnv.txt", "console=ttyS0\n");
    run(tool("mcopy").arg("-i").arg(place.path(name)).arg(place.path("uEnv.txt")).arg("::uEnv.txt"));
}

/// A place in a file as a place in memory.
pub(crate) fn index(at: u64) -> usize {
    usize::try_from(at).unwrap()
}

/// Where the partitions of a disk are: number, first byte, length.
pub(crate) type Places = Vec<(u32, u64, u64)>;

/// A disk of Mender: boot, root file systems A and B, data.
pub(crate) fn make_disk(place: &Workplace, name: &str, label: &str) -> Places {
    make_ext(place, "root.ext4", 16 * MIB, "");
    make_fat(place, "boot.vfat", 8 * MIB);
    File::create(place.path("data.ext4")).unwrap().set_len(8 * MIB).unwrap();
    run(tool("mke2fs").args(["-q", "-F", "-t", "ext4"]).arg(place.path("data.ext4")));
    let (boot, linux) = if label == "gpt" { ("U", "L") } else { ("c", "83") };
    let script = format!("label: {label}\n,8M,{boot}\n,16M,{linux}\n,16M,{linux}\n,8M,{linux}\n");
    let places = partition(place, name, 64 * MIB, &script);
    for (file, (_, offset, _)) in ["boot.vfat", "root.ext4", "root.ext4", "data.ext4"].iter().zip(&places) {
        let mut disk = File::options().write(true).open(place.path(name)).unwrap();
        disk.seek(SeekFrom::Start(*offset)).unwrap();
        disk.write_all(&place.bytes(file)).unwrap();
    }
    places
}

/// A disk with the partitions of a script of sfdisk.
pub(crate) fn partition(place: &Workplace, name: &str, len: u64, script: &str) -> Places {
    File::create(place.path(name)).unwrap().set_len(len).unwrap();
    let mut sfdisk = tool("sfdisk")
        .arg("-q")
        .arg(place.path(name))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    sfdisk.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    assert!(sfdisk.wait().unwrap().success());
    let listing = run(tool("sfdisk").arg("-d").arg(place.path(name)));
    let line = |line: &str| {
        let (device, rest) = line.split_once(" : ")?;
        let digits = device.rsplit_once(|character: char| !character.is_ascii_digit())?.1;
        let value = |key: &str| rest.split_once(key)?.1.split(',').next()?.trim().parse::<u64>().ok();
        Some((digits.parse().ok()?, value("start=")? * 512, value("size=")? * 512))
    };
    listing.lines().filter_map(line).collect()
}

/// Takes a partition out into a file of its own.
pub(crate) fn take_out(place: &Workplace, disk: &str, (_, offset, len): (u32, u64, u64), name: &str) {
    let bytes = place.bytes(disk);
    place.put(name, &bytes[index(offset)..index(offset + len)]);
}

/// What debugfs says.
pub(crate) fn debugfs(place: &Workplace, image: &str, request: &str) -> String {
    run(tool("debugfs").args(["-R", request]).arg(place.path(image)))
}

/// The mode, owner and group of a file, as debugfs tells them.
pub(crate) fn owner_and_mode(place: &Workplace, image: &str, path: &str) -> String {
    let stat = debugfs(place, image, &format!("stat \"{path}\""));
    let value = |key: &str| {
        stat.split_once(key)
            .map_or("", |(_, rest)| rest.split_whitespace().next().unwrap_or_default())
            .to_owned()
    };
    format!("{} {} {}", value("Mode: "), value("User: "), value("Group: "))
}

/// Has e2fsck look for faults.
pub(crate) fn check_ext(place: &Workplace, image: &str) {
    run(tool("e2fsck").args(["-f", "-n"]).arg(place.path(image)));
}

/// Has fsck.vfat look for faults.
pub(crate) fn check_fat(place: &Workplace, image: &str) {
    run(tool("fsck.vfat").arg("-n").arg(place.path(image)));
}

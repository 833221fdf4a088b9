//! The other tools that tests compare with. They are installed where that is possible (Debian, as root); a test that
//! still misses one says 'skipped' and why.

use crate::step::{find, program, run};

/// Debian package and a program of it that tests start.
const TOOLS: &[(&str, &str)] = &[
    ("mender-artifact", "mender-artifact"),
    ("mender-client", "mender"),
    ("libubootenv-tool", "fw_printenv"),
    ("binutils", "strip"),
    ("xdelta3", "xdelta3"),
    ("bsdiff", "bsdiff"),
    ("e2fsprogs", "mkfs.ext4"),
    ("xfsprogs", "mkfs.xfs"),
    ("btrfs-progs", "mkfs.btrfs"),
    ("dosfstools", "mkfs.vfat"),
    ("mtools", "mcopy"),
    ("fdisk", "sfdisk"),
    ("gdisk", "sgdisk"),
    ("squashfs-tools", "mksquashfs"),
    ("erofs-utils", "mkfs.erofs"),
    ("openssl", "openssl"),
    ("nginx-light", "nginx"),
    ("softhsm2", "softhsm2-util"),
    ("xz-utils", "xz"),
    ("zstd", "zstd"),
    ("lz4", "lz4"),
    ("cpio", "cpio"),
    ("openssh-client", "ssh"),
    ("openssh-server", "sshd"),
    ("python3", "python3"),
    ("nats-server", "nats-server"),
    ("golang-go", "go"),
    ("valgrind", "valgrind"),
    ("strace", "strace"),
    ("sqlite3", "sqlite3"),
    ("postgresql", "pg_ctlcluster"),
];

/// Installs what is missing. Never fails: what cannot be had is named, and its tests are skipped.
pub(crate) fn install_missing() {
    let missing = missing();
    if missing.is_empty() {
        println!("tools the tests compare with: all {} installed", TOOLS.len());
        return;
    }
    if find("apt-get").is_none() || !is_root() {
        return tell(&missing, "installing them needs root and apt-get");
    }
    let apt = || {
        let mut command = program("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    if let Err(failure) = run(apt().args(["update", "-q"])) {
        println!("{failure}; trying the package lists that are there");
    }
    let install = |packages: &[&str]| {
        run(apt().args(["install", "-y", "-q", "--no-install-recommends"]).args(packages)).is_ok()
    };
    if !install(&missing) {
        // One that cannot be had must not keep the others out.
        for package in &missing {
            install(&[*package]);
        }
    }
    let missing = self::missing();
    if !missing.is_empty() {
        tell(&missing, "apt-get could not install them");
    }
}

fn missing() -> Vec<&'static str> {
    TOOLS.iter().filter(|(_, name)| find(name).is_none()).map(|(package, _)| *package).collect()
}

fn tell(missing: &[&str], why: &str) {
    println!("skipped: tests that need {} ({why})", missing.join(", "));
}

#[cfg(unix)]
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

#[cfg(not(unix))]
fn is_root() -> bool {
    false
}

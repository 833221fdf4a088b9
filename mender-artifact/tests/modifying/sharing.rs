//! On a file system that shares blocks the payload takes no room a second time.

use crate::artifacts::{key, read, rootfs};
use mender_artifact::compression::Compression;
use mender_artifact::resign::sign;
use mender_artifact::rewrite::{Original, Source, Target};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

const MIB: u64 = 1 << 20;

/// A file system in a file, mounted as long as this lives.
struct Mounted {
    folder: tempfile::TempDir,
}

impl Mounted {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("mounted").join(name)
    }

    fn new(mkfs: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let (image, mounted) = (folder.path().join("image"), folder.path().join("mounted"));
        File::create(&image).unwrap().set_len(400 * MIB).unwrap();
        fs::create_dir(&mounted).unwrap();
        let made = run(Command::new(mkfs).arg("-q").arg(&image));
        let done = made && run(Command::new("mount").args(["-o", "loop"]).arg(&image).arg(&mounted));
        if !done {
            println!("skipped: {mkfs} and mounting what it makes are not possible here");
        }
        done.then_some(Self { folder })
    }

    /// Bytes in use.
    fn used(&self) -> u64 {
        let output = Command::new("sync")
            .status()
            .and_then(|_| Command::new("df").args(["-B1", "--output=used"]).arg(self.path("")).output());
        String::from_utf8(output.unwrap().stdout).unwrap().lines().nth(1).unwrap().trim().parse().unwrap()
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        run(Command::new("umount").arg(self.folder.path().join("mounted")));
    }
}

fn run(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

fn sign_file(old: &Path, new: &Path) {
    let (old, new) = (File::open(old).unwrap(), File::create(new).unwrap());
    let mut original = Original::read(Source::File(&old)).unwrap();
    sign(&mut original, &key(), true).unwrap();
    original.write(Target::File(&new)).unwrap();
    new.sync_all().unwrap();
}

#[test]
fn a_signed_copy_shares_its_payload_with_the_original() {
    for mkfs in ["mkfs.xfs", "mkfs.btrfs"] {
        let Some(mounted) = Mounted::new(mkfs) else { continue };
        // Not just zeros: these would take no room anywhere.
        let mut artifact = rootfs(64 * MIB, Compression::None, None);
        let mut state = 1_u64;
        let payload = artifact.len() - usize::try_from(64 * MIB).unwrap()..artifact.len() - 4096;
        for byte in &mut artifact[payload] {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *byte = state.to_le_bytes()[7];
        }
        let (old, new) = (mounted.path("old"), mounted.path("new"));
        fs::write(&old, &artifact).unwrap();
        let before = mounted.used();
        sign_file(&old, &new);
        let grown = mounted.used().saturating_sub(before);
        assert!(grown < 4 * MIB, "{mkfs}: grown by {grown} bytes");
        let signed = fs::read(&new).unwrap();
        assert_eq!(signed.len(), artifact.len() + 4096);
        assert!(signed[signed.len() - payload_len()..] == artifact[artifact.len() - payload_len()..]);
    }
}

fn payload_len() -> usize {
    usize::try_from(64 * MIB).unwrap()
}

#[test]
fn without_sharing_it_is_a_copy() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (folder.path().join("old"), folder.path().join("new"));
    fs::write(&old, rootfs(20 * MIB, Compression::None, None)).unwrap();
    sign_file(&old, &new);
    read(&fs::read(&new).unwrap());
}

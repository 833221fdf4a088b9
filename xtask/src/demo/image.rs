//! Root file systems as images: ext4 where mkfs.ext4 is installed, else a cpio archive.

use super::{cpio, text};
use crate::failure::{Doing, Failure};
use crate::step::{find, output, program};
use std::fs;
use std::path::{Path, PathBuf};

const UUID: &str = "0d1f2c3b-4a59-4687-9786-a5b4c3d2e1f0";
const MIB: u64 = 1 << 20;

/// Packs both trees as images of the same size.
pub(super) fn pack_pair(old: &Path, new: &Path, dir: &Path) -> Result<(PathBuf, PathBuf), Failure> {
    let largest = size_of_tree(old)?.max(size_of_tree(new)?);
    let pack = |tree: &Path, name: &str| -> Result<PathBuf, Failure> {
        match find("mkfs.ext4") {
            Some(mkfs) => ext4(&mkfs, tree, &dir.join(format!("{name}.ext4")), largest),
            None => {
                println!("skipped: ext4 (mkfs.ext4 is not installed); a cpio archive instead");
                let image = dir.join(format!("{name}.cpio"));
                cpio::write(tree, &image)?;
                Ok(image)
            }
        }
    };
    Ok((pack(old, "release-1")?, pack(new, "release-2")?))
}

fn ext4(mkfs: &Path, tree: &Path, image: &Path, largest: u64) -> Result<PathBuf, Failure> {
    let mebibytes = (largest + largest / 8).div_ceil(MIB) + 16;
    // No journal: a root file system that takes deltas is mounted read-only.
    output(
        program(mkfs)
            .args(["-q", "-F", "-b", "4096", "-m", "0", "-O", "^has_journal", "-L", "rootfs", "-U", UUID])
            .args(["-E", &format!("hash_seed={UUID},root_owner=0:0,lazy_itable_init=0,nodiscard")])
            .args(["-d", text(tree)?, text(image)?, &format!("{mebibytes}M")]),
    )?;
    Ok(image.to_path_buf())
}

/// Bytes of all files, each rounded up to blocks.
fn size_of_tree(tree: &Path) -> Result<u64, Failure> {
    let mut size = 0;
    for entry in fs::read_dir(tree).doing(|| format!("listing {}", tree.display()))? {
        let entry = entry.doing(|| format!("listing {}", tree.display()))?;
        let meta = entry.metadata().doing(|| entry.path().display().to_string())?;
        size += 4096 + meta.len().next_multiple_of(4096);
        if meta.is_dir() {
            size += size_of_tree(&entry.path())?;
        }
    }
    Ok(size)
}

//! A disk as Mender makes them: boot, two root file systems, data; 256 MiB.

use crate::failure::{Doing, Failure};
use crate::step::{find, output, program};
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

const MIB: u64 = 1 << 20;
const SECTOR: u64 = 512;
/// Length of the whole disk.
pub(super) const LEN_BYTES: u64 = 256 * MIB;
/// Most that a root file system can be filled with.
pub(super) const FILL_MAX_BYTES: u64 = 88 * MIB;

/// A partition: its type, first byte, length, and the folder that it is made from.
const PARTITIONS: [(u8, u64, u64, Option<&str>); 4] = [
    (0x0c, MIB, 15 * MIB, None),
    (0x83, 16 * MIB, 104 * MIB, Some("root")),
    (0x83, 120 * MIB, 104 * MIB, Some("root")),
    (0x83, 224 * MIB, 32 * MIB, Some("data")),
];

/// Makes the disk at `path`, with as many bytes in each root file system that nothing compresses.
pub(super) fn make(path: &Path, fill_bytes: u64) -> Result<(), Failure> {
    let mkfs = find("mkfs.ext4").ok_or_else(|| Failure::new("mkfs.ext4 is not installed"))?;
    let tree = path.with_extension("tree");
    let doing = || tree.display().to_string();
    fs::create_dir_all(tree.join("root/etc/mender")).doing(doing)?;
    fs::create_dir_all(tree.join("data/mender")).doing(doing)?;
    fs::write(tree.join("root/etc/mender/mender.conf"), "{}\n").doing(doing)?;
    let noise = File::open("/dev/urandom").doing(|| "/dev/urandom".into())?;
    let mut filling = File::create(tree.join("root/filling")).doing(doing)?;
    std::io::copy(&mut noise.take(fill_bytes), &mut filling).doing(doing)?;

    let mut disk = File::create(path).doing(|| path.display().to_string())?;
    let mut first = [0u8; 512];
    for (index, (kind, at, len, contents)) in PARTITIONS.into_iter().enumerate() {
        let entry = &mut first[446 + 16 * index..][..16];
        entry[4] = kind;
        for (field, bytes) in [(8, at), (12, len)] {
            let sectors = u32::try_from(bytes / SECTOR).doing(|| "sectors".into())?;
            entry[field..field + 4].copy_from_slice(&sectors.to_le_bytes());
        }
        let Some(contents) = contents else { continue };
        let part = path.with_extension("part");
        output(
            program(&mkfs)
                .args(["-q", "-F", "-b", "4096", "-m", "0", "-E", "root_owner=0:0", "-d"])
                .arg(tree.join(contents))
                .arg(&part)
                .arg(format!("{}M", len / MIB)),
        )?;
        sparse(&part, &mut disk, at).doing(|| part.display().to_string())?;
        fs::remove_file(&part).doing(|| part.display().to_string())?;
    }
    first[510..].copy_from_slice(&[0x55, 0xaa]);
    let finished = disk.seek(SeekFrom::Start(0)).and_then(|_| disk.write_all(&first));
    finished.and_then(|()| disk.set_len(LEN_BYTES)).doing(|| path.display().to_string())?;
    disk.sync_all().doing(|| path.display().to_string())?;
    fs::remove_dir_all(&tree).doing(doing)
}

/// Copies the blocks that are not all zero.
fn sparse(from: &Path, to: &mut File, at: u64) -> std::io::Result<()> {
    let mut from = File::open(from)?;
    let mut block = [0u8; 4096];
    let mut offset = at;
    loop {
        match from.read(&mut block)? {
            0 => return Ok(()),
            len => {
                if block[..len].iter().any(|byte| *byte != 0) {
                    to.seek(SeekFrom::Start(offset))?;
                    to.write_all(&block[..len])?;
                }
                offset += len as u64;
            }
        }
    }
}

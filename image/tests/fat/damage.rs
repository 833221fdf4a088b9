//! File systems that lie.

use std::time::Instant;

use mender_image::error::Error;
use mender_image::fat::edit::Editor;
use mender_image::fat::volume::Volume;
use mender_image::limits::Limits;

use crate::made_volume::{KINDS, MadeVolume, installed, noise};

fn open(bytes: &[u8]) -> Result<Volume<&[u8]>, Error> {
    Volume::open(bytes, &Limits::default())
}

/// A FAT16 with a file and a folder, and where its first table is.
fn sample() -> (Vec<u8>, usize) {
    let volume = MadeVolume::new(KINDS[2]);
    volume.edit(|editor| {
        editor.put_file(b"/FILE", &mut &noise(20_000)[..], 0)?;
        editor.make_folder(b"/DIR/SUB", true, 0)?;
        editor.put_file(b"/DIR/SUB/F", &mut &b"f"[..], 0)
    });
    let bytes = volume.bytes();
    let reserved = usize::from(u16::from_le_bytes([bytes[14], bytes[15]])) * 512;
    (bytes, reserved)
}

fn everything(bytes: &[u8]) -> Result<(), Error> {
    let volume = open(bytes)?;
    let mut sink = std::io::sink();
    volume.list(b"/")?;
    volume.read_file(b"/FILE", &mut sink)?;
    volume.read_file(b"/DIR/SUB/F", &mut sink)?;
    volume.list(b"/DIR/SUB")?;
    Ok(())
}

#[test]
fn circles_and_ends_outside_are_refused() {
    if !installed() {
        return;
    }
    let (good, table) = sample();
    everything(&good).unwrap();
    // The file begins at cluster 2.
    for (entry, message) in [
        (2u16, "cluster 2: clusters of the chain: expected at most "),
        (0xfff0, "cluster 65520: next cluster: expected a cluster of the file system, found 65520"),
        (0, "cluster 0: next cluster: expected a cluster of the file system, found 0"),
        (0xffff, "cluster 2: clusters of the chain: expected at least 10, found 2"),
    ] {
        let mut bytes = good.clone();
        bytes[table + 6..table + 8].copy_from_slice(&entry.to_le_bytes());
        let error = everything(&bytes).unwrap_err().to_string();
        assert!(error.starts_with(message), "{error}");
        bytes.copy_within(table..table + 1024, 0);
    }
}

#[test]
fn folders_in_themselves_are_removed_in_no_circle() {
    if !installed() {
        return;
    }
    let (mut bytes, _) = sample();
    let volume = open(&bytes).unwrap();
    assert_eq!(volume.list(b"/DIR/SUB").unwrap().len(), 1);
    // The entry of F becomes a folder that is SUB itself.
    let find = |bytes: &[u8], name: &[u8]| bytes.windows(11).position(|window| window == name).unwrap();
    let (sub, file) = (find(&bytes, b"SUB        "), find(&bytes, b"F          "));
    let cluster = [bytes[sub + 26], bytes[sub + 27]];
    bytes[file + 11] = 0x10;
    bytes[file + 26..file + 28].copy_from_slice(&cluster);
    open(&bytes).unwrap().list(b"/DIR/SUB/F/F/F/F/F").unwrap();
    let mut editor = Editor::open(&mut bytes, &Limits::default()).unwrap();
    let error = editor.remove(b"/DIR", true).unwrap_err().to_string();
    assert!(error.ends_with("folders: expected one folder that begins here, found 2"), "{error}");
}

#[test]
fn no_byte_of_boot_sector_and_table_panics_or_takes_long() {
    if !installed() {
        return;
    }
    for kind in [KINDS[0], KINDS[2], KINDS[4]] {
        let volume = MadeVolume::new(kind);
        volume.edit(|editor| editor.put_file(b"/FILE", &mut &noise(5000)[..], 0));
        let mut bytes = volume.bytes();
        bytes.truncate(8 << 20);
        let began = Instant::now();
        for at in (0..96).chain(448..1024).chain((0..64).map(|at| 32 * 512 + at)) {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let old = std::mem::replace(&mut bytes[at], value);
                let _ = everything(&bytes);
                bytes[at] = old;
            }
        }
        assert!(began.elapsed().as_secs() < 60, "{:?}", began.elapsed());
    }
}

#[test]
fn what_others_must_repair_first_is_not_changed() {
    if !installed() {
        return;
    }
    let (good, table) = sample();
    let refused = |change: fn(&mut [u8], usize)| {
        let mut bytes = good.clone();
        change(&mut bytes, table);
        everything(&bytes).unwrap();
        Editor::open(&mut bytes, &Limits::default()).map(drop).unwrap_err().to_string()
    };
    let dirty = "boot sector: state: expected a file system that was unmounted cleanly, as fsck.vfat leaves it, found changes under way";
    assert_eq!(refused(|bytes, _| bytes[37] |= 1), dirty);
    assert_eq!(refused(|bytes, table| bytes[table + 3] &= 0x7f), dirty);
    let differ = refused(|bytes, table| {
        let len = usize::from(u16::from_le_bytes([bytes[22], bytes[23]])) * 512;
        bytes[table + len + 100] ^= 1;
    });
    assert_eq!(differ, "boot sector: byte of the tables: expected two equal tables, found 100");
}

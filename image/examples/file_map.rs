//! Prints what an image is made of: `cargo run --release --example file_map -- IMAGE`.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::File;
use std::io::Write;
use std::time::Instant;

use mender_image::block_device::FileDevice;
use mender_image::file_map::{FileMap, Kind};
use mender_image::probe::probe;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).ok_or("expected the path of an image")?;
    let device = FileDevice::new(File::open(path)?)?;
    let mut out = std::io::stdout().lock();
    let probe = probe(&device)?;
    writeln!(out, "{}, {:?} of the image", probe.content, probe.coverage())?;
    let start = Instant::now();
    let map = FileMap::of(&device)?;
    let seconds = start.elapsed().as_secs_f64();
    let ranges: usize = map.files.iter().map(|file| file.ranges.len()).sum();
    writeln!(
        out,
        "{} files in {ranges} ranges, {} directories, {} symbolic links, {} regions; mapped in {seconds:.3} s",
        map.files.len(),
        map.directories.len(),
        map.symlinks.len(),
        map.regions().len(),
    )?;
    let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
    for region in map.regions() {
        *sums.entry(kind_name(region.kind)).or_default() += region.len_bytes;
    }
    for (kind, bytes) in sums {
        writeln!(out, "{bytes:>14} bytes {kind}")?;
    }
    Ok(())
}

fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::BootArea => "boot area",
        Kind::Superblock => "superblocks",
        Kind::GroupDescriptors => "group descriptors",
        Kind::ReservedGroupDescriptors => "reserved group descriptors",
        Kind::BlockBitmap => "block bitmaps",
        Kind::InodeBitmap => "inode bitmaps",
        Kind::InodeTable => "inode tables",
        Kind::Journal => "journal",
        Kind::MappingBlocks => "mapping blocks",
        Kind::ExtendedAttributes => "extended attributes",
        Kind::Internal => "internal",
        Kind::Directory { .. } => "directories",
        Kind::Symlink { .. } => "symbolic links",
        Kind::File { .. } => "files",
        Kind::Preallocated { .. } => "preallocated",
        Kind::Unused => "unused",
        Kind::PastFileSystem => "past the file system",
        _ => "other",
    }
}

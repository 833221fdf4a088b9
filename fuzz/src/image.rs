//! Readers and editors of images: an answer or an error within the limits, never a panic. See `sparse` for the bytes.

use crate::sparse::Sparse;
use mender_image::block_device::{BlockDevice, Window};
use mender_image::edit::attributes::Attributes;
use mender_image::edit::image::ImageEditor;
use mender_image::edit::layout::Layout;
use mender_image::edit::route::{Choice, Purpose};
use mender_image::erofs::FileSystem as Erofs;
use mender_image::error::Error;
use mender_image::ext4::FileSystem as Ext4;
use mender_image::fat::volume::Volume;
use mender_image::file_map::{FileMap, MappedFile};
use mender_image::limits::Limits;
use mender_image::partition::{self, PartitionTable};
use mender_image::probe::probe;
use mender_image::squashfs::map::{BlockKind, SquashfsMap};
use std::io::Cursor;

/// Small ones, so that each run is quick.
fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.directory_entries = 2000;
    limits.names_total_bytes = 1 << 20;
    limits.file_len_bytes = 1 << 20;
    limits.extents = 20_000;
    limits.lookup_blocks = 2000;
    limits.metadata_total_bytes = 1 << 20;
    limits.allocation_table_bytes = 1 << 20;
    limits.changes_len_bytes = 4 << 20;
    limits
}

fn told<T>(result: Result<T, Error>) -> Option<T> {
    result.inspect_err(|error| crate::reading::check_message(&error.to_string())).ok()
}

/// Any image: what is it, and what is in it?
pub fn run_ext4(data: &[u8]) {
    let image = Sparse::new(data);
    told(probe(&image));
    if image.len_bytes() > 64 << 20 {
        return;
    }
    if let Some(map) = told(FileMap::with_limits(&image, &limits())) {
        check_map(&map, image.len_bytes());
        if let Some(fs) = told(Ext4::open(&image, &limits())) {
            for file in map.files.iter().take(20) {
                let content = told(fs.read_file(&file.path));
                assert!(content.is_none_or(|content| content.len() as u64 == file.len_bytes));
                told(fs.metadata(&file.path));
            }
            told(fs.list(b"/"));
            for link in map.symlinks.iter().take(10) {
                told(fs.read_link(&link.path));
            }
        }
    }
    edit(&image);
}

fn check_map(map: &FileMap, len: u64) {
    let mut at = 0;
    for region in map.regions() {
        assert!(region.offset >= at && region.len_bytes > 0, "regions overlap");
        at = region.end();
        assert!(at <= len, "a region past the end");
    }
    let check = |file: &MappedFile| {
        for range in &file.ranges {
            assert!(range.device_offset + range.len_bytes <= len, "a file past the end");
            assert!(range.file_offset + range.len_bytes <= file.len_bytes, "a range past its file");
        }
    };
    map.files.iter().for_each(check);
}

/// Changes some files; what was changed has to read back as it was written.
fn edit(image: &Sparse<'_>) {
    let content: Vec<u8> = (0..5000_u32).map(|n| n.to_le_bytes()[0] ^ 0x5a).collect();
    let Some(mut editor) = told(ImageEditor::open(image.clone(), &limits())) else { return };
    let attributes = Attributes::of_root(0o644, 1_700_000_000);
    let paths: [&[u8]; 4] = [b"/new", b"/a/one", b"/data/new", b"/uboot/new"];
    let mut written = Vec::new();
    for path in paths {
        let Some(route) = told(editor.route(path, Choice::ByPath, Purpose::Change)) else { continue };
        if told(editor.put_file(&route, &mut Cursor::new(&content), &attributes)).is_some() {
            let mut again = Vec::new();
            if told(editor.read_file(&route, &mut again)).is_some() {
                assert_eq!(again, content, "another content than was written");
            }
            written.push(route);
        }
    }
    for path in [&b"/a/b"[..], b"/a"] {
        if let Some(route) = told(editor.route(path, Choice::ByPath, Purpose::Remove)) {
            told(editor.make_folder(&route, &attributes, Some(&attributes)));
            told(editor.remove(&route, true));
        }
    }
    if told(editor.commit()).is_some() {
        let changed = editor.into_device();
        if let Some(layout) = told(Layout::read(&changed, &limits())) {
            for route in &written {
                let mut output = Vec::new();
                told(mender_image::edit::image::read_file(&changed, &layout, route, &limits(), &mut output));
            }
        }
    }
}

/// An image with FAT.
pub fn run_fat(data: &[u8]) {
    let image = Sparse::new(data);
    told(probe(&image));
    if let Some(volume) = told(Volume::open(&image, &limits())) {
        let _: u64 = volume.free_bytes();
        let mut folders = vec!["/".to_owned()];
        let mut seen = 0;
        while let Some(folder) = folders.pop() {
            for entry in told(volume.list(folder.as_bytes())).unwrap_or_default() {
                seen += 1;
                let path = format!("{folder}{}", entry.name);
                match (entry.is_folder, seen < 50) {
                    (true, true) if folder.len() < 60 => folders.push(path + "/"),
                    (false, true) if entry.len_bytes < 1 << 20 => {
                        told(volume.read_file(path.as_bytes(), &mut std::io::sink()));
                    }
                    _ => {}
                }
            }
        }
    }
    edit(&image);
}

/// A disk with partitions.
pub fn run_partition(data: &[u8]) {
    let image = Sparse::new(data);
    let len = image.len_bytes();
    if let Some(Some(PartitionTable { partitions, .. })) = told(partition::read(&image, &limits())) {
        for partition in partitions {
            assert!(partition.end() <= len, "a partition past the end");
            let part = Window::new(&image, partition.offset, partition.len_bytes).unwrap();
            told(probe(&part));
        }
    }
    told(Layout::read(&image, &limits()));
}

/// A squashfs.
pub fn run_squashfs(data: &[u8]) {
    let image = Sparse::new(data);
    told(probe(&image));
    let unpack = |packed: &[u8], plain: &mut [u8]| {
        let mut decompress = flate2::Decompress::new(true);
        let status = decompress.decompress(packed, plain, flate2::FlushDecompress::Finish).ok()?;
        (status == flate2::Status::StreamEnd).then(|| usize::try_from(decompress.total_out()).unwrap())
    };
    let Some(map) = told(SquashfsMap::of(&image, &limits(), &unpack)) else { return };
    let mut at = 0;
    for block in &map.blocks {
        assert!(block.device_offset >= at && block.len_bytes > 0, "blocks overlap");
        at = block.device_offset + u64::from(block.len_bytes);
        assert!(at <= image.len_bytes(), "a block past the end");
        assert!(block.kind != BlockKind::Data || block.plain_len_bytes <= map.block_len_bytes);
    }
    for file in &map.files {
        for piece in &file.pieces {
            let block = map.blocks[piece.block];
            assert!(piece.block_offset + piece.len_bytes <= block.plain_len_bytes, "a piece past its block");
            assert!(piece.file_offset + u64::from(piece.len_bytes) <= file.len_bytes);
        }
    }
}

/// An EROFS.
pub fn run_erofs(data: &[u8]) {
    let image = Sparse::new(data);
    told(probe(&image));
    let Some(fs) = told(Erofs::open(&image, &limits())) else { return };
    assert!(fs.len_bytes() <= image.len_bytes());
    let Some(map) = told(fs.map()) else { return };
    for file in map.files.iter().take(30) {
        let len: u64 = file.extents.iter().map(|extent| extent.len_bytes).sum();
        assert_eq!(len, file.len_bytes, "extents that are not the file");
        let content = told(fs.read_file(file));
        assert!(content.is_none_or(|content| content.len() as u64 == file.len_bytes));
    }
}

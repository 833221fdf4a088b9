//! Full file systems, and what an operation that fails leaves behind: nothing.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;

use mender_image::block_device::{BlockDevice, FileDevice, Window, WritableDevice};
use mender_image::error::{Error, PathProblem};
use mender_image::ext4::FileSystem;
use mender_image::ext4::edit::Editor;
use mender_image::file_map::{FileMap, Kind};
use mender_image::limits::Limits;

use crate::image::{Image, MIB, attributes, content, e2fsprogs};

const SMALL: &[&str] = &[
    "-t ext4 -b 1024 -O ^has_journal -N 32",
    "-t ext4 -b 4096 -O ^has_journal -N 32",
    "-t ext2 -b 1024 -N 32",
    "-t ext4 -b 1024 -O ^has_journal,inline_data -N 32",
    "-t ext4 -b 1024 -g 512 -O ^has_journal,^resize_inode -N 128",
    "-t ext4 -b 1024 -g 512 -O ^has_journal,^resize_inode,^metadata_csum,uninit_bg,^flex_bg -N 128",
];

fn is_full(result: Result<(), Error>, what: &str) {
    match result {
        Err(Error::Full(full)) => assert_eq!(full.what, what),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_full_file_system_stays_as_it_was() {
    if !e2fsprogs() {
        return;
    }
    for options in SMALL {
        let mut image = Image::new(2 * MIB, options, None);
        // All inodes.
        let mut made = 0;
        image.edit(|editor| {
            let result = loop {
                let path = format!("/file-{made}");
                match editor.put_file(path.as_bytes(), &mut &b"x"[..], &attributes(0o644)) {
                    Ok(()) => made += 1,
                    error => break error,
                }
            };
            is_full(result, "inodes");
            is_full(editor.make_folder(b"/folder", &attributes(0o755), false), "inodes");
            is_full(editor.make_symlink(b"/link", b"target", &attributes(0)), "inodes");
        });
        assert!(made > 15, "{options}: {made}");
        image.check(options);
        assert_eq!(
            image.edit(|editor| is_full(editor.make_folder(b"/a/b", &attributes(0o755), true), "inodes")),
            0
        );
        image.edit(|editor| {
            editor.remove(b"/file-3", false).unwrap();
            editor.remove(b"/file-4", false).unwrap();
        });
        // All blocks.
        let before = image.bytes.clone();
        image.edit(|editor| {
            let mut endless = io::repeat(7);
            is_full(editor.put_file(b"/endless", &mut endless, &attributes(0o644)), "blocks");
        });
        assert!(image.bytes == before);
        let mut len = 2 << 20;
        image.edit(|editor| {
            // As large as fits, by halves.
            let mut step = len;
            while step > 512 {
                step /= 2;
                let bytes = content(len, 5);
                match editor.put_file(b"/large", &mut &bytes[..], &attributes(0o644)) {
                    Ok(()) => len += step,
                    Err(error) => {
                        is_full(Err(error), "blocks");
                        len -= step;
                    }
                }
            }
        });
        image.check(options);
        // A file is written over even where there is no room beside it.
        let device = &image.bytes[..];
        let fs = FileSystem::open(&device, &Limits::default()).unwrap();
        let len = usize::try_from(fs.metadata(b"/large").unwrap().len_bytes).unwrap();
        assert!(len > 1 << 20, "{options}: {len}");
        image.edit(|editor| {
            editor.put_file(b"/large", &mut &content(len, 6)[..], &attributes(0o644)).unwrap();
        });
        image.check(options);
        assert!(image.dump("/large") == content(len, 6));
        image.edit(|editor| {
            is_full(
                editor.put_file(b"/large", &mut &content(len + 5000, 6)[..], &attributes(0o644)),
                "blocks",
            );
        });
        assert!(image.dump("/large") == content(len, 6));
        image.check_ranges();
    }
}

/// Fails after some bytes.
struct Failing(usize);

impl Read for Failing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = buffer.len().min(self.0);
        if len == 0 {
            return Err(io::Error::other("the disk is on fire"));
        }
        buffer[..len].fill(1);
        self.0 -= len;
        Ok(len)
    }
}

#[test]
fn what_fails_changes_nothing() {
    if !e2fsprogs() {
        return;
    }
    let tree = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(tree.path().join("folder/below")).unwrap();
    std::fs::write(tree.path().join("folder/file"), b"x").unwrap();
    std::os::unix::fs::symlink("round", tree.path().join("round")).unwrap();
    std::os::unix::fs::symlink("missing/file", tree.path().join("nowhere")).unwrap();
    let mut image = Image::new(8 * MIB, "-t ext4 -b 1024 -O ^has_journal", Some(tree.path()));
    let before = image.bytes.clone();
    let written = image.edit(|editor| {
        let one = attributes(0o644);
        let mut put = |path: &str| editor.put_file(path.as_bytes(), &mut &b"x"[..], &one).unwrap_err();
        for (path, problem) in [
            ("/", PathProblem::IsADirectory),
            ("/folder", PathProblem::IsADirectory),
            ("/folder/below/..", PathProblem::IsADirectory),
            ("/new/", PathProblem::IsADirectory),
            ("/folder/file/", PathProblem::NotADirectory),
            ("/folder/file/below", PathProblem::NotADirectory),
            ("/missing/file", PathProblem::NotFound),
            ("/nowhere", PathProblem::NotFound),
            ("/round", PathProblem::TooManySymlinks),
            ("/zero\0byte", PathProblem::BadName),
            (&"n".repeat(256), PathProblem::BadName),
        ] {
            match put(path) {
                Error::Path(error) => assert_eq!(error.problem, problem, "{path}"),
                other => panic!("{path}: {other}"),
            }
        }
        let problem = |result: Result<(), Error>| match result {
            Err(Error::Path(error)) => error.problem,
            other => panic!("{other:?}"),
        };
        assert_eq!(problem(editor.remove(b"/missing", true)), PathProblem::NotFound);
        assert_eq!(problem(editor.remove(b"/folder", false)), PathProblem::NotEmpty);
        assert_eq!(problem(editor.remove(b"/", true)), PathProblem::NotAllowed);
        assert_eq!(problem(editor.remove(b"/folder/..", true)), PathProblem::NotAllowed);
        assert_eq!(problem(editor.remove(b"/lost+found", true)), PathProblem::NotAllowed);
        assert_eq!(problem(editor.remove(b"/folder/file/", true)), PathProblem::NotADirectory);
        assert_eq!(problem(editor.make_folder(b"/folder", &one, false)), PathProblem::Exists);
        assert_eq!(problem(editor.make_folder(b"/a/b", &one, false)), PathProblem::NotFound);
        assert_eq!(problem(editor.make_folder(b"/folder/file", &one, true)), PathProblem::Exists);
        assert_eq!(problem(editor.make_symlink(b"/folder", b"x", &one)), PathProblem::Exists);
        assert_eq!(problem(editor.make_symlink(b"/x", b"", &one)), PathProblem::BadTarget);
        assert_eq!(problem(editor.make_symlink(b"/x", &[b'x'; 1024], &one)), PathProblem::BadTarget);
        assert_eq!(problem(editor.make_symlink(b"/x/", b"x", &one)), PathProblem::IsADirectory);
        assert_eq!(problem(editor.set_attributes(b"/missing", &one)), PathProblem::NotFound);
        let failed = editor.put_file(b"/x", &mut Failing(100_000), &one).unwrap_err();
        assert_eq!(failed.to_string(), "content to put into the image: cannot read it");
        assert!(matches!(editor.put_file(b"/folder/file", &mut Failing(10), &one), Err(Error::Content(_))));
    });
    assert_eq!(written, 0);
    assert!(image.bytes == before);
}

#[test]
fn contents_past_the_limit_wait_in_a_file() {
    if !e2fsprogs() {
        return;
    }
    let mut image = Image::new(8 * MIB, "-t ext4 -b 1024 -O ^has_journal", None);
    let mut limits = Limits::default();
    limits.changes_len_bytes = 100_000;
    let before = image.bytes.clone();
    let mut editor = Editor::open(&mut image.bytes, &limits).unwrap();
    let bytes = content(1_000_000, 3);
    let error = editor.put_file(b"/file", &mut &bytes[..], &attributes(0o644)).unwrap_err();
    assert_eq!(error.to_string(), "image: length of changes: expected at most 100000, found 100352");
    editor.spill_to(tempfile::tempfile().unwrap());
    is_full(editor.put_file(b"/endless", &mut io::repeat(7), &attributes(0o644)), "blocks");
    for _ in 0..5 {
        editor.put_file(b"/file", &mut &bytes[..], &attributes(0o644)).unwrap();
    }
    assert!(editor.view().unwrap().read_file(b"/file").unwrap() == bytes);
    editor.commit().unwrap();
    assert!(image.bytes != before);
    image.write_file();
    image.check("spilled");
    assert!(image.dump("/file") == bytes);
}

/// Refuses writes after the first ones.
struct Worn<'b> {
    bytes: &'b mut Vec<u8>,
    left: usize,
}

impl BlockDevice for Worn<'_> {
    fn len_bytes(&self) -> u64 {
        self.bytes.len_bytes()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), Error> {
        self.bytes.read_at(offset, buffer)
    }
}

impl WritableDevice for Worn<'_> {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                self.bytes.write_at(offset, bytes)
            }
            None => {
                // Only once: putting back works again.
                self.left = usize::MAX;
                self.bytes.write_at(u64::MAX, &[0])
            }
        }
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

#[test]
fn a_write_that_fails_puts_everything_back() {
    if !e2fsprogs() {
        return;
    }
    let image = Image::new(8 * MIB, "-t ext4 -b 1024 -O ^has_journal", None);
    let mut failures = 0;
    for left in 0.. {
        let mut bytes = image.bytes.clone();
        // Places that are not zero, too.
        for byte in &mut bytes[6 << 20..] {
            *byte |= 3;
        }
        let before = bytes.clone();
        let mut device = Worn { bytes: &mut bytes, left };
        let mut editor = Editor::open(&mut device, &Limits::default()).unwrap();
        editor.put_file(b"/file", &mut &content(3_000_000, 1)[..], &attributes(0o644)).unwrap();
        editor.make_folder(b"/folder", &attributes(0o755), false).unwrap();
        if editor.commit().is_ok() {
            break;
        }
        failures += 1;
        assert!(bytes == before, "{left}");
    }
    assert!(failures > 5);
}

#[test]
fn a_file_that_is_not_writable_is_not_written() {
    if !e2fsprogs() {
        return;
    }
    let image = Image::new(8 * MIB, "-t ext4 -b 1024 -O ^has_journal", None);
    let mut device = FileDevice::new(File::open(image.file()).unwrap()).unwrap();
    let mut editor = Editor::open(&mut device, &Limits::default()).unwrap();
    editor.put_file(b"/file", &mut &b"x"[..], &attributes(0o644)).unwrap();
    let error = editor.commit().unwrap_err();
    assert!(error.to_string().contains("cannot write"), "{error}");
    image.check_ranges();
}

/// Notes where it is written.
struct Noting<D> {
    device: D,
    written: Vec<Range<u64>>,
    flushed: usize,
}

impl<D> Noting<D> {
    fn new(device: D) -> Self {
        Self { device, written: Vec::new(), flushed: 0 }
    }

    fn total(&self) -> u64 {
        self.written.iter().map(|range| range.end - range.start).sum()
    }
}

impl<D: BlockDevice> BlockDevice for Noting<D> {
    fn len_bytes(&self) -> u64 {
        self.device.len_bytes()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), Error> {
        self.device.read_at(offset, buffer)
    }
}

impl<D: WritableDevice> WritableDevice for Noting<D> {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        self.written.push(offset..offset + u64::try_from(bytes.len()).unwrap());
        self.device.write_at(offset, bytes)
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.flushed = self.written.len();
        self.device.flush()
    }
}

#[test]
fn contents_are_written_first_and_the_superblock_last() {
    if !e2fsprogs() {
        return;
    }
    for options in ["-t ext4 -b 1024 -O ^has_journal", "-t ext4 -b 4096 -O ^has_journal", "-t ext2 -b 1024"] {
        let mut image = Image::new(16 * MIB, options, None);
        let mut device = Noting::new(&mut image.bytes);
        let mut editor = Editor::open(&mut device, &Limits::default()).unwrap();
        editor.put_file(b"/one", &mut &content(3_000_000, 1)[..], &attributes(0o644)).unwrap();
        editor.make_folder(b"/folder", &attributes(0o755), false).unwrap();
        editor.put_file(b"/folder/two", &mut &content(5000, 2)[..], &attributes(0o644)).unwrap();
        editor.commit().unwrap();
        assert_eq!(device.flushed, device.written.len());
        let written = device.written;
        let map = FileMap::of(&image.bytes[..]).unwrap();
        let is_content = |range: &Range<u64>| matches!(map.kind_at(range.start), Some(Kind::File { .. }));
        let contents = written.iter().take_while(|range| is_content(range)).count();
        assert!(contents >= 2);
        assert!(!written[contents..].iter().any(is_content), "{options}: {written:?}");
        let holds_superblock = |range: &Range<u64>| range.contains(&1024);
        assert_eq!(
            written.iter().position(holds_superblock),
            Some(written.len() - 1),
            "{options}: {written:?}"
        );
    }
}

#[test]
fn a_small_edit_of_a_large_image_writes_a_few_blocks() {
    if !e2fsprogs() {
        return;
    }
    let image = Image::sparse(1024 * MIB, "-t ext4 -b 4096 -E lazy_itable_init=1,lazy_journal_init=1");
    let file = File::options().read(true).write(true).open(image.file()).unwrap();
    let mut device = Noting::new(FileDevice::new(file).unwrap());
    let mut editor = Editor::open(&mut device, &Limits::default()).unwrap();
    editor.make_folder(b"/data/mender", &attributes(0o755), true).unwrap();
    editor.put_file(b"/data/mender/key.pem", &mut &content(1700, 1)[..], &attributes(0o600)).unwrap();
    let ranges = editor.commit().unwrap();
    let total: u64 = ranges.iter().map(|range| range.end - range.start).sum();
    assert_eq!(total, device.total());
    assert!(device.total() <= 14 * 4096, "{:?}", device.written);
    // The same again writes nothing.
    device.written.clear();
    let mut editor = Editor::open(&mut device, &Limits::default()).unwrap();
    editor.set_attributes(b"/data/mender/key.pem", &attributes(0o600)).unwrap();
    assert!(editor.commit().unwrap().is_empty());
    assert_eq!(device.total(), 0);
    drop(device);
    image.check("1 GiB");
    assert!(image.dump("/data/mender/key.pem") == content(1700, 1));
}

#[test]
fn a_file_of_more_than_two_gib_is_noted_in_the_superblock() {
    if !e2fsprogs() {
        return;
    }
    let image = Image::sparse(2300 * MIB, "-t ext4 -b 4096 -O ^large_file,^has_journal,^resize_inode -N 64");
    assert!(!image.ask("show_super_stats -h").contains("large_file"));
    let file = File::options().read(true).write(true).open(image.file()).unwrap();
    let mut device = FileDevice::new(file).unwrap();
    let mut editor = Editor::open(&mut device, &Limits::default()).unwrap();
    let end = content(5000, 1);
    let mut long = io::repeat(0).take(1 << 31).chain(&end[..]);
    editor.put_file(b"/long", &mut long, &attributes(0o644)).unwrap();
    let written: u64 = editor.commit().unwrap().iter().map(|range| range.end - range.start).sum();
    assert!(written < 1 << 20, "{written}");
    image.check("a long file");
    assert!(image.ask("show_super_stats -h").contains("large_file"));
    let fs = FileSystem::open(&device, &Limits::default()).unwrap();
    let mut reader = fs.open_file(b"/long").unwrap();
    assert_eq!(reader.len_bytes(), (1 << 31) + 5000);
    assert_eq!(io::copy(&mut reader.by_ref().take(1 << 31), &mut io::sink()).unwrap(), 1 << 31);
    let mut read = Vec::new();
    reader.read_to_end(&mut read).unwrap();
    assert!(read == end);
}

#[test]
fn a_partition_is_changed_inside_its_disk() {
    if !e2fsprogs() {
        return;
    }
    let mut image = Image::new(8 * MIB, "-t ext4 -b 1024 -O ^has_journal", None);
    let mut disk = vec![0xa5; 1_000_000];
    let len = image.bytes.len();
    disk.extend_from_slice(&image.bytes);
    disk.extend_from_slice(&[0x5a; 1_000_000]);
    let mut partition = Window::new(&mut disk, 1_000_000, len as u64).unwrap();
    let mut editor = Editor::open(&mut partition, &Limits::default()).unwrap();
    editor.put_file(b"/file", &mut &content(100_000, 1)[..], &attributes(0o644)).unwrap();
    editor.commit().unwrap();
    assert!(disk[..1_000_000] == [0xa5; 1_000_000] && disk[1_000_000 + len..] == [0x5a; 1_000_000]);
    image
        .edit(|editor| editor.put_file(b"/file", &mut &content(100_000, 1)[..], &attributes(0o644)).unwrap());
    assert!(disk[1_000_000..1_000_000 + len] == image.bytes);
}

//! Two images compared file by file. They are unpacked into temporary files only now that their checksums differ.

use crate::exit_code::ExitStatus;
use crate::failure::{Failure, chain};
use crate::input::Input;
use mender_artifact::diff::DifferentFile;
use mender_artifact::error::{Entry, Error};
use mender_artifact::read::{PayloadSink, ReadOptions, read_artifact};
use mender_image::block_device::{BlockDevice, FileDevice};
use mender_image::file_map::{FileMap, MappedFile};
use mender_image::probe::{Content, probe};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Bytes compared at once.
const CHUNK_LEN_BYTES: usize = 256 << 10;
/// What an image must have at least to be looked at.
const ZEROS: [u8; 4096] = [0; 4096];

/// What is different inside of an image. Paths begin with `/` and are sorted.
#[derive(Default)]
pub(super) struct ImageDifference {
    pub(super) only_in_a: Vec<Vec<u8>>,
    pub(super) only_in_b: Vec<Vec<u8>>,
    pub(super) different: Vec<Different>,
}

/// Something that both images have.
pub(super) struct Different {
    pub(super) path: Vec<u8>,
    pub(super) what: What,
    /// What each side has, where that is short.
    pub(super) a: Value,
    pub(super) b: Value,
}

/// In what the two differ.
#[derive(Clone, Copy)]
pub(super) enum What {
    /// One is a file, the other a folder, for example.
    Kind,
    /// The size of a file in bytes.
    Size,
    /// The contents of a file.
    Contents,
    /// The permission bits of a file.
    Mode,
    /// Where a symbolic link points to.
    Target,
}

impl What {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Kind => "kind",
            Self::Size => "size_bytes",
            Self::Contents => "contents",
            Self::Mode => "mode",
            Self::Target => "target",
        }
    }
}

/// Compares the file systems that both Artifacts have in `file`. `None` where one of them is none that can be read.
pub(super) fn compare(
    file: &DifferentFile,
    artifacts: [&PathBuf; 2],
    temporary: &Path,
) -> Result<Option<ImageDifference>, Failure> {
    let mut images = Vec::new();
    for artifact in artifacts {
        match Image::unpack(artifact, file, temporary)? {
            Some(image) => images.push(image),
            None => return Ok(None),
        }
    }
    let [a, b] = images.as_slice() else { return Ok(None) };
    compare_images(a, b)
        .map(Some)
        .map_err(|error| Failure::about(&file.name, ExitStatus::System, chain(&error)))
}

struct Image {
    device: FileDevice,
    map: FileMap,
}

impl Image {
    fn unpack(artifact: &Path, wanted: &DifferentFile, temporary: &Path) -> Result<Option<Self>, Failure> {
        let failed = |error: &std::io::Error| Failure::io(temporary, ExitStatus::System, error);
        let file = tempfile::tempfile_in(temporary).map_err(|error| failed(&error))?;
        let mut sink = Unpacked { wanted, file, is_wanted: false, refused: false };
        let read = read_artifact(Input::open(artifact)?, &ReadOptions::default(), &mut sink);
        read.map_err(|error| Failure::artifact(artifact, &error))?;
        if sink.refused {
            return Ok(None);
        }
        let about = |error: &mender_image::error::Error| {
            Failure::about(artifact, ExitStatus::System, format!("{}: {}", wanted.name, chain(error)))
        };
        let device = FileDevice::new(sink.file).map_err(|error| about(&error))?;
        match probe(&device) {
            Ok(found) if matches!(found.content, Content::Ext(_)) => {}
            // Not a file system that can be looked into.
            _ => return Ok(None),
        }
        match FileMap::of(&device) {
            Ok(map) => Ok(Some(Self { device, map })),
            Err(mender_image::error::Error::Io(error)) => Err(about(&mender_image::error::Error::Io(error))),
            Err(error) => {
                crate::report::warn(&format!("{}: {}: {}", artifact.display(), wanted.name, chain(&error)));
                Ok(None)
            }
        }
    }

    fn entries(&self) -> BTreeMap<&[u8], Found<'_>> {
        let mut entries = BTreeMap::new();
        for directory in &self.map.directories {
            entries.insert(directory.path.as_slice(), Found::Directory);
        }
        for link in &self.map.symlinks {
            entries.insert(link.path.as_slice(), Found::Symlink(&link.target));
        }
        for file in &self.map.files {
            for path in std::iter::once(&file.path).chain(&file.other_paths) {
                entries.insert(path.as_slice(), Found::File(file));
            }
        }
        entries
    }
}

/// Writes the wanted payload file; blocks of zeros become holes.
struct Unpacked<'w> {
    wanted: &'w DifferentFile,
    file: File,
    is_wanted: bool,
    refused: bool,
}

impl PayloadSink for Unpacked<'_> {
    fn begin_file(&mut self, payload: usize, name: &str, size: u64) -> Result<(), Error> {
        self.is_wanted = payload == self.wanted.payload && name == self.wanted.name;
        if self.is_wanted {
            self.refused = size < ZEROS.len() as u64;
            self.file.set_len(size).map_err(|error| Error::io(Entry::Artifact, error))?;
        }
        Ok(())
    }

    fn data(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if !self.is_wanted {
            return Ok(());
        }
        for block in bytes.chunks(ZEROS.len()) {
            let done = if *block == ZEROS[..block.len()] {
                self.file.seek(SeekFrom::Current(block.len() as i64)).map(drop)
            } else {
                self.file.write_all(block)
            };
            done.map_err(|error| Error::io(Entry::Artifact, error))?;
        }
        Ok(())
    }
}

/// What a path leads to.
enum Found<'m> {
    Directory,
    Symlink(&'m [u8]),
    File(&'m MappedFile),
}

impl Found<'_> {
    fn name(&self) -> &'static str {
        match self {
            Self::Directory => "folder",
            Self::Symlink(_) => "symbolic link",
            Self::File(_) => "file",
        }
    }
}

fn compare_images(a: &Image, b: &Image) -> Result<ImageDifference, mender_image::error::Error> {
    let mut found = ImageDifference::default();
    let (in_a, in_b) = (a.entries(), b.entries());
    found.only_in_b =
        in_b.keys().filter(|path| !in_a.contains_key(*path)).map(|path| path.to_vec()).collect();
    for (path, left) in &in_a {
        let Some(right) = in_b.get(path) else {
            found.only_in_a.push(path.to_vec());
            continue;
        };
        let mut differs = |what, a, b| found.different.push(Different { path: path.to_vec(), what, a, b });
        match (left, right) {
            (Found::Directory, Found::Directory) => {}
            (Found::Symlink(a), Found::Symlink(b)) => {
                if a != b {
                    differs(What::Target, text(a), text(b));
                }
            }
            (Found::File(file_a), Found::File(file_b)) => {
                if file_a.mode != file_b.mode {
                    let octal = |mode| json!(format!("{mode:04o}"));
                    differs(What::Mode, octal(file_a.mode), octal(file_b.mode));
                }
                if file_a.len_bytes != file_b.len_bytes {
                    differs(What::Size, json!(file_a.len_bytes), json!(file_b.len_bytes));
                } else if !same_contents((&a.device, file_a), (&b.device, file_b))? {
                    differs(What::Contents, Value::Null, Value::Null);
                }
            }
            (left, right) => differs(What::Kind, json!(left.name()), json!(right.name())),
        }
    }
    Ok(found)
}

fn text(bytes: &[u8]) -> Value {
    json!(String::from_utf8_lossy(bytes))
}

/// Compares two files of the same size.
fn same_contents(
    (device_a, a): (&FileDevice, &MappedFile),
    (device_b, b): (&FileDevice, &MappedFile),
) -> Result<bool, mender_image::error::Error> {
    let (mut left, mut right) = (vec![0; CHUNK_LEN_BYTES], vec![0; CHUNK_LEN_BYTES]);
    let mut offset = 0;
    while offset < a.len_bytes {
        let len = usize::try_from(a.len_bytes - offset).unwrap_or(usize::MAX).min(CHUNK_LEN_BYTES);
        read_file(device_a, a, offset, &mut left[..len])?;
        read_file(device_b, b, offset, &mut right[..len])?;
        if left[..len] != right[..len] {
            return Ok(false);
        }
        offset += len as u64;
    }
    Ok(true)
}

/// Fills `buffer` with the bytes of a file from `offset` on; what no range covers is zero.
fn read_file(
    device: &FileDevice,
    file: &MappedFile,
    offset: u64,
    buffer: &mut [u8],
) -> Result<(), mender_image::error::Error> {
    buffer.fill(0);
    let end = offset + buffer.len() as u64;
    let first = file.ranges.partition_point(|range| range.file_offset + range.len_bytes <= offset);
    for range in &file.ranges[first..] {
        let from = range.file_offset.max(offset);
        let to = (range.file_offset + range.len_bytes).min(end);
        if from >= to {
            break;
        }
        let place = |at: u64| usize::try_from(at - offset).unwrap_or(usize::MAX);
        if let Some(piece) = buffer.get_mut(place(from)..place(to)) {
            device.read_at(range.device_offset + (from - range.file_offset), piece)?;
        }
    }
    Ok(())
}

//! One set of operations for ext2, ext3, ext4 and FAT.

use std::io::{self, Read, Write};

use super::attributes::Attributes;
use super::layout::Part;
use crate::block_device::{BlockDevice, WritableDevice};
use crate::error::{Error, PathProblem};
use crate::ext4;
use crate::ext4::metadata::FileKind;
use crate::fat;
use crate::limits::Limits;
use crate::spill::MakeFile;

/// Mode of what has none, as in FAT: of files and of folders.
const FILE_MODE: u16 = 0o644;
const FOLDER_MODE: u16 = 0o755;

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Found {
    /// Whether it is a folder.
    pub is_folder: bool,
    /// Size of the content in bytes; of a folder, nothing that means anything.
    pub len_bytes: u64,
    /// Mode, owner and time.
    pub attributes: Attributes,
}

/// A file system to be read.
pub(super) enum Reader<'d> {
    Ext(ext4::FileSystem<'d>),
    Fat(fat::volume::Volume<&'d dyn BlockDevice>),
}

impl<'d> Reader<'d> {
    /// Opens what `part` holds; `device` is its window.
    pub(super) fn open(part: &Part, device: &'d dyn BlockDevice, limits: &Limits) -> Result<Self, Error> {
        if part.is_fat() {
            Ok(Self::Fat(fat::volume::Volume::open(device, limits)?))
        } else {
            Ok(Self::Ext(ext4::FileSystem::open(device, limits)?))
        }
    }

    pub(super) fn look_up(&self, path: &[u8]) -> Result<Option<Found>, Error> {
        let found = match self {
            Self::Ext(fs) => fs.metadata(path).map(|it| Found {
                is_folder: it.kind == FileKind::Directory,
                len_bytes: it.len_bytes,
                attributes: Attributes {
                    mode: it.mode,
                    uid: it.uid,
                    gid: it.gid,
                    modified: it.mtime_seconds,
                },
            }),
            Self::Fat(volume) => {
                let Some(entry) = volume.look_up(path)? else { return Ok(None) };
                let mode = if entry.is_folder { FOLDER_MODE } else { FILE_MODE };
                let modified = i64::try_from(entry.modified).unwrap_or(0);
                let attributes = Attributes::of_root(mode, modified);
                Ok(Found { is_folder: entry.is_folder, len_bytes: entry.len_bytes, attributes })
            }
        };
        match found {
            Err(Error::Path(error)) if error.problem == PathProblem::NotFound => Ok(None),
            found => found.map(Some),
        }
    }

    pub(super) fn copy_out(&self, path: &[u8], output: &mut dyn Write) -> Result<Found, Error> {
        let missing = || Error::path(path, PathProblem::NotFound);
        let found = self.look_up(path)?.ok_or_else(missing)?;
        if found.is_folder {
            return Err(Error::path(path, PathProblem::IsADirectory));
        }
        match self {
            Self::Ext(fs) => {
                let mut content = fs.open_file(path)?;
                copy(&mut content, output)?;
            }
            Self::Fat(volume) => {
                volume.read_file(path, output)?;
            }
        }
        Ok(found)
    }
}

/// Tells a failure of the image from one of the output.
fn copy(content: &mut dyn Read, output: &mut dyn Write) -> Result<(), Error> {
    let mut buffer = vec![0; 256 << 10];
    loop {
        let len = match content.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(len) => len,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                return Err(match error.downcast::<Error>() {
                    Ok(error) => error,
                    Err(error) => Error::Content(error),
                });
            }
        };
        output.write_all(&buffer[..len]).map_err(Error::Content)?;
    }
}

/// One operation on a file system.
pub(super) enum Operation<'o> {
    /// With what makes a file in which large content waits.
    Put {
        content: &'o mut dyn Read,
        attributes: Attributes,
        spill: Option<MakeFile>,
    },
    MakeFolder {
        attributes: Attributes,
        parents: Option<Attributes>,
    },
    Remove {
        recursive: bool,
    },
}

/// Carries an operation out on what `part` holds, of which `device` is the window.
pub(super) fn apply(
    part: &Part,
    device: &mut dyn WritableDevice,
    limits: &Limits,
    path: &[u8],
    operation: Operation<'_>,
) -> Result<(), Error> {
    if part.is_fat() {
        let mut editor = fat::edit::Editor::open(device, limits)?;
        match operation {
            Operation::Put { content, attributes, spill } => {
                if let Some(spill) = spill {
                    editor = editor.spill_with(spill, limits.changes_len_bytes);
                }
                editor.put_file(path, content, attributes.time_for_fat())?;
            }
            Operation::MakeFolder { attributes, parents } => {
                editor.make_folder(path, parents.is_some(), attributes.time_for_fat())?;
            }
            Operation::Remove { recursive } => editor.remove(path, recursive)?,
        }
        return editor.commit();
    }
    let mut editor = ext4::edit::Editor::open(device, limits)?;
    match operation {
        Operation::Put { content, attributes, spill } => {
            if let Some(spill) = spill {
                editor.spill_with(spill);
            }
            editor.put_file(path, content, &attributes.for_ext())?;
        }
        Operation::MakeFolder { attributes, parents } => {
            if let (Some(parents), Some(above)) = (parents, parent_of(path)) {
                editor.make_folder(above, &parents.for_ext(), true)?;
            }
            editor.make_folder(path, &attributes.for_ext(), parents.is_some())?;
        }
        Operation::Remove { recursive } => editor.remove(path, recursive)?,
    }
    editor.commit().map(drop)
}

/// The path of the folder that a path is in, where that is not the root.
fn parent_of(path: &[u8]) -> Option<&[u8]> {
    let end = path.iter().rposition(|byte| *byte != b'/')? + 1;
    let slash = path[..end].iter().rposition(|byte| *byte == b'/')?;
    path[..slash].iter().any(|byte| *byte != b'/').then_some(&path[..slash])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents() {
        for (path, parent) in [
            ("/a/b", Some("/a")),
            ("/a/b//", Some("/a")),
            ("/a", None),
            ("//a/", None),
            ("/", None),
            ("", None),
        ] {
            assert_eq!(parent_of(path.as_bytes()), parent.map(str::as_bytes), "{path}");
        }
    }
}

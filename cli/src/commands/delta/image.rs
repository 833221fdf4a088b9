//! Plain images on the command line.

use crate::exit_code::ExitStatus;
use crate::failure::{DeltaFiles, Failure};
use crate::input::existing_file;
use crate::report;
use mender_delta::mapped::MappedImage;
use mender_image::file_map::FileMap;
use mender_image::probe::{self, Content};
use std::path::Path;

/// Opens an image: a file or a block device, which can be read anywhere and has a length.
pub(crate) fn open(path: &Path, files: DeltaFiles<'_>) -> Result<MappedImage, Failure> {
    existing_file(path)?;
    let about = std::fs::metadata(path).map_err(|error| Failure::io(path, ExitStatus::OpenInput, &error))?;
    if !about.is_file() && !is_block_device(&about) {
        let message = "expected a file or a block device, which can be read at any place";
        return Err(Failure::about(path, ExitStatus::OpenInput, message));
    }
    MappedImage::open(path).map_err(|error| Failure::delta(files, &error))
}

#[cfg(unix)]
fn is_block_device(about: &std::fs::Metadata) -> bool {
    std::os::unix::fs::FileTypeExt::is_block_device(&about.file_type())
}

#[cfg(not(unix))]
fn is_block_device(_: &std::fs::Metadata) -> bool {
    false
}

/// Tells which of the images has a file system that could not be read, and why.
pub(crate) fn note_unread(images: [&[u8]; 2], names: [&Path; 2]) {
    // Nothing had to be looked into.
    if images[0] == images[1] {
        return;
    }
    for (image, name) in images.into_iter().zip(names) {
        let Ok(found) = probe::probe(image) else { continue };
        let why = match found.content {
            Content::Ext(_) => match FileMap::of(image) {
                Ok(_) => continue,
                Err(error) => error.to_string(),
            },
            Content::Squashfs(_) | Content::Erofs => format!("{} that is not unpacked", found.content),
            _ => continue,
        };
        report::tell(&format!("{}: its files are not known, it is taken as bytes: {why}", name.display()));
    }
}

//! What lies in the blocks of an image: files of ext2, ext3 and ext4 by their paths. Only with the feature `block-names`,
//! which brings the reader of file systems into the module.

#[cfg(feature = "block-names")]
use std::cell::RefCell;

#[cfg(feature = "block-names")]
use mender_image::block_device::BlockDevice;

#[cfg(feature = "block-names")]
use super::base_image::BaseImage;
use super::block_io::ReadBlocks;

/// The names of what lies at `offsets`; none where nothing is known.
#[cfg(not(feature = "block-names"))]
pub(crate) fn of(_image: &dyn ReadBlocks, offsets: &[u64]) -> Vec<Option<String>> {
    vec![None; offsets.len()]
}

/// The names of what lies at `offsets`; none where nothing is known.
#[cfg(feature = "block-names")]
pub(crate) fn of(image: &dyn ReadBlocks, offsets: &[u64]) -> Vec<Option<String>> {
    use mender_image::file_map::{FileMap, Kind};

    // An image that cannot be read has no names.
    let Ok(map) = FileMap::of(&Partition(RefCell::new(BaseImage::new(image)))) else {
        return vec![None; offsets.len()];
    };
    let name = |offset: &u64| match map.kind_at(*offset)? {
        Kind::File { file, .. } | Kind::Preallocated { file } => {
            let path = &map.files.get(usize::try_from(file).ok()?)?.path;
            Some(String::from_utf8_lossy(path).into_owned())
        }
        Kind::Directory { directory } => {
            let path = &map.directories.get(usize::try_from(directory).ok()?)?.path;
            Some(String::from_utf8_lossy(path).into_owned())
        }
        Kind::Unused => Some("unused".into()),
        Kind::Journal => Some("journal".into()),
        Kind::PastFileSystem => None,
        _ => Some("metadata of the file system".into()),
    };
    offsets.iter().map(name).collect()
}

/// A partition for the reader of file systems.
#[cfg(feature = "block-names")]
struct Partition<'p>(RefCell<BaseImage<&'p dyn ReadBlocks>>);

#[cfg(feature = "block-names")]
impl BlockDevice for Partition<'_> {
    fn len_bytes(&self) -> u64 {
        self.0.borrow().medium.size_bytes()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), mender_image::error::Error> {
        let len = buffer.len();
        let filled = self.0.borrow_mut().fill(offset, buffer);
        filled.map_err(|error| mender_image::error::Error::io(offset, len, error))
    }
}

#[cfg(all(test, feature = "block-names"))]
mod tests {
    use super::*;
    use crate::update_module::medium_linux::Medium;
    use std::process::Command;

    #[test]
    fn a_block_of_a_file_is_named_by_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let (tree, image) = (folder.path().join("tree"), folder.path().join("image"));
        std::fs::create_dir_all(tree.join("etc")).unwrap();
        let mark = b"content that is found again".repeat(300);
        std::fs::write(tree.join("etc/marked"), &mark).unwrap();
        std::fs::File::create(&image).unwrap().set_len(4 << 20).unwrap();
        let mut command = Command::new("mkfs.ext4");
        command.args(["-q", "-F", "-b", "4096", "-O", "^has_journal", "-d"]).arg(&tree).arg(&image);
        if !command.status().is_ok_and(|status| status.success()) {
            return;
        }
        let bytes = std::fs::read(&image).unwrap();
        let at = (0..bytes.len()).step_by(4096).find(|&at| bytes[at..].starts_with(&mark[..4096])).unwrap();
        let names = of(&Medium::open(&image).unwrap(), &[at as u64, 1024, bytes.len() as u64 - 4096]);
        assert_eq!(names[0].as_deref(), Some("/etc/marked"));
        assert_eq!(names[1].as_deref(), Some("metadata of the file system"));
        assert_eq!(names[2].as_deref(), Some("unused"));
    }
}

//! Which of two images is the newer one, by what they say themselves: a guess, for a warning.
//!
//! | file system | field | source |
//! |---|---|---|
//! | ext2, ext3, ext4 | `s_wtime` at 1024 + 0x30, its upper byte at 0x274; `i_mtime` at 0x10 of each inode in use | Linux, ext4 disk layout |
//! | squashfs | `modification_time` at 8 | squashfs 4.0 |
//! | EROFS | `build_time` at 1024 + 24 | Linux, EROFS disk layout |

use crate::source::units::pattern;
use mender_image::file_map::{FileMap, Kind};
use mender_image::probe::{self, Content};
use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

/// What two images, old and new, say of their age. Times are in seconds since 1970.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ages {
    /// When the file systems were written last.
    pub file_system: Option<[u64; 2]>,
    /// Of the files changed last.
    pub newest_file: Option<[u64; 2]>,
    /// Files whose paths differ in numbers only: how many of them have the higher numbers in the old and in the new image.
    pub versions: [usize; 2],
    /// The paths of one that has the higher numbers in the old image.
    pub older_version: Option<[Vec<u8>; 2]>,
}

impl Ages {
    /// Whether more speaks for the old image being the newer one than against it.
    #[must_use]
    pub fn seem_swapped(&self) -> bool {
        let [of_old, of_new] = self.versions;
        let pairs = [self.file_system, self.newest_file, Some([of_old as u64, of_new as u64])];
        let votes = pairs.into_iter().flatten().map(|[old, new]| match old.cmp(&new) {
            Ordering::Greater => 1,
            Ordering::Equal => 0,
            Ordering::Less => -1,
        });
        votes.sum::<i32>() > 0
    }
}

/// Looks how old both images are. What cannot be read says nothing.
#[must_use]
pub fn ages(old: &[u8], new: &[u8]) -> Ages {
    let pair = |times: [Option<u64>; 2]| match times {
        [Some(old), Some(new)] if old > 0 && new > 0 => Some([old, new]),
        _ => None,
    };
    let mut ages = Ages { file_system: pair([old, new].map(written)), ..Ages::default() };
    let Some((old_map, new_map)) = FileMap::of(old).ok().zip(FileMap::of(new).ok()) else { return ages };
    ages.newest_file = pair([newest(old, &old_map), newest(new, &new_map)]);
    compare_versions(&old_map, &new_map, &mut ages);
    ages
}

fn u32_at(image: &[u8], at: usize) -> Option<u64> {
    Some(u32::from_le_bytes(*image.get(at..)?.first_chunk()?).into())
}

fn u16_at(image: &[u8], at: usize) -> Option<usize> {
    Some(u16::from_le_bytes(*image.get(at..)?.first_chunk()?).into())
}

/// Where the superblocks of ext and EROFS are.
const SUPERBLOCK: usize = 1024;

/// When the file system was written.
fn written(image: &[u8]) -> Option<u64> {
    match probe::probe(image).ok()?.content {
        Content::Ext(_) => {
            let high = *image.get(SUPERBLOCK + 0x274)?;
            Some(u32_at(image, SUPERBLOCK + 0x30)? | u64::from(high) << 32)
        }
        Content::Squashfs(_) => u32_at(image, 8),
        Content::Erofs => u32_at(image, SUPERBLOCK + 24),
        _ => None,
    }
}

/// When the file of an ext file system that was changed last was changed.
fn newest(image: &[u8], map: &FileMap) -> Option<u64> {
    // Revision 0 has inodes of 128 bytes.
    let len = match u32_at(image, SUPERBLOCK + 0x4c)? {
        0 => 128,
        _ => u16_at(image, SUPERBLOCK + 0x58)?,
    };
    let tables = map.regions().iter().filter(|region| region.kind == Kind::InodeTable);
    let inodes = tables.flat_map(|region| {
        let range = usize::try_from(region.offset).ok().zip(usize::try_from(region.end()).ok());
        let table = range.and_then(|(start, end)| image.get(start..end)).unwrap_or_default();
        table.chunks_exact(len.max(128))
    });
    // Regular files that have a name.
    let files = inodes.filter(|inode| {
        u16_at(inode, 0).is_some_and(|mode| mode & 0xf000 == 0x8000)
            && u16_at(inode, 0x1a).is_some_and(|links| links > 0)
    });
    files.filter_map(|inode| u32_at(inode, 0x10)).max()
}

/// The numbers in a path.
fn numbers(path: &[u8]) -> Vec<u128> {
    path.split(|byte| !byte.is_ascii_digit())
        .filter(|digits| !digits.is_empty())
        .map(|digits| {
            digits.iter().fold(0_u128, |number, digit| {
                number.saturating_mul(10).saturating_add(u128::from(digit - b'0'))
            })
        })
        .collect()
}

/// Compares the paths that only one of the images has, if there is one of their pattern in each.
fn compare_versions(old: &FileMap, new: &FileMap, ages: &mut Ages) {
    let paths =
        |map: &'_ FileMap| -> HashSet<Vec<u8>> { map.files.iter().map(|file| file.path.clone()).collect() };
    let (old_paths, new_paths) = (paths(old), paths(new));
    let mut only_old: HashMap<Vec<u8>, Vec<&[u8]>> = HashMap::new();
    for path in old_paths.difference(&new_paths) {
        only_old.entry(pattern(path)).or_default().push(path);
    }
    let mut only_new: HashMap<Vec<u8>, usize> = HashMap::new();
    for path in new_paths.difference(&old_paths) {
        *only_new.entry(pattern(path)).or_default() += 1;
    }
    let mut found: Option<[Vec<u8>; 2]> = None;
    for path in new_paths.difference(&old_paths) {
        let pattern = pattern(path);
        let Some([was]) = only_old.get(&pattern).map(Vec::as_slice) else { continue };
        if only_new.get(&pattern) != Some(&1) {
            continue;
        }
        match numbers(was).cmp(&numbers(path)) {
            Ordering::Greater => {
                ages.versions[0] += 1;
                // The first by name, in whatever order they come.
                if found.as_ref().is_none_or(|[_, found]| path < found) {
                    found = Some([was.to_vec(), path.clone()]);
                }
            }
            Ordering::Less => ages.versions[1] += 1,
            Ordering::Equal => {}
        }
    }
    ages.older_version = found;
}

#[cfg(test)]
mod tests {
    use super::*;
    use mender_image::file_map::MappedFile;

    #[test]
    fn votes() {
        let swapped = |file_system, newest_file, versions| {
            Ages { file_system, newest_file, versions, older_version: None }.seem_swapped()
        };
        assert!(!swapped(None, None, [0, 0]));
        assert!(swapped(Some([2, 1]), None, [0, 0]));
        assert!(!swapped(Some([2, 1]), Some([1, 2]), [0, 0]));
        assert!(swapped(Some([2, 1]), Some([1, 2]), [3, 1]));
        assert!(!swapped(Some([1, 1]), Some([5, 5]), [0, 0]));
    }

    #[test]
    fn versions_in_paths() {
        let map = |paths: &[&str]| {
            let files =
                paths.iter().map(|path| MappedFile::new(path.as_bytes().to_vec(), vec![], 1, 0, vec![]));
            FileMap::assembled(0, 4096, files.collect())
        };
        let compared = |old: &[&str], new: &[&str]| {
            let mut ages = Ages::default();
            compare_versions(&map(old), &map(new), &mut ages);
            ages
        };
        let ages = compared(&["/boot/vmlinuz-6.1.0-40", "/same-1"], &["/boot/vmlinuz-6.1.0-9", "/same-1"]);
        assert_eq!(ages.versions, [1, 0]);
        assert_eq!(
            ages.older_version,
            Some([b"/boot/vmlinuz-6.1.0-40".to_vec(), b"/boot/vmlinuz-6.1.0-9".to_vec()])
        );
        assert_eq!(compared(&["/lib/a.so.1.2"], &["/lib/a.so.1.10"]).versions, [0, 1]);
        // Which of several came from which is not known.
        assert_eq!(compared(&["/log.1", "/log.2"], &["/log.0"]).versions, [0, 0]);
    }

    #[test]
    fn what_is_no_file_system_says_nothing() {
        assert_eq!(ages(&[], &[0; 5000]), Ages::default());
        assert_eq!(ages(&[7; 70_000], b"hsqs"), Ages::default());
    }
}

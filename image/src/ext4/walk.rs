//! Walks the tree of a file system and makes its map. Each directory, and each block of metadata, is read once.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use super::block_map::{BlockMap, Run};
use super::directory::Entries;
use super::inode::Inode;
use super::metadata::FileKind;
use super::ownership::Ownership;
use super::{FileSystem, ROOT_INODE, inline, symlink};
use crate::error::{Error, Expected};
use crate::file_map::{FileMap, FileRange, Kind, MappedDirectory, MappedFile, MappedSymlink};

/// Maps all files that a path leads to.
pub(crate) fn map_files(fs: &FileSystem<'_>) -> Result<FileMap, Error> {
    let mut walk = Walk {
        fs,
        owners: Ownership::new(fs),
        links: HashMap::new(),
        files: Vec::new(),
        symlinks: Vec::new(),
        directories: Vec::new(),
        entries_read: 0,
        names_total_bytes: 0,
    };
    walk.owners.claim_metadata()?;
    walk.owners.claim_internal_inodes()?;
    walk.walk_directories()?;
    walk.finish()
}

/// Something found, with the blocks of its content.
struct Found<T> {
    node: T,
    runs: Vec<Run>,
}

/// Where an inode that may have several names went.
enum Link {
    File(usize),
    Symlink(usize),
    Special,
}

struct Walk<'f> {
    fs: &'f FileSystem<'f>,
    owners: Ownership<'f>,
    links: HashMap<u32, Link>,
    files: Vec<Found<MappedFile>>,
    symlinks: Vec<Found<MappedSymlink>>,
    directories: Vec<Found<MappedDirectory>>,
    entries_read: u64,
    names_total_bytes: u64,
}

impl Walk<'_> {
    fn walk_directories(&mut self) -> Result<(), Error> {
        let mut seen = HashSet::from([ROOT_INODE]);
        let mut waiting = vec![(self.fs.inode(ROOT_INODE)?, b"/".to_vec())];
        while let Some((inode, path)) = waiting.pop() {
            for (number, path) in self.read_directory(&inode, path)? {
                let inode = self.fs.inode(number)?;
                if inode.kind() != Some(FileKind::Directory) {
                    self.add_entry(&inode, path)?;
                } else if seen.insert(number) {
                    waiting.push((inode, path));
                } else {
                    let expected = Expected::Described("one parent");
                    return Err(Error::format(inode.place(), "directory", expected, 2));
                }
            }
        }
        Ok(())
    }

    /// Adds a directory and returns its entries as inode numbers and paths.
    fn read_directory(&mut self, inode: &Inode, path: Vec<u8>) -> Result<Vec<(u32, Vec<u8>)>, Error> {
        let fs = self.fs;
        if inode.kind() != Some(FileKind::Directory) {
            let expected = Expected::Described("a directory");
            return Err(Error::format(inode.place(), "mode", expected, u64::from(inode.mode)));
        }
        self.owners.claim_attributes(inode)?;
        let entries = Entries::of(fs, inode)?;
        if let Entries::Blocks(map) = &entries {
            self.owners.claim_content(inode, map)?;
        }
        let mut found = Vec::new();
        entries.each(fs, inode, |name, number| {
            self.count_name(inode, path.len().saturating_add(name.len()).saturating_add(1))?;
            if number != ROOT_INODE && number < fs.superblock.first_inode {
                let expected = Expected::AtLeast(u64::from(fs.superblock.first_inode));
                return Err(Error::format(inode.place(), "inode of an entry", expected, u64::from(number)));
            }
            found.push((number, join_path(&path, name)));
            Ok(())
        })?;
        let (ranges, runs) = match entries {
            Entries::Inline(_, ranges) => (ranges, Vec::new()),
            Entries::Blocks(map) => (self.ranges(&map.runs, inode.len_bytes), map.runs),
        };
        let node = MappedDirectory { path, inode: inode.number, ranges };
        self.directories.push(Found { node, runs });
        Ok(found)
    }

    /// Counts a path before it is made.
    fn count_name(&mut self, directory: &Inode, path_len: usize) -> Result<(), Error> {
        let limits = &self.fs.limits;
        let path_len = u64::try_from(path_len).unwrap_or(u64::MAX);
        self.entries_read += 1;
        self.names_total_bytes = self.names_total_bytes.saturating_add(path_len);
        for (what, maximum, found) in [
            ("directory entries", limits.directory_entries, self.entries_read),
            ("length of a path", limits.path_len_bytes, path_len),
            ("length of all paths", limits.names_total_bytes, self.names_total_bytes),
        ] {
            if found > maximum {
                return Err(Error::limit(directory.place(), what, maximum, found));
            }
        }
        Ok(())
    }

    /// Adds an entry that is no directory; or a name to what has been added.
    fn add_entry(&mut self, inode: &Inode, path: Vec<u8>) -> Result<(), Error> {
        match self.links.entry(inode.number) {
            Entry::Occupied(link) => {
                match link.get() {
                    Link::File(index) => self.files[*index].node.other_paths.push(path),
                    Link::Symlink(index) => {
                        let first = &mut self.symlinks[*index].node.path;
                        if path < *first {
                            *first = path;
                        }
                    }
                    Link::Special => {}
                }
                return Ok(());
            }
            Entry::Vacant(place) => {
                place.insert(match inode.kind() {
                    Some(FileKind::Regular) => Link::File(self.files.len()),
                    Some(FileKind::Symlink) => Link::Symlink(self.symlinks.len()),
                    Some(FileKind::Special) => Link::Special,
                    Some(FileKind::Directory) | None => {
                        let expected = Expected::Described("a kind of file");
                        return Err(Error::format(inode.place(), "mode", expected, u64::from(inode.mode)));
                    }
                });
            }
        }
        self.owners.claim_attributes(inode)?;
        match inode.kind() {
            Some(FileKind::Regular) => self.add_file(inode, path),
            Some(FileKind::Symlink) => self.add_symlink(inode, path),
            _ => Ok(()),
        }
    }

    fn add_file(&mut self, inode: &Inode, path: Vec<u8>) -> Result<(), Error> {
        let (ranges, runs) = if inode.has_inline_data() {
            (inline::content(inode)?.1, Vec::new())
        } else {
            let map = BlockMap::of(self.fs, inode)?;
            self.owners.claim_content(inode, &map)?;
            (self.ranges(&map.runs, inode.len_bytes), map.runs)
        };
        let node = MappedFile {
            path,
            other_paths: Vec::new(),
            inode: inode.number,
            mode: inode.mode & 0o7777,
            len_bytes: inode.len_bytes,
            ranges,
        };
        self.files.push(Found { node, runs });
        Ok(())
    }

    fn add_symlink(&mut self, inode: &Inode, path: Vec<u8>) -> Result<(), Error> {
        let target = symlink::target(self.fs, inode)?;
        if let Some(map) = &target.map {
            self.owners.claim_content(inode, map)?;
        }
        let runs = target.map.map_or_else(Vec::new, |map| map.runs);
        let node = MappedSymlink { path, inode: inode.number, target: target.bytes, ranges: target.ranges };
        self.symlinks.push(Found { node, runs });
        Ok(())
    }

    /// The written parts of a content of `len_bytes`.
    fn ranges(&self, runs: &[Run], len_bytes: u64) -> Vec<FileRange> {
        let block_len = self.fs.superblock.block_len;
        let written = runs.iter().filter(|run| run.written && run.logical * block_len < len_bytes);
        written
            .map(|run| FileRange {
                file_offset: run.logical * block_len,
                device_offset: run.physical * block_len,
                len_bytes: len_bytes.min(run.logical_end() * block_len) - run.logical * block_len,
            })
            .collect()
    }

    /// Sorts what was found and makes the regions that name it by index.
    fn finish(mut self) -> Result<FileMap, Error> {
        for file in &mut self.files {
            let MappedFile { path, other_paths, .. } = &mut file.node;
            other_paths.sort_unstable();
            if let Some(first) = other_paths.first_mut().filter(|first| **first < *path) {
                std::mem::swap(first, path);
                other_paths.sort_unstable();
            }
        }
        self.files.sort_unstable_by(|a, b| a.node.path.cmp(&b.node.path));
        self.symlinks.sort_unstable_by(|a, b| a.node.path.cmp(&b.node.path));
        self.directories.sort_unstable_by(|a, b| a.node.path.cmp(&b.node.path));

        let block_len = self.fs.superblock.block_len;
        let mut map = FileMap::without_regions(
            self.fs.device.len_bytes(),
            self.fs.superblock.len_bytes(),
            block_len,
            self.fs.needs_recovery(),
        );
        let files = std::mem::take(&mut self.files);
        for (file, Found { node, runs }) in (0..).zip(files) {
            let blocks = node.len_bytes.div_ceil(block_len);
            for run in runs {
                let inside = if run.written { run.count.min(blocks.saturating_sub(run.logical)) } else { 0 };
                if inside > 0 {
                    let file_offset = run.logical * block_len;
                    self.owners.push_region(run.physical, inside, Kind::File { file, file_offset });
                }
                if inside < run.count {
                    self.owners.push_region(
                        run.physical + inside,
                        run.count - inside,
                        Kind::Preallocated { file },
                    );
                }
            }
            map.files.push(node);
        }
        for (directory, Found { node, runs }) in (0..).zip(std::mem::take(&mut self.directories)) {
            for run in runs {
                self.owners.push_region(run.physical, run.count, Kind::Directory { directory });
            }
            map.directories.push(node);
        }
        for (symlink, Found { node, runs }) in (0..).zip(std::mem::take(&mut self.symlinks)) {
            for run in runs {
                self.owners.push_region(run.physical, run.count, Kind::Symlink { symlink });
            }
            map.symlinks.push(node);
        }
        Ok(FileMap::new(map, self.owners.regions))
    }
}

fn join_path(directory: &[u8], name: &[u8]) -> Vec<u8> {
    let mut path = Vec::with_capacity(directory.len() + name.len() + 1);
    path.extend_from_slice(directory);
    if !directory.ends_with(b"/") {
        path.push(b'/');
    }
    path.extend_from_slice(name);
    path
}

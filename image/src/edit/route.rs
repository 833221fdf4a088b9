//! Which partitions a path means. Images of Mender have four: boot, root file systems A and B, data. On the device the
//! first is mounted below a path of the root file system, the last at `/data`; a path that begins there means it.
//!
//! | path | partition | there |
//! |---|---|---|
//! | `/data/x` | 4 | `/x` |
//! | `/uboot/x`, `/boot/efi/x`, `/boot/grub/x` | 1 | `/x` |
//! | others | 2 and 3, as far as they hold ext file systems; 2 to be read | the same |
//!
//! Names are compared whole: `/database` is no `/data`.

use super::layout::{Layout, Part};
use crate::error::{Error, PathProblem, Place};

/// Where the data partition is mounted.
const DATA: &[&[u8]] = &[b"data"];
/// Where the boot partition is mounted.
const BOOT: [&[&[u8]]; 3] = [&[b"uboot"], &[b"boot", b"efi"], &[b"boot", b"grub"]];
/// Partitions of an image of Mender.
const PARTITIONS: usize = 4;

/// How partitions are chosen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Choice<'c> {
    /// By the path, as above.
    #[default]
    ByPath,
    /// This one: its number, or its label where that is none. The path counts from its root.
    Partition(&'c str),
}

/// Where a path leads.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Route {
    /// Parts, as indexes in [`Layout::parts`]; at least one. They hold file systems that can be read here.
    pub parts: Vec<usize>,
    /// The path in each of them.
    pub path: Vec<u8>,
}

/// What of the device's tree a path is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mount {
    /// The root file system.
    Root,
    /// The boot partition.
    Boot,
    /// The data partition.
    Data,
}

impl Layout {
    /// Finds the partitions that `path` means.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] when the image does not tell: it has not four partitions and none is chosen, there is no
    /// such partition, or it holds no file system that is read here; [`Error::Path`] for a path that is not absolute.
    pub fn route(&self, path: &[u8], choice: Choice<'_>) -> Result<Route, Error> {
        if !path.starts_with(b"/") {
            return Err(Error::path(path, PathProblem::NotAbsolute));
        }
        let (parts, path) = match (choice, &self.table) {
            (Choice::ByPath, None) => (vec![0], path.to_vec()),
            (Choice::ByPath, Some(_)) => self.by_path(path)?,
            (Choice::Partition(wanted), _) => (vec![self.find(wanted)?], path.to_vec()),
        };
        for part in &parts {
            let part = self.parts.get(*part).filter(|part| !part.is_ext() && !part.is_fat());
            if let Some(part) = part {
                let found = part.probe.content.to_string();
                let place = part.partition.as_ref().map_or(Place::Image, |it| Place::Partition(it.number));
                let expected = "an ext2, ext3, ext4 or fat file system";
                return Err(Error::unsupported(place, "content", expected, found));
            }
        }
        Ok(Route { parts, path })
    }

    fn by_path(&self, path: &[u8]) -> Result<(Vec<usize>, Vec<u8>), Error> {
        if self.parts.len() != PARTITIONS {
            let expected = "four partitions (boot, two root file systems, data), or one that is chosen";
            return Err(Error::unsupported(Place::PartitionTable, "partitions", expected, self.described()));
        }
        let (mount, path) = mount_of(path);
        let parts = match mount {
            Mount::Boot => vec![0],
            Mount::Data => vec![3],
            Mount::Root => {
                let ext: Vec<usize> = [1, 2].into_iter().filter(|part| self.parts[*part].is_ext()).collect();
                if ext.is_empty() { vec![1] } else { ext }
            }
        };
        Ok((parts, path))
    }

    /// The part with this number or label.
    fn find(&self, wanted: &str) -> Result<usize, Error> {
        let number = wanted.parse::<u32>().ok();
        let has = |part: &Part| {
            part.partition.as_ref().is_some_and(|partition| match number {
                Some(number) => partition.number == number,
                None => partition.label == wanted,
            })
        };
        let mut found = self.parts.iter().enumerate().filter(|(_, part)| has(part));
        match (found.next(), found.next()) {
            (Some((part, _)), None) => Ok(part),
            (Some(_), Some(_)) => {
                let expected = "one partition of that label";
                Err(Error::unsupported(Place::PartitionTable, "label", expected, self.described()))
            }
            (None, _) => {
                let expected = "a partition of that number or label";
                Err(Error::unsupported(Place::PartitionTable, "partitions", expected, self.described()))
            }
        }
    }

    /// The partitions in a few words.
    fn described(&self) -> String {
        let parts: Vec<String> = self
            .parts
            .iter()
            .filter_map(|part| {
                let partition = part.partition.as_ref()?;
                let label = partition.label.escape_default();
                let label = if partition.label.is_empty() { String::new() } else { format!(" \"{label}\"") };
                Some(format!("{}{label} ({})", partition.number, part.probe.content))
            })
            .collect();
        if parts.is_empty() { "none".to_owned() } else { parts.join(", ") }
    }
}

/// What a path is in, and the path counted from there.
#[must_use]
pub fn mount_of(path: &[u8]) -> (Mount, Vec<u8>) {
    let names = |path: &[u8]| -> Vec<Vec<u8>> {
        path.split(|byte| *byte == b'/')
            .filter(|part| !matches!(*part, b"" | b"."))
            .map(<[u8]>::to_vec)
            .collect()
    };
    let parts = names(path);
    let below = |mount: &[&[u8]]| {
        let inside = parts.len() >= mount.len() && parts.iter().zip(mount).all(|(part, mount)| part == mount);
        // `..` may lead out again, past a mount point that only the device has.
        let leads_out = parts.iter().any(|part| part == b"..");
        (inside && !leads_out).then(|| {
            let mut rest = b"/".to_vec();
            rest.extend_from_slice(&parts[mount.len()..].join(&b'/'));
            if path.ends_with(b"/") && rest.len() > 1 {
                rest.push(b'/');
            }
            rest
        })
    };
    if let Some(rest) = below(DATA) {
        return (Mount::Data, rest);
    }
    match BOOT.iter().find_map(|mount| below(mount)) {
        Some(rest) => (Mount::Boot, rest),
        None => (Mount::Root, path.to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_points_are_compared_by_whole_names() {
        for (path, mount, rest) in [
            ("/data/mender/x", Mount::Data, "/mender/x"),
            ("//data/./x/", Mount::Data, "/x/"),
            ("/data", Mount::Data, "/"),
            ("/data/", Mount::Data, "/"),
            ("/database/x", Mount::Root, "/database/x"),
            ("/etc/data/x", Mount::Root, "/etc/data/x"),
            ("/uboot/uEnv.txt", Mount::Boot, "/uEnv.txt"),
            ("/etc/uboot/x", Mount::Root, "/etc/uboot/x"),
            ("/boot/efi/EFI/BOOT/a b", Mount::Boot, "/EFI/BOOT/a b"),
            ("/boot/grub/grub.cfg", Mount::Boot, "/grub.cfg"),
            ("/boot/grub2/grub.cfg", Mount::Root, "/boot/grub2/grub.cfg"),
            ("/boot/vmlinuz", Mount::Root, "/boot/vmlinuz"),
            ("/data/../etc/x", Mount::Root, "/data/../etc/x"),
        ] {
            assert_eq!(mount_of(path.as_bytes()), (mount, rest.as_bytes().to_vec()), "{path}");
        }
    }
}

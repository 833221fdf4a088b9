//! Which partitions a path means. Images of Mender have four: boot, root file systems A and B, data. On the device the
//! first is mounted below a path of the root file system, the last at `/data`; a path that begins there means it.
//!
//! | path | partition | there |
//! |---|---|---|
//! | `/data/x` | 4 | `/x` |
//! | `/uboot/x`, `/boot/efi/x`, `/boot/grub/x` | 1 | `/x` |
//! | others | 2 and 3, as far as they hold ext file systems; 2 to be read | the same |
//!
//! Names are compared whole: `/database` is no `/data`. Links and `..` on the way lead to partitions as whole paths do: see
//! the resolver beside this.

use super::layout::{Layout, Part};
use super::resolve::{Resolver, View};
use crate::block_device::BlockDevice;
use crate::error::{Error, PathProblem, Place};
use crate::ext4::path::LastLink;
use crate::limits::Limits;

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

/// What a path is wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To read what is there: of two root file systems the first counts.
    Read,
    /// To make or change what is there, in both root file systems.
    Change,
    /// To remove what is there from both root file systems; a link at the end is not followed.
    Remove,
}

/// Where a path leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    targets: Vec<Target>,
}

/// A place in one of the parts of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Target {
    /// Index in [`Layout::parts`]. The part holds a file system that can be read here.
    pub part: usize,
    /// The path, from the root of that file system. No link on the way leads out of it.
    pub path: Vec<u8>,
}

impl Route {
    /// The places, at least one.
    #[must_use]
    pub fn targets(&self) -> &[Target] {
        &self.targets
    }

    /// Each place as a route of its own.
    pub fn each(&self) -> impl Iterator<Item = Self> + '_ {
        self.targets.iter().map(|target| Self { targets: vec![target.clone()] })
    }

    /// The folders that the places are in, as far as those are not roots; `None` where all are.
    #[must_use]
    pub fn folder(&self) -> Option<Self> {
        let targets: Vec<Target> = self.targets.iter().filter_map(Target::folder).collect();
        (!targets.is_empty()).then_some(Self { targets })
    }
}

impl Target {
    fn folder(&self) -> Option<Self> {
        let end = self.path.iter().rposition(|byte| *byte != b'/')? + 1;
        let slash = self.path[..end].iter().rposition(|byte| *byte == b'/')?;
        let path = &self.path[..slash];
        let is_root = path.iter().all(|byte| *byte == b'/');
        (!is_root).then(|| Self { part: self.part, path: path.to_vec() })
    }
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

/// A mount point, and what of a path is below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mounted {
    pub(super) mount: Mount,
    /// Without a slash at the end; empty for the root.
    pub(super) point: Vec<u8>,
    /// With a slash at the beginning.
    pub(super) below: Vec<u8>,
}

impl Layout {
    /// Finds out where `path` leads in the image that `device` is, which this is the layout of.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] when the image does not tell: it has not four partitions and none is chosen, there is no
    /// such partition, or it holds no file system that is read here; [`Error::Path`] for a path that is not absolute, for
    /// one that goes in circles, and for links that lead to a partition which is not there or was not chosen; else as
    /// the file system's.
    pub fn route(
        &self,
        device: &dyn BlockDevice,
        path: &[u8],
        choice: Choice<'_>,
        purpose: Purpose,
        limits: &Limits,
    ) -> Result<Route, Error> {
        if !path.starts_with(b"/") {
            return Err(Error::path(path, PathProblem::NotAbsolute));
        }
        let mut views = match (choice, &self.table) {
            (Choice::ByPath, None) => vec![View::Alone { part: 0, mount: Mount::Root }],
            (Choice::ByPath, Some(_)) => self.views()?,
            (Choice::Partition(wanted), _) => {
                let part = self.find(wanted)?;
                vec![View::Alone { part, mount: self.mount_of(part) }]
            }
        };
        if purpose == Purpose::Read {
            views.truncate(1);
        }
        let last = if purpose == Purpose::Remove { LastLink::Keep } else { LastLink::Follow };
        let resolver = Resolver { device, layout: self, last, limits };
        let mut targets = Vec::new();
        for view in views {
            let target = resolver.resolve(view, path)?;
            if !targets.contains(&target) {
                targets.push(target);
            }
        }
        Ok(Route { targets })
    }

    /// The device as it runs from each of its root file systems.
    fn views(&self) -> Result<Vec<View>, Error> {
        if self.parts.len() != PARTITIONS {
            let expected = "four partitions (boot, two root file systems, data), or one that is chosen";
            return Err(Error::unsupported(Place::PartitionTable, "partitions", expected, self.described()));
        }
        let mut roots: Vec<usize> = [1, 2].into_iter().filter(|part| self.parts[*part].is_ext()).collect();
        if roots.is_empty() {
            roots.push(1);
        }
        Ok(roots.into_iter().map(|root| View::Device { root, boot: 0, data: 3 }).collect())
    }

    /// What a device mounts a part as; as a root file system where the image does not tell.
    fn mount_of(&self, part: usize) -> Mount {
        match part {
            0 if self.parts.len() == PARTITIONS => Mount::Boot,
            3 if self.parts.len() == PARTITIONS => Mount::Data,
            _ => Mount::Root,
        }
    }

    /// A part, which must hold a file system that is read here.
    pub(super) fn readable(&self, part: usize) -> Result<&Part, Error> {
        let Some(part) = self.parts.get(part) else {
            let expected = "a partition of that number or label";
            return Err(Error::unsupported(Place::PartitionTable, "partitions", expected, self.described()));
        };
        if part.is_ext() || part.is_fat() {
            return Ok(part);
        }
        let found = part.probe.content.to_string();
        let place = part.partition.as_ref().map_or(Place::Image, |it| Place::Partition(it.number));
        Err(Error::unsupported(place, "content", "an ext2, ext3, ext4 or fat file system", found))
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

/// What a path is in, as its names tell.
#[must_use]
pub fn mount_of(path: &[u8]) -> Mount {
    mounted(path).mount
}

/// Whether something else is mounted at these names of the root file system.
pub(super) fn is_mount_point(names: &[&[u8]]) -> bool {
    names == DATA || BOOT.contains(&names)
}

/// Splits a path at its mount point, as far as names before any `..` tell.
pub(super) fn mounted(path: &[u8]) -> Mounted {
    let names = path.split(|byte| *byte == b'/').filter(|part| !matches!(*part, b"" | b"."));
    // Above the root is the root.
    let names: Vec<&[u8]> = names.skip_while(|part| *part == b"..").collect();
    let at = |mount, point: &[&[u8]]| {
        let rest = names.strip_prefix(point)?;
        let mut below = b"/".to_vec();
        below.extend_from_slice(&rest.join(&b'/'));
        if path.ends_with(b"/") && below.len() > 1 {
            below.push(b'/');
        }
        let point = point.iter().flat_map(|name| [b"/", *name]).collect::<Vec<_>>().concat();
        Some(Mounted { mount, point, below })
    };
    let boot = || BOOT.iter().find_map(|point| at(Mount::Boot, point));
    let root = || Mounted { mount: Mount::Root, point: Vec::new(), below: path.to_vec() };
    at(Mount::Data, DATA).or_else(boot).unwrap_or_else(root)
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
            ("/data/../etc/x", Mount::Data, "/../etc/x"),
            ("/../data/x", Mount::Data, "/x"),
            ("/etc/../data/x", Mount::Root, "/etc/../data/x"),
        ] {
            let found = mounted(path.as_bytes());
            assert_eq!((found.mount, found.below), (mount, rest.as_bytes().to_vec()), "{path}");
        }
        assert_eq!(mounted(b"/./boot//efi/x").point, b"/boot/efi");
    }
}

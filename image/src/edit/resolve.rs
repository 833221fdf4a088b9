//! Follows a path through the file systems of a device: links and `..` lead from one into another, as they do where all
//! of them are mounted.
//!
//! A link that leads out of the file system it is in goes on in the partition that the device has there: on most images
//! `/var/lib/mender` is a link to `/data/mender`, and what is put there belongs on the data partition. Where the
//! image has no other partition, or one was chosen, such a link is refused. Nothing leads out of the image.

use super::file_system::Reader;
use super::layout::Layout;
use super::route::{Mount, Mounted, Target, is_mount_point, mounted};
use crate::block_device::BlockDevice;
use crate::error::{Error, PathProblem};
use crate::ext4::path::{LastLink, WayOut};
use crate::limits::Limits;

/// The partitions of a device as it runs from one of its root file systems; as indexes in [`Layout::parts`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    /// Several of them.
    Device { root: usize, boot: usize, data: usize },
    /// One alone, and the path counts from its root; and what a device mounts it as.
    Alone { part: usize, mount: Mount },
}

impl View {
    /// The part that a path of the device means, and what it is mounted as.
    fn part_of(self, path: &[u8]) -> (usize, Mounted) {
        match self {
            Self::Alone { part, mount } => (part, Mounted { mount, point: Vec::new(), below: path.to_vec() }),
            Self::Device { root, boot, data } => {
                let mounted = mounted(path);
                let part = match mounted.mount {
                    Mount::Root => root,
                    Mount::Boot => boot,
                    Mount::Data => data,
                };
                (part, mounted)
            }
        }
    }

    /// Whether these names, counted from the root of what is mounted there, mean something of another part.
    /// Who asks for what lies below a mount point, `asked_in` another mount, gets what is there without it.
    fn is_elsewhere(self, asked_in: Mount, mount: Mount, names: &[&[u8]]) -> bool {
        match (self, mount) {
            (Self::Alone { .. }, Mount::Root) => asked_in == Mount::Root && is_mount_point(names),
            (Self::Device { .. }, Mount::Root) => is_mount_point(names),
            // Above its root is another one's.
            (_, _) => names.is_empty(),
        }
    }
}

/// What finds its way.
pub(super) struct Resolver<'r> {
    pub(super) device: &'r dyn BlockDevice,
    pub(super) layout: &'r Layout,
    pub(super) last: LastLink,
    pub(super) limits: &'r Limits,
}

impl Resolver<'_> {
    /// The part that `asked` leads to in a view, and the path from its root, without links that lead out of the part.
    pub(super) fn resolve(&self, view: View, asked: &[u8]) -> Result<Target, Error> {
        let mut path = asked.to_vec();
        let asked_in = mounted(asked).mount;
        for _ in 0..=self.limits.symlink_hops {
            let (part, here) = view.part_of(&path);
            let Some(way_out) = self.way_out(view, asked_in, part, &here)? else {
                return Ok(Target { part, path: here.below });
            };
            path = match view {
                View::Device { .. } if way_out.counts_from_device => way_out.path,
                View::Device { .. } => joined(&here.point, &way_out.path),
                View::Alone { mount, .. } => match stays(&way_out, mount, mounted(&path).mount) {
                    Some(next) => next,
                    None => return Err(Error::elsewhere(asked, &way_out.path)),
                },
            };
        }
        Err(Error::path(asked, PathProblem::TooManySymlinks))
    }

    fn way_out(
        &self,
        view: View,
        asked_in: Mount,
        part: usize,
        here: &Mounted,
    ) -> Result<Option<WayOut>, Error> {
        let part = self.layout.readable(part)?;
        let window = part.window(self.device)?;
        let is_elsewhere = |names: &[&[u8]]| view.is_elsewhere(asked_in, here.mount, names);
        match Reader::open(part, &window, self.limits)? {
            Reader::Ext(fs) => fs.way_out(&here.below, self.last, &is_elsewhere),
            Reader::Fat(_) if !is_elsewhere(&[]) => Ok(None),
            // It has no links.
            Reader::Fat(_) => {
                Ok(above_root(&here.below).map(|path| WayOut { path, counts_from_device: false }))
            }
        }
    }
}

/// Where a way goes on in a file system that is alone and is mounted as `mount`; `None` if it leads out of it. `before`
/// is what it was in, by the names.
fn stays(way: &WayOut, mount: Mount, before: Mount) -> Option<Vec<u8>> {
    if mount == Mount::Root {
        return (mounted(&way.path).mount == before).then(|| way.path.clone());
    }
    if way.counts_from_device {
        let to = mounted(&way.path);
        return (to.mount == mount).then_some(to.below);
    }
    let is_above = matches!(way.path.strip_prefix(b"/..").map(<[u8]>::first), Some(None | Some(b'/')));
    (!is_above).then(|| way.path.clone())
}

/// A path below a mount point, from the root of the device; what begins with `..` leads out of there.
fn joined(point: &[u8], below: &[u8]) -> Vec<u8> {
    let (mut point, mut below) = (point, below);
    while let Some(rest) = below.strip_prefix(b"/..").filter(|rest| matches!(rest.first(), None | Some(b'/')))
    {
        let end = point.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
        (point, below) = (&point[..end], rest);
    }
    let below = if below.is_empty() { b"/" } else { below };
    [point, below].concat()
}

/// What is left of a path where it goes above the root.
fn above_root(path: &[u8]) -> Option<Vec<u8>> {
    let mut depth = 0usize;
    let mut rest = path;
    while !rest.is_empty() {
        let end = rest.iter().skip(1).position(|byte| *byte == b'/').map_or(rest.len(), |at| at + 1);
        match rest[..end].strip_prefix(b"/").unwrap_or(&rest[..end]) {
            b"" | b"." => {}
            b".." if depth == 0 => return Some(rest.to_vec()),
            b".." => depth -= 1,
            _ => depth += 1,
        }
        rest = &rest[end..];
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn above_a_mount_point() {
        for (path, rest) in [
            ("/a/b", None),
            ("/a/../b/", None),
            ("/", None),
            ("/..", Some("/..")),
            ("/a/.././../b/..", Some("/../b/..")),
            ("//a//..//../b", Some("/../b")),
            ("/..a", None),
        ] {
            assert_eq!(above_root(path.as_bytes()).as_deref(), rest.map(str::as_bytes), "{path}");
        }
        for (point, below, path) in [
            ("/boot/efi", "/../x", "/boot/x"),
            ("/boot/efi", "/../../x/", "/x/"),
            ("/data", "/../../..", "/"),
            ("", "/../x", "/x"),
            ("/data", "/..x", "/data/..x"),
            ("/data", "/x/../..", "/data/x/../.."),
        ] {
            assert_eq!(joined(point.as_bytes(), below.as_bytes()), path.as_bytes(), "{point} {below}");
        }
    }
}

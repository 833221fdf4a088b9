//! Which of the two configured partitions is running and which one may be written.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use super::config::Config;
use super::error::{Error, SlotProblem};
use super::sysroot::Sysroot;
use super::ubi;

/// One configured partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Slot {
    /// With symbolic links resolved: `/dev/mmcblk0p2`.
    pub(crate) path: PathBuf,
    /// The decimal number at the end of its name, which is what `mender_boot_part` holds.
    pub(crate) number: u32,
    pub(crate) kind: SlotKind,
    /// Major and minor number; for a plain file in a test, where it lies (device and inode).
    identity: (u64, u64),
}

/// What a partition is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SlotKind {
    Block,
    /// A volume on raw flash with room for this many bytes.
    Ubi {
        room: u64,
    },
}

/// The two partitions, told apart by what is running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Slots {
    /// Holds the running root file system. Never opened for writing.
    pub(crate) active: Slot,
    /// The other one.
    pub(crate) inactive: Slot,
}

impl Slots {
    /// Finds both, by the device of `/`, else by what is mounted, else by the kernel's `root=`.
    ///
    /// # Errors
    ///
    /// Partitions that do not exist, are not block devices or are one and the same; a running root file system
    /// that is neither of them; both of them mounted.
    pub(crate) fn detect(config: &Config, sysroot: &Sysroot) -> Result<Self, Error> {
        let a = Slot::find("find RootfsPartA", &config.rootfs_part_a, sysroot)?;
        let b = Slot::find("find RootfsPartB", &config.rootfs_part_b, sysroot)?;
        if a.path == b.path || a.identity == b.identity {
            return Err(Error::Slots(SlotProblem::Same { a: a.path, b: b.path }));
        }
        let running = Running::of(sysroot)?;
        match (running.has_mounted(&a), running.has_mounted(&b)) {
            (true, true) => return Err(Error::Slots(SlotProblem::BothMounted { a: a.path, b: b.path })),
            (true, false) => return Ok(Self { active: a, inactive: b }),
            (false, true) => return Ok(Self { active: b, inactive: a }),
            (false, false) => {}
        }
        match (running.was_booted_from(&a), running.was_booted_from(&b)) {
            (true, false) => Ok(Self { active: a, inactive: b }),
            (false, true) => Ok(Self { active: b, inactive: a }),
            _ => Err(Error::Slots(SlotProblem::NeitherIsRunning { a: a.path, b: b.path })),
        }
    }
}

impl Slot {
    #[cfg(test)]
    pub(crate) fn for_test(path: &str, number: u32) -> Self {
        Self { path: path.into(), number, kind: SlotKind::Block, identity: (0, 0) }
    }

    fn find(action: &'static str, configured: &Path, sysroot: &Sysroot) -> Result<Self, Error> {
        let configured = &ubi::node(configured);
        let path = fs::canonicalize(configured).map_err(|error| Error::io(action, configured, error))?;
        let metadata = fs::metadata(&path).map_err(|error| Error::io(action, &path, error))?;
        let is_plain = sysroot.is_test() && metadata.is_file();
        let volume = ubi::volume(&path).filter(|_| metadata.file_type().is_char_device() || is_plain);
        let kind = match &volume {
            Some(volume) => {
                let room = ubi::room(volume, sysroot);
                SlotKind::Ubi {
                    room: room.ok_or_else(|| Error::Slots(SlotProblem::NoRoom { path: path.clone() }))?,
                }
            }
            None => SlotKind::Block,
        };
        let identity = if is_plain {
            (metadata.dev(), metadata.ino())
        } else if volume.is_some() || metadata.file_type().is_block_device() {
            device_number(metadata.rdev())
        } else {
            return Err(Error::Slots(SlotProblem::NotABlockDevice { path }));
        };
        // `/dev/disk/by-…/…` says nothing about the number; other links are taken by the name as configured, as the
        // client does.
        let named = if configured.starts_with("/dev/disk") { &path } else { configured };
        let number = trailing_number(named)
            .or_else(|| trailing_number(&path))
            .ok_or_else(|| Error::Slots(SlotProblem::NoNumber { path: named.to_owned() }))?;
        Ok(Self { path, number, kind, identity })
    }
}

/// Major and minor number of a device.
fn device_number(device: u64) -> (u64, u64) {
    (rustix::fs::major(device).into(), rustix::fs::minor(device).into())
}

/// The decimal digits that end a device name.
fn trailing_number(path: &Path) -> Option<u32> {
    let text = path.to_str()?;
    text[text.trim_end_matches(|c: char| c.is_ascii_digit()).len()..].parse().ok()
}

/// What the kernel says about the running system.
struct Running {
    root_device: Option<(u64, u64)>,
    mounted_devices: BTreeSet<(u64, u64)>,
    /// File systems on UBI volumes have device numbers that say nothing.
    mounted_volumes: BTreeSet<String>,
    command_line_root: Option<PathBuf>,
    command_line_volume: Option<String>,
}

impl Running {
    fn of(sysroot: &Sysroot) -> Result<Self, Error> {
        let root_device = if sysroot.is_test() {
            None
        } else {
            let root = Path::new("/");
            let metadata = fs::metadata(root).map_err(|error| Error::io("look at", root, error))?;
            Some(device_number(metadata.dev()))
        };
        let mounts = read_text(&sysroot.path("proc/self/mountinfo"))?;
        let command_line = read_text(&sysroot.path("proc/cmdline"))?;
        Ok(Self {
            root_device,
            mounted_devices: mounts.lines().filter_map(mounted_device).collect(),
            mounted_volumes: mounts
                .lines()
                .filter_map(|line| ubi::resolve(mounted_source(line)?, sysroot))
                .collect(),
            command_line_volume: root_argument(&command_line)
                .and_then(|root| ubi::resolve(root.to_str()?, sysroot)),
            command_line_root: root_argument(&command_line).and_then(|root| fs::canonicalize(root).ok()),
        })
    }

    fn has_mounted(&self, slot: &Slot) -> bool {
        match (slot.kind, ubi::volume(&slot.path)) {
            (SlotKind::Ubi { .. }, Some(volume)) => self.mounted_volumes.contains(&volume),
            _ => self.root_device == Some(slot.identity) || self.mounted_devices.contains(&slot.identity),
        }
    }

    fn was_booted_from(&self, slot: &Slot) -> bool {
        match (slot.kind, ubi::volume(&slot.path)) {
            (SlotKind::Ubi { .. }, Some(volume)) => self.command_line_volume == Some(volume),
            _ => self.command_line_root.as_deref() == Some(&slot.path),
        }
    }
}

fn read_text(path: &Path) -> Result<String, Error> {
    match fs::read(path) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(Error::io("read", path, error)),
    }
}

/// The third field of a line of `/proc/self/mountinfo`, `MAJOR:MINOR`.
fn mounted_device(line: &str) -> Option<(u64, u64)> {
    let (major, minor) = line.split_ascii_whitespace().nth(2)?.split_once(':')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// What a line of `/proc/self/mountinfo` says is mounted, for file systems on UBI volumes.
fn mounted_source(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once(" - ")?;
    let mut fields = rest.split_ascii_whitespace();
    (fields.next()? == "ubifs").then_some(fields.next()).flatten()
}

/// Where the last `root=` of the kernel's command line points: a path, or a link that udev keeps for an identifier.
fn root_argument(command_line: &str) -> Option<PathBuf> {
    let value =
        command_line.split_ascii_whitespace().rev().find_map(|argument| argument.strip_prefix("root="))?;
    let (kind, name) = match value.split_once('=') {
        Some((kind, name)) => (kind, name.trim_matches('"')),
        None => return Some(PathBuf::from(value)),
    };
    let folder = match kind {
        "PARTUUID" => "/dev/disk/by-partuuid",
        "PARTLABEL" => "/dev/disk/by-partlabel",
        "UUID" => "/dev/disk/by-uuid",
        "LABEL" => "/dev/disk/by-label",
        _ => return None,
    };
    Some(Path::new(folder).join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Device {
        root: tempfile::TempDir,
        config: Config,
    }

    impl Device {
        fn new() -> Self {
            let root = tempfile::tempdir().unwrap();
            let config = Config {
                rootfs_part_a: root.path().join("part2"),
                rootfs_part_b: root.path().join("part3"),
                ..Config::for_test()
            };
            fs::write(&config.rootfs_part_a, "a").unwrap();
            fs::write(&config.rootfs_part_b, "b").unwrap();
            fs::create_dir_all(root.path().join("proc/self")).unwrap();
            Self { root, config }
        }

        fn proc(&self, name: &str, text: &str) {
            fs::write(self.root.path().join("proc").join(name), text).unwrap();
        }

        fn mountinfo_line(path: &Path) -> String {
            let metadata = fs::metadata(path).unwrap();
            format!("24 1 {}:{} / /media/lower ro - ext4 /dev/root ro\n", metadata.dev(), metadata.ino())
        }

        fn detect(&self) -> Result<Slots, String> {
            Slots::detect(&self.config, &Sysroot::for_test(self.root.path())).map_err(|e| e.to_string())
        }
    }

    #[test]
    fn the_kernel_command_line_tells_when_nothing_is_mounted() {
        let device = Device::new();
        device.proc("cmdline", &format!("quiet root={} ro", device.config.rootfs_part_b.display()));
        let slots = device.detect().unwrap();
        assert_eq!((slots.active.number, slots.inactive.number), (3, 2));
    }

    #[test]
    fn what_is_mounted_outweighs_the_command_line() {
        let device = Device::new();
        device.proc("cmdline", &format!("root={}", device.config.rootfs_part_b.display()));
        device.proc("self/mountinfo", &Device::mountinfo_line(&device.config.rootfs_part_a));
        assert_eq!(device.detect().unwrap().active.number, 2);
    }

    #[test]
    fn both_mounted_and_neither_running_are_refused() {
        let device = Device::new();
        assert!(device.detect().unwrap_err().contains("is the running root file system"));
        let both = Device::mountinfo_line(&device.config.rootfs_part_a)
            + &Device::mountinfo_line(&device.config.rootfs_part_b);
        device.proc("self/mountinfo", &both);
        assert!(device.detect().unwrap_err().contains("are both mounted"));
    }

    #[test]
    fn one_partition_under_two_names_is_refused() {
        let mut device = Device::new();
        device.config.rootfs_part_b = device.root.path().join("link3");
        fs::hard_link(&device.config.rootfs_part_a, &device.config.rootfs_part_b).unwrap();
        assert!(device.detect().unwrap_err().contains("same partition"));
        fs::remove_file(&device.config.rootfs_part_b).unwrap();
        std::os::unix::fs::symlink(&device.config.rootfs_part_a, &device.config.rootfs_part_b).unwrap();
        assert!(device.detect().unwrap_err().contains("same partition"));
    }

    #[test]
    fn plain_files_are_no_partitions_outside_of_tests() {
        let device = Device::new();
        let error =
            Slot::find("find RootfsPartA", &device.config.rootfs_part_a, &Sysroot::from_environment());
        assert!(error.unwrap_err().to_string().contains("not a block device"));
    }

    #[test]
    fn root_arguments() {
        assert_eq!(root_argument("a root=/dev/sda2 root=/dev/sda3 b"), Some("/dev/sda3".into()));
        assert_eq!(root_argument("root=PARTUUID=12-02"), Some("/dev/disk/by-partuuid/12-02".into()));
        assert_eq!(root_argument("root=PARTLABEL=sys_b"), Some("/dev/disk/by-partlabel/sys_b".into()));
        assert_eq!(root_argument("rootwait noroot=/dev/sda1"), None);
        let line = "24 1 0:19 / / ro,noatime - ubifs ubi0:rootfsa ro";
        assert_eq!(mounted_source(line), Some("ubi0:rootfsa"));
        assert_eq!(mounted_source("24 1 8:2 / / ro - ext4 /dev/root ro"), None);
        assert_eq!(trailing_number(Path::new("/dev/mmcblk0p12")), Some(12));
        assert_eq!(trailing_number(Path::new("/dev/disk/by-partlabel/sys_b")), None);
    }
}

//! UBI volumes, which root file systems on raw flash lie on: their names, and what the kernel says about them.

use std::fs;
use std::path::{Path, PathBuf};

use super::sysroot::Sysroot;

/// The device node of a configured partition: the kernel's own `ubi0_1` is `/dev/ubi0_1` for programs.
pub(crate) fn node(configured: &Path) -> PathBuf {
    match configured.to_str() {
        Some(name) if is_volume(name) => Path::new("/dev").join(name),
        _ => configured.to_owned(),
    }
}

/// `ubi0_1`, if this is the node of a volume. Block devices above one, `ubiblock0_1`, are none.
pub(crate) fn volume(node: &Path) -> Option<String> {
    let name = node.file_name()?.to_str()?;
    is_volume(name).then(|| name.to_owned())
}

fn is_volume(name: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let numbers = name.strip_prefix("ubi").and_then(|numbers| numbers.split_once('_'));
    numbers.is_some_and(|(device, volume)| is_number(device) && is_number(volume))
}

/// The volume behind what is mounted or booted: `ubi0_1`, `/dev/ubi0_1`, `ubi0:NAME`, `ubi:NAME`.
pub(crate) fn resolve(source: &str, sysroot: &Sysroot) -> Option<String> {
    if let Some(volume) = volume(Path::new(source)) {
        return Some(volume);
    }
    let (device, name) = source.split_once(':')?;
    let device = if device == "ubi" { "ubi0" } else { device };
    let volumes = fs::read_dir(sysroot.path("sys/class/ubi")).ok()?;
    volumes.filter_map(Result::ok).find_map(|volume| {
        let found = volume.file_name().to_str()?.to_owned();
        let is_here = found.split_once('_').is_some_and(|(of, _)| of == device);
        (is_here && text(&volume.path().join("name"))? == name).then_some(found)
    })
}

/// Bytes that a volume has room for.
pub(crate) fn room(volume: &str, sysroot: &Sysroot) -> Option<u64> {
    let folder = sysroot.path("sys/class/ubi").join(volume);
    let number = |name: &str| text(&folder.join(name))?.parse::<u64>().ok();
    number("reserved_ebs")?.checked_mul(number("usable_eb_size")?)
}

fn text(path: &Path) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_volumes() {
        assert_eq!(node(Path::new("ubi0_1")), Path::new("/dev/ubi0_1"));
        assert_eq!(node(Path::new("/dev/mmcblk0p2")), Path::new("/dev/mmcblk0p2"));
        assert_eq!(volume(Path::new("/dev/ubi10_12")).as_deref(), Some("ubi10_12"));
        for other in ["/dev/ubiblock0_1", "/dev/ubi0", "/dev/ubi0_", "/dev/ubi_1", "/dev/ubi0_1x", "/"] {
            assert_eq!(volume(Path::new(other)), None, "{other}");
        }
    }

    #[test]
    fn volumes_are_found_by_their_names() {
        let root = tempfile::tempdir().unwrap();
        let sysroot = Sysroot::for_test(root.path());
        for (volume, name) in [("ubi0_0", "rootfsa"), ("ubi0_1", "rootfsb"), ("ubi1_1", "rootfsa")] {
            let folder = root.path().join("sys/class/ubi").join(volume);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("name"), format!("{name}\n")).unwrap();
            fs::write(folder.join("reserved_ebs"), "40\n").unwrap();
            fs::write(folder.join("usable_eb_size"), "126976\n").unwrap();
        }
        for (source, volume) in [
            ("ubi0:rootfsb", Some("ubi0_1")),
            ("ubi:rootfsa", Some("ubi0_0")),
            ("ubi1:rootfsa", Some("ubi1_1")),
            ("/dev/ubi0_0", Some("ubi0_0")),
            ("ubi1:rootfsb", None),
            ("/dev/sda2", None),
        ] {
            assert_eq!(resolve(source, &sysroot).as_deref(), volume, "{source}");
        }
        assert_eq!(room("ubi0_1", &sysroot), Some(40 * 126_976));
        assert_eq!(room("ubi0_7", &sysroot), None);
    }
}

//! Images for these tests.

use crate::workplace::Workplace;
use std::fs;
use std::process::Command;

/// Bytes without any pattern.
pub(crate) fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let step = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 24).to_le_bytes()[0]
    };
    std::iter::repeat_with(step).take(len).collect()
}

/// Every `step`th byte another one.
pub(crate) fn changed(bytes: &[u8], step: usize) -> Vec<u8> {
    let mut out = bytes.to_vec();
    out.iter_mut().step_by(step).for_each(|byte| *byte ^= 0x55);
    out
}

/// An image of a folder with these files, made by `program`; false, and says so, if that is not installed.
fn image(
    place: &Workplace,
    files: &[(&str, Vec<u8>)],
    program: &str,
    arguments: &[&str],
    time: Option<u64>,
) -> bool {
    let folder = place.path("tree");
    let _ = fs::remove_dir_all(&folder);
    for (path, contents) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, contents).unwrap();
        if let Some(seconds) = time {
            place.set_time(path.strip_prefix(place.path("")).unwrap().to_str().unwrap(), seconds);
        }
    }
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
    let made = Command::new(program)
        .args(arguments)
        .current_dir(place.path(""))
        .env("PATH", path)
        .envs(time.map(|seconds| ("E2FSPROGS_FAKE_TIME", seconds.to_string())))
        .stdout(std::process::Stdio::null())
        .status();
    fs::remove_dir_all(folder).unwrap();
    let made = made.is_ok_and(|status| status.success());
    if !made {
        println!("skipped: {program} is not installed");
    }
    made
}

/// An ext4 image.
pub(crate) fn ext4(place: &Workplace, name: &str, files: &[(&str, Vec<u8>)]) -> bool {
    image(place, files, "mkfs.ext4", &ext4_arguments(name), None)
}

/// An ext4 image whose files were changed at this time, and which was made then.
pub(crate) fn ext4_at(place: &Workplace, name: &str, files: &[(&str, Vec<u8>)], seconds: u64) -> bool {
    image(place, files, "mkfs.ext4", &ext4_arguments(name), Some(seconds))
}

fn ext4_arguments(name: &str) -> [&str; 10] {
    let uuid = "11111111-1111-1111-1111-111111111111";
    ["-q", "-F", "-b", "4096", "-U", uuid, "-d", "tree", name, "16M"]
}

/// A squashfs image packed with gzip.
pub(crate) fn squashfs(place: &Workplace, name: &str, files: &[(&str, Vec<u8>)]) -> bool {
    let arguments = ["tree", name, "-comp", "gzip", "-noappend", "-no-progress", "-quiet", "-all-root"];
    image(place, files, "mksquashfs", &arguments, None)
}

//! The kernel mounts what the editor has changed, reads it, and goes on with it. Needs root and loop devices.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use crate::image::{Image, MIB, attributes, content, e2fsprogs, tool};

/// Mounts an image while a test looks at it.
struct Mounted<'p>(&'p Path);

impl<'p> Mounted<'p> {
    fn new(image: &Path, folder: &'p Path) -> Option<Self> {
        fs::create_dir_all(folder).unwrap();
        let mut command = tool("mount");
        command.args(["-o", "loop"]).arg(image).arg(folder).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success()).then(|| Self(folder))
    }
}

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        assert!(tool("umount").arg(self.0).status().unwrap().success());
    }
}

/// Waits until the kernel has let go of an image: other programs may have taken the mount with them into namespaces of
/// their own.
fn is_let_go(image: &Path) -> bool {
    for _ in 0..200 {
        let users = tool("losetup").arg("-j").arg(image).output().unwrap();
        if users.status.success() && users.stdout.is_empty() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    false
}

#[test]
fn the_kernel_reads_what_was_put_and_goes_on_with_it() {
    if !e2fsprogs() {
        return;
    }
    let tree = tempfile::tempdir().unwrap();
    fs::create_dir(tree.path().join("many")).unwrap();
    for index in 0..300 {
        fs::write(tree.path().join(format!("many/a-file-with-a-rather-long-name-{index}")), b"x").unwrap();
    }
    for options in [
        "-t ext4 -b 1024 -J size=1",
        "-t ext4 -b 4096 -J size=4",
        "-t ext4 -b 4096 -O ^has_journal,inline_data",
        "-t ext3 -b 1024 -J size=1",
        "-t ext2 -b 1024",
        "-t ext4 -b 1024 -g 1024 -O ^has_journal,^metadata_csum,uninit_bg,^resize_inode",
    ] {
        let mut image = Image::new(24 * MIB, &format!("{options} -N 3072"), Some(tree.path()));
        image.index_folders();
        let mut expected = BTreeMap::new();
        image.edit(|editor| {
            let mut put = |path: String, len: usize, mode: u16| {
                let bytes = content(len, len);
                editor.put_file(path.as_bytes(), &mut &bytes[..], &attributes(mode)).unwrap();
                expected.insert(path, (bytes, mode));
            };
            put("many/a-file-with-a-rather-long-name-7".to_owned(), 2_000_000, 0o4711);
            for index in 0..400 {
                put(format!("many/another-with-a-rather-long-name-{index}"), index * 9, 0o640);
            }
            for index in (1..300).step_by(3) {
                let path = format!("many/a-file-with-a-rather-long-name-{index}");
                if expected.remove(&path).is_none() {
                    editor.remove(path.as_bytes(), false).unwrap();
                } else {
                    expected.insert(path, (content(2_000_000, 2_000_000), 0o4711));
                }
            }
            editor.make_folder(b"new/folder", &attributes(0o1777), true).unwrap();
            editor.make_symlink(b"new/link", b"../many", &attributes(0)).unwrap();
            editor.make_symlink(b"new/long", &[b'l'; 300], &attributes(0)).unwrap();
        });
        image.check(options);
        let folder = image.folder.path().join("mounted");
        {
            let Some(_mounted) = Mounted::new(&image.file(), &folder) else {
                println!("skipped: mounting needs root and loop devices");
                return;
            };
            for (path, (bytes, mode)) in &expected {
                let file = folder.join(path);
                assert!(fs::read(&file).unwrap() == *bytes, "{options}: {path}");
                let metadata = fs::metadata(&file).unwrap();
                assert_eq!(metadata.permissions().mode() & 0o7777, u32::from(*mode));
                assert_eq!((metadata.uid(), metadata.gid(), metadata.mtime()), (1000, 70_000, 1_700_000_000));
            }
            assert_eq!(fs::read_dir(folder.join("many")).unwrap().count(), 300 + 400 - 99);
            assert_eq!(fs::read_link(folder.join("new/link")).unwrap(), Path::new("../many"));
            assert_eq!(fs::read_link(folder.join("new/long")).unwrap().as_os_str().len(), 300);
            assert_eq!(
                fs::metadata(folder.join("new/folder")).unwrap().permissions().mode() & 0o7777,
                0o1777
            );
            for index in 0..200 {
                fs::write(folder.join(format!("many/by-the-kernel-{index}")), content(index, index)).unwrap();
                fs::write(folder.join(format!("new/folder/by-the-kernel-{index}")), content(index, index))
                    .unwrap();
            }
            fs::remove_file(folder.join("many/another-with-a-rather-long-name-17")).unwrap();
            fs::remove_file(folder.join("new/long")).unwrap();
        }
        if !is_let_go(&image.file()) {
            println!("skipped: something else keeps the image mounted");
            continue;
        }
        image.reload();
        image.check(&format!("{options}: after the kernel"));
        // And back: what the kernel has made is changed here.
        image.edit(|editor| {
            editor.put_file(b"/many/by-the-kernel-9", &mut &b"9"[..], &attributes(0o600)).unwrap();
            editor.put_file(b"/many/last", &mut &b"10"[..], &attributes(0o600)).unwrap();
            editor.remove(b"/new", true).unwrap();
        });
        image.check(&format!("{options}: back"));
        assert_eq!(image.dump("/many/last"), b"10");
    }
}

//! What is written here is read by mtools, and fsck.vfat finds no fault.

use crate::made_volume::{KINDS, MadeVolume, installed, noise};

/// 2023-11-14 22:13:20.
const TIME: u64 = 1_700_000_000;

#[test]
fn files_are_made_replaced_and_removed() {
    if !installed() {
        return;
    }
    for kind in KINDS {
        let volume = MadeVolume::new(kind);
        let empty = volume.volume().free_bytes();
        let large = noise(200_003);
        volume.edit(|editor| {
            editor.make_folder(b"/EFI/BOOT/deep er", true, TIME)?;
            editor.put_file(b"/config.txt", &mut &b"a=1\n"[..], TIME)?;
            editor.put_file(b"/EFI/BOOT/deep er/grub env.cfg", &mut &large[..], TIME)?;
            editor.put_file(b"/EFI/empty", &mut &b""[..], TIME)
        });
        assert_eq!(volume.mtools("mtype", &["::config.txt"]), b"a=1\n");
        assert!(volume.mtools("mtype", &["::EFI/BOOT/deep er/grub env.cfg"]) == large);
        assert_eq!(volume.mtools("mtype", &["::EFI/empty"]), b"");
        let listing = String::from_utf8(volume.mtools("mdir", &["::"])).unwrap();
        assert!(listing.contains("2023-11-14  22:13"), "{listing}");
        assert_eq!(volume.volume().look_up(b"/CONFIG.TXT").unwrap().unwrap().modified, TIME);
        // Longer, shorter, and by another case, which keeps the name.
        volume.edit(|editor| editor.put_file(b"/CONFIG.TXT", &mut &large[..], TIME));
        assert!(volume.mtools("mtype", &["::config.txt"]) == large);
        assert_eq!(volume.volume().list(b"/").unwrap()[1].name, "config.txt");
        volume.edit(|editor| editor.put_file(b"/config.txt", &mut &large[..5], TIME));
        assert!(volume.content("/config.txt").unwrap() == large[..5]);
        volume.edit(|editor| editor.put_file(b"/config.txt", &mut &b""[..], TIME));
        volume.edit(|editor| {
            editor.remove(b"/config.txt", false)?;
            editor.remove(b"/EFI/", true)
        });
        assert!(volume.volume().list(b"/").unwrap().is_empty());
        assert_eq!(volume.volume().free_bytes(), empty);
    }
}

#[test]
fn folders_grow_and_their_room_is_used_again() {
    if !installed() {
        return;
    }
    for kind in [KINDS[0], KINDS[2], KINDS[4]] {
        let volume = MadeVolume::new(kind);
        let name = |number: u32| format!("/folder/a rather long name of a file, number {number}");
        volume.edit(|editor| {
            editor.make_folder(b"/folder", false, TIME)?;
            (0..60).try_for_each(|number| {
                editor.put_file(name(number).as_bytes(), &mut format!("{number}").as_bytes(), TIME)
            })
        });
        volume.edit(|editor| {
            (0..60).step_by(2).try_for_each(|number| editor.remove(name(number).as_bytes(), false))
        });
        let free = volume.volume().free_bytes();
        volume.edit(|editor| {
            (0..60).step_by(2).try_for_each(|number| {
                editor.put_file(name(number).as_bytes(), &mut format!("{number}").as_bytes(), TIME)
            })
        });
        assert!(volume.volume().free_bytes() < free);
        for number in [0, 1, 30, 59] {
            let listed = volume.mtools("mtype", &[&format!("::{}", name(number))]);
            assert_eq!(listed, format!("{number}").as_bytes());
        }
    }
}

#[test]
fn what_cannot_be_done_changes_nothing() {
    if !installed() {
        return;
    }
    for kind in [KINDS[1], KINDS[2], KINDS[4]] {
        let volume = MadeVolume::new(kind);
        volume.edit(|editor| {
            editor.make_folder(b"/a/b", true, TIME)?;
            editor.put_file(b"/f", &mut &b"f"[..], TIME)
        });
        let huge = noise(usize::try_from(kind.0).unwrap() << 20);
        let full = volume.refuses(|editor| editor.put_file(b"/f", &mut &huge[..], TIME));
        assert!(full.starts_with("file system is full: expected at least "), "{full}");
        for (message, refused) in [
            ("path /a: is a directory", volume.refuses(|it| it.put_file(b"/a", &mut &b""[..], TIME))),
            ("path /f/: is a directory", volume.refuses(|it| it.put_file(b"/f/", &mut &b""[..], TIME))),
            (
                "path /x/y: not found in the image",
                volume.refuses(|it| it.put_file(b"/x/y", &mut &b""[..], TIME)),
            ),
            (
                "path /f/y: a part before the end is no directory",
                volume.refuses(|it| it.put_file(b"/f/y", &mut &b""[..], TIME)),
            ),
            ("path /f: exists already", volume.refuses(|it| it.make_folder(b"/f", true, TIME))),
            ("path /a: exists already", volume.refuses(|it| it.make_folder(b"/a", false, TIME))),
            ("path /a: directory is not empty", volume.refuses(|it| it.remove(b"/a", false))),
            ("path /: cannot be created, changed or removed", volume.refuses(|it| it.remove(b"/", true))),
            ("path /f/: a part before the end is no directory", volume.refuses(|it| it.remove(b"/f/", true))),
            ("path /none: not found in the image", volume.refuses(|it| it.remove(b"/none", true))),
        ] {
            assert_eq!(refused, message);
        }
        let bad = volume.refuses(|editor| editor.put_file(b"/a:b", &mut &b""[..], TIME));
        assert!(bad.starts_with("path /a:b: a name"), "{bad}");
    }
}

#[test]
fn the_root_of_fat12_and_fat16_has_an_end() {
    if !installed() {
        return;
    }
    let volume = MadeVolume::new((4, "-F 12 -s 4 -r 32"));
    let message = volume.refuses(|editor| {
        (0..64).try_for_each(|number| editor.put_file(format!("/F{number}").as_bytes(), &mut &b""[..], TIME))
    });
    assert!(message.contains("entries of the folder"), "{message}");
}

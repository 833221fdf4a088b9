//! Folders with an index stay indexed, and every name is where the index says.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;

use crate::image::{Image, MIB, attributes, e2fsprogs};

/// Names with bytes that some hashes take for negative numbers.
fn name(index: usize, long: usize) -> Vec<u8> {
    let mut name = format!("na\u{ef}ve-{}-", index.wrapping_mul(7919)).into_bytes();
    name.push(u8::try_from(index % 120).unwrap() | 0x80);
    name.resize(name.len() + (index * long) % 200, b'x');
    name
}

#[test]
fn names_go_where_their_hash_says() {
    if !e2fsprogs() {
        return;
    }
    let tree = tempfile::tempdir().unwrap();
    fs::create_dir(tree.path().join("many")).unwrap();
    for index in 0..100 {
        fs::write(tree.path().join("many").join(OsString::from_vec(name(index, 0))), b"").unwrap();
    }
    for options in ["-t ext4 -b 1024", "-t ext4 -b 1024 -O ^metadata_csum,^extent,^64bit", "-t ext2 -b 1024"]
    {
        for (algorithm, flags) in
            [("legacy", 1), ("half_md4", 1), ("tea", 1), ("legacy", 2), ("half_md4", 2), ("tea", 2)]
        {
            let what = format!("{options}, {algorithm}, {flags}");
            let options = format!("{options} -O ^has_journal -N 3000");
            let mut image = Image::new(8 * MIB, &options, Some(tree.path()));
            image.change(&[
                format!("set_super_value def_hash_version {algorithm}"),
                format!("set_super_value flags {flags}"),
            ]);
            image.index_folders();
            image.check(&what);
            let put = |image: &mut Image, indices: std::ops::Range<usize>, long| {
                image.edit(|editor| {
                    for index in indices {
                        let path = [b"/many/".to_vec(), name(index, long)].concat();
                        editor.put_file(&path, &mut &b""[..], &attributes(0o644)).unwrap();
                    }
                });
                image.check(&what);
                let stat = image.stat("/many");
                assert!(stat.contains("Flags: 0x1000") || stat.contains("Flags: 0x81000"), "{what}: {stat}");
            };
            put(&mut image, 100..400, 0);
            put(&mut image, 400..700, 13);
        }
    }
}

#[test]
fn an_index_grows_by_levels_and_past_them_the_folder_becomes_plain() {
    if !e2fsprogs() {
        return;
    }
    let tree = tempfile::tempdir().unwrap();
    fs::create_dir(tree.path().join("many")).unwrap();
    for index in 0..100 {
        fs::write(tree.path().join("many").join(OsString::from_vec(name(index, 0))), b"").unwrap();
    }
    for options in ["-t ext4 -b 1024 -O ^has_journal -N 5000", "-t ext2 -b 1024 -N 5000"] {
        let mut image = Image::new(16 * MIB, options, Some(tree.path()));
        image.index_folders();
        image.edit(|editor| {
            for index in 100..1500 {
                let mut path = [b"/many/".to_vec(), name(index, 0)].concat();
                path.resize(6 + 200, b'y');
                editor.put_file(&path, &mut &b""[..], &attributes(0o644)).unwrap();
            }
        });
        image.check(options);
        let stat = image.stat("/many");
        assert!(stat.contains("Flags: 0x1000") || stat.contains("Flags: 0x81000"), "{stat}");
        let htree = image.ask("htree_dump /many");
        assert!(htree.contains("Indirect levels: 1"), "{htree}");
        // A kind of hash that is not known: the folder is made plain.
        let number = image.inode_number("/many");
        let root = image.ask(&format!("bmap <{number}> 0"));
        let at = 1024 * root.trim().parse::<usize>().unwrap() + 28;
        if !options.contains("ext4") {
            image.bytes[at] = 6;
            image.write_file();
            image.edit(|editor| {
                editor.put_file(b"/many/plain", &mut &b"x"[..], &attributes(0o644)).unwrap();
            });
            image.check("a folder made plain");
            assert!(image.stat("/many").contains("Flags: 0x0"));
        }
    }
}

//! Extended attributes of files that get new content, and of files that go.

use std::fs;

use crate::image::{Image, MIB, attributes, content, e2fsprogs};

fn requests(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|line| (*line).to_owned()).collect()
}

#[test]
fn labels_stay_and_capabilities_go() {
    if !e2fsprogs() {
        return;
    }
    let tree = tempfile::tempdir().unwrap();
    for name in ["file", "tiny", "other"] {
        fs::write(tree.path().join(name), b"small").unwrap();
    }
    fs::create_dir(tree.path().join("folder")).unwrap();
    for options in
        ["-t ext4 -b 4096", "-t ext4 -b 1024 -O inline_data", "-t ext4 -b 4096 -I 512 -O inline_data"]
    {
        let mut image = Image::new(8 * MIB, &format!("{options} -O ^has_journal -N 64"), Some(tree.path()));
        image.change(&requests(&[
            "ea_set /file security.selinux label_t",
            "ea_set /file security.capability 12345678",
            "ea_set /file user.note hello",
            "ea_set /folder security.selinux folder_t",
            // New inodes have other lengths than the old ones.
            "set_super_value want_extra_isize 28",
        ]));
        image.check(options);
        image.edit(|editor| {
            editor.put_file(b"/file", &mut &content(3000, 1)[..], &attributes(0o755)).unwrap();
            editor.put_file(b"/tiny", &mut &content(3, 1)[..], &attributes(0o755)).unwrap();
            // Until the entries leave the inode.
            for index in 0..30 {
                let path = format!("/folder/file-{index}");
                editor.put_file(path.as_bytes(), &mut &b"x"[..], &attributes(0o644)).unwrap();
            }
        });
        image.check(options);
        let kept = image.ask("ea_list /file");
        assert!(
            kept.contains("selinux (7) = \"label_t\"") && kept.contains("user.note (5) = \"hello\""),
            "{kept}"
        );
        assert!(!kept.contains("capability") && !kept.contains("system.data"), "{kept}");
        let kept = image.ask("ea_list /folder");
        assert!(kept.contains("selinux (8) = \"folder_t\""), "{kept}");
        assert!(image.dump("/file") == content(3000, 1));
        assert!(image.stat("/file").contains("Size of extra inode fields: 32"));
        assert!(image.stat("/folder/file-1").contains("Size of extra inode fields: 28"));
    }
}

#[test]
fn blocks_of_attributes_are_shared_and_counted() {
    if !e2fsprogs() {
        return;
    }
    let tree = tempfile::tempdir().unwrap();
    for name in ["label", "capability", "linked", "shared-1", "shared-2", "shared-3"] {
        fs::write(tree.path().join(name), b"small").unwrap();
    }
    fs::hard_link(tree.path().join("linked"), tree.path().join("other-name")).unwrap();
    let long = "v".repeat(200);
    for options in [
        "-t ext2 -b 1024 -I 128",
        "-t ext4 -b 1024 -I 128 -O ^has_journal",
        "-t ext4 -b 4096 -O metadata_csum",
    ] {
        let mut image = Image::new(8 * MIB, &format!("{options} -N 64"), Some(tree.path()));
        image.change(&requests(&[
            &format!("ea_set /label security.selinux {long}"),
            &format!("ea_set /capability security.selinux {long}"),
            &format!("ea_set /capability security.capability {long}"),
            &format!("ea_set /capability user.note {long}"),
            &format!("ea_set /linked security.selinux {long}"),
            &format!("ea_set /linked security.capability {long}"),
            &format!("ea_set /shared-1 user.note {long}"),
        ]));
        image.check(options);
        let shared = options.contains("ext2");
        let block = {
            let stat = image.stat("/shared-1");
            let after = stat.split("File ACL: ").nth(1).unwrap();
            after.split_whitespace().next().unwrap().parse::<usize>().unwrap()
        };
        if shared {
            let number = block.to_string();
            let mut lines = Vec::new();
            for name in ["shared-2", "shared-3"] {
                lines.push(format!("set_inode_field /{name} file_acl {number}"));
                lines.push(format!("set_inode_field /{name} blocks 4"));
            }
            image.change(&lines);
            image.bytes[block * 1024 + 4] = 3;
            image.write_file();
            image.check("shared by hand");
        }
        image.edit(|editor| {
            for path in [&b"/label"[..], b"/capability", b"/shared-1", b"/linked"] {
                editor.put_file(path, &mut &content(3000, 1)[..], &attributes(0o755)).unwrap();
            }
        });
        image.check(options);
        assert!(image.ask("ea_list /label").contains("selinux"));
        // What goes does not take the others with it.
        for name in ["capability", "linked"] {
            let kept = image.ask(&format!("ea_list /{name}"));
            assert!(kept.contains("selinux (200)") && !kept.contains("security.capability"), "{kept}");
            assert!(image.dump(&format!("/{name}")) == content(3000, 1));
        }
        assert!(image.ask("ea_list /capability").contains("user.note (200)"));
        let other = image.ask("ea_list /other-name");
        assert!(other.contains("selinux (200)") && other.contains("security.capability (200)"), "{other}");
        assert_eq!(image.dump("/other-name"), b"small");
        assert!(image.ask("ea_list /shared-1").contains("user.note"));
        for name in ["shared-3", "shared-1", "capability", "linked", "other-name", "shared-2", "label"] {
            image.edit(|editor| editor.remove(name.as_bytes(), false).unwrap());
            image.check(&format!("{options}: without {name}"));
        }
    }
}

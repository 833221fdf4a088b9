//! What images hold, on images by the tools of each format, and made by hand where no tool is at hand.

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::process::{Command, Stdio};

    use mender_image::error::Error;
    use mender_image::file_map::FileMap;
    use mender_image::probe::{Content, Coverage, ExtVersion, FatWidth, Probe, SquashfsCompressor, probe};

    /// Runs a tool; `None`, and says so, when it is not there.
    fn make(program: &str, arguments: &[&str]) -> Option<()> {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new(program);
        command.args(arguments).env("PATH", format!("{path}:/usr/sbin:/sbin")).stdin(Stdio::null());
        match command.output() {
            Ok(output) => {
                assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
                Some(())
            }
            Err(_) => {
                println!("skipped: {program} is not installed");
                None
            }
        }
    }

    fn with_image(test: impl FnOnce(&Path, &str, &str)) {
        let folder = tempfile::tempdir().unwrap();
        let tree = folder.path().join("tree");
        fs::create_dir(&tree).unwrap();
        fs::write(tree.join("file"), vec![7; 300_000]).unwrap();
        let image = folder.path().join("image");
        test(&image, image.to_str().unwrap(), tree.to_str().unwrap());
    }

    fn found(image: &[u8]) -> Probe {
        probe(image).unwrap()
    }

    #[test]
    fn ext_versions_are_told_by_their_features() {
        for (options, version, journal) in [
            ("ext2", ExtVersion::Ext2, false),
            ("ext3", ExtVersion::Ext3, true),
            ("ext4", ExtVersion::Ext4, true),
        ] {
            with_image(|path, image, tree| {
                fs::write(path, vec![0; 8 << 20]).unwrap();
                let options = ["-q", "-F", "-b", "1024", "-t", options, "-d", tree, image, "8000"];
                if make("mke2fs", &options).is_none() {
                    return;
                }
                let bytes = fs::read(path).unwrap();
                let probe = found(&bytes);
                let Content::Ext(features) = probe.content else { panic!("{:?}", probe.content) };
                assert_eq!(features.version(), version);
                assert_eq!(features.compat.to_string().contains("has_journal"), journal);
                assert_eq!(probe.block_len_bytes, Some(1024));
                assert_eq!(probe.covers_bytes, Some(8000 * 1024));
                assert_eq!(probe.coverage(), Coverage::Followed(192 * 1024));
                assert_eq!(found(&bytes[..7000 * 1024]).coverage(), Coverage::Truncated(1000 * 1024));
                assert_eq!(found(&bytes[..8000 * 1024]).coverage(), Coverage::Whole);
            });
        }
    }

    #[test]
    fn squashfs_tells_its_compressor() {
        for (name, compressor) in [
            ("gzip", SquashfsCompressor::Gzip),
            ("xz", SquashfsCompressor::Xz),
            ("zstd", SquashfsCompressor::Zstd),
            ("lz4", SquashfsCompressor::Lz4),
        ] {
            with_image(|path, image, tree| {
                let options = [tree, image, "-comp", name, "-b", "65536", "-no-progress", "-quiet"];
                if make("mksquashfs", &options).is_none() {
                    return;
                }
                let bytes = fs::read(path).unwrap();
                let probe = found(&bytes);
                assert_eq!(probe.content, Content::Squashfs(compressor));
                assert_eq!(probe.content.to_string(), format!("squashfs ({name})"));
                assert_eq!(probe.block_len_bytes, Some(65536));
                // The tool fills its images up to 4 KiB.
                assert!(matches!(probe.coverage(), Coverage::Followed(1..4096)), "{:?}", probe.coverage());
                let error = FileMap::of(&bytes[..]).unwrap_err();
                assert!(matches!(error, Error::Unsupported(_)));
                assert!(error.to_string().ends_with(&format!("found squashfs ({name})")));
            });
        }
    }

    #[test]
    fn erofs_is_told() {
        with_image(|path, image, tree| {
            if make("mkfs.erofs", &[image, tree]).is_some() {
                let probe = found(&fs::read(path).unwrap());
                assert_eq!(probe.content, Content::Erofs);
                assert_eq!((probe.block_len_bytes, probe.coverage()), (Some(4096), Coverage::Whole));
            }
        });
    }

    #[test]
    fn fat_widths_are_told() {
        for (bits, mib, width) in
            [("12", 4, FatWidth::Fat12), ("16", 32, FatWidth::Fat16), ("32", 64, FatWidth::Fat32)]
        {
            with_image(|path, image, _| {
                fs::File::create(path).unwrap().set_len(mib << 20).unwrap();
                if make("mkfs.vfat", &["-F", bits, image]).is_some() {
                    let probe = found(&fs::read(path).unwrap());
                    assert_eq!(probe.content, Content::Fat(width));
                    assert_eq!(probe.content.to_string(), format!("fat{bits}"));
                    assert_eq!(probe.coverage(), Coverage::Whole);
                }
            });
        }
    }

    fn put(image: &mut [u8], at: usize, value: &[u8]) {
        image[at..at + value.len()].copy_from_slice(value);
    }

    #[test]
    fn partition_tables_are_told() {
        let mut image = vec![0; 1 << 20];
        put(&mut image, 510, &[0x55, 0xaa]);
        assert_eq!(found(&image).content, Content::Unknown);
        put(&mut image, 446, &[0x80, 0, 0, 0, 0x83, 0, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0]);
        let probe = found(&image);
        assert_eq!((probe.content, probe.covers_bytes), (Content::Mbr, Some(0x500 * 512)));
        put(&mut image, 446, &[0x12]);
        assert_eq!(found(&image).content, Content::Unknown);

        let mut image = vec![0; 1 << 20];
        put(&mut image, 512, b"EFI PART");
        put(&mut image, 512 + 24, &1u64.to_le_bytes());
        put(&mut image, 512 + 32, &2047u64.to_le_bytes());
        let probe = found(&image);
        assert_eq!((probe.content, probe.coverage()), (Content::Gpt, Coverage::Whole));
        put(&mut image, 512 + 32, &u64::MAX.to_le_bytes());
        assert_eq!(found(&image).coverage(), Coverage::Unknown);
    }

    #[test]
    fn other_file_systems_are_told_by_their_magic() {
        let mut image = vec![0; 1 << 20];
        put(&mut image, 65536 + 64, b"_BHRfS_M");
        put(&mut image, 65536 + 112, &(2u64 << 20).to_le_bytes());
        put(&mut image, 65536 + 136, &1u64.to_le_bytes());
        assert_eq!(found(&image).content, Content::Btrfs);
        assert_eq!(found(&image).coverage(), Coverage::Truncated(1 << 20));

        let mut image = vec![0; 1 << 20];
        put(&mut image, 1024, &0xf2f5_2010u32.to_le_bytes());
        put(&mut image, 1024 + 16, &12u32.to_le_bytes());
        put(&mut image, 1024 + 36, &256u64.to_le_bytes());
        assert_eq!((found(&image).content, found(&image).coverage()), (Content::F2fs, Coverage::Whole));

        let mut image = vec![0; 4096];
        put(&mut image, 0, b"UBI#\x01");
        assert_eq!(found(&image).content, Content::Ubi);
        put(&mut image, 0, &0x0610_1831u32.to_le_bytes());
        image[20] = 6;
        assert_eq!(found(&image).content, Content::Ubifs);
    }

    #[test]
    fn short_and_empty_images_are_unknown() {
        for len in [0, 1, 511, 512, 1023, 1024, 2047, 2048, 70_000] {
            for fill in [0, 0xff, 0x55] {
                assert_eq!(found(&vec![fill; len]).content, Content::Unknown, "{len} {fill}");
            }
        }
    }
}

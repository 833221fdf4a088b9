//! Small images, made by the programs that are there.

use super::{Seed, seed};
use crate::sparse::Sparse;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

/// Runs a program in `folder`; whether it was there and succeeded.
fn run(folder: &Path, line: &str, input: &str) -> bool {
    use std::io::Write as _;
    let path = std::env::var("PATH").unwrap_or_default();
    let mut words = line.split(' ');
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words).current_dir(folder).env("PATH", format!("{path}:/usr/sbin:/sbin"));
    command.env("MTOOLS_SKIP_CHECK", "1").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let Ok(mut child) = command.spawn() else { return false };
    let written = child.stdin.take().is_some_and(|mut pipe| pipe.write_all(input.as_bytes()).is_ok());
    child.wait().is_ok_and(|status| status.success()) && written
}

/// What is in the file systems.
fn fill(root: &Path) -> std::io::Result<()> {
    fs::create_dir_all(root.join("a/b"))?;
    fs::create_dir(root.join("data"))?;
    fs::write(root.join("a/one"), "some content\n".repeat(40))?;
    fs::write(root.join("a/b/a-file-with-a-long-name.txt"), [7; 5000])?;
    fs::write(root.join("small"), "x")?;
    #[cfg(unix)]
    std::os::unix::fs::symlink("a/one", root.join("link"))?;
    Ok(())
}

pub(super) fn seeds() -> Vec<Seed> {
    let Ok(folder) = tempfile::tempdir() else { return Vec::new() };
    let root = folder.path().join("root");
    if fill(&root).is_err() {
        return Vec::new();
    }
    let mut seeds = Vec::new();
    let mut add = |target: &'static str, name: &str, len: u64, lines: &[&str], input: &str| {
        let image = folder.path().join("image");
        let _absent = fs::remove_file(&image);
        let made = len == 0 || File::create(&image).and_then(|file| file.set_len(len)).is_ok();
        if !made || !lines.iter().all(|line| run(folder.path(), line, input)) {
            return;
        }
        if let Ok(bytes) = fs::read(&image) {
            seeds.push(seed(target, name, &[&Sparse::describe(&bytes)]));
        }
    };
    let uuid = "-U 01234567-89ab-cdef-0123-456789abcdef";
    for (name, options) in [
        ("ext2", "-t ext2 -b 1024 -N 32"),
        ("ext3", "-t ext3 -b 1024 -N 32 -O ^has_journal"),
        ("ext4", "-t ext4 -b 1024 -N 32 -O ^has_journal"),
        ("ext4-plain", "-t ext4 -b 1024 -N 32 -O ^has_journal,^metadata_csum"),
        ("ext4-inline", "-t ext4 -b 1024 -N 32 -I 256 -O ^has_journal,^metadata_csum,inline_data"),
        ("ext4-4k", "-t ext4 -b 4096 -N 32 -O ^has_journal,^metadata_csum"),
    ] {
        let line = format!("mkfs.ext4 -q -F -m 0 {options} {uuid} -d root image");
        add("ext4", name, if name == "ext4-4k" { 1 << 20 } else { 256 << 10 }, &[&line], "");
    }
    for (name, len, options) in [
        ("fat12", 128 << 10, "-F 12 -s 1"),
        ("fat16", 4 << 20, "-F 16 -s 1 -r 64"),
        ("fat32", 36 << 20, "-F 32 -s 1"),
    ] {
        let make = format!("mkfs.vfat {options} -i 12345678 -n BOOT image");
        let copy = "mcopy -s -Q -i image root/a root/small ::";
        add("fat", name, len, &[&make, copy], "");
    }
    let two = "start=64,size=64,type=83\nstart=128,size=64,type=c,bootable\n";
    add("partition", "mbr", 256 << 10, &["sfdisk -q image"], &format!("label: dos\n{two}"));
    let logical = "label: dos\nstart=64,size=64,type=83\nstart=128,size=300,type=5\nstart=160,size=32,type=83\n\
                   start=224,size=32,type=83\n";
    add("partition", "logical", 256 << 10, &["sfdisk -q image"], logical);
    let gpt = "label: gpt\nlabel-id: 01234567-89ab-cdef-0123-456789abcdef\nstart=64,size=64,name=boot\n\
               start=128,size=64,type=linux\n";
    add("partition", "gpt", 256 << 10, &["sfdisk -q image"], gpt);
    for (name, options) in [
        ("gzip", "-b 4096 -comp gzip"),
        ("no-fragments", "-b 4096 -comp gzip -no-fragments"),
        ("plain", "-b 4096 -comp gzip -noI -noD -noF"),
    ] {
        let line = format!("mksquashfs root image {options} -all-root -noappend -quiet -no-progress -nopad");
        add("squashfs", name, 0, &[&line], "");
    }
    for (name, options) in [
        ("plain", ""),
        ("lz4", "-zlz4 "),
        ("lz4hc-inline", "-zlz4hc,9 -Eztailpacking "),
        ("legacy", "-zlz4 -Elegacy-compress "),
        ("chunks", "--chunksize=4096 "),
    ] {
        let line = format!("mkfs.erofs --quiet {options}{uuid} -T 1700000000 image root");
        add("erofs", name, 0, &[&line], "");
    }
    seeds
}

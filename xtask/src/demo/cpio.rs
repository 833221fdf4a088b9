//! A newc cpio archive of a folder, the same bytes for the same contents: names sorted, owner 0, no times.
//!
//! Each member is a header of 110 characters, its name, and its contents; name and contents are filled up with zeros to
//! a multiple of four bytes. Every number in the header is eight hexadecimal digits.

use crate::failure::{Doing, Failure};
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

const DIRECTORY: u32 = 0o040_755;
const PROGRAM: u32 = 0o100_755;

pub(super) fn write(tree: &Path, archive: &Path) -> Result<(), Failure> {
    let file = File::create(archive).doing(|| archive.display().to_string())?;
    let mut writer = Writer { out: BufWriter::new(file), inode: 0, position: 0 };
    let written = folder(&mut writer, tree, "").and_then(|()| {
        writer.member("TRAILER!!!", 0, &[])?;
        // Filled up to blocks, as cpio does.
        let rest = writer.position.next_multiple_of(512) - writer.position;
        writer.out.write_all(&[0; 512][..rest])?;
        writer.out.flush()
    });
    written.doing(|| archive.display().to_string())
}

fn folder<W: Write>(writer: &mut Writer<W>, folder_path: &Path, prefix: &str) -> std::io::Result<()> {
    let mut names = fs::read_dir(folder_path)?
        .map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()))
        .collect::<Result<Vec<String>, _>>()?;
    names.sort();
    for name in names {
        let (path, inner) = (folder_path.join(&name), format!("{prefix}{name}"));
        if path.is_dir() {
            writer.member(&inner, DIRECTORY, &[])?;
            folder(writer, &path, &format!("{inner}/"))?;
        } else {
            writer.member(&inner, PROGRAM, &fs::read(&path)?)?;
        }
    }
    Ok(())
}

struct Writer<W> {
    out: W,
    inode: u32,
    position: usize,
}

impl<W: Write> Writer<W> {
    fn member(&mut self, name: &str, mode: u32, contents: &[u8]) -> std::io::Result<()> {
        let too_large = |_| std::io::Error::other("larger than cpio can hold");
        self.inode += 1;
        let size = u32::try_from(contents.len()).map_err(too_large)?;
        let name_size = u32::try_from(name.len() + 1).map_err(too_large)?;
        let links = if mode == DIRECTORY { 2 } else { 1 };
        // inode, mode, uid, gid, links, time, size, device (2), special device (2), size of the name, checksum
        let fields = [self.inode, mode, 0, 0, links, 0, size, 0, 0, 0, 0, name_size, 0];
        let mut header = String::from("070701");
        for field in fields {
            header.push_str(&format!("{field:08x}"));
        }
        self.padded(&[header.as_bytes(), name.as_bytes(), &[0]].concat())?;
        self.padded(contents)
    }

    fn padded(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.out.write_all(bytes)?;
        let rest = bytes.len().next_multiple_of(4) - bytes.len();
        self.position += bytes.len() + rest;
        self.out.write_all(&[0; 4][..rest])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::step::{find, output, program};

    #[test]
    fn cpio_unpacks_it_and_it_is_the_same_twice() {
        let dir = std::env::temp_dir().join(format!("xtask-cpio-{}", std::process::id()));
        let tree = dir.join("tree");
        fs::create_dir_all(tree.join("b/c")).unwrap();
        fs::write(tree.join("b/c/file"), "contents").unwrap();
        fs::write(tree.join("a"), "").unwrap();
        let (first, second) = (dir.join("1.cpio"), dir.join("2.cpio"));
        write(&tree, &first).unwrap();
        write(&tree, &second).unwrap();
        let bytes = fs::read(&first).unwrap();
        assert_eq!(bytes, fs::read(&second).unwrap());
        assert_eq!(bytes.len() % 512, 0);
        if find("cpio").is_some() {
            let shell = format!("cpio --quiet -t < {}", first.display());
            assert_eq!(output(program("sh").args(["-c", &shell])).unwrap(), "a\nb\nb/c\nb/c/file\n");
            let shell = format!("cpio --quiet -i --to-stdout b/c/file < {}", first.display());
            assert_eq!(output(program("sh").args(["-c", &shell])).unwrap(), "contents");
        } else {
            println!("skipped: cpio is not installed");
        }
        fs::remove_dir_all(&dir).unwrap();
    }
}

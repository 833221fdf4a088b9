//! The received image was mounted when it was taken: its journal wants to be played back. That is what fsck is for.

use crate::exit_code::ExitStatus;
use crate::failure::Failure;
use crate::report::warn;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where fsck is when a person's PATH does not have it.
const SYSTEM_FOLDERS: [&str; 3] = ["/usr/sbin", "/sbin", "/usr/local/sbin"];
/// fsck found something, and put it right.
const REPAIRED: i32 = 1;

/// Lets fsck put right what it can without asking. Leaves file systems alone that it does not know.
pub(super) fn repair(path: &Path) -> Result<(), Failure> {
    let name = match File::open(path).and_then(|mut image| file_system(&mut image)) {
        Ok(Some(name)) => name,
        Ok(None) => return Ok(()),
        Err(error) => return Err(Failure::io(path, ExitStatus::System, &error)),
    };
    let Some(program) = find(name) else {
        warn(&format!("{name} is not installed: the file system of the snapshot is not checked"));
        return Ok(());
    };
    let ended = Command::new(program).arg("-a").arg(path).stdin(Stdio::null()).output();
    let ended = ended.map_err(|error| Failure::io(name, ExitStatus::System, &error))?;
    match ended.status.code() {
        Some(0 | REPAIRED) => Ok(()),
        _ => {
            let said = [ended.stdout, ended.stderr].concat();
            let said = String::from_utf8_lossy(&said);
            let last = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("nothing said");
            let message = format!("{name} cannot repair the file system of the snapshot: {}", last.trim());
            Err(Failure::plain(ExitStatus::Output, message))
        }
    }
}

/// The program for the file system in an image, told by its magic numbers: ext2, 3 and 4 have 0xef53 at byte 1080,
/// FAT its name at byte 54 or 82 and 0x55 0xaa at byte 510.
fn file_system(image: &mut File) -> io::Result<Option<&'static str>> {
    image.seek(SeekFrom::Start(0))?;
    let mut head = Vec::with_capacity(1082);
    image.take(1082).read_to_end(&mut head)?;
    let at = |offset: usize, magic: &[u8]| head.get(offset..).is_some_and(|rest| rest.starts_with(magic));
    Ok(if at(1080, &[0x53, 0xef]) {
        Some("fsck.ext4")
    } else if at(510, &[0x55, 0xaa]) && (at(54, b"FAT") || at(82, b"FAT")) {
        Some("fsck.vfat")
    } else {
        None
    })
}

fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(SYSTEM_FOLDERS.map(PathBuf::from));
    folders.map(|folder| folder.join(name)).find(|program| program.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn told(parts: &[(usize, &[u8])]) -> Option<&'static str> {
        let mut bytes = vec![0; 4096];
        for (offset, part) in parts {
            bytes[*offset..*offset + part.len()].copy_from_slice(part);
        }
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes).unwrap();
        file_system(&mut file).unwrap()
    }

    #[test]
    fn file_systems_are_told_by_their_magic_numbers() {
        assert_eq!(told(&[(1080, &[0x53, 0xef])]), Some("fsck.ext4"));
        assert_eq!(told(&[(510, &[0x55, 0xaa]), (82, b"FAT32   ")]), Some("fsck.vfat"));
        assert_eq!(told(&[(510, &[0x55, 0xaa])]), None);
        assert_eq!(told(&[(0, b"hsqs")]), None);
    }
}

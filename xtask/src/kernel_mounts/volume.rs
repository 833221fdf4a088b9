//! A file system and what is in it: written by the command, by Linux, and by the command again.

use super::guest::{Guest, Seen};
use super::made::{Kind, Part, tool};
use crate::failure::{Doing, Failure};
use crate::step::{output, program};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::process::Command;

/// Bytes of the largest file.
const LARGE_LEN: usize = 300_001;
/// Files in the folder that has many.
pub(super) const MANY: usize = 60;

pub(super) struct Volume {
    image: &'static str,
    /// As the guest calls it.
    pub(super) device: String,
    part: Part,
    files: BTreeMap<String, Vec<u8>>,
    folders: BTreeSet<String>,
}

impl Volume {
    pub(super) fn new(image: &'static str, letter: char, part: Part) -> Self {
        let number = part.number.map_or(String::new(), |number| number.to_string());
        let device = format!("vd{letter}{number}");
        Self { image, device, part, files: BTreeMap::new(), folders: BTreeSet::new() }
    }

    /// What Linux calls this kind of file system.
    pub(super) fn kind(&self) -> &'static str {
        match self.part.kind {
            Kind::Fat(_) => "vfat",
            Kind::Ext4(_) => "ext4",
        }
    }

    /// Image and partition.
    pub(super) fn shown(&self) -> String {
        self.part.number.map_or(self.image.to_owned(), |number| format!("{}, {number}", self.image))
    }

    /// The command with the path in this file system as last argument.
    fn command(&self, tool: &Path, dir: &Path, arguments: &[&str], path: &str) -> Command {
        let mut command = program(tool);
        command.current_dir(dir).args(arguments);
        // The two root file systems have one path, and one number each; the others go by their path.
        if let ("", Some(number)) = (self.part.mounted, self.part.number) {
            command.arg("--partition").arg(number.to_string());
        }
        command.arg(format!("{}:{}{path}", self.image, self.part.mounted));
        command
    }

    fn put(&mut self, tool: &Path, dir: &Path, path: &str, content: Vec<u8>) -> Result<(), Failure> {
        fs::write(dir.join("content"), &content).doing(|| "content".into())?;
        output(&mut self.command(tool, dir, &["cp", "content"], path))?;
        self.files.insert(path.to_owned(), content);
        Ok(())
    }

    /// The command puts files of many kinds in it.
    pub(super) fn fill(&mut self, tool: &Path, dir: &Path) -> Result<(), Failure> {
        for folder in ["/EFI", "/EFI/Nested folder", "/many"] {
            output(&mut self.command(tool, dir, &["install", "-d"], folder))?;
            self.folders.insert(folder.to_owned());
        }
        if matches!(self.part.kind, Kind::Ext4(_)) {
            self.folders.insert("/lost+found".into());
        }
        let large = noise(LARGE_LEN, 1);
        self.put(tool, dir, "/plain.txt", b"plain\n".to_vec())?;
        self.put(tool, dir, "/Long name, blanks and é.txt", b"long\n".to_vec())?;
        self.put(tool, dir, "/empty", Vec::new())?;
        self.put(tool, dir, "/EFI/Nested folder/large.bin", large.clone())?;
        self.put(tool, dir, "/moved", noise(5000, 2))?;
        self.put(tool, dir, "/replaced", large)?;
        self.put(tool, dir, "/replaced", noise(700, 3))?;
        for number in 0..MANY {
            let path = format!("/many/file {number:03} with a longer name.cfg");
            self.put(tool, dir, &path, format!("{number}\n").into_bytes())?;
        }
        self.put(tool, dir, "/removed", noise(9000, 4))?;
        output(&mut self.command(tool, dir, &["rm"], "/removed"))?;
        self.files.remove("/removed");
        Ok(())
    }

    /// Holds what Linux read against what was written; numbers of files and folders.
    pub(super) fn compare(&self, seen: &Seen) -> Result<(usize, usize), Failure> {
        let missing = || Failure::new(format!("Linux said nothing of {}", self.device));
        let (files, folders) = seen.get(&self.device).ok_or_else(missing)?;
        let expected: BTreeMap<_, _> =
            self.files.iter().map(|(path, bytes)| (path.clone(), digest(bytes))).collect();
        if *files != expected {
            let differs = |(path, digest): &(&String, &String)| expected.get(*path) != Some(*digest);
            let odd: Vec<_> = files.iter().filter(differs).map(|(path, _)| path).collect();
            let lost: Vec<_> = expected.keys().filter(|path| !files.contains_key(*path)).collect();
            return Err(Failure::new(format!(
                "{}: Linux reads {odd:?} otherwise, and not {lost:?}",
                self.shown()
            )));
        }
        if *folders != self.folders {
            return Err(Failure::new(format!("{}: Linux sees folders {folders:?}", self.shown())));
        }
        Ok((files.len(), folders.len()))
    }

    /// Keeps the books for what the guest's script has done.
    pub(super) fn changed_by_linux(&mut self, guest: &Guest) {
        self.files.retain(|path, _| !path.starts_with("/many/") && path != "/plain.txt");
        for number in 0..MANY {
            self.files.insert(format!("/many/Linux {number}.txt"), format!("{number}\n").into_bytes());
        }
        let content = guest.content();
        self.files.insert("/by Linux/Nested Folder/Ein längerer Name.dat".into(), content.to_vec());
        self.files.insert("/replaced".into(), content.to_vec());
        if let Some(moved) = self.files.remove("/moved") {
            self.files.insert("/by Linux/moved here".into(), moved);
        }
    }

    /// The command reads every file; how many.
    pub(super) fn read_back(&self, tool: &Path, dir: &Path) -> Result<usize, Failure> {
        for (path, expected) in &self.files {
            let taken = dir.join("taken");
            output(self.command(tool, dir, &["cp"], path).arg(&taken))?;
            let bytes = fs::read(&taken).doing(|| taken.display().to_string())?;
            if bytes != *expected {
                return Err(Failure::new(format!("{}: {path} is not what Linux wrote", self.shown())));
            }
        }
        for gone in ["/plain.txt", "/moved", "/many/file 000 with a longer name.cfg"] {
            if output(&mut self.command(tool, dir, &["cat"], gone)).is_ok() {
                return Err(Failure::new(format!("{}: {gone} is still read", self.shown())));
            }
        }
        Ok(self.files.len())
    }

    /// The command writes into what Linux has left.
    pub(super) fn write_again(&mut self, tool: &Path, dir: &Path) -> Result<(), Failure> {
        self.put(tool, dir, "/by Linux/again", noise(40_000, 5))?;
        self.put(tool, dir, "/replaced", noise(100, 6))?;
        self.read_back(tool, dir).map(drop)
    }

    /// Has the checker look at it, and says what file system it is.
    pub(super) fn checked(&self, dir: &Path) -> Result<String, Failure> {
        let doing = || self.shown();
        let bare = dir.join("part.img");
        let copy = || -> io::Result<()> {
            let mut disk = File::open(dir.join(self.image))?;
            disk.seek(SeekFrom::Start(self.part.at))?;
            io::copy(&mut disk.take(self.part.len), &mut File::create(&bare)?).map(drop)
        };
        copy().doing(doing)?;
        let (name, options, shown): (_, &[&str], _) = match self.part.kind {
            Kind::Fat(width) => ("fsck.vfat", &["-n"], format!("FAT{width}")),
            Kind::Ext4(block) => ("e2fsck", &["-f", "-n"], format!("ext4, blocks of {block}")),
        };
        output(program(tool(name)?).args(options).arg(&bare))?;
        fs::remove_file(&bare).doing(doing)?;
        Ok(shown)
    }
}

/// SHA-256 in hexadecimal digits.
fn digest(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes without a period, another series for each seed.
pub(super) fn noise(len: usize, seed: u32) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    (0..len).map(|_| next()).collect()
}

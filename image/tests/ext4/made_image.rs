//! Makes images with mkfs and changes them with debugfs.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// An image in a folder of its own.
pub(crate) struct MadeImage {
    folder: TempDir,
    pub(crate) bytes: Vec<u8>,
}

/// What the names of types mean, so that the machine's own configuration does not matter.
const TYPES: &str = "[defaults]
base_features = sparse_super,large_file,filetype,resize_inode,dir_index,ext_attr
blocksize = 4096
inode_size = 256
inode_ratio = 16384
[fs_types]
  ext3 = {
    features = has_journal
  }
  ext4 = {
    features = has_journal,extent,huge_file,flex_bg,metadata_csum,64bit,dir_nlink,extra_isize
  }
";

/// Runs a program of e2fsprogs and returns what it prints.
fn run(program: &str, arguments: &[&str]) -> String {
    let output = tool(program).args(arguments).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn tool(program: &str) -> Command {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new(program);
    command.env("PATH", format!("{path}:/usr/sbin:/sbin")).env("LC_ALL", "C");
    command
}

/// Whether e2fsprogs is there; says so when not.
pub(crate) fn e2fsprogs() -> bool {
    let there = ["mke2fs", "debugfs", "dumpe2fs"]
        .iter()
        .all(|program| tool(program).arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok());
    if !there {
        println!("skipped: e2fsprogs (mke2fs, debugfs, dumpe2fs) is not installed");
    }
    there
}

impl MadeImage {
    /// Makes an image of `len_bytes` with the files below `tree`.
    pub(crate) fn new(len_bytes: u64, options: &str, tree: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("image");
        File::create(&path).unwrap().set_len(len_bytes).unwrap();
        let mut arguments: Vec<&str> = vec!["-q", "-F", "-d", tree.to_str().unwrap()];
        arguments.extend(options.split_whitespace());
        arguments.push(path.to_str().unwrap());
        let types = folder.path().join("mke2fs.conf");
        fs::write(&types, TYPES).unwrap();
        let output = tool("mke2fs").args(&arguments).env("MKE2FS_CONFIG", types).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        let bytes = fs::read(path).unwrap();
        Self { folder, bytes }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("image")
    }

    fn path_text(&self) -> String {
        self.path().to_str().unwrap().to_owned()
    }

    /// Asks debugfs several things at once; the answers in the same order.
    pub(crate) fn ask(&self, requests: &[String]) -> Vec<String> {
        let script = self.folder.path().join("requests");
        fs::write(&script, requests.join("\n") + "\n").unwrap();
        let answers = run("debugfs", &["-f", script.to_str().unwrap(), &self.path_text()]);
        let answers: Vec<String> = answers.split("debugfs: ").skip(1).map(str::to_owned).collect();
        assert_eq!(answers.len(), requests.len());
        answers
    }

    /// Has debugfs change the image.
    pub(crate) fn change(&mut self, requests: &[String]) {
        let script = self.folder.path().join("requests");
        fs::write(&script, requests.join("\n") + "\n").unwrap();
        run("debugfs", &["-w", "-f", script.to_str().unwrap(), &self.path_text()]);
        self.bytes = fs::read(self.path()).unwrap();
    }

    /// Where an inode lies in the image.
    pub(crate) fn inode_offset(&self, inode: &str) -> usize {
        let block_len = 1024 << self.bytes[1024 + 0x18];
        let answer = self.ask(&[format!("imap {inode}")]).remove(0);
        let after = answer.split("located at block ").nth(1).unwrap();
        let (block, offset) = after.trim().split_once(", offset 0x").unwrap();
        block.parse::<usize>().unwrap() * block_len + usize::from_str_radix(offset.trim(), 16).unwrap()
    }

    /// The free blocks as dumpe2fs lists them, as ranges with both ends inside.
    pub(crate) fn free_blocks(&self) -> Vec<(u64, u64)> {
        let listing = run("dumpe2fs", &[&self.path_text()]);
        listing
            .lines()
            .filter_map(|line| line.strip_prefix("  Free blocks: "))
            .flat_map(|line| line.split(", "))
            .filter(|range| !range.trim().is_empty())
            .map(both_ends)
            .collect()
    }
}

/// `7` or `7-9`.
pub(crate) fn both_ends(range: &str) -> (u64, u64) {
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    (first.trim().parse().unwrap(), last.trim().parse().unwrap())
}

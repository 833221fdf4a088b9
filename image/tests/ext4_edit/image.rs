//! Makes images with mke2fs and asks the other programs about them.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use mender_image::error::Error;
use mender_image::ext4::edit::{Attributes, Editor};
use mender_image::limits::Limits;
use tempfile::TempDir;

pub(crate) const MIB: u64 = 1 << 20;

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

/// An image in memory, with a folder to put it into for other programs.
pub(crate) struct Image {
    pub(crate) folder: TempDir,
    pub(crate) bytes: Vec<u8>,
}

pub(crate) fn tool(program: &str) -> Command {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new(program);
    command.env("PATH", format!("{path}:/usr/sbin:/sbin")).env("LC_ALL", "C").stdin(Stdio::null());
    command
}

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// Whether e2fsprogs is there; says so when not.
pub(crate) fn e2fsprogs() -> bool {
    let there = ["mke2fs", "debugfs", "e2fsck"]
        .iter()
        .all(|program| tool(program).arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok());
    if !there {
        println!("skipped: e2fsprogs (mke2fs, debugfs, e2fsck) is not installed");
    }
    there
}

/// Bytes that differ at every offset of a block and between files.
pub(crate) fn content(len: usize, seed: usize) -> Vec<u8> {
    (0..len).map(|at| u8::try_from((at / 7 + at * 13 + seed * 31) % 251 + 1).unwrap()).collect()
}

pub(crate) fn attributes(mode: u16) -> Attributes {
    Attributes { mode, uid: 1000, gid: 70_000, mtime_seconds: 1_700_000_000 }
}

impl Image {
    /// Makes an image of `len_bytes` with the files below `tree`, if any.
    pub(crate) fn new(len_bytes: u64, options: &str, tree: Option<&Path>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("image");
        File::create(&path).unwrap().set_len(len_bytes).unwrap();
        let types = folder.path().join("mke2fs.conf");
        fs::write(&types, TYPES).unwrap();
        let mut command = tool("mke2fs");
        command.args(["-q", "-F"]).args(options.split_whitespace()).env("MKE2FS_CONFIG", types);
        if let Some(tree) = tree {
            command.arg("-d").arg(tree);
        }
        run(command.arg(&path));
        let bytes = fs::read(path).unwrap();
        Self { folder, bytes }
    }

    /// Puts the bytes into a file and returns its path.
    pub(crate) fn file(&self) -> PathBuf {
        let path = self.folder.path().join("image");
        fs::write(&path, &self.bytes).unwrap();
        path
    }

    /// Runs operations and writes them to the bytes.
    pub(crate) fn edit(&mut self, operations: impl FnOnce(&mut Editor<'_>) -> Result<(), Error>) {
        let mut editor = Editor::open(&mut self.bytes, &Limits::default()).unwrap();
        operations(&mut editor).unwrap();
        editor.commit().unwrap();
    }

    /// What e2fsck has to say; nothing when all is in order.
    pub(crate) fn complaint(&self) -> Option<String> {
        let output = tool("e2fsck").args(["-f", "-n"]).arg(self.file()).output().unwrap();
        if output.status.success() {
            return None;
        }
        Some(String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    }

    pub(crate) fn check(&self, what: &str) {
        if let Some(complaint) = self.complaint() {
            let kept = std::env::temp_dir().join("ext4-edit-complaint.img");
            fs::write(&kept, &self.bytes).unwrap();
            panic!("{what}: e2fsck: {complaint}\nthe image is kept as {}", kept.display());
        }
    }

    /// The content of a file as debugfs reads it.
    pub(crate) fn dump(&self, path: &str) -> Vec<u8> {
        let target = self.folder.path().join("dumped");
        let request = format!("dump \"{path}\" {}", target.display());
        run(tool("debugfs").arg("-R").arg(request).arg(self.file()));
        fs::read(target).unwrap()
    }

    /// What debugfs says of a file.
    pub(crate) fn stat(&self, path: &str) -> String {
        let output = run(tool("debugfs").arg("-R").arg(format!("stat \"{path}\"")).arg(self.file()));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

//! Makes images with mke2fs and asks the other programs about them.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

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
        let mut image = Self::make(len_bytes, options, tree);
        image.reload();
        image
    }

    /// Makes an image that is too large for memory.
    pub(crate) fn sparse(len_bytes: u64, options: &str) -> Self {
        Self::make(len_bytes, options, None)
    }

    fn make(len_bytes: u64, options: &str, tree: Option<&Path>) -> Self {
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
        Self { folder, bytes: Vec::new() }
    }

    /// The file that holds the same bytes.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("image")
    }

    /// Has debugfs change the file.
    pub(crate) fn change(&mut self, requests: &[String]) {
        let script = self.folder.path().join("requests");
        fs::write(&script, requests.join("\n") + "\n").unwrap();
        run(tool("debugfs").arg("-w").arg("-f").arg(script).arg(self.file()));
        self.reload();
    }

    /// Takes over what another program did to the file.
    pub(crate) fn reload(&mut self) {
        self.bytes = fs::read(self.file()).unwrap();
    }

    /// Has e2fsck put an index into every folder that is long enough.
    pub(crate) fn index_folders(&mut self) {
        let status = tool("e2fsck").args(["-f", "-y", "-D"]).arg(self.file()).output().unwrap().status;
        assert!(status.code().is_some_and(|code| code < 4), "{status}");
        self.reload();
    }

    /// Runs operations and writes them to the bytes, and what the editor says that it wrote to the file.
    pub(crate) fn edit(&mut self, operations: impl FnOnce(&mut Editor<'_>)) -> u64 {
        let mut editor = Editor::open(&mut self.bytes, &Limits::default()).unwrap();
        operations(&mut editor);
        let ranges = editor.commit().unwrap();
        let file = File::options().write(true).open(self.file()).unwrap();
        for range in &ranges {
            let start = usize::try_from(range.start).unwrap();
            let end = usize::try_from(range.end).unwrap();
            file.write_all_at(&self.bytes[start..end], range.start).unwrap();
        }
        ranges.iter().map(|range| range.end - range.start).sum()
    }

    /// Nothing was written but what the editor said.
    pub(crate) fn check_ranges(&self) {
        assert!(fs::read(self.file()).unwrap() == self.bytes);
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

    /// Puts the bytes into the file.
    pub(crate) fn write_file(&self) {
        fs::write(self.file(), &self.bytes).unwrap();
    }

    /// What debugfs answers.
    pub(crate) fn ask(&self, request: &str) -> String {
        let output = run(tool("debugfs").arg("-R").arg(request).arg(self.file()));
        String::from_utf8_lossy(&output.stdout).into_owned()
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
        self.ask(&format!("stat \"{path}\""))
    }

    pub(crate) fn inode_number(&self, path: &str) -> u32 {
        let stat = self.stat(path);
        let number = stat.split_whitespace().nth(1).unwrap();
        number.parse().unwrap_or_else(|_| panic!("{stat}"))
    }
}

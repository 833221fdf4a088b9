//! Makes FAT file systems in files.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use mender_image::block_device::FileDevice;
use mender_image::error::Error;
use mender_image::fat::edit::Editor;
use mender_image::fat::volume::Volume;
use mender_image::limits::Limits;
use tempfile::TempDir;

/// Widths, sectors and clusters of all kinds: size in MiB and flags of mkfs.vfat.
pub(crate) const KINDS: [(u64, &str); 7] = [
    (1, "-F 12 -s 1"),
    (4, "-F 12 -s 4 -r 512"),
    (16, "-F 16 -s 4"),
    (64, "-F 16 -s 8 -f 1 -S 1024"),
    (40, "-F 32 -s 1"),
    (280, "-F 32 -s 2 -S 2048"),
    (300, "-F 32 -s 8"),
];

pub(crate) fn installed() -> bool {
    let there =
        [("mkfs.vfat", "--help"), ("fsck.vfat", "--help"), ("mcopy", "-V")].iter().all(|(program, flag)| {
            tool(program).arg(flag).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
        });
    if !there {
        println!("skipped: dosfstools and mtools are not installed");
    }
    there
}

fn tool(program: &str) -> Command {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new(program);
    command
        .env("PATH", format!("{path}:/usr/sbin:/sbin"))
        .env("LC_ALL", "C.UTF-8")
        .env("MTOOLS_SKIP_CHECK", "1");
    command.env("TZ", "UTC").env("MTOOLS_NO_VFAT", "0").stdin(Stdio::null());
    command
}

/// A file system in a folder of its own.
pub(crate) struct MadeVolume {
    folder: TempDir,
}

impl MadeVolume {
    pub(crate) fn new((mib, flags): (u64, &str)) -> Self {
        let volume = Self { folder: tempfile::tempdir().unwrap() };
        File::create(volume.path()).unwrap().set_len(mib << 20).unwrap();
        let mut arguments: Vec<&str> = flags.split(' ').collect();
        let path = volume.path();
        arguments.extend(["-i", "12345678", "-n", "BOOT", "-a", path.to_str().unwrap()]);
        let output = tool("mkfs.vfat").args(&arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        volume
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("image")
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        fs::read(self.path()).unwrap()
    }

    /// Runs a program of mtools on the image.
    pub(crate) fn mtools(&self, program: &str, arguments: &[&str]) -> Vec<u8> {
        let path = self.path();
        let output = tool(program).args(["-i", path.to_str().unwrap()]).args(arguments).output().unwrap();
        assert!(output.status.success(), "{program} {arguments:?}: {output:?}");
        output.stdout
    }

    /// Puts a file into the image with mtools.
    pub(crate) fn mcopy(&self, name: &str, content: &[u8]) {
        let host = self.folder.path().join("host");
        fs::write(&host, content).unwrap();
        self.mtools("mcopy", &["-o", host.to_str().unwrap(), &format!("::{name}")]);
    }

    pub(crate) fn volume(&self) -> Volume<FileDevice> {
        Volume::open(FileDevice::new(File::open(self.path()).unwrap()).unwrap(), &Limits::default()).unwrap()
    }

    pub(crate) fn content(&self, path: &str) -> Result<Vec<u8>, Error> {
        let mut content = Vec::new();
        let len = self.volume().read_file(path.as_bytes(), &mut content)?;
        assert_eq!(len, content.len() as u64);
        Ok(content)
    }

    /// Changes the image, writes the changes, and has fsck.vfat look for faults.
    pub(crate) fn edit(&self, change: impl FnOnce(&mut Editor<FileDevice>) -> Result<(), Error>) {
        let file = File::options().read(true).write(true).open(self.path()).unwrap();
        let mut editor = Editor::open(FileDevice::new(file).unwrap(), &Limits::default()).unwrap();
        change(&mut editor).unwrap();
        editor.commit().unwrap();
        self.check();
    }

    /// The message of a change that fails; the image is as it was.
    pub(crate) fn refuses(
        &self,
        change: impl FnOnce(&mut Editor<FileDevice>) -> Result<(), Error>,
    ) -> String {
        let before = self.bytes();
        let file = File::options().read(true).write(true).open(self.path()).unwrap();
        let mut editor = Editor::open(FileDevice::new(file).unwrap(), &Limits::default()).unwrap();
        let error = change(&mut editor).unwrap_err().to_string();
        drop(editor);
        assert!(self.bytes() == before, "{error}");
        error
    }

    pub(crate) fn check(&self) {
        let output = tool("fsck.vfat").args(["-n", "-v", self.path().to_str().unwrap()]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}

/// Content without a period.
pub(crate) fn noise(len: usize) -> Vec<u8> {
    let mut state = 1u32;
    (0..len)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        })
        .collect()
}

//! Debian's kernel with a small initramfs in QEMU: mounts volumes, tells what is in them, changes them.

use super::volume::{MANY, Volume, noise};
use crate::failure::{Doing, Failure};
use crate::step::{find, output, program, run};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// Modules in the order in which they need each other.
const MODULES: [&str; 18] = [
    "virtio_ring",
    "virtio",
    "virtio_pci_legacy_dev",
    "virtio_pci_modern_dev",
    "virtio_pci",
    "virtio_blk",
    "nls_cp437",
    "nls_ascii",
    "nls_utf8",
    "nls_iso8859-1",
    "fat",
    "vfat",
    "crc16",
    "mbcache",
    "jbd2",
    "crc32c_generic",
    "ext4",
    "msdos",
];
/// What has to be there, and the packages that have it.
const NEEDED: [(&str, &str); 5] = [
    ("qemu-system-x86_64", "qemu-system-x86"),
    ("cpio", "cpio"),
    ("dpkg-deb", "dpkg"),
    ("apt-get", "apt"),
    ("apt-cache", "apt"),
];
/// A machine that is not done by then is ended.
const SECONDS_MAX: &str = "600";

/// For each device: paths of files with their SHA-256, and paths of folders.
pub(super) type Seen = BTreeMap<String, (BTreeMap<String, String>, BTreeSet<String>)>;

pub(super) struct Guest {
    qemu: PathBuf,
    kernel: PathBuf,
    root: PathBuf,
    version: String,
    content: Vec<u8>,
}

/// Where QEMU is, on a system where the rest works: later kernels of Debian have packed modules, and others of them.
pub(super) fn qemu() -> Result<PathBuf, Failure> {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    if !is_debian_12(&release) {
        let name = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
        let name = name.unwrap_or("another system").trim_matches('"');
        return Err(Failure::new(format!(
            "kernel-mounts takes its kernel out of the packages of Debian 12: expected that, found {name}"
        )));
    }
    if let Some((_, package)) = NEEDED.iter().find(|(name, _)| find(name).is_none()) {
        return Err(Failure::new(format!("{package} is not installed")));
    }
    find(NEEDED[0].0).ok_or_else(|| Failure::new("qemu-system-x86 is not installed"))
}

fn is_debian_12(release: &str) -> bool {
    let says = |line: &str| release.lines().any(|found| found.replace('"', "") == line);
    says("ID=debian") && says("VERSION_ID=12")
}

impl Guest {
    /// Takes kernel and shell out of Debian's packages; nothing of them is installed.
    pub(super) fn prepare(dir: &Path, qemu: PathBuf) -> Result<Self, Failure> {
        let depends = output(program("apt-cache").args(["depends", "linux-image-amd64"]))?;
        // The first word is the package that was asked for.
        let image = depends.split_whitespace().skip(1).find(|word| word.starts_with("linux-image-"));
        let image = image.ok_or_else(|| Failure::new("apt knows no kernel; run apt-get update"))?;
        run(program("apt-get").args(["download", "-q", image, "busybox-static"]).current_dir(dir))?;
        let unpacked = dir.join("packages");
        for entry in fs::read_dir(dir).doing(|| dir.display().to_string())? {
            let path = entry.doing(|| dir.display().to_string())?.path();
            if path.extension().is_some_and(|extension| extension == "deb") {
                output(program("dpkg-deb").arg("-x").arg(&path).arg(&unpacked))?;
            }
        }
        let version = image.trim_start_matches("linux-image-").to_owned();
        let guest = Self {
            qemu,
            kernel: unpacked.join(format!("boot/vmlinuz-{version}")),
            root: dir.join("initramfs"),
            version,
            content: noise(70_000, 7),
        };
        guest.furnish(&unpacked)?;
        Ok(guest)
    }

    pub(super) fn version(&self) -> String {
        format!("Linux {}", self.version)
    }

    /// What the guest writes.
    pub(super) fn content(&self) -> &[u8] {
        &self.content
    }

    /// Makes the folder that becomes the initramfs.
    fn furnish(&self, unpacked: &Path) -> Result<(), Failure> {
        let doing = || self.root.display().to_string();
        for folder in ["modules", "proc", "dev", "mnt"] {
            fs::create_dir_all(self.root.join(folder)).doing(doing)?;
        }
        fs::copy(unpacked.join("bin/busybox"), self.root.join("busybox")).doing(doing)?;
        fs::write(self.root.join("content"), &self.content).doing(doing)?;
        let modules = unpacked.join("lib/modules").join(&self.version);
        let found = output(program("find").arg(modules).args(["-name", "*.ko"]))?;
        for name in MODULES {
            let file = format!("{name}.ko");
            let from = found.lines().find(|line| line.rsplit('/').next() == Some(file.as_str()));
            let from =
                from.ok_or_else(|| Failure::new(format!("{} has no module {name}", self.version())))?;
            fs::copy(from, self.root.join("modules").join(file)).doing(doing)?;
        }
        Ok(())
    }

    /// Starts it with the disks, and returns what it has read of the volumes.
    pub(super) fn run(&self, dir: &Path, disks: &[PathBuf], volumes: &[Volume]) -> Result<Seen, Failure> {
        let doing = || self.root.display().to_string();
        fs::write(self.root.join("init"), script(volumes)).doing(doing)?;
        run(program("chmod").arg("755").arg(self.root.join("init")))?;
        let archive = dir.join("initramfs.cpio");
        let pack = "find . -print0 | cpio -0 -o -H newc --quiet";
        let file = fs::File::create(&archive).doing(doing)?;
        run(program("sh").args(["-c", pack]).current_dir(&self.root).stdout(file))?;

        let log = dir.join("console.log");
        let mut qemu = program("timeout");
        qemu.arg(SECONDS_MAX).arg(&self.qemu).args([
            "-m",
            "256",
            "-display",
            "none",
            "-monitor",
            "none",
            "-no-reboot",
        ]);
        // Emulated: of the /dev/kvm that virtual machines offer not every one works.
        qemu.args(["-accel", "tcg", "-append", "console=ttyS0 quiet panic=-1"]);
        qemu.arg("-kernel").arg(&self.kernel).arg("-initrd").arg(&archive);
        qemu.arg("-serial").arg(format!("file:{}", log.display()));
        for disk in disks {
            qemu.arg("-drive").arg(format!("file={},format=raw,if=virtio", disk.display()));
        }
        run(qemu.stderr(Stdio::inherit()))?;
        let said = fs::read(&log).doing(|| log.display().to_string())?;
        read(&String::from_utf8_lossy(&said)).map_err(|why| Failure::new(format!("{}: {why}", log.display())))
    }
}

/// What the guest does: tells what is there, then changes it.
fn script(volumes: &[Volume]) -> String {
    let mut script = String::from(
        "#!/busybox sh\nset -e\n/busybox --install -s /\nmount -t proc none /proc\nmount -t devtmpfs none /dev\n",
    );
    for module in MODULES {
        let _ = writeln!(script, "insmod /modules/{module}.ko");
    }
    for volume in volumes {
        let (device, kind) = (&volume.device, volume.kind());
        let _ = write!(
            script,
            r#"
for i in 1 2 3 4 5 6 7 8 9; do [ -e /dev/{device} ] || sleep 1; done
echo "VOLUME {device}"
mount -t {kind} -o ro /dev/{device} /mnt
cd /mnt
find . -type f -exec sha256sum {{}} \; | sed 's/^/FILE /'
find . -mindepth 1 -type d | sed 's/^/FOLDER /'
cd /
umount /mnt
mount -t {kind} /dev/{device} /mnt
cd /mnt
mkdir -p "by Linux/Nested Folder"
cp /content "by Linux/Nested Folder/Ein längerer Name.dat"
cp /content replaced
mv moved "by Linux/moved here"
rm -r plain.txt many
mkdir many
i=0
while [ $i -lt {MANY} ]; do echo $i > "many/Linux $i.txt"; i=$((i + 1)); done
cd /
umount /mnt
echo "DONE {device}"
"#
        );
    }
    script + "poweroff -f\n"
}

/// Reads the console.
fn read(log: &str) -> Result<Seen, String> {
    let mut seen = Seen::new();
    let mut device = String::new();
    for line in log.lines().map(str::trim_end) {
        let rest = |word: &str| line.strip_prefix(word).and_then(|rest| rest.strip_prefix(' '));
        let path = |path: &str| path.strip_prefix('.').unwrap_or(path).to_owned();
        if let Some(name) = rest("VOLUME") {
            name.clone_into(&mut device);
        } else if let Some((digest, file)) = rest("FILE").and_then(|rest| rest.split_once("  ")) {
            seen.entry(device.clone()).or_default().0.insert(path(file), digest.to_owned());
        } else if let Some(folder) = rest("FOLDER") {
            seen.entry(device.clone()).or_default().1.insert(path(folder));
        } else if let Some(done) = rest("DONE") {
            if done != device {
                return Err(format!("expected the end of {device}, found that of {done}"));
            }
            device.clear();
        }
    }
    if device.is_empty() { Ok(seen) } else { Err(format!("the machine stopped in {device}")) }
}

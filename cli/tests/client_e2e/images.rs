//! Three releases of a small root file system, and the Artifacts of them.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest as _, Sha256};

use crate::rig::run;

/// The folder with everything that is made once for all tests of this file.
pub(crate) struct Release {
    pub(crate) image: PathBuf,
    pub(crate) artifact: PathBuf,
}

pub(crate) struct Releases {
    _folder: tempfile::TempDir,
    /// What the device is flashed with; no Artifact of it was ever installed.
    pub(crate) factory: PathBuf,
    pub(crate) v1: Release,
    pub(crate) v2: Release,
    pub(crate) v3: Release,
    /// From v1 to v2, in the native format.
    pub(crate) delta: PathBuf,
    /// The same by the xdelta3 algorithm, made by this project.
    pub(crate) delta_vcdiff: PathBuf,
    /// The same, made by xdelta3 itself; None where it is not installed.
    pub(crate) delta_xdelta3: Option<PathBuf>,
    /// From v2 to v3, in the native format.
    pub(crate) next_delta: PathBuf,
    /// The same by the xdelta3 algorithm.
    pub(crate) next_delta_vcdiff: PathBuf,
    pub(crate) image_bytes: u64,
}

impl Releases {
    /// With or without a journal in the file systems; Mender asks for images without.
    pub(crate) fn make(journal: bool) -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let at = |name: &str| folder.path().join(name);
        let mut image_bytes = 0;
        for release in ["factory", "v1", "v2", "v3"] {
            let tree = at(&format!("{release}.tree"));
            fill_tree(&tree, release)?;
            if image_bytes == 0 {
                image_bytes = (folder_bytes(&tree) * 5 / 4).next_multiple_of(1 << 20) + (4 << 20);
            }
            make_image(&tree, &at(&format!("{release}.ext4")), image_bytes, journal)?;
        }
        for release in ["v1", "v2", "v3"] {
            write_full(release, &at(&format!("{release}.ext4")), &at(&format!("{release}.mender")))?;
        }
        let delta = at("v1-v2.mender");
        write_delta(&at("v1.mender"), &at("v2.mender"), &[], &delta)?;
        let next_delta = at("v2-v3.mender");
        write_delta(&at("v2.mender"), &at("v3.mender"), &[], &next_delta)?;
        let vcdiff = ["--algorithm", "xdelta3"];
        let (delta_vcdiff, next_delta_vcdiff) = (at("v1-v2.vcdiff.mender"), at("v2-v3.vcdiff.mender"));
        write_delta(&at("v1.mender"), &at("v2.mender"), &vcdiff, &delta_vcdiff)?;
        write_delta(&at("v2.mender"), &at("v3.mender"), &vcdiff, &next_delta_vcdiff)?;
        let by_xdelta3 = at("v1-v2.xdelta3.mender");
        let delta_xdelta3 =
            write_with_xdelta3(&at("v1.ext4"), &at("v2.ext4"), "v2", &by_xdelta3)?.then_some(by_xdelta3);
        let release = |name: &str| Release {
            image: at(&format!("{name}.ext4")),
            artifact: at(&format!("{name}.mender")),
        };
        let (factory, v1, v2, v3) = (at("factory.ext4"), release("v1"), release("v2"), release("v3"));
        Ok(Self {
            _folder: folder,
            factory,
            v1,
            v2,
            v3,
            delta,
            delta_vcdiff,
            delta_xdelta3,
            next_delta,
            next_delta_vcdiff,
            image_bytes,
        })
    }
}

/// Real programs, stripped to different degrees as two releases might be, and the project's own texts.
fn fill_tree(tree: &Path, release: &str) -> Result<(), String> {
    for folder in
        ["proc", "dev", "sys", "tmp", "run", "data", "usr", "opt", "etc/mender", "var/lib/mender", "opt/doc"]
    {
        fs::create_dir_all(tree.join(folder)).unwrap();
    }
    for name in ["bin", "sbin", "lib", "lib64"] {
        symlink(format!("usr/{name}"), tree.join(name)).unwrap();
    }
    symlink("../run/lock", tree.join("var/lock")).unwrap();
    symlink("/data/mender-binary-delta.conf", tree.join("etc/mender/mender-binary-delta.conf")).unwrap();
    fs::write(tree.join("etc/mender/artifact_info"), format!("artifact_name=release-{release}\n")).unwrap();
    fs::write(tree.join("etc/fw_env.config"), "/data/u-boot.env 0x0 0x4000\n").unwrap();
    fs::write(tree.join("opt/release"), format!("{release}\n")).unwrap();
    let how = if ["v2", "v3"].contains(&release) { "--strip-debug" } else { "--strip-all" };
    let module = env!("CARGO_BIN_EXE_mender-binary-delta");
    run(Command::new("strip").args([how, "-o"]).arg(tree.join("opt/module")).arg(module))?;
    let tool = if release == "factory" { "/usr/bin/fw_printenv" } else { "/usr/bin/mount" };
    fs::copy(tool, tree.join("opt/tool")).map_err(|error| format!("{tool}: {error}"))?;
    for source in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/update_module")).unwrap() {
        let source = source.unwrap();
        if !source.file_type().unwrap().is_file() {
            continue;
        }
        let mut text = fs::read_to_string(source.path()).unwrap();
        match release {
            "v2" => text = text.replace("partition", "slot"),
            "v3" => text = text.replace("partition", "place"),
            _ => {}
        }
        fs::write(tree.join("opt/doc").join(source.file_name()), text).unwrap();
    }
    Ok(())
}

fn folder_bytes(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries
        .map(|entry| match entry.metadata().unwrap() {
            metadata if metadata.is_dir() => folder_bytes(&entry.path()),
            metadata => metadata.len(),
        })
        .sum()
}

fn make_image(tree: &Path, image: &Path, bytes: u64, journal: bool) -> Result<(), String> {
    fs::File::create(image).unwrap().set_len(bytes).unwrap();
    let journal = if journal { "has_journal" } else { "^has_journal" };
    let mut command = Command::new("mkfs.ext4");
    command.args(["-q", "-F", "-O", journal, "-E", "root_owner=0:0", "-d"]).arg(tree).arg(image);
    run(&mut command).map(drop)
}

fn write_full(release: &str, image: &Path, artifact: &Path) -> Result<(), String> {
    let name = format!("release-{release}");
    let mut command = Command::new(env!("CARGO_BIN_EXE_mender-artifact"));
    command.args(["write", "rootfs-image", "-c", "bench", "-n", &name, "--software-version", release, "-f"]);
    run(command.arg(image).arg("-o").arg(artifact)).map(drop)
}

/// A payload of the module's type that is no delta.
pub(crate) fn write_junk(junk: &Path, meta_data: &Path, artifact: &Path) -> Result<(), String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mender-artifact"));
    command
        .args(["write", "module-image", "-T", "mender-delta", "-c", "bench", "-n", "junk", "-f"])
        .arg(junk);
    run(command.arg("-m").arg(meta_data).arg("-o").arg(artifact)).map(drop)
}

fn write_delta(from: &Path, to: &Path, more: &[&str], delta: &Path) -> Result<(), String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mender-artifact"));
    command.args(["write", "delta-image"]).args(more);
    run(command.arg("--from").arg(from).arg("--to").arg(to).arg("-o").arg(delta)).map(drop)
}

/// A delta Artifact as Mender's own generator makes them. False where xdelta3 is not installed.
fn write_with_xdelta3(old: &Path, new: &Path, release: &str, artifact: &Path) -> Result<bool, String> {
    let delta = artifact.with_file_name("root.ext4.delta");
    let mut command = Command::new("xdelta3");
    command.args(["-e", "-f", "-S", "lzma", "-A", "-s"]).args([old, new, &delta]);
    if Command::new("xdelta3").arg("-V").output().is_err() {
        return Ok(false);
    }
    run(&mut command)?;
    let meta_data = artifact.with_file_name("meta-data");
    let bytes = fs::metadata(new).unwrap().len();
    let text =
        format!(r#"{{"decoder_arguments": [], "delta_algorithm": "xdelta3", "rootfs_file_size": {bytes}}}"#);
    fs::write(&meta_data, text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_mender-artifact"));
    let name = format!("release-{release}");
    command.args(["write", "module-image", "-T", "mender-binary-delta", "-c", "bench", "-n", &name]);
    command.args(["-p", &format!("rootfs-image.checksum:{}", hex_sha256(new))]);
    command.args(["-p", &format!("rootfs-image.version:{release}")]);
    command.args(["-d", &format!("rootfs-image.checksum:{}", hex_sha256(old))]);
    command.args(["--clears-provides", "rootfs-image.*", "--no-default-software-version", "-f"]).arg(&delta);
    run(command.arg("-m").arg(meta_data).arg("-o").arg(artifact))?;
    Ok(true)
}

pub(crate) fn hex_sha256(path: &Path) -> String {
    Sha256::digest(fs::read(path).unwrap()).iter().map(|byte| format!("{byte:02x}")).collect()
}

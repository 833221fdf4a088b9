//! Two releases of a small root file system, and the Artifacts of them.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

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
    /// From v1 to v2.
    pub(crate) delta: PathBuf,
    pub(crate) image_bytes: u64,
}

impl Releases {
    /// With or without a journal in the file systems; Mender asks for images without.
    pub(crate) fn make(journal: bool) -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let at = |name: &str| folder.path().join(name);
        let mut image_bytes = 0;
        for release in ["factory", "v1", "v2"] {
            let tree = at(&format!("{release}.tree"));
            fill_tree(&tree, release)?;
            if image_bytes == 0 {
                image_bytes = (folder_bytes(&tree) * 5 / 4).next_multiple_of(1 << 20) + (4 << 20);
            }
            make_image(&tree, &at(&format!("{release}.ext4")), image_bytes, journal)?;
        }
        for release in ["v1", "v2"] {
            write_full(release, &at(&format!("{release}.ext4")), &at(&format!("{release}.mender")))?;
        }
        let delta = at("v1-v2.mender");
        write_delta(&at("v1.mender"), &at("v2.mender"), &delta)?;
        let release = |name: &str| Release {
            image: at(&format!("{name}.ext4")),
            artifact: at(&format!("{name}.mender")),
        };
        let (factory, v1, v2) = (at("factory.ext4"), release("v1"), release("v2"));
        Ok(Self { _folder: folder, factory, v1, v2, delta, image_bytes })
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
    let how = if release == "v2" { "--strip-debug" } else { "--strip-all" };
    let module = env!("CARGO_BIN_EXE_mender-binary-delta");
    run(Command::new("strip").args([how, "-o"]).arg(tree.join("opt/module")).arg(module))?;
    let tool = if release == "factory" { "/usr/bin/fw_printenv" } else { "/usr/bin/mount" };
    fs::copy(tool, tree.join("opt/tool")).map_err(|error| format!("{tool}: {error}"))?;
    for source in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/update_module")).unwrap() {
        let source = source.unwrap();
        let mut text = fs::read_to_string(source.path()).unwrap();
        if release == "v2" {
            text = text.replace("partition", "slot");
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

fn write_delta(from: &Path, to: &Path, delta: &Path) -> Result<(), String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mender-artifact"));
    command.args(["write", "delta-image", "--from"]).arg(from).arg("--to").arg(to).arg("-o").arg(delta);
    run(&mut command).map(drop)
}

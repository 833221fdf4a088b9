//! A device's root file system, twice: two builds of this project's programs, with its documents.
//!
//! The second build has another version and another optimisation of one crate, which changes machine code all over the
//! program, as a new release does.

use super::{Trees, build, built, release_build};
use crate::failure::{Doing, Failure};
use crate::step::{find, output, program, root};
use std::fs;
use std::path::Path;

const PROGRAMS: [&str; 2] = ["mender-artifact", "mender-binary-delta"];

pub(super) fn trees(dir: &Path) -> Result<Trees, Failure> {
    let (old, new) = (dir.join("old"), dir.join("new"));
    build(release_build().env("MENDER_ARTIFACT_VERSION", "1.0.0"), PROGRAMS[0])?;
    fill(&old, "1.0.0")?;
    let changed = ["--config", "profile.release.package.mender-delta.opt-level=2"];
    let program = build(release_build().args(changed).env("MENDER_ARTIFACT_VERSION", "1.1.0"), PROGRAMS[0])?;
    fill(&new, "1.1.0")?;
    let tool = dir.join("mender-artifact");
    copy(&program, &tool)?;
    Ok(Trees { old, new, tool })
}

/// Puts the programs just built, and everything else, where a device has it.
fn fill(tree: &Path, version: &str) -> Result<(), Failure> {
    let (bin, modules) = (tree.join("usr/bin"), tree.join("usr/share/mender/modules/v3"));
    let (documents, etc) = (tree.join("usr/share/doc/mender-artifact"), tree.join("etc/mender"));
    for folder in [&bin, &modules, &documents, &etc, &tree.join("data"), &tree.join("proc")] {
        fs::create_dir_all(folder).doing(|| format!("making {}", folder.display()))?;
    }
    for (name, place) in PROGRAMS.into_iter().zip([&bin, &modules]) {
        let installed = place.join(name);
        copy(&built(name), &installed)?;
        if find("strip").is_some() {
            output(program("strip").arg(&installed))?;
        }
    }
    for folder in [root(), root().join("docs")] {
        let entries = fs::read_dir(&folder).doing(|| format!("listing {}", folder.display()))?;
        for entry in entries {
            let path = entry.doing(|| format!("listing {}", folder.display()))?.path();
            if let (Some(name), Some("md")) = (path.file_name(), path.extension().and_then(|e| e.to_str())) {
                copy(&path, &documents.join(name))?;
            }
        }
    }
    copy(&root().join("LICENSE"), &documents.join("copyright"))?;
    // What a release does to the changelog.
    let changelog = documents.join("CHANGELOG.md");
    let text = fs::read_to_string(&changelog).doing(|| changelog.display().to_string())?;
    write(&changelog, &text.replace("[Unreleased]", &format!("[{version}]")))?;
    write(&tree.join("etc/os-release"), &format!("NAME=demo\nVERSION_ID={version}\n"))?;
    write(&etc.join("artifact_info"), &format!("artifact_name=release-{version}\n"))
}

fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    fs::copy(from, to).map(drop).doing(|| format!("copying {} to {}", from.display(), to.display()))
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    fs::write(path, text).doing(|| format!("writing {}", path.display()))
}

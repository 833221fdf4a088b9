//! A device's root file system, twice, out of Debian's packages: this machine's release, and the same with its security
//! and stable updates. Nothing of the machine's own apt is touched.

use super::{Trees, build, release_build, text};
use crate::failure::{Doing, Failure};
use crate::step::{find, output, program, target_dir};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the device runs, besides what these need.
const PACKAGES: [&str; 9] = [
    "base-files",
    "bash",
    "coreutils",
    "ca-certificates",
    "curl",
    "openssl",
    "openssh-client",
    "python3-minimal",
    "util-linux",
];
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
/// What an embedded build leaves out.
const LEFT_OUT: [&str; 5] =
    ["usr/share/doc", "usr/share/man", "usr/share/info", "usr/share/locale", "usr/share/lintian"];

pub(super) fn trees(dir: &Path) -> Result<Trees, Failure> {
    for needed in ["apt-get", "dpkg-deb", "tar"] {
        if find(needed).is_none() {
            return Err(Failure::new(format!("{needed} is not installed; --debian needs a Debian system")));
        }
    }
    let tool = build(&mut release_build(), "mender-artifact")?;
    let release = release_name()?;
    let mirrors = mirrors()?;
    let mirror =
        mirrors.get(&release).ok_or_else(|| Failure::new(format!("apt has no source for {release}")))?;
    let mut sources = vec![(release.clone(), mirror.clone())];
    let old = Apt::new("old", &sources)?.tree(&dir.join("old"))?;
    for suite in [format!("{release}-updates"), format!("{release}-security")] {
        match mirrors.get(&suite) {
            Some(mirror) => sources.push((suite, mirror.clone())),
            None => println!("skipped: {suite} (apt has no source for it)"),
        }
    }
    let new = Apt::new("new", &sources)?.tree(&dir.join("new"))?;
    Ok(Trees { old, new, tool })
}

fn release_name() -> Result<String, Failure> {
    let text = fs::read_to_string("/etc/os-release").doing(|| "/etc/os-release".into())?;
    text.lines()
        .find_map(|line| line.strip_prefix("VERSION_CODENAME="))
        .map(|name| name.trim_matches('"').to_owned())
        .ok_or_else(|| Failure::new("/etc/os-release: expected VERSION_CODENAME, found none"))
}

/// The suites that this machine's apt knows, and where each comes from.
fn mirrors() -> Result<BTreeMap<String, String>, Failure> {
    let format = "$(SITE)/$(RELEASE) $(CODENAME) $(REPO_URI)";
    let listed =
        output(program("apt-get").args(["indextargets", "--format", format, "Created-By: Packages"]))?;
    let mut mirrors = BTreeMap::new();
    for line in listed.lines() {
        if let [_, suite, mirror] = line.split(' ').collect::<Vec<_>>()[..] {
            mirrors.insert(suite.to_owned(), mirror.to_owned());
        }
    }
    if mirrors.is_empty() {
        return Err(Failure::new("apt lists no sources; apt-get update may not have run yet"));
    }
    Ok(mirrors)
}

/// An apt of its own: nothing installed, no other sources.
struct Apt {
    state: PathBuf,
    architecture: String,
}

impl Apt {
    fn new(side: &str, sources: &[(String, String)]) -> Result<Self, Failure> {
        let state = target_dir().join("xtask").join("apt").join(side);
        for folder in ["lists/partial", "cache/archives/partial", "nothing/partial", "log"] {
            let folder = state.join(folder);
            fs::create_dir_all(&folder).doing(|| format!("making {}", folder.display()))?;
        }
        let architecture = output(program("dpkg").arg("--print-architecture"))?.trim().to_owned();
        let list: String = sources
            .iter()
            .map(|(suite, mirror)| {
                format!("deb [arch={architecture} signed-by={KEYRING}] {mirror} {suite} main\n")
            })
            .collect();
        for (name, contents) in [("sources.list", list.as_str()), ("status", "")] {
            let file = state.join(name);
            fs::write(&file, contents).doing(|| format!("writing {}", file.display()))?;
        }
        let apt = Self { state, architecture };
        println!("\n▶ apt-get update ({side})");
        output(apt.get().args(["update", "-qq"]))?;
        Ok(apt)
    }

    fn get(&self) -> Command {
        let mut command = program("apt-get");
        let state = self.state.display();
        for setting in [
            format!("Dir::Etc::SourceList={state}/sources.list"),
            "Dir::Etc::SourceParts=/dev/null".into(),
            "Dir::Etc::Preferences=/dev/null".into(),
            "Dir::Etc::PreferencesParts=/dev/null".into(),
            format!("Dir::State={state}"),
            format!("Dir::State::status={state}/status"),
            format!("Dir::Cache={state}/cache"),
            format!("Dir::Log={state}/log"),
            format!("APT::Architecture={}", self.architecture),
            format!("APT::Architectures={}", self.architecture),
            "APT::Install-Recommends=false".into(),
            "APT::Sandbox::User=".into(),
            "Acquire::Languages=none".into(),
            "Debug::NoLocking=true".into(),
        ] {
            command.args(["-o", &setting]);
        }
        command
    }

    /// The files of the packages and of what they need. An earlier run may have left other versions beside them, so apt
    /// is asked, with an empty folder of archives, for which it lists all.
    fn package_files(&self) -> Result<Vec<PathBuf>, Failure> {
        let nothing = format!("Dir::Cache::archives={}/nothing", self.state.display());
        let listed =
            output(self.get().args(["-o", &nothing, "install", "-y", "-qq", "--print-uris"]).args(PACKAGES))?;
        // 'URI' FILE SIZE HASH
        let mut files: Vec<PathBuf> = listed
            .lines()
            .filter(|line| line.starts_with('\''))
            .filter_map(|line| line.split(' ').nth(1))
            .map(|name| self.state.join("cache/archives").join(name))
            .collect();
        files.sort();
        Ok(files)
    }

    /// Downloads the packages and what they need, and unpacks them.
    fn tree(&self, tree: &Path) -> Result<PathBuf, Failure> {
        println!("▶ apt-get install --download-only {}", PACKAGES.join(" "));
        output(self.get().args(["install", "-y", "-qq", "--download-only"]).args(PACKAGES))?;
        let packages = self.package_files()?;
        println!("▶ dpkg-deb --fsys-tarfile, {} packages", packages.len());
        for folder in ["usr/bin", "usr/sbin", "usr/lib", "usr/lib64", "proc", "data"] {
            let folder = tree.join(folder);
            fs::create_dir_all(&folder).doing(|| format!("making {}", folder.display()))?;
        }
        merge_usr(tree)?;
        for package in &packages {
            // The packages' folders must not replace the links.
            let script =
                "dpkg-deb --fsys-tarfile \"$1\" | tar -x -C \"$2\" --keep-directory-symlink --no-same-owner";
            output(program("sh").args(["-c", script, "unpack", text(package)?, text(tree)?]))?;
        }
        for folder in LEFT_OUT {
            let folder = tree.join(folder);
            if folder.exists() {
                fs::remove_dir_all(&folder).doing(|| format!("removing {}", folder.display()))?;
            }
        }
        Ok(tree.to_path_buf())
    }
}

#[cfg(unix)]
fn merge_usr(tree: &Path) -> Result<(), Failure> {
    for name in ["bin", "sbin", "lib", "lib64"] {
        std::os::unix::fs::symlink(format!("usr/{name}"), tree.join(name))
            .doing(|| format!("linking {name}"))?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn merge_usr(_tree: &Path) -> Result<(), Failure> {
    Err(Failure::new("--debian needs a Unix system"))
}

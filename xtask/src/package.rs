//! `cargo xtask package`: what a release publishes, in `target/package/`: an archive of the command with its manual pages and
//! completions, one of the Update Module, Debian packages where cargo-deb is installed, and their digests.
//!
//! The same sources give the same archives: names are sorted, times are zero, owners are root.

use crate::failure::{Doing, Failure};
use crate::step::{cargo, find, output, program, root, run, target_dir};
use std::fs;
use std::path::{Path, PathBuf};

const VERSION: &str = env!("CARGO_PKG_VERSION");
const COMMAND: &str = "mender-artifact";
const MODULE: &str = "mender-binary-delta";
/// Shells, and where the system looks for their completions.
const COMPLETIONS: [(&str, &str); 3] = [
    ("bash", "share/bash-completion/completions/mender-artifact"),
    ("zsh", "share/zsh/site-functions/_mender-artifact"),
    ("fish", "share/fish/vendor_completions.d/mender-artifact.fish"),
];

/// `package [--no-build]`: builds what is packed, or takes what is there.
pub(crate) fn run_package(arguments: &[&str]) -> Result<(), Failure> {
    let builds = match arguments {
        [] => true,
        ["--no-build"] => false,
        _ => return Err(Failure::new("usage: package [--no-build]")),
    };
    let folder = root().join("target/package");
    if folder.exists() {
        fs::remove_dir_all(&folder).doing(|| format!("emptying {}", folder.display()))?;
    }
    let target = host()?;
    let command = build_command(builds)?;
    let module = build_module(&target, builds)?;

    let whole = folder.join(COMMAND);
    put(&command, &whole.join("bin").join(COMMAND))?;
    let man = whole.join("share/man/man1");
    run(program(&command).args(["man", "--output-dir"]).arg(&man))?;
    for (shell, place) in COMPLETIONS {
        let script = output(program(&command).args(["completions", shell]))?;
        write(&whole.join(place), &script)?;
    }
    for name in ["LICENSE", "README.md", "CHANGELOG.md"] {
        put(&root().join(name), &whole.join("share/doc").join(COMMAND).join(name))?;
    }
    let small = folder.join(MODULE);
    put(&module, &small.join("lib/mender").join(MODULE))?;
    put(&root().join("LICENSE"), &small.join("share/doc").join(MODULE).join("LICENSE"))?;
    put(&root().join("docs/on-device.md"), &small.join("share/doc").join(MODULE).join("on-device.md"))?;

    let mut made = vec![archive(&folder, COMMAND, &target)?, archive(&folder, MODULE, &target)?];
    made.extend(debian(&folder, builds)?);
    let sums = output(program("sha256sum").args(&made).current_dir(&folder))?;
    write(&folder.join("SHA256SUMS"), &sums)?;
    print!("\n{sums}");
    Ok(())
}

/// The target that the compiler makes programs for.
fn host() -> Result<String, Failure> {
    let about = output(program("rustc").arg("-vV"))?;
    let host = about.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| Failure::new("rustc does not say what it makes programs for"))
}

/// The command needs the system's C library: keys in devices are modules that it loads.
fn build_command(builds: bool) -> Result<PathBuf, Failure> {
    if builds {
        run(cargo().args(["build", "--release", "-p", "mender-artifact-cli", "--bin", COMMAND]))?;
    }
    Ok(target_dir().join("release").join(COMMAND))
}

/// The Update Module needs nothing but the kernel.
fn build_module(target: &str, builds: bool) -> Result<PathBuf, Failure> {
    let mut build = cargo();
    build.args(["build", "--release", "-p", "mender-artifact-cli", "--no-default-features", "--bin", MODULE]);
    build.args(["--target", target]).env("RUSTFLAGS", "-C target-feature=+crt-static");
    if builds {
        run(&mut build)?;
    }
    Ok(target_dir().join(target).join("release").join(MODULE))
}

fn put(from: &Path, to: &Path) -> Result<(), Failure> {
    make_folder_of(to)?;
    fs::copy(from, to).map(drop).doing(|| format!("copying {}", from.display()))
}

fn write(to: &Path, text: &str) -> Result<(), Failure> {
    make_folder_of(to)?;
    fs::write(to, text).doing(|| format!("writing {}", to.display()))
}

fn make_folder_of(path: &Path) -> Result<(), Failure> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).doing(|| format!("making {}", folder.display()))
}

/// Packs `folder/name`; gives the name of the archive in `folder`.
fn archive(folder: &Path, name: &str, target: &str) -> Result<String, Failure> {
    let archive = format!("{name}-{VERSION}-{target}.tar.gz");
    let mut tar = program("tar");
    tar.args(["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", "--format=ustar"]);
    tar.args(["--mode=u=rwX,go=rX", "--use-compress-program=gzip -9n", "-cf", &archive, name]);
    run(tar.current_dir(folder))?;
    Ok(archive)
}

/// Packages for Debian of what has been built; gives their names in `folder`.
fn debian(folder: &Path, builds: bool) -> Result<Vec<String>, Failure> {
    if find("cargo-deb").is_none() {
        println!("\nno Debian packages: cargo-deb is not installed (cargo install cargo-deb)");
        return Ok(Vec::new());
    }
    let deb = |more: &[&str]| {
        let mut command = cargo();
        command.args(["deb", "-p", "mender-artifact-cli", "-o"]).arg(folder).args(more);
        run(&mut command)
    };
    deb(&["--no-build"])?;
    // Without what only the command needs it is another program.
    deb(if builds { &["--variant", "module"] } else { &["--variant", "module", "--no-build"] })?;
    let names = fs::read_dir(folder).doing(|| folder.display().to_string())?;
    let mut names: Vec<String> = names
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| Path::new(name).extension().is_some_and(|extension| extension == "deb"))
        .collect();
    names.sort();
    Ok(names)
}

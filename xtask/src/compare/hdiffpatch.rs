//! HDiffPatch's two programs, built from the sources that the PyPI package `hdiffpatch` carries. (Its Python interface
//! reads whole files into memory and has no `-SD`, so the programs are what can be compared fairly.)

use super::tool::Programs;
use crate::failure::{Doing, Failure};
use crate::step::{find, output, program, target_dir};
use std::path::{Path, PathBuf};

pub(super) const VERSION: &str = "2.6.0";

/// The programs; built once and kept below the target folder. The reason where they cannot be had.
pub(super) fn build() -> Result<Programs, String> {
    let dir = target_dir().join("xtask").join(format!("hdiffpatch-{VERSION}"));
    let programs = Programs { generate: dir.join("hdiffz"), apply: dir.join("hpatchz") };
    if !(programs.generate.is_file() && programs.apply.is_file()) {
        fetch_and_make(&dir).map_err(|failure| format!("hdiffpatch cannot be built: {failure}"))?;
    }
    Ok(programs)
}

fn fetch_and_make(dir: &Path) -> Result<(), Failure> {
    for needed in ["python3", "make", "g++", "tar"] {
        if find(needed).is_none() {
            return Err(Failure::new(format!("{needed} is not installed")));
        }
    }
    std::fs::create_dir_all(dir).doing(|| dir.display().to_string())?;
    let package = format!("hdiffpatch=={VERSION}");
    output(
        program("python3")
            .args(["-m", "pip", "download", "-q", "--no-deps", "--no-binary", "hdiffpatch", &package, "-d"])
            .arg(dir),
    )?;
    let archive = dir.join(format!("hdiffpatch-{VERSION}.tar.gz"));
    output(program("tar").arg("-xzf").arg(&archive).arg("-C").arg(dir))?;
    let sources: PathBuf = dir.join(format!("hdiffpatch-{VERSION}/hdiffpatch/_c_src/HDiffPatch"));
    let without = ["DIR_DIFF", "XXH", "MD5", "ZSTD", "BSD", "BZIP2", "LDEF", "ZLIB", "VCD"];
    output(
        program("make")
            .arg("-j2")
            .arg("-C")
            .arg(&sources)
            .args(without.map(|feature| format!("{feature}=0")))
            .args(["hdiffz", "hpatchz"]),
    )?;
    for name in ["hdiffz", "hpatchz"] {
        std::fs::copy(sources.join(name), dir.join(name)).doing(|| format!("keeping {name}"))?;
    }
    Ok(())
}

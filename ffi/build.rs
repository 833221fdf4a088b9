//! Gives the shared library its SONAME, which is raised with every incompatible change, and its symbols that name as
//! their version.

use std::env;
use std::process::Command;

const SONAME: &str = "libmender_artifact.so.0";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=RUSTC_LINKER");
    if !env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux") {
        return;
    }
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,{SONAME}");
    // A library below has functions for C of its own, which are nobody's business here. (Ours are in no archive.)
    println!("cargo:rustc-cdylib-link-arg=-Wl,--exclude-libs,ALL");
    // The compiler brings a version script of its own, which shows mar_* and hides the rest, and no linker takes a second
    // one beside it. GNU ld can give what is shown a default version; others cannot, and link without.
    if has_gnu_ld() {
        println!("cargo:rustc-cdylib-link-arg=-fuse-ld=bfd");
        println!("cargo:rustc-cdylib-link-arg=-Wl,--default-symver");
    }
}

/// Whether the compiler that links finds GNU ld.
fn has_gnu_ld() -> bool {
    let is_native = env::var("HOST").ok() == env::var("TARGET").ok();
    let linker = env::var("RUSTC_LINKER").ok().or_else(|| is_native.then(|| "cc".to_owned()));
    linker.is_some_and(|linker| {
        let asked = Command::new(linker).args(["-fuse-ld=bfd", "-Wl,--version"]).output();
        asked.is_ok_and(|answer| answer.status.success() && answer.stdout.starts_with(b"GNU ld"))
    })
}

//! The version stands in files that cargo does not look after: all of them are compared with the crate's, and the pkg-config
//! file of the Debian package with the one that it comes from.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

const VERSION: &str = env!("CARGO_PKG_VERSION");

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn text(path: &str) -> String {
    fs::read_to_string(project().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn it_is_the_same_everywhere() {
    let crates = ["mender-artifact", "mender-image", "mender-delta"].map(|name| {
        let path = name.trim_start_matches("mender-");
        let path = if path == "artifact" { name } else { path };
        ("Cargo.toml", format!("{name} = {{ path = \"{path}\", version = \"{VERSION}\""), 1)
    });
    let others = [
        ("fuzz/Cargo.toml", format!(", version = \"{VERSION}\" }}"), 2),
        ("ffi/Cargo.toml", format!("\"usr/lib/libmender_artifact.so.{VERSION}\""), 1),
        ("ffi/Cargo.toml", format!("depends = \"libmender-artifact0 (= {VERSION}-1)\""), 1),
        ("packaging/debian/mender_artifact.pc", format!("\nVersion: {VERSION}\n"), 1),
        (
            "packaging/buildroot/mender-artifact-rs/mender-artifact-rs.mk",
            format!("\nMENDER_ARTIFACT_RS_VERSION = {VERSION}\n"),
            1,
        ),
        (
            "packaging/buildroot/mender-binary-delta-rs/mender-binary-delta-rs.mk",
            format!("\nMENDER_BINARY_DELTA_RS_VERSION = {VERSION}\n"),
            1,
        ),
        (
            "packaging/buildroot/mender-artifact-rs/Config.in.host",
            format!("mender-artifact-rs-{VERSION}.tar.gz"),
            1,
        ),
        (
            "packaging/buildroot/mender-binary-delta-rs/Config.in",
            format!("mender-artifact-rs-{VERSION}.tar.gz"),
            1,
        ),
    ];
    for (path, expected, times) in crates.iter().chain(&others) {
        let found = text(path).matches(expected.as_str()).count();
        assert_eq!(found, *times, "{path}: expected {expected:?}");
    }
    let newest = format!("mender-artifact-rs ({VERSION}-1) ");
    assert!(text("packaging/debian/changelog").starts_with(&newest), "packaging/debian/changelog: {newest}");
    let link = project().join("packaging/debian/libmender_artifact.so.0");
    let target = fs::read_link(&link).unwrap();
    assert_eq!(target, Path::new(&format!("libmender_artifact.so.{VERSION}")), "{}", link.display());
    let recipes = project().join("packaging/yocto/recipes-mender/mender-artifact-rs");
    for name in ["mender-artifact-rs", "mender-binary-delta-rs"] {
        let recipe = recipes.join(format!("{name}_{VERSION}.bb"));
        assert!(recipe.exists(), "expected {}", recipe.display());
    }
}

#[test]
fn the_pkg_config_file_of_the_package_is_the_template_filled_in() {
    let filled = text("ffi/mender_artifact.pc.in").replace("@prefix@", "/usr").replace("@version@", VERSION);
    assert_eq!(text("packaging/debian/mender_artifact.pc"), filled);
}

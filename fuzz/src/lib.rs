//! Fuzz targets: each takes any bytes and panics if something does not hold that must.
//!
//! libFuzzer drives them through the programs in `fuzz_targets/` (`cargo xtask fuzz`); `cargo test` replays what is in
//! `regressions/` and the seeds that [`seeds`] makes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a target fails by panicking, as a test does"
)]

mod drawn;
mod images;
#[path = "../../mender-artifact/tests/parts/mod.rs"]
mod parts;
mod reading;
pub mod seeds;
mod sparse;
mod tar_checksums;

pub mod artifact;
pub mod artifact_round_trip;
pub mod bsdiff;
pub mod c_api;
pub mod codec;
pub mod delta_round_trip;
pub mod device_api;
pub mod header;
pub mod image;
pub mod json;
pub mod key;
pub mod manifest;
pub mod native;
pub mod signature;
pub mod structure;
pub mod tar;
pub mod vcdiff;

/// What can be fuzzed.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name: of the program, of the folders with seeds and regressions.
    pub name: &'static str,
    /// What it does with bytes.
    pub run: fn(&[u8]),
}

/// All targets.
pub const TARGETS: &[Target] = &[
    Target { name: "artifact", run: artifact::run },
    Target { name: "artifact_round_trip", run: artifact_round_trip::run },
    Target { name: "bsdiff", run: bsdiff::run },
    Target { name: "c_api", run: c_api::run },
    Target { name: "codec", run: codec::run },
    Target { name: "delta_round_trip", run: delta_round_trip::run },
    Target { name: "device_api", run: device_api::run },
    Target { name: "erofs", run: image::run_erofs },
    Target { name: "ext4", run: image::run_ext4 },
    Target { name: "fat", run: image::run_fat },
    Target { name: "header", run: header::run },
    Target { name: "json", run: json::run },
    Target { name: "key", run: key::run },
    Target { name: "manifest", run: manifest::run },
    Target { name: "native", run: native::run },
    Target { name: "partition", run: image::run_partition },
    Target { name: "signature", run: signature::run },
    Target { name: "squashfs", run: image::run_squashfs },
    Target { name: "structure", run: structure::run },
    Target { name: "tar", run: tar::run },
    Target { name: "vcdiff", run: vcdiff::run },
];

//! The C API for device firmware: `include/mender_device.h` is its documentation.
//!
//! Without operating system and without allocation: everything lies in memory that the caller gives. Thin skins over
//! the reader of `mender-artifact` and the appliers of `mender-delta`, so that what is tested on computers is what runs
//! on devices.
#![no_std]
#![cfg_attr(
    not(all(feature = "gzip", feature = "native", feature = "vcdiff")),
    allow(dead_code, unused_imports, unused_variables, reason = "what only a left out feature uses")
)]

#[cfg(test)]
extern crate std;

pub mod apply;
mod applying;
mod arena;
mod base;
mod checkpoint;
pub mod code;
pub mod config;
mod course;
mod crc32;
mod engine;
mod events;
mod fault;
mod from_c;
#[cfg(feature = "gzip")]
mod gzip;
#[cfg(feature = "gzip")]
mod inflate;
pub mod install;
mod installing;
mod limits;
#[cfg(panic = "abort")]
mod panic;
pub mod reader;
mod reading;
mod sha256;
mod target;
mod text;
mod unpack;
pub mod version;

#[cfg(test)]
mod header_file;

//! Runs the built command on images with file systems and partitions, plain and in Artifacts.
// All of it is test code, which may stop at whatever is not as it should be.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]
#![cfg(unix)]

mod artifacts;
mod at_once;
mod configuration;
mod disks;
mod failures;
mod file_systems;
mod hostile;
mod inspection;
mod links;
mod made_image;
mod modifying;
mod mtls;
mod reference;
mod signals;
#[path = "../command/workplace.rs"]
mod workplace;

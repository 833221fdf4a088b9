//! Runs the built command with keys in devices, in services and in encrypted files.
// All of it is test code, which may stop at whatever is not as it should be.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod key_files;
mod pkcs11;
mod services;
#[allow(dead_code, reason = "of what it has, these tests need a part")]
#[path = "../command/workplace.rs"]
mod workplace;

//! Signing with keys in files, and with devices and services that hold them.
// All of it is test code, which may stop at whatever is not as it should be.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]
#![cfg(feature = "std")]

mod key_files;
mod openssl;

//! Signing with keys in files, and with devices and services that hold them.
// All of it is test code, which may stop at whatever is not as it should be.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]
#![cfg(feature = "std")]

#[cfg(feature = "remote-signing")]
mod aws;
#[cfg(feature = "remote-signing")]
mod azure;
#[cfg(feature = "remote-signing")]
mod gcp;
mod key_files;
mod openssl;
#[cfg(feature = "pkcs11")]
mod pkcs11;
#[cfg(feature = "remote-signing")]
mod signserver;
#[cfg(feature = "remote-signing")]
mod stand_in;
#[cfg(feature = "remote-signing")]
mod trouble;
#[cfg(feature = "remote-signing")]
mod vault;

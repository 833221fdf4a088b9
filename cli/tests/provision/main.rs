//! Runs the built command where it makes keys, certificates and images, beside openssl.
// All of it is test code, which may stop at whatever is not as it should be.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod bulk;
mod certificates;
mod disk;
mod documented;
mod ended;
mod handshake;
mod nginx;
mod openssl;
mod revoke;
#[allow(dead_code, reason = "of what it has, these tests need a part")]
#[path = "../command/workplace.rs"]
mod workplace;

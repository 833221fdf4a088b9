//! The reading half.

pub mod verify;

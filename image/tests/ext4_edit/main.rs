//! Images made by e2fsprogs, changed by the editor, and checked with e2fsck, debugfs, the reader and the kernel.

#![cfg(unix)]

#[cfg(test)]
mod attributes;
#[cfg(test)]
mod hashed;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod image;
#[cfg(test)]
mod kernel;
#[cfg(test)]
mod random;
#[cfg(test)]
mod refused;
#[cfg(test)]
mod room;
#[cfg(test)]
mod variants;

//! The C API for programs on a computer: `include/mender_artifact.h` is its documentation, this is its inside.
//!
//! Rules of every function that C can call:
//!
//! * It runs inside of [`guard::guard`], so that no panic crosses the border.
//! * Pointers become slices, paths and references in [`from_c`] and [`handle`] and nowhere else; what is not allowed
//!   to be NULL is refused with `MAR_E_ARG`.
//! * Numbers that C sees are in the table of [`error_code`] and never change their meaning.
//! * Outputs are written only on success, the detail only on failure.

pub mod apply;
pub mod artifact;
#[cfg(feature = "fleet")]
pub mod buffer;
pub mod check;
pub mod detail;
pub mod error_code;
mod failure;
#[cfg(feature = "fleet")]
pub mod fleet;
mod from_c;
#[cfg(feature = "generate")]
pub mod generate;
mod guard;
mod handle;
mod json;
mod owned_reader;
pub mod sign;
pub mod version;
pub mod work;
pub mod writer;

#[cfg(test)]
mod header_file;
#[cfg(test)]
mod sample;

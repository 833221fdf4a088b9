//! Runs the built command as a person or a script does: arguments in, bytes, text and exit status out.
// All of it is test code, which may stop at whatever is not as it should be.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod augmented;
mod bad_input;
mod command_line;
mod delta;
mod delta_image;
mod json;
#[cfg(unix)]
mod memory;
mod outputs;
mod read_text;
mod reference_tool;
mod signatures;
#[cfg(unix)]
mod snapshot;
mod streams;
mod unfinished;
mod version_2;
mod workplace;
mod write_flags;

//! JSON without an allocator: a strict check of a whole document, then cheap walks through it.
//!
//! Parsers differ in what they make of doubtful JSON, and a device may use another parser than the
//! server that approved an Artifact. So a document is refused when it has duplicate keys, anything
//! behind the value, text that is not UTF-8, lone surrogates, or numbers that do not fit a double.

pub mod check;
pub mod text;
pub mod value;

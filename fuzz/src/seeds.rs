//! Where the fuzzer begins: something sound for each target.

mod artifacts;
mod deltas;
mod images;

/// Bytes that a target begins with.
#[derive(Clone, Debug)]
pub struct Seed {
    /// The target.
    pub target: &'static str,
    /// The name of the file.
    pub name: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// All seeds. Those that take a program that is not there are missing.
#[must_use]
pub fn all() -> Vec<Seed> {
    [artifacts::seeds(), deltas::seeds(), images::seeds()].concat()
}

fn seed(target: &'static str, name: impl Into<String>, parts: &[&[u8]]) -> Seed {
    Seed { target, name: name.into(), bytes: parts.concat() }
}

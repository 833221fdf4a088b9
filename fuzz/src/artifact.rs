//! Any bytes at all as an Artifact.

use crate::drawn::Drawn;
use crate::reading::read;
use crate::tar_checksums::seal_all;

/// First byte: whether the checksums of tar headers are set right first; second: how the rest is cut; then the Artifact.
pub fn run(data: &[u8]) {
    let mut drawn = Drawn::new(data);
    let (sealed, seed) = (drawn.flag(), drawn.byte());
    let mut bytes = drawn.rest().to_vec();
    if sealed {
        seal_all(&mut bytes);
    }
    read(&bytes, seed);
}

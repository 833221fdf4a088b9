//! Any bytes as the manifest of an Artifact that is right otherwise.

use crate::drawn::Drawn;
use crate::parts::{sound, tar};
use crate::reading::read;
use mender_artifact::manifest::Lines;

/// First byte: how the Artifact is cut; then the manifest.
pub fn run(data: &[u8]) {
    let mut drawn = Drawn::new(data);
    let (seed, manifest) = (drawn.byte(), drawn.rest());
    let mut members = sound().members();
    let right = std::mem::replace(&mut members[1].1, manifest.to_vec());
    let lines: Vec<_> = Lines::new(manifest).collect();
    if read(&tar(&members), seed).is_some() {
        // Only the right lines will do, in whatever order.
        assert_eq!(lines.len(), manifest.iter().filter(|byte| **byte == b'\n').count());
        let sorted = |text: &[u8]| {
            let mut lines: Vec<Vec<u8>> = text.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
            lines.sort_unstable();
            lines
        };
        assert_eq!(sorted(manifest), sorted(&right));
    }
}

//! Two images from the fuzzer, a delta between them in each format, applied: the new image comes back.

use crate::drawn::{Drawn, pieces};
use crate::images::{Bounded, Checked};
use mender_delta::algorithm::{Algorithm, generate};
use mender_delta::apply::file::ApplyOptions;
use mender_delta::apply::vcdiff::inspect::inspect;
use mender_delta::apply::{Applier, Header, bsdiff, vcdiff};
use mender_delta::format::native::level::Level;
use mender_delta::format::native::writer::Layout;
use mender_delta::format::vcdiff::writer::VcdiffOptions;
use mender_delta::options::GenerateOptions;
use std::io::Cursor;

/// Longest image.
const LEN_MAX: usize = 1 << 16;

/// First byte: the format and its options; second: how the delta is cut; then what the images are made of.
pub fn run(data: &[u8]) {
    let mut drawn = Drawn::new(data);
    let (how, seed) = (drawn.byte(), drawn.byte());
    let old_len = drawn.number();
    let old = drawn.bytes(old_len).to_vec();
    let new = made_of(&old, drawn);
    let vcdiff = VcdiffOptions {
        pack: how & 4 != 0,
        window: if how & 8 != 0 { 1 << 12 } else { 1 << 14 },
        ..VcdiffOptions::default()
    };
    let algorithm = match how & 3 {
        0 => Algorithm::Native,
        1 | 2 => Algorithm::Xdelta3(vcdiff),
        _ => Algorithm::Bsdiff,
    };
    let layout =
        if how & 16 == 0 { Layout::quick_to_apply() } else { Layout::within(Level::Fast, 1 << 20).unwrap() };
    let options = GenerateOptions { threads: 1, layout, ..GenerateOptions::default() };
    let mut out = Cursor::new(Vec::new());
    let made = generate(&old, &new, &options, &algorithm, &mut out).expect("a delta");
    let delta = out.into_inner();
    assert_eq!(made.delta_len, delta.len() as u64);
    let mut base = Checked { old: &old, promised: old.len() as u64 };
    let mut target = Bounded::new(new.len() as u64);
    match algorithm {
        Algorithm::Native => {
            let header = Header::parse(&delta).unwrap();
            let mut arena = vec![0xa5; usize::try_from(header.memory).unwrap()];
            let mut applier = Applier::new(&header, &mut arena).unwrap();
            for piece in pieces(&delta[Header::LEN..], seed) {
                applier.push(piece, &mut base, &mut target).unwrap();
            }
            applier.finish().unwrap();
        }
        Algorithm::Xdelta3(_) => {
            let info = inspect(&mut &delta[..]).unwrap();
            let known = vcdiff::Known {
                base_size: old.len() as u64,
                target_size: Some(new.len() as u64),
                histories: info.need.histories,
            };
            let mut arena = vec![0xa5; usize::try_from(info.need.memory()).unwrap()];
            let mut applier = vcdiff::Applier::new(known, &mut arena).unwrap();
            for piece in pieces(&delta, seed) {
                applier.push(piece, &mut base, &mut target).unwrap();
            }
            applier.finish().unwrap();
        }
        Algorithm::Bsdiff => {
            let (size, options) = (old.len() as u64, ApplyOptions::default());
            bsdiff::apply_stream(&mut Cursor::new(&delta), &mut base, size, &mut target, &options).unwrap();
        }
    }
    assert!(target.bytes() == new, "another image");
}

/// Copies, changes, zeros and news, as the fuzzer says.
fn made_of(old: &[u8], mut drawn: Drawn<'_>) -> Vec<u8> {
    let mut new = Vec::new();
    while !drawn.is_empty() && new.len() < LEN_MAX {
        match drawn.byte() % 4 {
            0 => {
                let at = drawn.below(old.len() + 1);
                let len = drawn.number().min(old.len() - at);
                new.extend_from_slice(&old[at..at + len]);
            }
            1 => {
                let from = new.len();
                let at = drawn.below(old.len() + 1);
                let len = drawn.number().min(old.len() - at);
                new.extend_from_slice(&old[at..at + len]);
                let (step, change) = (drawn.below(200) + 1, drawn.byte());
                new[from..].iter_mut().step_by(step).for_each(|byte| *byte = byte.wrapping_add(change));
            }
            2 => new.resize(new.len() + drawn.number() % 5000, drawn.byte()),
            _ => {
                let len = usize::from(drawn.byte());
                new.extend_from_slice(drawn.bytes(len));
            }
        }
    }
    new
}

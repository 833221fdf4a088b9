//! The applier of VCDIFF deltas: in the memory that looking through the delta has said, pushed in pieces of all kinds,
//! inside of the base, the same result each time.

use crate::drawn::{Drawn, pieces};
use crate::images::{Bounded, Checked, OLD, image};
use mender_delta::apply::vcdiff::inspect::inspect;
use mender_delta::apply::vcdiff::{Applier, Known};
use mender_delta::error::Error;

/// Deltas that want more are refused by the device.
const MEMORY: u64 = 8 << 20;
/// Longest target that is let come.
const TARGET: u64 = 1 << 20;

/// First byte: how the delta is cut; second: whether the target can be read back, and whether its size is told; then
/// the delta.
pub fn run(data: &[u8]) {
    let mut drawn = Drawn::new(data);
    let (seed, how, delta) = (drawn.byte(), drawn.byte(), drawn.rest());
    let info = inspect(&mut &delta[..]).inspect_err(told).ok();
    let memory = info.as_ref().map_or(1 << 20, |info| info.need.memory());
    if memory > MEMORY {
        return;
    }
    let known = Known {
        base_size: image(OLD).len() as u64,
        target_size: info.as_ref().filter(|_| how & 2 != 0).map(|info| info.target_size),
        histories: info.as_ref().map_or([1 << 16; 3], |info| info.need.histories),
    };
    let whole = applied(delta, known, memory, 0, how);
    let cut = applied(delta, known, memory, seed, how);
    match (whole, cut) {
        (Ok(whole), Ok(cut)) => {
            assert!(whole == cut);
            let info = info.expect("what can be applied can be looked through");
            assert_eq!(whole.len() as u64, info.target_size);
        }
        (Err(whole), Err(cut)) => assert_eq!(whole.to_string(), cut.to_string()),
        (whole, cut) => panic!("{:?} {:?}", whole.map(|it| it.len()), cut.map(|it| it.len())),
    }
}

fn told(error: &Error) {
    crate::reading::check_message(&error.to_string());
}

fn applied(delta: &[u8], known: Known, memory: u64, seed: u8, how: u8) -> Result<Vec<u8>, Error> {
    let old = image(OLD);
    let mut arena = vec![0xa5; usize::try_from(memory).unwrap()];
    let mut applier = Applier::new(known, &mut arena)?;
    let mut base = Checked { old: &old, promised: known.base_size };
    let mut target = Bounded::new(known.target_size.unwrap_or(TARGET << 4));
    for piece in pieces(delta, seed) {
        let pushed = if how & 1 == 0 {
            applier.push(piece, &mut base, &mut target)
        } else {
            applier.push_reading_back(piece, &mut base, &mut target)
        };
        if let Err(error) = pushed {
            told(&error);
            assert!(applier.push(&[0], &mut base, &mut target).is_err() && applier.finish().is_err());
            return Err(error);
        }
        assert_eq!(applier.written(), target.len());
    }
    applier.finish()?;
    assert!(applier.needed().memory() <= memory, "more memory than was said");
    Ok(target.bytes().to_vec())
}

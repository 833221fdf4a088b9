//! The applier of native deltas. Check values are set right, so that lies get past them; the contract has to hold:
//! memory of the promise and no byte more, reads inside of the base, no byte more than the target, and success only
//! with the right image.

use crate::drawn::{Drawn, pieces};
use crate::images::{Bounded, Checked, NEW, OLD, crc32, image};
use mender_delta::apply::{Applier, Header, Status};
use mender_delta::error::Error;
use mender_delta::format::native::window::WindowHeader;

/// Deltas that want more are refused by the device.
const MEMORY: u64 = 8 << 20;

/// First byte: whether check values are set right; second: how the delta is cut; then the delta.
pub fn run(data: &[u8]) {
    let mut drawn = Drawn::new(data);
    let (sealed, seed) = (drawn.flag(), drawn.byte());
    let mut delta = drawn.rest().to_vec();
    if sealed {
        seal(&mut delta);
    }
    if let Err(error) = apply(&delta, seed) {
        crate::reading::check_message(&error.to_string());
    }
    let inspected = mender_delta::inspect::inspect(&mut &delta[..]);
    if let Err(error) = inspected {
        crate::reading::check_message(&error.to_string());
    }
}

/// Puts in the check values of the header and of all windows that lengths lead to.
fn seal(delta: &mut [u8]) {
    let Some(header) = delta.get_mut(..Header::LEN) else { return };
    let check = crc32(&header[..Header::LEN - 4]);
    header[Header::LEN - 4..].copy_from_slice(&check.to_le_bytes());
    let fold_len = u32::from_le_bytes(header[124..128].try_into().unwrap());
    let Some(mut at) = usize::try_from(fold_len).ok().map(|len| Header::LEN + len) else { return };
    while let Some(fields) = delta.get(at..).and_then(<[u8]>::first_chunk) {
        let window = WindowHeader::decode(fields);
        let body = usize::try_from(window.body_len()).ok();
        let start = at + WindowHeader::LEN;
        let Some(end) = body.and_then(|len| start.checked_add(len)).filter(|end| *end <= delta.len()) else {
            return;
        };
        let covered = [&delta[at..start - 4], &delta[start..end]].concat();
        delta[start - 4..start].copy_from_slice(&crc32(&covered).to_le_bytes());
        at = end;
    }
}

fn apply(delta: &[u8], seed: u8) -> Result<(), Error> {
    let mut header = Header::parse(delta)?;
    let needed = header.memory_needed();
    assert!(needed <= header.memory);
    if needed > MEMORY {
        return Ok(());
    }
    // The promise is what is tested: no delta gets more than it takes.
    header.memory = needed;
    let old = image(OLD);
    let mut arena = vec![0xa5; usize::try_from(needed).unwrap()];
    assert!(Applier::new(&header, &mut arena[1..]).is_err());
    let mut applier = Applier::new(&header, &mut arena)?;
    let mut base = Checked { old: &old, promised: header.base_size };
    let mut target = Bounded::new(header.target_size);
    let mut status = Status::NeedInput;
    for piece in pieces(&delta[Header::LEN..], seed) {
        match applier.push(piece, &mut base, &mut target) {
            Ok(now) => status = now,
            Err(error) => {
                assert!(applier.push(&[0], &mut base, &mut target).is_err() && applier.finish().is_err());
                return Err(error);
            }
        }
        assert_eq!(applier.written(), target.len());
    }
    applier.finish()?;
    assert!(status == Status::Done || header.target_size == 0);
    assert_eq!(target.len(), header.target_size);
    assert_eq!(target.sha256(), header.target_sha256, "success with a wrong image");
    if header.target_sha256 == crate::images::sha256(&image(NEW)) {
        assert!(target.bytes() == image(NEW));
    }
    Ok(())
}

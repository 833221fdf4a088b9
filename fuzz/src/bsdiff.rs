//! The applier of BSDIFF40 patches: any bytes, and any operations behind sound packing.

use crate::drawn::Drawn;
use crate::images::{Bounded, Checked, OLD, image};
use mender_delta::apply::bsdiff::apply_stream;
use mender_delta::apply::file::ApplyOptions;
use mender_delta::format::bsdiff::header::Header;
use std::io::{Cursor, Write as _};

/// First byte: whether the rest is a patch (even), or the streams of one.
pub fn run(data: &[u8]) {
    let mut drawn = Drawn::new(data);
    let patch = if drawn.flag() { packed_streams(drawn) } else { drawn.rest().to_vec() };
    let old = image(OLD);
    let size = old.len() as u64;
    let promised = Header::parse(&patch).map_or(0, |header| header.target_size);
    let mut target = Bounded::new(promised);
    let mut base = Checked { old: &old, promised: size };
    let options = ApplyOptions::default();
    match apply_stream(&mut Cursor::new(&patch), &mut base, size, &mut target, &options) {
        Ok(applied) => {
            assert_eq!(target.len(), applied.header.target_size);
            assert_eq!(target.sha256(), applied.target_sha256);
        }
        Err(error) => crate::reading::check_message(&error.to_string()),
    }
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut out = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

fn packed_streams(mut drawn: Drawn<'_>) -> Vec<u8> {
    let target_size = drawn.number() as u64;
    let operations = drawn.below(12);
    let mut control = Vec::new();
    for _ in 0..operations * 3 {
        let number = match drawn.byte() {
            0 => u64::from_le_bytes(std::array::from_fn(|_| drawn.byte())),
            sign => (drawn.number() as u64) | u64::from(sign & 2) << 62,
        };
        control.extend(number.to_le_bytes());
    }
    let difference = drawn.piece();
    let [control, difference, extra] = [&control, difference, drawn.rest()].map(packed);
    let lens = [control.len() as u64, difference.len() as u64, target_size].map(u64::to_le_bytes).concat();
    [b"BSDIFF40", &lens[..], &control, &difference, &extra].concat()
}

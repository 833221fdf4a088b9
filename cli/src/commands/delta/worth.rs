//! `--min-saving` and `--max-delta-size`: whether a delta is worth having.

use crate::args::delta::WorthArgs;
use crate::exit_code::ExitStatus;
use crate::failure::{DeltaFiles, Failure};
use crate::report;
use crate::report::delta::{Packed, explain};
use mender_artifact::compression::Compression;
use mender_artifact::compression::encoder::{Effort, Encoder};
use mender_delta::apply::file::ApplyOptions;
use std::cell::Cell;
use std::fs::File;
use std::io::{self, Seek, Write};
use std::path::Path;

/// Rows that are shown of a delta that is too large.
const ROWS: usize = 15;
/// Bytes of the image that are given to the encoder at once.
const PIECE: usize = 1 << 20;

/// A delta that has been made and has no name yet.
pub(crate) struct Candidate<'c> {
    pub(crate) old: &'c [u8],
    pub(crate) new: &'c [u8],
    pub(crate) delta_len: u64,
    /// What it is to be called.
    pub(crate) name: &'c Path,
    /// Whether it can be explained.
    pub(crate) is_native: bool,
}

/// Fails for a delta, all of `delta`, that is too large or saves too little; tells on stderr why. What the image takes
/// packed, if that was asked for.
pub(crate) fn check(
    args: &WorthArgs,
    candidate: &Candidate<'_>,
    delta: &mut File,
) -> Result<Option<Packed>, Failure> {
    if let Some(limit) = args.max_delta_size.filter(|&limit| candidate.delta_len > limit) {
        explain_to_stderr(candidate, delta)?;
        let found = candidate.delta_len;
        let message = format!("larger than --max-delta-size: expected at most {limit} bytes, found {found}");
        return Err(Failure::about(candidate.name, ExitStatus::Output, message));
    }
    args.min_saving.map(|least| compare(least, candidate)).transpose()
}

/// What costs the most.
fn explain_to_stderr(candidate: &Candidate<'_>, delta: &mut File) -> Result<(), Failure> {
    if !candidate.is_native {
        return Ok(());
    }
    let name = candidate.name;
    delta.rewind().map_err(|error| Failure::io("temporary file", ExitStatus::System, &error))?;
    let files = DeltaFiles { base: name, delta: name, output: name };
    let explained =
        mender_delta::explain::explain(candidate.old, candidate.new, delta, &ApplyOptions::default())
            .map_err(|error| Failure::delta(files, &error))?;
    // Talk is no reason to fail.
    let _ = io::stderr().write_all(explain::rows_text(&explained, ROWS).as_bytes());
    Ok(())
}

/// Fails unless the delta saves at least this many tenths of a per cent.
fn compare(least: u64, candidate: &Candidate<'_>) -> Result<Packed, Failure> {
    let delta = candidate.delta_len;
    // The delta may be (1000 - least) thousandths of the packed image, which therefore has to be this long.
    let left = u128::from(1000 - least.min(999));
    let enough = u64::try_from((u128::from(delta) * 1000).div_ceil(left)).unwrap_or(u64::MAX);
    let packed = packed(candidate.new, enough)
        .map_err(|error| Failure::about(candidate.name, ExitStatus::System, crate::failure::plain(&error)))?;
    let about = if packed.at_least { "at least " } else { "" };
    if packed.bytes >= enough {
        report::tell(&format!(
            "the delta has {delta} bytes, the new image packed with xz {about}{}: it saves {about}{}",
            packed.bytes,
            percent(packed.saving_tenths(delta))
        ));
        return Ok(packed);
    }
    let message = format!(
        "not worth it: {delta} bytes save {} of the new image packed with xz ({} bytes), expected at least {}",
        percent(packed.saving_tenths(delta)),
        packed.bytes,
        percent(least.into())
    );
    Err(Failure::about(candidate.name, ExitStatus::NotWorthIt, message))
}

fn percent(tenths: i128) -> String {
    let sign = if tenths < 0 { "-" } else { "" };
    format!("{sign}{}.{} %", tenths.abs() / 10, tenths.abs() % 10)
}

/// What `image` takes packed as with `--compression lzma`; from `enough` bytes on it is not packed any further.
fn packed(image: &[u8], enough: u64) -> io::Result<Packed> {
    let threads = std::thread::available_parallelism()?;
    let written = Cell::new(0);
    let mut encoder = Encoder::new(Counter(&written), Compression::Xz, Effort::default(), threads)?;
    for piece in image.chunks(PIECE) {
        encoder.write_all(piece)?;
        if written.get() >= enough {
            return Ok(Packed { bytes: written.get(), at_least: true });
        }
    }
    encoder.finish()?;
    Ok(Packed { bytes: written.get(), at_least: false })
}

/// Counts what is written.
struct Counter<'c>(&'c Cell<u64>);

impl Write for Counter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.set(self.0.get() + bytes.len() as u64);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

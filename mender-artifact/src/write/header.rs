//! Builds the header archive: header-info, state scripts, and type-info and meta-data of each payload.

use std::io;
use std::num::NonZeroUsize;

use super::documents::{header_info, meta_data, type_info};
use super::plan::ArtifactPlan;
use super::spool::Packing;
use crate::compression::encoder::Encoder;
use crate::digest::digest;
use crate::error::{Entry, Error};
use crate::tar::writer::{Member, TarWriter};

/// Mode of everything that is not a file of the caller.
pub(super) const GENERATED_MODE: u32 = 0o600;

/// The compressed header archive and its SHA-256.
pub(super) struct PackedHeader {
    pub(super) archive: Vec<u8>,
    pub(super) checksum: [u8; 32],
}

/// Builds and compresses the header archive. `modified` is the time of what is generated; scripts
/// have their own, already clamped.
pub(super) fn pack(plan: &ArtifactPlan<'_>, packing: Packing, modified: i64) -> Result<PackedHeader, Error> {
    let failed = |error| Error::io(Entry::Header, error);
    // A header is small; one thread is enough for it, and the bytes are the same.
    let encoder = Encoder::new(Vec::new(), packing.compression, packing.effort, NonZeroUsize::MIN);
    let mut tar = TarWriter::new(encoder.map_err(failed)?);

    let info = header_info(plan);
    append(&mut tar, "header-info", modified, info.as_bytes()).map_err(failed)?;
    for input in &plan.scripts {
        let script = &input.script;
        let name = format!("scripts/{}", script.name);
        let size = script.contents.len() as u64;
        let member = Member { name: &name, size, mode: script.mode, modified: input.modified };
        tar.append(&member, &script.contents).map_err(failed)?;
    }
    for (index, payload) in (0_u16..).zip(&plan.payloads) {
        let info = type_info(&payload.header);
        append(&mut tar, &format!("headers/{index:04}/type-info"), modified, info.as_bytes())
            .map_err(failed)?;
        if let Some(data) = meta_data(&payload.header) {
            append(&mut tar, &format!("headers/{index:04}/meta-data"), modified, data.as_bytes())
                .map_err(failed)?;
        }
    }
    let archive = tar.finish().and_then(Encoder::finish).map_err(failed)?;
    let checksum = digest(&archive);
    Ok(PackedHeader { archive, checksum })
}

fn append<W: io::Write>(
    tar: &mut TarWriter<W>,
    name: &str,
    modified: i64,
    contents: &[u8],
) -> io::Result<()> {
    let size = contents.len() as u64;
    tar.append(&Member { name, size, mode: GENERATED_MODE, modified }, contents)
}

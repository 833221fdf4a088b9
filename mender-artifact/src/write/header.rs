//! Builds the header archives: header-info, state scripts, and type-info and meta-data of each payload.

use std::io;
use std::num::NonZeroUsize;

use super::documents::{files, header_info, meta_data, type_info};
use super::plan::ArtifactPlan;
use super::spool::Packing;
use crate::compression::encoder::Encoder;
use crate::digest::digest;
use crate::error::{Entry, Error};
use crate::format_version::FormatVersion;
use crate::manifest::Part;
use crate::tar::writer::{Member, TarWriter};

/// Mode of everything that is not a file of the caller.
pub(super) const GENERATED_MODE: u32 = 0o600;

/// The compressed header archive and its SHA-256.
pub(super) struct PackedHeader {
    pub(super) archive: Vec<u8>,
    pub(super) checksum: [u8; 32],
}

/// Builds and compresses one header archive. `modified` is the time of what is generated; scripts
/// have their own, already clamped.
pub(super) fn pack(
    plan: &ArtifactPlan<'_>,
    part: Part,
    packing: Packing,
    modified: i64,
) -> Result<PackedHeader, Error> {
    let entry = match part {
        Part::Signed => Entry::Header,
        Part::Augment => Entry::HeaderAugment,
    };
    let failed = |error| Error::io(entry, error);
    // A header is small; one thread is enough for it, and the bytes are the same.
    let encoder = Encoder::new(Vec::new(), packing.compression, packing.effort, NonZeroUsize::MIN);
    let mut tar = TarWriter::new(encoder.map_err(failed)?);

    append(&mut tar, "header-info", modified, header_info(plan, part).as_bytes()).map_err(failed)?;
    if part == Part::Signed {
        append_scripts(&mut tar, plan).map_err(failed)?;
    }
    let headers: Vec<_> = match part {
        Part::Signed => plan.payloads.iter().map(|payload| &payload.header).collect(),
        Part::Augment => plan.augment.iter().map(|augment| &augment.header).collect(),
    };
    let mut append = |name: &str, contents: &str| append(&mut tar, name, modified, contents.as_bytes());
    for (index, header) in (0_u16..).zip(headers) {
        if plan.format == FormatVersion::V2 {
            let names: Vec<_> = header.files.iter().map(|file| file.name.clone()).collect();
            append(&format!("headers/{index:04}/files"), &files(&names)).map_err(failed)?;
        }
        append(&format!("headers/{index:04}/type-info"), &type_info(header, plan.format)).map_err(failed)?;
        if let Some(data) = meta_data(header) {
            append(&format!("headers/{index:04}/meta-data"), &data).map_err(failed)?;
        }
    }
    let archive = tar.finish().and_then(Encoder::finish).map_err(failed)?;
    let checksum = digest(&archive);
    Ok(PackedHeader { archive, checksum })
}

fn append_scripts<W: io::Write>(tar: &mut TarWriter<W>, plan: &ArtifactPlan<'_>) -> io::Result<()> {
    for input in &plan.scripts {
        let script = &input.script;
        let name = format!("scripts/{}", script.name);
        let size = script.contents.len() as u64;
        let member = Member { name: &name, size, mode: script.mode, modified: input.modified };
        tar.append(&member, &script.contents)?;
    }
    Ok(())
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

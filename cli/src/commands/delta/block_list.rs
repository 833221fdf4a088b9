//! `delta block-list IMAGE -o LIST`: the digests of an image's blocks, by which devices mend what has changed.

use super::image;
use crate::args::delta::DeltaBlockListArgs;
use crate::exit_code::ExitStatus;
use crate::failure::{DeltaFiles, Failure};
use crate::output::{Output, is_no_input};
use mender_delta::format::block_list::{DEFAULT_BLOCK_BYTES, Header};
use sha2::{Digest, Sha256};
use std::io::Write;

pub(crate) fn run(args: &DeltaBlockListArgs) -> Result<(), Failure> {
    let (path, output_path) = (&args.image, &args.output_path);
    is_no_input(output_path, &[path])?;
    let image = image::open(path, DeltaFiles { base: path, delta: path, output: output_path })?;
    let mut output = Output::create(output_path)?;
    let image = image.bytes();
    let header = Header {
        block_bytes: DEFAULT_BLOCK_BYTES,
        image_bytes: image.len() as u64,
        image_sha256: Sha256::digest(image).into(),
    };
    let failed = |error| Failure::io(output_path, ExitStatus::Output, &error);
    output.write_all(&header.encode()).map_err(failed)?;
    // At most 2^20, which fits.
    for block in image.chunks(usize::try_from(DEFAULT_BLOCK_BYTES).unwrap_or(usize::MAX)) {
        output.write_all(&Sha256::digest(block)).map_err(failed)?;
    }
    output.commit()
}

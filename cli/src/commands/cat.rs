//! `cat IMAGE:PATH`: prints a file that is in an image or Artifact, all of it, and changes nothing.

use super::inside::address::Address;
use super::inside::read;
use crate::args::cat::CatArgs;
use crate::failure::Failure;
use crate::input::STANDARD;
use crate::output::Output;
use std::path::Path;

pub(crate) fn run(args: &CatArgs) -> Result<(), Failure> {
    let address = Address::required(&args.file)?;
    let (image, route) = read::open(&address, &args.part)?;
    image.file(&route, &address.path)?;
    let mut output = Output::create(Path::new(STANDARD))?;
    image.copy(&route, &mut output, Path::new(STANDARD))?;
    output.commit()
}

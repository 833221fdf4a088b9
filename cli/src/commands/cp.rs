//! `cp FROM TO`: copies a file into an image or Artifact, or out of one.

use super::inside::address::{Address, base_name};
use super::inside::{change, read, source};
use crate::args::cp::CpArgs;
use crate::failure::Failure;
use crate::input::STANDARD;
use crate::output::{Output, is_no_input};
use crate::report::warn;
use mender_image::edit::route::Purpose;
use std::path::{Path, PathBuf};

/// Bits of a mode that a file gets on the host: it does not become a program that runs as somebody else.
const HOST_MODE: u16 = 0o777;

pub(crate) fn run(args: &CpArgs) -> Result<(), Failure> {
    if args.compression.is_some() {
        warn("--compression has no effect: an Artifact keeps its compression");
    }
    match (Address::of(&args.from), Address::of(&args.to)) {
        (Some(_), Some(_)) => {
            Err(Failure::usage("expected one IMAGE:PATH and one file of this computer, found two IMAGE:PATH"))
        }
        (Some(from), None) => copy_out(&from, Path::new(&args.to), args),
        (None, Some(to)) => copy_in(Path::new(&args.from), to, args),
        (None, None) => Err(Failure::usage("expected IMAGE:PATH on one side, found it on none")),
    }
}

fn copy_out(from: &Address, to: &Path, args: &CpArgs) -> Result<(), Failure> {
    let part = &args.change.part;
    let to =
        if to != Path::new(STANDARD) && to.is_dir() { to.join(last_part(from)?) } else { to.to_path_buf() };
    is_no_input(&to, &[&from.image])?;
    let (image, route) = read::open(from, part)?;
    let found = image.file(&route, &from.path)?;
    // What it may hold is for those only whom its mode lets read it, also where it has a name while it is written.
    let mut output = Output::create_private(&to)?;
    output.set_mode(u32::from(found.attributes.mode & HOST_MODE))?;
    image.copy(&route, &mut output, &to)?;
    output.commit()
}

/// The name of a file in an image, as a name on the host.
fn last_part(from: &Address) -> Result<PathBuf, Failure> {
    let name = from.path.rsplit(|byte| *byte == b'/').find(|part| !part.is_empty());
    let name = name.and_then(|name| std::str::from_utf8(name).ok());
    match name.filter(|name| !matches!(*name, "." | "..")) {
        Some(name) => Ok(PathBuf::from(name)),
        None => Err(Failure::usage("expected the path of a file in the image")),
    }
}

fn copy_in(from: &Path, mut to: Address, args: &CpArgs) -> Result<(), Failure> {
    if to.path.ends_with(b"/") {
        if from == Path::new(STANDARD) {
            return Err(Failure::usage(
                "expected the name of a file behind the last slash for standard input",
            ));
        }
        to.path.extend(base_name(from)?);
    }
    let (mut content, attributes) = source::open(from)?;
    change::change(&to.image, &args.change, |image| {
        let route = image.route(&to.path, &args.change.part, Purpose::Change)?;
        image.edit(|editor| editor.put_file(&route, &mut content, &attributes))
    })
}

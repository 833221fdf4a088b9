//! `inspect IMAGE`: what an image, or the one in an Artifact, is made of.

mod found;
mod html;
mod json;
mod text;

use super::inside::read::Image;
use crate::args::inspect::InspectArgs;
use crate::exit_code::ExitStatus;
use crate::failure::Failure;
use crate::output::{Output, is_no_input};
use crate::report;
use std::io::Write;

pub(crate) fn run(args: &InspectArgs) -> Result<(), Failure> {
    let image = Image::open(&args.image, &args.part)?;
    let found = found::Found::of(&args.image, &image);
    if let Some(path) = &args.html {
        is_no_input(path, &[&args.image])?;
        let mut output = Output::create(path)?;
        let written = output.write_all(html::page(&found).as_bytes());
        written.map_err(|error| Failure::io(path, ExitStatus::Output, &error))?;
        return output.commit();
    }
    report::print(&if args.json { json::document(&found) } else { text::text(&found) })
}

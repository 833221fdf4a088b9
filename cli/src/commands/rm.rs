//! `rm IMAGE:PATH`: removes a file or folder from an image or Artifact.

use super::inside::address::Address;
use super::inside::change;
use crate::args::rm::RmArgs;
use crate::failure::Failure;
use mender_image::edit::route::Purpose;

pub(crate) fn run(args: &RmArgs) -> Result<(), Failure> {
    let address = Address::required(&args.file)?;
    change::change(&address.image, &args.change, |image| {
        let route = image.route(&address.path, &args.change.part, Purpose::Remove)?;
        image.edit(|editor| editor.remove(&route, args.recursive))
    })
}

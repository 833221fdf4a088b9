//! `sign ARTIFACT`: puts a signature into an Artifact; everything else stays byte for byte.

use crate::args::sign::SignArgs;
use crate::failure::Failure;
use crate::input::{Input, STANDARD};
use crate::key;
use crate::output::Output;
use mender_artifact::resign::sign_artifact;
use std::path::Path;

pub(crate) fn run(args: &SignArgs) -> Result<(), Failure> {
    let Some(key) = key::private(&args.key)? else {
        return Err(Failure::usage("nothing to sign with: expected --key FILE"));
    };
    let mut input = Input::open(&args.artifact)?;
    let path = args.output_path.as_deref().unwrap_or(&args.artifact);
    let mut output = if args.artifact == Path::new(STANDARD) {
        Output::create(path)?
    } else {
        Output::create_like(path, &args.artifact)?
    };
    sign_artifact(&mut input, &mut output, &key, args.force)
        .map_err(|error| Failure::artifact(&args.artifact, &error))?;
    output.commit()
}

//! `install FILE IMAGE:PATH`: puts a file with given permissions into an image or Artifact; `install -d` makes a folder.

use super::inside::address::{Address, base_name};
use super::inside::{change, source};
use crate::args::install::InstallArgs;
use crate::failure::Failure;
use mender_image::edit::attributes::Attributes;
use mender_image::edit::route::Purpose;
use std::path::Path;

/// Mode of folders that are made.
const FOLDER_MODE: u16 = 0o755;
/// All bits of a mode.
const MODE_MAX: u16 = 0o7777;

pub(crate) fn run(args: &InstallArgs) -> Result<(), Failure> {
    let mode = args.mode.as_deref().map(mode).transpose()?;
    match (args.directory, &args.first, &args.second) {
        (true, Some(folder), None) => make_folder(&Address::required(folder)?, mode, args),
        (false, Some(file), Some(to)) => {
            let mode = mode.ok_or_else(|| Failure::usage("expected --mode, found none; as in -m 644"))?;
            put_file(Path::new(file), Address::required(to)?, mode, args)
        }
        (true, ..) => Err(Failure::usage("expected one IMAGE:PATH with --directory")),
        (false, ..) => Err(Failure::usage("expected FILE and IMAGE:PATH")),
    }
}

/// Permissions are octal, with or without a leading zero.
fn mode(text: &str) -> Result<u16, Failure> {
    let digits = text.strip_prefix("0o").unwrap_or(text);
    let octal = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let mode = u16::from_str_radix(digits, 8).ok().filter(|mode| octal && (1..=MODE_MAX).contains(mode));
    mode.ok_or_else(|| {
        Failure::usage(format!("--mode: expected an octal number from 1 to 7777, as 644, found '{text}'"))
    })
}

fn put_file(file: &Path, mut to: Address, mode: u16, args: &InstallArgs) -> Result<(), Failure> {
    if to.path.ends_with(b"/") {
        to.path.extend(base_name(file)?);
    }
    let (mut content, attributes) = source::open(file)?;
    let attributes = Attributes { mode, ..attributes };
    change::change(&to.image, &args.change, |image| {
        let route = image.route(&to.path, &args.change.part, Purpose::Change)?;
        image.edit(|editor| editor.put_file(&route, &mut content, &attributes))
    })
}

fn make_folder(folder: &Address, mode: Option<u16>, args: &InstallArgs) -> Result<(), Failure> {
    let now = source::now()?;
    let attributes = |mode| Attributes::of_root(mode, now);
    change::change(&folder.image, &args.change, |image| {
        let route = image.route(&folder.path, &args.change.part, Purpose::Change)?;
        let (last, above) = (attributes(mode.unwrap_or(FOLDER_MODE)), attributes(FOLDER_MODE));
        image.edit(|editor| editor.make_folder(&route, &last, Some(&above)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_octal() {
        for (text, expected) in [("600", 0o600), ("0644", 0o644), ("0o755", 0o755), ("4755", 0o4755)] {
            assert_eq!(mode(text).unwrap(), expected);
        }
        for text in ["", "0", "8", "0x1a4", "17777", "u+x", "+644", "-1", "0o"] {
            assert!(mode(text).is_err(), "{text}");
        }
    }
}

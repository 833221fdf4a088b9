//! A configuration changed in an image or Artifact: in each root file system on its own.

use super::{CONF_MAX_BYTES, document};
use crate::args::inside::{ChangeArgs, PartArgs};
use crate::commands::inside::change::{Changing, change};
use crate::commands::inside::source;
use crate::exit_code::ExitStatus;
use crate::failure::Failure;
use mender_image::edit::attributes::Attributes;
use mender_image::edit::route::Purpose;
use serde_json::Value;
use std::io::Cursor;
use std::path::Path;

/// Mode of a configuration that is new: it may hold a token.
const NEW_MODE: u16 = 0o600;

/// Changes the configuration at `file` in the image or Artifact `path`.
pub(super) fn edit(
    path: &Path,
    args: &ChangeArgs,
    file: &str,
    mut edit: impl FnMut(&mut Value) -> Result<(), String>,
) -> Result<(), Failure> {
    change(path, args, |image| edit_in(image, &args.part, path, file, &mut edit))
}

/// Changes it in an image that is being changed. One that does not exist begins as an empty object.
pub(in crate::commands) fn edit_in(
    image: &mut Changing,
    part: &PartArgs,
    path: &Path,
    file: &str,
    edit: &mut dyn FnMut(&mut Value) -> Result<(), String>,
) -> Result<(), Failure> {
    let all = image.route(file.as_bytes(), part, Purpose::Change)?;
    let now = source::now()?;
    for route in all.each() {
        let found = image.content(&route, file.as_bytes(), CONF_MAX_BYTES)?;
        let (attributes, text) = match found {
            Some((found, text)) => (found.attributes, text),
            None => (Attributes::of_root(NEW_MODE, now), Vec::new()),
        };
        let about = |status, message: String| Failure::about(path, status, format!("{file}: {message}"));
        let before =
            if text.is_empty() { Ok(Value::Object(serde_json::Map::new())) } else { document::parse(&text) };
        let before = before.map_err(|message| about(ExitStatus::Invalid, message))?;
        let mut after = before.clone();
        edit(&mut after).map_err(|message| about(ExitStatus::Usage, message))?;
        if after == before && !text.is_empty() {
            continue;
        }
        let text = document::text(&after, &text);
        let attributes = Attributes { modified: now, ..attributes };
        image.edit(|editor| editor.put_file(&route, &mut Cursor::new(text), &attributes))?;
    }
    Ok(())
}

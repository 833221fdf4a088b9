//! The second header of an augmented Artifact, changed along with the first.
//!
//! What the release is called and which devices it is for stands in the first header; writers repeat it in the second,
//! where it is changed too if it is there. Provides and depends of a payload are what both headers say together, so that
//! those given stand in the first and are taken out of the second. Meta-data goes into the header that has any. Nothing
//! here is signed.

use serde_json::Value;

use super::Changes;
use super::archive::{HeaderFiles, META_DATA, TYPE_INFO};
use super::documents::{change_info, change_meta_data, put_changed, set};
use crate::error::{Entry, Error};
use crate::rewrite::Front;

/// Changes what the second header says, if there is one. Patterns that it has are no longer `not_found`.
pub(super) fn change(
    front: &mut Front,
    changes: &Changes<'_>,
    not_found: &mut Vec<String>,
) -> Result<(), Error> {
    let Some(archive) = front.header_augment() else { return Ok(()) };
    let was = archive.compression;
    let mut files = HeaderFiles::unpack(archive, Entry::Header)?;
    change_info(&mut files, changes)?;
    if files.get(TYPE_INFO).is_some() {
        let mut info = files.json(TYPE_INFO)?;
        let before = info.clone();
        if let Some(info) = info.as_object_mut() {
            for (key, replaced) in [
                ("artifact_provides", changes.provides.is_some()),
                ("artifact_depends", changes.depends.is_some()),
            ] {
                if replaced {
                    set(info, key, None);
                }
            }
            if let Some(Value::Array(clears)) = info.get_mut("clears_artifact_provides") {
                let is_known = |pattern: &String| clears.iter().any(|known| known == pattern.as_str());
                not_found.retain(|pattern| !is_known(pattern));
                clears.retain(|known| !changes.remove_clears.iter().any(|gone| known == gone.as_str()));
            }
        }
        put_changed(&mut files, TYPE_INFO, &before, &info)?;
    }
    if files.get(META_DATA).is_some() {
        change_meta_data(&mut files, changes)?;
    }
    if let Some((compression, archive)) = files.pack_changed(was, changes.compression)? {
        front.set_header_augment(compression, archive)?;
    }
    Ok(())
}

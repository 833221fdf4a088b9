//! What `modify` changes inside of an image: the name of the release and the configuration of the client.

use crate::args::inside::PartArgs;
use crate::args::modify::ModifyArgs;
use crate::commands::conf::edit::edit_in;
use crate::commands::inside::change::Changing;
use crate::commands::inside::read::choice;
use crate::commands::inside::source;
use crate::failure::Failure;
use crate::report::warn;
use mender_image::edit::attributes::Attributes;
use mender_image::edit::image::ImageEditor;
use mender_image::edit::route::Purpose;
use mender_image::error::{Error, PathProblem};
use std::io::Cursor;
use std::path::{Path, PathBuf};

/// Where the client looks.
const ARTIFACT_INFO: &str = "/etc/mender/artifact_info";
const CONF: &str = "/etc/mender/mender.conf";
const SERVER_CERTIFICATE: &str = "/etc/mender/server.crt";
const VERIFICATION_KEY: &str = "/etc/mender/artifact-verify-key.pem";
/// The key of artifact_info that has the name of the release.
const NAME: &str = "artifact_name=";
/// Mode of an artifact_info that is new.
const NEW_MODE: u16 = 0o644;
/// More than any artifact_info has.
const INFO_MAX_BYTES: u64 = 64 << 10;

/// Changes inside of an image.
pub(super) struct Inside {
    artifact_name: Option<String>,
    /// Members of the configuration.
    values: Vec<(&'static str, String)>,
    /// Files of this computer, and where they go.
    files: Vec<(PathBuf, &'static str)>,
}

impl Inside {
    pub(super) fn of(args: &ModifyArgs) -> Self {
        let inside = &args.inside;
        let values = [("ServerURL", &inside.server_uri), ("TenantToken", &inside.tenant_token)];
        let files = [(&inside.server_cert, SERVER_CERTIFICATE), (&inside.verification_key, VERIFICATION_KEY)];
        Self {
            artifact_name: args.artifact_name.clone().or_else(|| args.name.clone()),
            values: values.into_iter().filter_map(|(key, value)| Some((key, value.clone()?))).collect(),
            files: files.into_iter().filter_map(|(file, path)| Some((file.clone()?, path))).collect(),
        }
    }

    /// Whether there is something that only an image has.
    pub(super) fn needs_image(&self) -> bool {
        !self.values.is_empty() || !self.files.is_empty()
    }

    /// Whether there is nothing to do.
    pub(super) fn is_empty(&self) -> bool {
        self.artifact_name.is_none() && !self.needs_image()
    }

    /// Changes the image `path`.
    pub(super) fn apply(&self, image: &mut Changing, part: &PartArgs, path: &Path) -> Result<(), Failure> {
        if let Some(name) = &self.artifact_name {
            set_name(image, part, path, name)?;
        }
        if !self.values.is_empty() {
            edit_in(image, part, path, CONF, &mut |conf| {
                if let Some(conf) = conf.as_object_mut() {
                    for (key, value) in &self.values {
                        conf.insert((*key).to_owned(), value.as_str().into());
                    }
                }
                Ok(())
            })?;
        }
        for (file, target) in &self.files {
            let (mut content, attributes) = source::open(file)?;
            let route = image.route(target.as_bytes(), part, Purpose::Change)?;
            image.edit(|editor| editor.put_file(&route, &mut content, &attributes))?;
        }
        Ok(())
    }
}

/// Changes the line with the name, and no other. An image without the folder of the client has no name.
fn set_name(image: &mut Changing, part: &PartArgs, path: &Path, name: &str) -> Result<(), Failure> {
    let found =
        image.edit(|editor| match editor.route(ARTIFACT_INFO.as_bytes(), choice(part), Purpose::Change) {
            Err(Error::Path(error)) if error.problem == PathProblem::Elsewhere => Ok(None),
            found => found.map(Some),
        })?;
    let Some(all) = found else {
        // Nobody asked for that file by its name.
        warn(&format!("{}: gets no artifact_info, which is on another partition", path.display()));
        return Ok(());
    };
    let now = source::now()?;
    for route in all.each() {
        let folder = route.folder();
        let has_folder = |editor: &mut ImageEditor<_>| {
            folder.as_ref().map_or(Ok(true), |folder| Ok(editor.look_up(folder)?.is_some()))
        };
        if !image.edit(has_folder)? {
            warn(&format!("{}: has no folder /etc/mender, and gets no artifact_info", path.display()));
            continue;
        }
        let (attributes, text) = match image.content(&route, ARTIFACT_INFO.as_bytes(), INFO_MAX_BYTES)? {
            Some((found, text)) => (found.attributes, text),
            None => (Attributes::of_root(NEW_MODE, now), Vec::new()),
        };
        let new = with_name(&text, name);
        if new != text {
            let attributes = Attributes { modified: now, ..attributes };
            image.edit(|editor| editor.put_file(&route, &mut Cursor::new(new), &attributes))?;
        }
    }
    Ok(())
}

fn with_name(text: &[u8], name: &str) -> Vec<u8> {
    let mut new = Vec::new();
    let mut is_there = false;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(NAME.as_bytes()) {
            // Of several the last would count; one is enough.
            if !is_there {
                new.extend_from_slice(format!("{NAME}{name}\n").as_bytes());
            }
            is_there = true;
        } else {
            new.extend_from_slice(line);
        }
    }
    if !is_there {
        if !new.is_empty() && !new.ends_with(b"\n") {
            new.push(b'\n');
        }
        new.extend_from_slice(format!("{NAME}{name}\n").as_bytes());
    }
    new
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_line_with_the_name_changes() {
        for (before, after) in [
            ("", "artifact_name=r2\n"),
            ("artifact_name=r1", "artifact_name=r2\n"),
            ("artifact_name=r1\nartifact_group=g\n", "artifact_name=r2\nartifact_group=g\n"),
            ("artifact_group=g", "artifact_group=g\nartifact_name=r2\n"),
            ("artifact_name=a\nx=y\nartifact_name=b\n", "artifact_name=r2\nx=y\n"),
        ] {
            assert_eq!(with_name(before.as_bytes(), "r2"), after.as_bytes());
        }
    }
}

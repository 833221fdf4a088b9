//! The arguments of `write` that make an Artifact like the one that was read.

use mender_artifact::header::{ArtifactHeader, PayloadHeader, TypeInfoValue};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The files that were dumped.
#[derive(Default)]
pub(super) struct Dumped {
    pub(super) scripts: Vec<PathBuf>,
    pub(super) meta_data: Option<PathBuf>,
    pub(super) files: Vec<PathBuf>,
}

/// The words, in the order of the reference tool. Fails with the reason where no arguments make such an Artifact.
pub(super) fn words(header: &ArtifactHeader, dumped: &Dumped) -> Result<Vec<String>, String> {
    let [payload] = header.payloads.as_slice() else {
        let count = header.payloads.len();
        return Err(format!("arguments make Artifacts with one payload: expected 1, found {count}"));
    };
    let mut words = Words(Vec::new());
    let kind = if payload.payload_type.is_some() { "module-image" } else { "bootstrap-artifact" };
    words.0.extend(["write".into(), kind.into()]);
    words.flag("--artifact-name", &header.artifact_name);
    words.flags("--provides-group", &header.artifact_group);
    words.flags("--artifact-name-depends", &header.depends_names);
    words.flags("--compatible-types", &header.compatible_types);
    words.flags("--depends-groups", &header.depends_groups);
    if let Some(payload_type) = &payload.payload_type {
        words.flag("--type", payload_type);
        words.0.push("--no-default-software-version".into());
    }
    words.values("--provides", &payload.provides)?;
    words.values("--depends", &payload.depends)?;
    if payload.payload_type.is_some() {
        words.0.push("--no-default-clears-provides".into());
    }
    words.clears("--clears-provides", payload)?;
    words.paths("--script", &dumped.scripts)?;
    words.paths("--meta-data", &dumped.meta_data)?;
    words.paths("--file", &dumped.files)?;
    Ok(words.0)
}

struct Words(Vec<String>);

impl Words {
    fn flag(&mut self, flag: &str, value: &str) {
        self.0.extend([flag.to_owned(), value.to_owned()]);
    }

    fn flags<'v>(&mut self, flag: &str, values: impl IntoIterator<Item = &'v String>) {
        values.into_iter().for_each(|value| self.flag(flag, value));
    }

    fn values(&mut self, flag: &str, values: &BTreeMap<String, TypeInfoValue>) -> Result<(), String> {
        for (key, value) in values {
            let TypeInfoValue::One(value) = value else {
                return Err(format!("{flag}: no argument can say that '{key}' is a list"));
            };
            if key.contains(':') {
                return Err(format!("{flag}: no argument can have a key with a colon, '{key}'"));
            }
            self.flag(flag, &format!("{key}:{value}"));
        }
        Ok(())
    }

    fn clears(&mut self, flag: &str, payload: &PayloadHeader) -> Result<(), String> {
        match payload.clears.as_deref() {
            Some([]) => Err(format!("{flag}: no argument can say that nothing is cleared")),
            clears => {
                self.flags(flag, clears.unwrap_or_default());
                Ok(())
            }
        }
    }

    fn paths<'p>(&mut self, flag: &str, paths: impl IntoIterator<Item = &'p PathBuf>) -> Result<(), String> {
        for path in paths {
            let text =
                path.to_str().ok_or_else(|| format!("{flag}: {} is not UTF-8", Path::new(path).display()))?;
            self.flag(flag, text);
        }
        Ok(())
    }
}

//! The arguments of `write` that make an Artifact like the one that was read.

use mender_artifact::header::{ArtifactHeader, PayloadHeader, TypeInfoValue};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The files that were dumped.
#[derive(Default)]
pub(super) struct Dumped {
    pub(super) scripts: Vec<PathBuf>,
    pub(super) meta_data: Option<PathBuf>,
    pub(super) augment_meta_data: Option<PathBuf>,
    /// Payload files by the name that they have in the Artifact.
    pub(super) files: BTreeMap<String, PathBuf>,
}

impl Dumped {
    /// The files of one header, in its order.
    fn files_of<'d>(&'d self, payload: &PayloadHeader) -> Vec<&'d PathBuf> {
        payload.files.iter().filter_map(|file| self.files.get(&file.name)).collect()
    }
}

/// The words, in the order of the reference tool. Fails with the reason where no arguments make such an Artifact.
pub(super) fn words(header: &ArtifactHeader, dumped: &Dumped) -> Result<Vec<String>, String> {
    let [payload] = header.payloads.as_slice() else {
        let count = header.payloads.len();
        return Err(format!("arguments make Artifacts with one payload: expected 1, found {count}"));
    };
    // Of an augmented Artifact what is signed and what is not are told apart.
    let augment = header.augments.first();
    let signed = augment.map_or(payload, |augment| &augment.signed);
    let mut words = Words(Vec::new());
    if header.version == 2 {
        words.0.extend(["write", "rootfs-image", "--version", "2"].map(str::to_owned));
    } else {
        let kind = if signed.payload_type.is_some() { "module-image" } else { "bootstrap-artifact" };
        words.0.extend(["write".into(), kind.into()]);
    }
    words.flag("--artifact-name", &header.artifact_name);
    words.flags("--provides-group", &header.artifact_group);
    words.flags("--artifact-name-depends", &header.depends_names);
    words.flags("--compatible-types", &header.compatible_types);
    words.flags("--depends-groups", &header.depends_groups);
    if header.version != 2 {
        words.payload(signed)?;
    }
    words.paths("--script", &dumped.scripts)?;
    words.paths("--meta-data", &dumped.meta_data)?;
    words.paths("--file", dumped.files_of(signed))?;
    if let Some(augment) = augment {
        let added = &augment.added;
        words.flags("--augment-type", &added.payload_type);
        words.values("--augment-provides", &added.provides)?;
        words.values("--augment-depends", &added.depends)?;
        if added.clears.is_some() {
            return Err("no argument can say what the augmented header clears".into());
        }
        words.paths("--augment-meta-data", &dumped.augment_meta_data)?;
        words.paths("--augment-file", dumped.files_of(added))?;
    }
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

    /// What the signed header says of a payload.
    fn payload(&mut self, payload: &PayloadHeader) -> Result<(), String> {
        if let Some(payload_type) = &payload.payload_type {
            self.flag("--type", payload_type);
            self.0.push("--no-default-software-version".into());
        }
        self.values("--provides", &payload.provides)?;
        self.values("--depends", &payload.depends)?;
        if payload.payload_type.is_some() {
            self.0.push("--no-default-clears-provides".into());
        }
        self.clears("--clears-provides", payload)
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

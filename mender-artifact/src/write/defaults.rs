//! The usual kinds of payload, with the provides and clears that the reference tool gives them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::input::PayloadInput;
use super::plan::{PayloadPlan, ROOTFS_IMAGE};
use crate::header::{PayloadHeader, TypeInfoValue};

/// What a caller may say about any kind of payload.
#[derive(Clone, Debug, Default)]
pub struct PayloadChoices {
    /// Given provides.
    pub provides: BTreeMap<String, TypeInfoValue>,
    /// Given depends.
    pub depends: BTreeMap<String, TypeInfoValue>,
    /// Given clears; they stand before the default ones.
    pub clears: Vec<String>,
    /// Adds no default clears.
    pub no_default_clears: bool,
    /// The version that the device provides after the update.
    pub software: SoftwareVersion,
}

/// The provide `FILESYSTEM[.NAME].version`. Not used for bootstrap Artifacts.
#[derive(Clone, Debug, Default)]
pub struct SoftwareVersion {
    /// Instead of `rootfs-image`.
    pub filesystem: Option<String>,
    /// Instead of nothing in a rootfs-image, and instead of the payload type in others.
    pub name: Option<String>,
    /// Instead of the artifact name.
    pub version: Option<String>,
    /// Takes away the defaults of name and version, and the default clears: only an explicit
    /// `version` is provided.
    pub no_default: bool,
    /// Whether it wins over a given provide of the same key.
    pub overrides_provides: bool,
}

/// Under which key a rootfs-image provides its SHA-256.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChecksumProvide {
    /// `rootfs-image.checksum`.
    #[default]
    Standard,
    /// `rootfs_image_checksum`, for clients before 3.0.
    Legacy,
    /// Not at all.
    None,
}

impl ChecksumProvide {
    const fn key(self) -> Option<&'static str> {
        match self {
            Self::Standard => Some("rootfs-image.checksum"),
            Self::Legacy => Some("rootfs_image_checksum"),
            Self::None => None,
        }
    }
}

impl<'a> PayloadPlan<'a> {
    /// A whole root file system.
    #[must_use]
    pub fn rootfs_image(
        artifact_name: &str,
        image: PayloadInput<'a>,
        choices: PayloadChoices,
        checksum: ChecksumProvide,
    ) -> Self {
        Self {
            header: choices.into_header(artifact_name, ROOTFS_IMAGE, None),
            files: vec![image],
            checksum_provide: checksum.key().map(Into::into),
        }
    }

    /// Files for an Update Module. `meta_data` must be an object; `None` leaves it out.
    #[must_use]
    pub fn module_image(
        artifact_name: &str,
        payload_type: &str,
        files: Vec<PayloadInput<'a>>,
        meta_data: Option<Value>,
        choices: PayloadChoices,
    ) -> Self {
        let mut header = choices.into_header(artifact_name, payload_type, Some(payload_type));
        header.meta_data = meta_data;
        Self { header, files, checksum_provide: None }
    }

    /// No update at all, only provides and depends for a new device. No defaults are added.
    #[must_use]
    pub fn bootstrap(choices: PayloadChoices) -> Self {
        let PayloadChoices { provides, depends, clears, .. } = choices;
        let clears = Some(clears).filter(|clears| !clears.is_empty());
        let header = PayloadHeader { provides, depends, clears, ..PayloadHeader::default() };
        Self { header, ..Self::default() }
    }
}

impl PayloadChoices {
    fn into_header(
        self,
        artifact_name: &str,
        payload_type: &str,
        default_name: Option<&str>,
    ) -> PayloadHeader {
        let Self { mut provides, depends, mut clears, no_default_clears, software } = self;
        if let Some((key, version)) = software.provide(artifact_name, default_name) {
            if software.overrides_provides || !provides.contains_key(&key) {
                provides.insert(key, TypeInfoValue::One(version));
            }
        }
        if !no_default_clears && !software.no_default {
            software.push_clears(default_name, &mut clears);
        }
        PayloadHeader {
            payload_type: Some(payload_type.into()),
            provides,
            depends,
            clears: Some(clears).filter(|clears| !clears.is_empty()),
            ..PayloadHeader::default()
        }
    }
}

impl SoftwareVersion {
    fn filesystem(&self) -> &str {
        given(self.filesystem.as_ref()).unwrap_or(ROOTFS_IMAGE)
    }

    /// `FILESYSTEM[.NAME].` and what follows.
    fn key(&self, default_name: Option<&str>, end: &str) -> String {
        let filesystem = self.filesystem();
        match given(self.name.as_ref()).or(default_name) {
            Some(name) => format!("{filesystem}.{name}.{end}"),
            None => format!("{filesystem}.{end}"),
        }
    }

    fn provide(&self, artifact_name: &str, default_name: Option<&str>) -> Option<(String, String)> {
        let default_name = default_name.filter(|_| !self.no_default);
        let default_version = Some(artifact_name).filter(|_| !self.no_default);
        let version = given(self.version.as_ref()).or(default_version)?;
        Some((self.key(default_name, "version"), version.into()))
    }

    fn push_clears(&self, default_name: Option<&str>, clears: &mut Vec<String>) {
        let whole_rootfs = default_name.is_none() && given(self.name.as_ref()).is_none();
        if whole_rootfs && self.filesystem() == ROOTFS_IMAGE {
            // What older clients and tools provided for the same thing.
            clears.extend(["artifact_group".to_owned(), "rootfs_image_checksum".to_owned()]);
        }
        let all = self.key(default_name, "*");
        if !clears.contains(&all) {
            clears.push(all);
        }
    }
}

/// An empty text counts as none, as on a command line with an empty variable.
fn given(text: Option<&String>) -> Option<&str> {
    text.map(String::as_str).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Choices, whether a rootfs-image, provides, clears; the latter as the reference tool wrote them.
    type Case = (PayloadChoices, bool, &'static [(&'static str, &'static str)], &'static [&'static str]);

    fn software(filesystem: &str, name: &str, version: &str, no_default: bool) -> PayloadChoices {
        let text = |text: &str| Some(text.to_owned());
        PayloadChoices {
            software: SoftwareVersion {
                filesystem: text(filesystem),
                name: text(name),
                version: text(version),
                no_default,
                overrides_provides: false,
            },
            ..PayloadChoices::default()
        }
    }

    fn given_clears(clears: &[&str]) -> PayloadChoices {
        let clears = clears.iter().map(|&clear| clear.to_owned()).collect();
        PayloadChoices { clears, ..PayloadChoices::default() }
    }

    #[test]
    fn defaults_are_those_of_the_reference_tool() {
        const ALL: &[&str] = &["artifact_group", "rootfs_image_checksum", "rootfs-image.*"];
        const VERSION: &[(&str, &str)] = &[("rootfs-image.version", "name")];
        let cases: &[Case] = &[
            (PayloadChoices::default(), true, VERSION, ALL),
            (software("", "", "", false), true, VERSION, ALL),
            (software("F", "", "", false), true, &[("F.version", "name")], &["F.*"]),
            (
                software("", "N", "", false),
                true,
                &[("rootfs-image.N.version", "name")],
                &["rootfs-image.N.*"],
            ),
            (software("", "N", "", true), true, &[], &[]),
            (software("", "N", "v", true), true, &[("rootfs-image.N.version", "v")], &[]),
            (
                PayloadChoices::default(),
                false,
                &[("rootfs-image.ty.version", "name")],
                &["rootfs-image.ty.*"],
            ),
            (software("F", "", "", false), false, &[("F.ty.version", "name")], &["F.ty.*"]),
            (software("", "", "v", true), false, &[("rootfs-image.version", "v")], &[]),
            (software("", "", "", true), false, &[], &[]),
            (
                given_clears(&["a", "a"]),
                false,
                &[("rootfs-image.ty.version", "name")],
                &["a", "a", "rootfs-image.ty.*"],
            ),
            (
                given_clears(&["rootfs-image.*"]),
                true,
                VERSION,
                &["rootfs-image.*", "artifact_group", "rootfs_image_checksum"],
            ),
            (PayloadChoices { no_default_clears: true, ..given_clears(&["a"]) }, true, VERSION, &["a"]),
        ];
        for (index, (choices, rootfs, provides, clears)) in cases.iter().enumerate() {
            let plan = if *rootfs {
                let image = PayloadInput::from_reader("a", None, std::io::empty());
                PayloadPlan::rootfs_image("name", image, choices.clone(), ChecksumProvide::Standard)
            } else {
                PayloadPlan::module_image("name", "ty", Vec::new(), None, choices.clone())
            };
            let found: Vec<_> = plan.header.provides.into_iter().collect();
            let one = |&(key, value): &(&str, &str)| (key.into(), TypeInfoValue::One(value.into()));
            assert_eq!(found, provides.iter().map(one).collect::<Vec<_>>(), "provides of case {index}");
            assert_eq!(plan.header.clears.unwrap_or_default(), *clears, "clears of case {index}");
        }
    }

    #[test]
    fn a_given_provide_wins_unless_told_otherwise() {
        for (overrides_provides, expected) in [(false, "given"), (true, "v")] {
            let mut choices = software("", "", "v", false);
            choices.software.overrides_provides = overrides_provides;
            let key = "rootfs-image.ty.version".to_owned();
            choices.provides.insert(key.clone(), TypeInfoValue::One("given".into()));
            let plan = PayloadPlan::module_image("name", "ty", Vec::new(), None, choices);
            assert_eq!(plan.header.provides.get(&key), Some(&TypeInfoValue::One(expected.into())));
        }
    }

    #[test]
    fn a_bootstrap_gets_no_defaults() {
        assert_eq!(PayloadPlan::bootstrap(PayloadChoices::default()).header, PayloadHeader::default());
        let header = PayloadPlan::bootstrap(given_clears(&["a"])).header;
        assert_eq!(header.clears, Some(vec!["a".to_owned()]));
    }
}

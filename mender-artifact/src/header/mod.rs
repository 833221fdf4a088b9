//! What an Artifact says about itself, as owned values: what reading gives and writing takes.

pub mod augment;

use std::collections::BTreeMap;

/// The description of an Artifact: everything but the bytes of its payload files.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ArtifactHeader {
    /// Format version, 2 or 3.
    pub version: u32,
    /// The name of the release, 1 to 256 bytes.
    pub artifact_name: String,
    /// The group that the device belongs to after the update.
    pub artifact_group: Option<String>,
    /// The device types that the Artifact is for; at least one.
    pub compatible_types: Vec<String>,
    /// The device must run one of these releases; empty means any.
    pub depends_names: Vec<String>,
    /// The device must be in one of these groups; empty means any.
    pub depends_groups: Vec<String>,
    /// State scripts in the order of the archive.
    pub scripts: Vec<StateScript>,
    /// The payloads; at least one. In an augmented Artifact, as devices understand both headers together.
    pub payloads: Vec<PayloadHeader>,
    /// In an augmented Artifact, for each payload what each header says of it; else nothing.
    pub augments: Vec<Augment>,
}

/// A script that the client runs at a point of the update that its name says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateScript {
    /// File name, such as `ArtifactInstall_Enter_01_stop-services`.
    pub name: String,
    /// Permission bits, at most `0o7777`.
    pub mode: u32,
    /// The script itself.
    pub contents: Vec<u8>,
}

/// The description of one payload.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PayloadHeader {
    /// Which Update Module handles it; `None` in a bootstrap Artifact.
    pub payload_type: Option<String>,
    /// What the device provides after the update, such as `rootfs-image.checksum`.
    pub provides: BTreeMap<String, TypeInfoValue>,
    /// What the device must provide for the update to be installed.
    pub depends: BTreeMap<String, TypeInfoValue>,
    /// Patterns of provides that the update takes away; `None` if the Artifact does not say, and
    /// then a device takes away all of them.
    pub clears: Option<Vec<String>>,
    /// Free data for the Update Module, a JSON object; `None` if empty or absent.
    pub meta_data: Option<serde_json::Value>,
    /// The files, in the order of the manifest.
    pub files: Vec<PayloadFile>,
}

/// The two descriptions of one payload in an augmented Artifact; [`augment::merge`] makes one of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Augment {
    /// What the header says, and the files that `manifest` lists. A signature covers it.
    pub signed: PayloadHeader,
    /// What the augmented header says, and the files that `manifest-augment` lists. No signature
    /// covers it.
    pub added: PayloadHeader,
}

/// A value in a payload's provides or depends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TypeInfoValue {
    /// One text.
    One(String),
    /// A list of texts; in depends, any of them will do.
    Many(Vec<String>),
}

/// One file of a payload.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PayloadFile {
    /// File name, `[A-Za-z0-9_.,-]+`.
    pub name: String,
    /// Size in bytes, unpacked.
    pub size: u64,
    /// SHA-256 of the unpacked file.
    pub checksum: [u8; 32],
    /// When it was last changed, in seconds since 1970-01-01 UTC.
    pub modified: i64,
    /// Permission bits, at most `0o7777`.
    pub mode: u32,
}

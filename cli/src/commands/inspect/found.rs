//! What was found in an image, for all ways to show it.

use crate::commands::conf::{CONF_MAX_BYTES, document};
use crate::commands::inside::read::Image;
use crate::failure::chain;
use mender_image::edit::layout::Part;
use mender_image::limits::Limits;
use mender_image::partition::Scheme;
use mender_image::partition::gpt::Copies;
use mender_image::probe::Coverage;
use serde_json::Value;
use std::path::Path;

/// Where configurations of the client are: of root file systems and of the data partition, which the device mounts at
/// `/data`.
const CONFS: [&str; 2] = ["/etc/mender/mender.conf", "/mender/mender.conf"];
const ARTIFACT_INFO: &str = "/etc/mender/artifact_info";

/// An image and its parts.
pub(super) struct Found {
    pub(super) name: String,
    pub(super) len_bytes: u64,
    /// Whether the image is inside of an Artifact.
    pub(super) in_artifact: bool,
    /// `mbr` or `gpt`.
    pub(super) scheme: Option<String>,
    /// What is wrong with the partition table.
    pub(super) table_problem: Option<&'static str>,
    pub(super) sector_len_bytes: Option<u64>,
    pub(super) parts: Vec<FoundPart>,
}

/// A partition, or the only file system.
pub(super) struct FoundPart {
    pub(super) number: Option<u32>,
    pub(super) label: String,
    pub(super) kind: Option<String>,
    pub(super) offset: u64,
    pub(super) len_bytes: u64,
    pub(super) content: String,
    /// Length of the file system in bytes, where it tells.
    pub(super) content_len_bytes: Option<u64>,
    pub(super) block_len_bytes: Option<u64>,
    pub(super) free_bytes: Option<u64>,
    /// Files of Mender, by path.
    pub(super) artifact_info: Option<String>,
    pub(super) confs: Vec<FoundConf>,
    /// What is wrong with it.
    pub(super) problem: Option<String>,
}

/// A configuration of the client. Values are not shown: one is a secret.
pub(super) struct FoundConf {
    pub(super) path: &'static str,
    /// The server, where one is named.
    pub(super) server_url: Option<String>,
    pub(super) keys: Vec<String>,
    pub(super) problem: Option<String>,
}

impl Found {
    pub(super) fn of(path: &Path, image: &Image) -> Self {
        let table = image.layout.table.as_ref();
        let table_problem = match table.map(|table| table.scheme) {
            Some(Scheme::Gpt(Copies::FirstOnly)) => Some("the copy at the end is missing or damaged"),
            Some(Scheme::Gpt(Copies::LastOnly)) => Some("the copy at the beginning is damaged"),
            Some(Scheme::Gpt(Copies::Different)) => Some("the two copies differ"),
            _ => None,
        };
        let parts = image.layout.parts.iter().enumerate();
        Self {
            name: path.display().to_string(),
            len_bytes: image.layout.image_len_bytes,
            in_artifact: image.in_artifact,
            scheme: table.map(|table| table.scheme.to_string()),
            table_problem,
            sector_len_bytes: table.map(|table| table.sector_len_bytes),
            parts: parts.map(|(index, part)| FoundPart::of(image, index, part)).collect(),
        }
    }
}

impl FoundPart {
    fn of(image: &Image, index: usize, part: &Part) -> Self {
        let partition = part.partition.as_ref();
        let mut problem = match part.probe.coverage() {
            Coverage::Truncated(missing) => Some(format!("{missing} bytes of it are missing")),
            _ => None,
        };
        let mut tell = |error: &mender_image::error::Error| problem = problem.take().or(Some(chain(error)));
        let free_bytes = part.free_bytes(image.device(), &Limits::default()).unwrap_or_else(|error| {
            tell(&error);
            None
        });
        let mut read = |path: &str| {
            if !part.is_ext() && !part.is_fat() {
                return None;
            }
            image.optional_file(index, path.as_bytes(), CONF_MAX_BYTES).unwrap_or_else(|error| {
                tell(&error);
                None
            })
        };
        let artifact_info =
            read(ARTIFACT_INFO).map(|text| String::from_utf8_lossy(&text).trim_end().to_owned());
        let confs = CONFS.iter().filter_map(|path| Some(FoundConf::of(path, &read(path)?))).collect();
        Self {
            number: partition.map(|partition| partition.number),
            label: partition.map_or_else(String::new, |partition| partition.label.clone()),
            kind: partition.map(|partition| partition.kind.to_string()),
            offset: part.offset,
            len_bytes: part.len_bytes,
            content: part.probe.content.to_string(),
            content_len_bytes: part.probe.covers_bytes,
            block_len_bytes: part.probe.block_len_bytes,
            free_bytes,
            artifact_info,
            confs,
            problem,
        }
    }
}

impl FoundConf {
    fn of(path: &'static str, text: &[u8]) -> Self {
        let (conf, problem) = match document::parse(text) {
            Ok(conf) => (conf, None),
            Err(problem) => (Value::Null, Some(problem)),
        };
        let first = conf.pointer("/Servers/0/ServerURL").or_else(|| conf.get("ServerURL"));
        let server_url = first.and_then(Value::as_str).map(str::to_owned);
        let keys = conf.as_object().map(|object| object.keys().cloned().collect()).unwrap_or_default();
        Self { path, server_url, keys, problem }
    }
}

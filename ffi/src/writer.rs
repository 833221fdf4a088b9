//! `mar_writer_*`: an Artifact put together piece by piece, then written.
#![allow(unsafe_code, reason = "functions are exported under their C names and take pointers")]

use crate::detail::Detail;
use crate::error_code::Code;
use crate::failure::Failure;
use crate::guard::guard;
use crate::work::{Watch, Work};
use crate::{from_c, handle};
use mender_artifact::compression::Compression;
use mender_artifact::header::TypeInfoValue;
use mender_artifact::output_file::OutputFile;
use mender_artifact::sign::private_key::PrivateKey;
use mender_artifact::write::defaults::{ChecksumProvide, PayloadChoices};
use mender_artifact::write::input::PayloadInput;
use mender_artifact::write::plan::{ArtifactPlan, PayloadPlan, ROOTFS_IMAGE};
use mender_artifact::write::script::ScriptInput;
use mender_artifact::write::{WriteOptions, write_artifact};
use std::collections::BTreeMap;
use std::ffi::{c_char, c_int};
use std::path::{Path, PathBuf};

/// `mar_writer` of the header.
pub struct Writer {
    name: String,
    group: Option<String>,
    payload_type: String,
    meta_data: Option<serde_json::Value>,
    compression: Compression,
    device_types: Vec<String>,
    depends_names: Vec<String>,
    depends_groups: Vec<String>,
    files: Vec<PathBuf>,
    scripts: Vec<PathBuf>,
    choices: PayloadChoices,
    source_date_epoch: Option<i64>,
    key: Option<PrivateKey>,
}

impl Writer {
    fn new(name: &str) -> Self {
        Writer {
            name: name.to_owned(),
            group: None,
            payload_type: ROOTFS_IMAGE.to_owned(),
            meta_data: None,
            compression: Compression::default(),
            device_types: Vec::new(),
            depends_names: Vec::new(),
            depends_groups: Vec::new(),
            files: Vec::new(),
            scripts: Vec::new(),
            choices: PayloadChoices::default(),
            source_date_epoch: None,
            key: None,
        }
    }

    /// Takes a text for the field with this number of `enum mar_field`.
    fn set(&mut self, field: c_int, text: &str) -> Result<(), Failure> {
        let wrong = |expected: &str| Err(Failure::argument(format!("expected {expected}, found '{text}'")));
        match field {
            1 => self.group = Some(text.to_owned()),
            2 => self.device_types.push(text.to_owned()),
            3 => text.clone_into(&mut self.payload_type),
            4 => match serde_json::from_str::<serde_json::Value>(text) {
                Ok(value) if value.is_object() => self.meta_data = Some(value),
                _ => return wrong("a JSON object"),
            },
            5 => {
                self.compression = match text {
                    "none" => Compression::None,
                    "gzip" => Compression::Gzip,
                    "lzma" => Compression::Xz,
                    "zstd" => Compression::Zstd,
                    _ => return wrong("none, gzip, lzma or zstd"),
                }
            }
            6 => self.depends_names.push(text.to_owned()),
            7 => self.depends_groups.push(text.to_owned()),
            8 => self.choices.clears.push(text.to_owned()),
            9 => match text.parse() {
                Ok(seconds) => self.source_date_epoch = Some(seconds),
                Err(_) => return wrong("a number of seconds"),
            },
            _ => return Err(Failure::argument(format!("unknown field {field}"))),
        }
        Ok(())
    }

    fn pair(&mut self, pair: c_int, key: &str, value: &str) -> Result<(), Failure> {
        let into: &mut BTreeMap<_, _> = match pair {
            1 => &mut self.choices.provides,
            2 => &mut self.choices.depends,
            _ => return Err(Failure::argument(format!("unknown kind of pair {pair}"))),
        };
        into.insert(key.to_owned(), TypeInfoValue::One(value.to_owned()));
        Ok(())
    }

    fn write(&self, out: &Path, watch: &Watch) -> Result<Code, Failure> {
        let mut files = Vec::new();
        for file in &self.files {
            files.push(PayloadInput::from_path(file)?);
        }
        let mut scripts = Vec::new();
        for script in &self.scripts {
            scripts.push(ScriptInput::from_path(script)?);
        }
        let choices = self.choices.clone();
        let payload = if self.payload_type == ROOTFS_IMAGE {
            let (Some(image), true) = (files.pop(), files.is_empty()) else {
                return Err(Failure::argument("a rootfs-image wants exactly one file"));
            };
            if self.meta_data.is_some() {
                return Err(Failure::argument("a rootfs-image has no meta-data"));
            }
            PayloadPlan::rootfs_image(&self.name, image, choices, ChecksumProvide::Standard)
        } else {
            PayloadPlan::module_image(&self.name, &self.payload_type, files, self.meta_data.clone(), choices)
        };
        let plan = ArtifactPlan {
            artifact_name: self.name.clone(),
            artifact_group: self.group.clone(),
            compatible_types: self.device_types.clone(),
            depends_names: self.depends_names.clone(),
            depends_groups: self.depends_groups.clone(),
            scripts,
            payloads: vec![payload],
            compression: self.compression,
            signer: self.key.as_ref().map(|key| key as _),
            ..ArtifactPlan::default()
        };
        let failed =
            |action, error| Failure::new(Code::Io, format!("{}: cannot {action}: {error}", out.display()));
        let on_progress = |done, total: Option<u64>| watch.tell(6, done, total.unwrap_or(0));
        let options = WriteOptions {
            source_date_epoch: self.source_date_epoch,
            on_progress: Some(&on_progress),
            cancel: Some(&watch.cancelled),
            ..WriteOptions::default()
        };
        let mut output = OutputFile::create(out).map_err(|error| failed("create", error))?;
        write_artifact(plan, &mut output, &options)?;
        output.commit().map_err(|error| failed("write", error))?;
        Ok(Code::Ok)
    }
}

/// Begins an Artifact; see the header.
///
/// # Safety
/// `name` is NULL or NUL-terminated; `out` is NULL or may be written; `detail` is NULL or a whole `struct mar_detail`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_writer_new(
    name: *const c_char,
    out: *mut *mut Writer,
    detail: *mut Detail,
) -> c_int {
    // SAFETY: as promised by the caller, and `out` is looked at before it is used.
    unsafe {
        guard(detail, || {
            if out.is_null() {
                return Err(Failure::argument("out is NULL"));
            }
            handle::give(Writer::new(from_c::text(name, "name")?), out);
            Ok(Code::Ok)
        })
    }
}

/// Sets or adds a text; see the header.
///
/// # Safety
/// `writer` is NULL or comes from [`mar_writer_new`], was not freed and is not used by another thread; `text` is NULL
/// or NUL-terminated; `detail` is NULL or a whole `struct mar_detail`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_writer_set(
    writer: *mut Writer,
    field: c_int,
    text: *const c_char,
    detail: *mut Detail,
) -> c_int {
    // SAFETY: as promised by the caller.
    unsafe {
        guard(detail, || {
            handle::borrow(writer)?.set(field, from_c::text(text, "text")?)?;
            Ok(Code::Ok)
        })
    }
}

/// Adds a key and its value; see the header.
///
/// # Safety
/// As [`mar_writer_set`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_writer_add_pair(
    writer: *mut Writer,
    pair: c_int,
    key: *const c_char,
    value: *const c_char,
    detail: *mut Detail,
) -> c_int {
    // SAFETY: as promised by the caller.
    unsafe {
        guard(detail, || {
            let (key, value) = (from_c::text(key, "key")?, from_c::text(value, "value")?);
            handle::borrow(writer)?.pair(pair, key, value)?;
            Ok(Code::Ok)
        })
    }
}

/// Adds a payload file or a state script; see the header.
///
/// # Safety
/// As [`mar_writer_set`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_writer_add_file(
    writer: *mut Writer,
    kind: c_int,
    path: *const c_char,
    detail: *mut Detail,
) -> c_int {
    // SAFETY: as promised by the caller.
    unsafe {
        guard(detail, || {
            let path = from_c::path(path, "path")?.to_owned();
            let writer = handle::borrow(writer)?;
            match kind {
                1 => writer.files.push(path),
                2 => writer.scripts.push(path),
                _ => return Err(Failure::argument(format!("unknown kind of file {kind}"))),
            }
            Ok(Code::Ok)
        })
    }
}

/// Gives the key that signs; see the header.
///
/// # Safety
/// As [`mar_writer_set`]; `key_pem` is NULL or points to `key_pem_len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_writer_sign(
    writer: *mut Writer,
    key_pem: *const u8,
    key_pem_len: usize,
    detail: *mut Detail,
) -> c_int {
    // SAFETY: as promised by the caller.
    unsafe {
        guard(detail, || {
            let key = PrivateKey::from_pem(from_c::bytes(key_pem, key_pem_len, "key_pem")?)?;
            handle::borrow(writer)?.key = Some(key);
            Ok(Code::Ok)
        })
    }
}

/// Writes the Artifact; see the header.
///
/// # Safety
/// As [`mar_writer_set`]; `work` is NULL or as large as its `struct_size` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_writer_write(
    writer: *mut Writer,
    out: *const c_char,
    work: *const Work,
    detail: *mut Detail,
) -> c_int {
    // SAFETY: as promised by the caller.
    unsafe {
        guard(detail, || {
            let watch = Watch::from_c(work)?;
            handle::borrow(writer)?.write(from_c::path(out, "out")?, &watch)
        })
    }
}

/// Ends a writer; see the header.
///
/// # Safety
/// `writer` is NULL or comes from [`mar_writer_new`], was not freed, is not used by another thread, and not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_writer_free(writer: *mut Writer) {
    // SAFETY: as promised by the caller.
    unsafe { handle::free(writer) };
}

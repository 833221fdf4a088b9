//! `mar_artifact_*`: what an Artifact in a file says.
#![allow(unsafe_code, reason = "functions are exported under their C names and take pointers")]

use crate::detail::Detail;
use crate::error_code::Code;
use crate::failure::Failure;
use crate::guard::guard;
use crate::{from_c, handle, json};
use mender_artifact::header::{PayloadHeader, TypeInfoValue};
use mender_artifact::limits::Limits;
use mender_artifact::read::verify::SignatureRule;
use mender_artifact::read::{ReadOptions, ReadReport, read_artifact};
use mender_artifact::sign::public_key::PublicKey;
use std::collections::BTreeMap;
use std::ffi::{CString, c_char, c_int};
use std::fs::File;
use std::path::Path;
use std::ptr;

/// `mar_artifact` of the header: never changes, so that threads may share it.
pub struct Artifact {
    name: CString,
    group: Option<CString>,
    signature: CString,
    compression: CString,
    json: CString,
    device_types: Vec<CString>,
    payloads: Vec<Payload>,
}

struct Payload {
    payload_type: Option<CString>,
    provides: Vec<(String, CString)>,
    depends: Vec<(String, CString)>,
    files: Vec<(CString, u64, [u8; 32])>,
}

/// `struct mar_file` of the header.
#[derive(Debug)]
#[repr(C)]
pub struct FileInfo {
    /// Its name, which lives as long as the Artifact's handle.
    pub name: *const c_char,
    /// Bytes.
    pub size: u64,
    /// SHA-256.
    pub sha256: [u8; 32],
}

/// A text for C. What was read holds no NUL; what did would end there.
fn text(text: &str) -> CString {
    CString::new(text.split('\0').next().unwrap_or_default()).unwrap_or_default()
}

fn values(values: &BTreeMap<String, TypeInfoValue>) -> Vec<(String, CString)> {
    let first = |value: &TypeInfoValue| match value {
        TypeInfoValue::One(value) => text(value),
        TypeInfoValue::Many(values) => text(values.first().map_or("", String::as_str)),
    };
    values.iter().map(|(key, value)| (key.clone(), first(value))).collect()
}

impl From<&PayloadHeader> for Payload {
    fn from(header: &PayloadHeader) -> Self {
        Payload {
            payload_type: header.payload_type.as_deref().map(text),
            provides: values(&header.provides),
            depends: values(&header.depends),
            files: header.files.iter().map(|file| (text(&file.name), file.size, file.checksum)).collect(),
        }
    }
}

impl From<&ReadReport> for Artifact {
    fn from(report: &ReadReport) -> Self {
        let header = &report.header;
        Artifact {
            name: text(&header.artifact_name),
            group: header.artifact_group.as_deref().map(text),
            signature: text(json::signature(&report.signature)),
            compression: text(json::compression(report.compression)),
            json: text(&json::artifact(report).to_string()),
            device_types: header.compatible_types.iter().map(|name| text(name)).collect(),
            payloads: header.payloads.iter().map(Payload::from).collect(),
        }
    }
}

fn read(path: &Path, key_pem: &[u8]) -> Result<Artifact, Failure> {
    let key = if key_pem.is_empty() { None } else { Some(PublicKey::from_pem(key_pem)?) };
    let file = File::open(path)
        .map_err(|error| Failure::new(Code::Io, format!("{}: cannot open: {error}", path.display())))?;
    let signature = match &key {
        Some(key) => SignatureRule::Require(key),
        None => SignatureRule::NotChecked,
    };
    // No signature covers what augments an Artifact, and the getters do not tell the two apart.
    let limits = Limits { augmented: key.is_none(), ..Limits::default() };
    let options = ReadOptions { signature, limits, ..ReadOptions::default() };
    let report = read_artifact(file, &options, &mut ()).map_err(|error| error.with_path(path))?;
    Ok(Artifact::from(&report))
}

/// Reads an Artifact in a file to its end; see the header.
///
/// # Safety
/// `path` is NULL or NUL-terminated; `key_pem` is NULL or points to `key_pem_len` bytes; `out` is NULL or may be
/// written; `detail` is NULL or a whole `struct mar_detail`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_artifact_read(
    path: *const c_char,
    key_pem: *const u8,
    key_pem_len: usize,
    out: *mut *mut Artifact,
    detail: *mut Detail,
) -> c_int {
    // SAFETY: as promised by the caller, and `out` is looked at before it is used.
    unsafe {
        guard(detail, || {
            if out.is_null() {
                return Err(Failure::argument("out is NULL"));
            }
            if !key_pem.is_null() && key_pem_len == 0 {
                return Err(Failure::new(Code::Key, "the key is empty"));
            }
            let key = from_c::bytes(key_pem, key_pem_len, "key_pem")?;
            handle::give(read(from_c::path(path, "path")?, key)?, out);
            Ok(Code::Ok)
        })
    }
}

/// The object behind a handle that is only looked at, and what `find` finds in it.
///
/// # Safety
/// `artifact` is NULL or comes from [`mar_artifact_read`] and was not freed.
unsafe fn look<'a, T>(artifact: *const Artifact, find: impl FnOnce(&'a Artifact) -> Option<T>) -> Option<T> {
    // SAFETY: as promised by the caller.
    unsafe { artifact.as_ref() }.and_then(find)
}

fn pointer(text: Option<&CString>) -> *const c_char {
    text.map_or(ptr::null(), |text| text.as_ptr())
}

/// One of the texts that there is one of; see the header.
///
/// # Safety
/// `artifact` is NULL or comes from [`mar_artifact_read`] and was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_artifact_text(artifact: *const Artifact, what: c_int) -> *const c_char {
    // SAFETY: as promised by the caller.
    pointer(unsafe {
        look(artifact, |artifact| match what {
            0 => Some(&artifact.name),
            1 => artifact.group.as_ref(),
            2 => Some(&artifact.signature),
            3 => Some(&artifact.compression),
            4 => Some(&artifact.json),
            _ => None,
        })
    })
}

/// A device type, by its number; see the header.
///
/// # Safety
/// As [`mar_artifact_text`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_artifact_device_type(artifact: *const Artifact, index: usize) -> *const c_char {
    // SAFETY: as promised by the caller.
    pointer(unsafe { look(artifact, |artifact| artifact.device_types.get(index)) })
}

/// How many payloads there are; see the header.
///
/// # Safety
/// As [`mar_artifact_text`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_artifact_payloads(artifact: *const Artifact) -> usize {
    // SAFETY: as promised by the caller.
    unsafe { look(artifact, |artifact| Some(artifact.payloads.len())) }.unwrap_or(0)
}

/// The type of a payload; see the header.
///
/// # Safety
/// As [`mar_artifact_text`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_artifact_payload_type(
    artifact: *const Artifact,
    payload: usize,
) -> *const c_char {
    // SAFETY: as promised by the caller.
    pointer(unsafe { look(artifact, |artifact| artifact.payloads.get(payload)?.payload_type.as_ref()) })
}

/// # Safety
/// As [`mar_artifact_text`]; `key` is NULL or NUL-terminated.
unsafe fn value(
    artifact: *const Artifact,
    payload: usize,
    key: *const c_char,
    of: impl FnOnce(&Payload) -> &Vec<(String, CString)>,
) -> *const c_char {
    // SAFETY: as promised by the caller.
    unsafe {
        let Ok(key) = from_c::text(key, "key") else { return ptr::null() };
        pointer(look(artifact, |artifact| {
            let values = of(artifact.payloads.get(payload)?);
            values.iter().find(|(name, _)| name == key).map(|(_, value)| value)
        }))
    }
}

/// What a payload provides under a key; see the header.
///
/// # Safety
/// As [`mar_artifact_text`]; `key` is NULL or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_artifact_provides(
    artifact: *const Artifact,
    payload: usize,
    key: *const c_char,
) -> *const c_char {
    // SAFETY: as promised by the caller.
    unsafe { value(artifact, payload, key, |payload| &payload.provides) }
}

/// What a payload depends on under a key; see the header.
///
/// # Safety
/// As [`mar_artifact_provides`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_artifact_depends(
    artifact: *const Artifact,
    payload: usize,
    key: *const c_char,
) -> *const c_char {
    // SAFETY: as promised by the caller.
    unsafe { value(artifact, payload, key, |payload| &payload.depends) }
}

/// A file of a payload; see the header.
///
/// # Safety
/// As [`mar_artifact_text`]; `out` is NULL or a whole `struct mar_file`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_artifact_file(
    artifact: *const Artifact,
    payload: usize,
    index: usize,
    out: *mut FileInfo,
) -> c_int {
    // SAFETY: as promised by the caller.
    unsafe {
        match look(artifact, |artifact| artifact.payloads.get(payload)?.files.get(index)) {
            Some((name, size, sha256)) if !out.is_null() => {
                out.write(FileInfo { name: name.as_ptr(), size: *size, sha256: *sha256 });
                Code::Ok.into()
            }
            _ => Code::Arg.into(),
        }
    }
}

/// Ends an Artifact's handle; see the header.
///
/// # Safety
/// `artifact` is NULL or comes from [`mar_artifact_read`], was not freed, and is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_artifact_free(artifact: *mut Artifact) {
    // SAFETY: as promised by the caller.
    unsafe { handle::free(artifact) };
}

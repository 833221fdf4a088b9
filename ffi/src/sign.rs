//! `mar_sign_file`: an Artifact with another signature.
#![allow(unsafe_code, reason = "a function is exported under its C name and takes pointers")]

use crate::detail::Detail;
use crate::error_code::Code;
use crate::failure::Failure;
use crate::from_c;
use crate::guard::guard;
use mender_artifact::output_file::OutputFile;
use mender_artifact::resign;
use mender_artifact::rewrite::{Original, Source, Target};
use mender_artifact::sign::private_key::PrivateKey;
use std::ffi::{c_char, c_int};
use std::fs::File;
use std::path::Path;

/// `MAR_SIGN_REPLACE` of the header.
const REPLACE: u32 = 1;

fn sign(artifact: &Path, out: &Path, key: &[u8], replace: bool) -> Result<Code, Failure> {
    let failed = |path: &Path, action, error| {
        Failure::new(Code::Io, format!("{}: cannot {action}: {error}", path.display()))
    };
    let key = PrivateKey::from_pem(key)?;
    let input = File::open(artifact).map_err(|error| failed(artifact, "open", error))?;
    let about = |error: mender_artifact::error::Error| error.with_path(artifact);
    let mut original = Original::read(Source::File(&input)).map_err(about)?;
    resign::sign(&mut original, &key, replace).map_err(about)?;
    let output = OutputFile::create(out).map_err(|error| failed(out, "create", error))?;
    original.write(Target::File(output.file())).map_err(about)?;
    output.commit().map_err(|error| failed(out, "write", error))?;
    Ok(Code::Ok)
}

/// Signs an Artifact; see the header.
///
/// # Safety
/// The paths are NULL or NUL-terminated; `key_pem` is NULL or points to `key_pem_len` bytes; `detail` is NULL or a
/// whole `struct mar_detail`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_sign_file(
    artifact: *const c_char,
    out: *const c_char,
    key_pem: *const u8,
    key_pem_len: usize,
    flags: u32,
    detail: *mut Detail,
) -> c_int {
    // SAFETY: as promised by the caller.
    unsafe {
        guard(detail, || {
            let artifact = from_c::path(artifact, "artifact")?;
            let out = from_c::path(out, "out")?;
            let key = from_c::bytes(key_pem, key_pem_len, "key_pem")?;
            if flags & !REPLACE != 0 {
                return Err(Failure::argument(format!("expected flags 0 or 1, found {flags:#x}")));
            }
            sign(artifact, out, key, flags & REPLACE != 0)
        })
    }
}

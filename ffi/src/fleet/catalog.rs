//! `mar_catalog_*`: the Artifacts of a tenant, and which of them, or which delta, a device should get.
#![allow(unsafe_code, reason = "functions are exported under their C names and take pointers")]

use super::engine::Engine;
use super::question::{Wish, answer};
use crate::buffer::Buffer;
use crate::detail::Detail;
use crate::error_code::Code;
use crate::failure::Failure;
use crate::guard::guard;
use crate::{from_c, handle};
use mender_artifact::read::ReadOptions;
use mender_delta::fleet::catalog::error::CatalogError;
use mender_delta::fleet::catalog::index;
use mender_delta::fleet::catalog::limits::CatalogLimits;
use mender_delta::fleet::catalog::summary::ArtifactSummary;
use mender_delta::fleet::job::spec::JobSpec;
use mender_delta::fleet::tenant::TenantId;
use std::ffi::{CStr, c_char, c_int};
use std::fs::File;
use std::io::BufReader;
use std::sync::{PoisonError, RwLock};

/// `mar_catalog` of the header: threads share it.
pub struct Catalog(RwLock<index::Catalog>);

/// Words of [`CatalogError::code`].
const WORDS: [&CStr; 7] =
    [c"bad_json", c"limit", c"bad_field", c"id_taken", c"tenant_mismatch", c"bad_artifact", c"input_io"];

impl From<CatalogError> for Failure {
    fn from(error: CatalogError) -> Self {
        let reason = WORDS.into_iter().find(|word| word.to_bytes() == error.code().as_bytes());
        let failure = match error {
            CatalogError::Artifact(error) => Failure::from(error),
            CatalogError::Io(error) => Failure::new(Code::Io, format!("reading failed: {error}")),
            CatalogError::Limit { .. } => Failure::new(Code::Limit, error.to_string()),
            CatalogError::IdTaken { .. } | CatalogError::TenantMismatch { .. } => {
                Failure::new(Code::Refused, error.to_string())
            }
            other => Failure::argument(other.to_string()),
        };
        Failure { reason, ..failure }
    }
}

/// Begins a catalog; see the header.
///
/// # Safety
/// `tenant` is NULL or NUL-terminated; `out` is NULL or may be written; `detail` is NULL or as large as its `struct_size`
/// says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_catalog_new(
    tenant: *const c_char,
    out: *mut *mut Catalog,
    detail: *mut Detail,
) -> c_int {
    // SAFETY: as promised by the caller, and `out` is looked at before it is used.
    unsafe {
        guard(detail, || {
            if out.is_null() {
                return Err(Failure::argument("out is NULL"));
            }
            let tenant = TenantId::new(from_c::text(tenant, "tenant")?)
                .map_err(|error| Failure::argument(error.to_string()))?;
            let catalog = index::Catalog::new(tenant, &CatalogLimits::default());
            handle::give(Catalog(RwLock::new(catalog)), out);
            Ok(Code::Ok)
        })
    }
}

/// Adds an Artifact; see the header.
///
/// # Safety
/// `catalog` is NULL or comes from [`mar_catalog_new`] and was not freed; `summary_json` is NULL or NUL-terminated; `detail`
/// is NULL or as large as its `struct_size` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_catalog_add(
    catalog: *mut Catalog,
    summary_json: *const c_char,
    detail: *mut Detail,
) -> c_int {
    // SAFETY: as promised by the caller.
    unsafe {
        guard(detail, || {
            let Catalog(catalog) = handle::share(catalog)?;
            let summary = ArtifactSummary::from_json(from_c::text(summary_json, "summary_json")?.as_bytes())?;
            catalog.write().unwrap_or_else(PoisonError::into_inner).insert(summary)?;
            Ok(Code::Ok)
        })
    }
}

/// Removes an Artifact; see the header.
///
/// # Safety
/// As [`mar_catalog_add`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_catalog_remove(
    catalog: *mut Catalog,
    id: *const c_char,
    detail: *mut Detail,
) -> c_int {
    // SAFETY: as promised by the caller.
    unsafe {
        guard(detail, || {
            let Catalog(catalog) = handle::share(catalog)?;
            let id = from_c::text(id, "id")?;
            match catalog.write().unwrap_or_else(PoisonError::into_inner).remove(id) {
                Some(_) => Ok(Code::Ok),
                None => Err(Failure::argument(format!("{id}: not in the catalog"))),
            }
        })
    }
}

/// Has a question answered.
///
/// # Safety
/// As [`mar_catalog_add`]; `out` is NULL or may be written.
unsafe fn ask(
    catalog: *mut Catalog,
    question_json: *const c_char,
    out: *mut *mut Buffer,
    detail: *mut Detail,
    answer: impl FnOnce(&index::Catalog, &str) -> Result<String, Failure>,
) -> c_int {
    // SAFETY: as promised by the caller, and `out` is looked at before it is used.
    unsafe {
        guard(detail, || {
            if out.is_null() {
                return Err(Failure::argument("out is NULL"));
            }
            let Catalog(catalog) = handle::share(catalog)?;
            let question = from_c::text(question_json, "question_json")?;
            let said = answer(&catalog.read().unwrap_or_else(PoisonError::into_inner), question)?;
            handle::give(Buffer::from(said.into_bytes()), out);
            Ok(Code::Ok)
        })
    }
}

/// Which Artifact a device should get; see the header.
///
/// # Safety
/// As [`mar_catalog_add`]; `out` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_catalog_select(
    catalog: *mut Catalog,
    question_json: *const c_char,
    out: *mut *mut Buffer,
    detail: *mut Detail,
) -> c_int {
    // SAFETY: as promised by the caller.
    unsafe {
        ask(catalog, question_json, out, detail, |catalog, question| {
            Ok(answer(catalog, question, Wish::Select)?)
        })
    }
}

/// Which Artifact a device should get, or which delta should be made for it; see the header.
///
/// # Safety
/// As [`mar_catalog_select`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_catalog_plan(
    catalog: *mut Catalog,
    question_json: *const c_char,
    out: *mut *mut Buffer,
    detail: *mut Detail,
) -> c_int {
    // SAFETY: as promised by the caller.
    unsafe {
        ask(catalog, question_json, out, detail, |catalog, question| {
            Ok(answer(catalog, question, Wish::Plan)?)
        })
    }
}

/// The same with what an engine knows, and the job to start; see the header.
///
/// # Safety
/// As [`mar_catalog_select`]; `engine` is NULL or comes from [`mar_engine_new`](super::engine::mar_engine_new) and was not
/// freed; `spec_json` is NULL or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_engine_plan(
    engine: *mut Engine,
    catalog: *mut Catalog,
    question_json: *const c_char,
    spec_json: *const c_char,
    out: *mut *mut Buffer,
    detail: *mut Detail,
) -> c_int {
    // SAFETY: as promised by the caller.
    unsafe {
        ask(catalog, question_json, out, detail, |catalog, question| {
            let Engine(engine) = handle::share(engine)?;
            let usual = JobSpec::from_json(from_c::text(spec_json, "spec_json")?.as_bytes())?;
            Ok(answer(catalog, question, Wish::PlanWith(engine, &usual))?)
        })
    }
}

/// The summary of an Artifact in a file; see the header.
///
/// # Safety
/// `path` and `id` are NULL or NUL-terminated; `out` is NULL or may be written; `detail` is NULL or as large as its
/// `struct_size` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_catalog_summary(
    path: *const c_char,
    id: *const c_char,
    out: *mut *mut Buffer,
    detail: *mut Detail,
) -> c_int {
    // SAFETY: as promised by the caller, and `out` is looked at before it is used.
    unsafe {
        guard(detail, || {
            if out.is_null() {
                return Err(Failure::argument("out is NULL"));
            }
            let path = from_c::path(path, "path")?;
            let id = if id.is_null() { None } else { Some(from_c::text(id, "id")?) };
            let file = File::open(path).map_err(|error| {
                Failure::new(Code::Io, format!("{}: cannot open: {error}", path.display()))
            })?;
            let summary = ArtifactSummary::from_artifact(BufReader::new(file), id, &ReadOptions::default())?;
            let json = serde_json::to_vec(&summary)
                .map_err(|error| Failure::new(Code::Internal, error.to_string()))?;
            handle::give(Buffer::from(json), out);
            Ok(Code::Ok)
        })
    }
}

/// Ends a catalog; see the header.
///
/// # Safety
/// `catalog` is NULL or comes from [`mar_catalog_new`], was not freed, is not used by another thread, and not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_catalog_free(catalog: *mut Catalog) {
    // SAFETY: as promised by the caller.
    unsafe { handle::free(catalog) };
}

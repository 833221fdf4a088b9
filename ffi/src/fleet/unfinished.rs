//! `mar_engine_unfinished`, `_take_up`, `_forget`: jobs that an earlier engine in the same folder left.
#![allow(unsafe_code, reason = "functions are exported under their C names and take pointers")]

use super::engine::{Engine, tenant};
use super::job::{Job, input};
use crate::buffer::Buffer;
use crate::detail::Detail;
use crate::error_code::Code;
use crate::failure::Failure;
use crate::guard::guard;
use crate::{from_c, handle};
use mender_delta::fleet::job::id::JobId;
use mender_delta::fleet::job::input::Inputs;
use mender_delta::fleet::job::journal::Unfinished;
use std::ffi::{c_char, c_int};
use std::sync::Arc;

/// The job that C names.
///
/// # Safety
/// `id` is NULL or NUL-terminated.
unsafe fn job_id(id: *const c_char) -> Result<JobId, Failure> {
    // SAFETY: as promised by the caller.
    let id = unsafe { from_c::text(id, "id") }?;
    JobId::try_from(id.to_owned()).map_err(Failure::argument)
}

/// The jobs that an earlier engine left; see the header.
///
/// # Safety
/// `engine` is NULL or comes from [`mar_engine_new`](super::engine::mar_engine_new) and was not freed; `tenant` is NULL or
/// NUL-terminated; `json` is NULL or may be written; `detail` is NULL or as large as its `struct_size` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_engine_unfinished(
    engine: *mut Engine,
    tenant: *const c_char,
    json: *mut *mut Buffer,
    detail: *mut Detail,
) -> c_int {
    // SAFETY: as promised by the caller, and `json` is looked at before it is used.
    unsafe {
        guard(detail, || {
            if json.is_null() {
                return Err(Failure::argument("json is NULL"));
            }
            let engine = &handle::share(engine)?.0;
            let tenants = match tenant.is_null() {
                true => engine.tenants_with_unfinished(),
                false => vec![self::tenant(tenant)?],
            };
            let all: Vec<Unfinished> = tenants.iter().flat_map(|tenant| engine.unfinished(tenant)).collect();
            let text =
                serde_json::to_vec(&all).map_err(|error| Failure::new(Code::Internal, error.to_string()))?;
            handle::give(Buffer::from(text), json);
            Ok(Code::Ok)
        })
    }
}

/// Goes on with such a job; see the header.
///
/// # Safety
/// As [`mar_engine_unfinished`]; `id`, `from` and `to` are NULL or NUL-terminated; `out` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_engine_take_up(
    engine: *mut Engine,
    tenant: *const c_char,
    id: *const c_char,
    from: *const c_char,
    to: *const c_char,
    out: *mut *mut Job,
    detail: *mut Detail,
) -> c_int {
    // SAFETY: as promised by the caller, and `out` is looked at before it is used.
    unsafe {
        guard(detail, || {
            if out.is_null() {
                return Err(Failure::argument("out is NULL"));
            }
            let engine = Arc::clone(&handle::share(engine)?.0);
            let (tenant, id) = (self::tenant(tenant)?, job_id(id)?);
            let has_paths = || {
                let mut all = engine.unfinished(&tenant).into_iter();
                all.any(|unfinished| unfinished.id == id && unfinished.paths.is_some())
            };
            // Files are found again by themselves; what was pushed is pushed again.
            let inputs = if from.is_null() && to.is_null() && has_paths() {
                None
            } else {
                Some(Inputs { from: input(from, "from")?, to: input(to, "to")? })
            };
            let job = engine.take_up(&tenant, &id, inputs)?;
            handle::give(Job::new(job, engine), out);
            Ok(Code::Ok)
        })
    }
}

/// Strikes such a job off; see the header.
///
/// # Safety
/// As [`mar_engine_take_up`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_engine_forget(
    engine: *mut Engine,
    tenant: *const c_char,
    id: *const c_char,
    detail: *mut Detail,
) -> c_int {
    // SAFETY: as promised by the caller.
    unsafe {
        guard(detail, || {
            handle::share(engine)?.0.forget(&self::tenant(tenant)?, &job_id(id)?)?;
            Ok(Code::Ok)
        })
    }
}

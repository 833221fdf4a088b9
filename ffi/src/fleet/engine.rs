//! `mar_engine_*`: threads, memory and temporary files for jobs.
#![allow(unsafe_code, reason = "functions are exported under their C names and take pointers")]

use super::options::{Options, options};
use crate::detail::Detail;
use crate::error_code::Code;
use crate::failure::Failure;
use crate::guard::guard;
use crate::{from_c, handle};
use mender_delta::fleet::job::engine;
use std::ffi::{c_char, c_int};
use std::sync::Arc;

/// `mar_engine` of the header: jobs have the engine, too.
pub struct Engine(pub(super) Arc<engine::Engine>);

/// Begins an engine; see the header.
///
/// # Safety
/// `options_json` is NULL or NUL-terminated; `out` is NULL or may be written; `detail` is NULL or as large as its
/// `struct_size` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_engine_new(
    options_json: *const c_char,
    out: *mut *mut Engine,
    detail: *mut Detail,
) -> c_int {
    // SAFETY: as promised by the caller, and `out` is looked at before it is used.
    unsafe {
        guard(detail, || {
            if out.is_null() {
                return Err(Failure::argument("out is NULL"));
            }
            let Options { engine, quotas } = options(from_c::text(options_json, "options_json")?)?;
            let engine = engine::Engine::new(engine)?;
            for (tenant, quota) in quotas {
                engine.set_quota(&tenant, quota);
            }
            handle::give(Engine(Arc::new(engine)), out);
            Ok(Code::Ok)
        })
    }
}

/// Ends an engine's handle; see the header.
///
/// # Safety
/// `engine` is NULL or comes from [`mar_engine_new`], was not freed, is not used by another thread, and not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_engine_free(engine: *mut Engine) {
    // SAFETY: as promised by the caller.
    unsafe { handle::free(engine) };
}

//! `mar_engine_*`: threads, memory and temporary files for jobs.
#![allow(unsafe_code, reason = "functions are exported under their C names and take pointers")]

use super::options::{Options, options};
use crate::detail::Detail;
use crate::error_code::Code;
use crate::failure::Failure;
use crate::guard::guard;
use crate::{from_c, handle};
use mender_artifact::sign::private_key::PrivateKey;
use mender_delta::fleet::job::engine;
use mender_delta::fleet::job::options::Quota;
use mender_delta::fleet::tenant::TenantId;
use std::ffi::{c_char, c_int};
use std::sync::Arc;

/// `mar_engine` of the header: jobs have the engine, too.
pub struct Engine(pub(super) Arc<engine::Engine>);

/// The tenant that C names.
///
/// # Errors
/// `MAR_E_ARG`.
///
/// # Safety
/// `name` is NULL or NUL-terminated.
pub(super) unsafe fn tenant(name: *const c_char) -> Result<TenantId, Failure> {
    // SAFETY: as promised by the caller.
    let name = unsafe { from_c::text(name, "tenant") }?;
    TenantId::new(name).map_err(|error| Failure::argument(format!("tenant: {error}")))
}

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

/// Gives a tenant a quota of its own; see the header.
///
/// # Safety
/// `engine` is NULL or comes from [`mar_engine_new`] and was not freed; `tenant` is NULL or NUL-terminated; `detail` is
/// NULL or as large as its `struct_size` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_engine_set_quota(
    engine: *mut Engine,
    tenant: *const c_char,
    queue_length: u32,
    jobs_in_parallel: u32,
    detail: *mut Detail,
) -> c_int {
    // SAFETY: as promised by the caller.
    unsafe {
        guard(detail, || {
            let engine = handle::share(engine)?;
            let most = |jobs: u32| usize::try_from(jobs).unwrap_or(usize::MAX);
            let quota = Quota { queue_length: most(queue_length), jobs_in_parallel: most(jobs_in_parallel) };
            engine.0.set_quota(&self::tenant(tenant)?, quota);
            Ok(Code::Ok)
        })
    }
}

/// Lets the jobs of a tenant name a key; see the header.
///
/// # Safety
/// As [`mar_engine_set_quota`]; `name` is NULL or NUL-terminated; `key_pem` is NULL or points to `key_pem_len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_engine_set_signer(
    engine: *mut Engine,
    tenant: *const c_char,
    name: *const c_char,
    key_pem: *const u8,
    key_pem_len: usize,
    detail: *mut Detail,
) -> c_int {
    // SAFETY: as promised by the caller.
    unsafe {
        guard(detail, || {
            let engine = handle::share(engine)?;
            let (tenant, name) = (self::tenant(tenant)?, from_c::text(name, "name")?);
            let key = PrivateKey::from_pem(from_c::bytes(key_pem, key_pem_len, "key_pem")?)?;
            engine.0.set_signer(&tenant, name, Arc::new(key));
            Ok(Code::Ok)
        })
    }
}

/// Ends all jobs but keeps them written down; see the header.
///
/// # Safety
/// As [`mar_engine_set_quota`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_engine_interrupt(engine: *mut Engine, detail: *mut Detail) -> c_int {
    // SAFETY: as promised by the caller.
    unsafe {
        guard(detail, || {
            handle::share(engine)?.0.interrupt();
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

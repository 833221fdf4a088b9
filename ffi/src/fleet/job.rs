//! `mar_job_*`: one delta Artifact in the making.
#![allow(unsafe_code, reason = "functions are exported under their C names and take pointers")]

use super::engine::Engine;
use super::progress::{Place, Progress};
use crate::buffer::Buffer;
use crate::detail::Detail;
use crate::error_code::Code;
use crate::failure::Failure;
use crate::guard::guard;
use crate::{from_c, handle};
use mender_delta::fleet::job::engine;
use mender_delta::fleet::job::failure::{Failure as Refusal, Side};
use mender_delta::fleet::job::handle::JobHandle;
use mender_delta::fleet::job::input::{Input, Inputs};
use mender_delta::fleet::job::spec::JobSpec;
use mender_delta::fleet::job::state::State;
use mender_delta::fleet::reason::Reason;
use std::ffi::{c_char, c_int};
use std::sync::Arc;
use std::time::Duration;

/// Longest time that a call waits, in milliseconds.
const LONGEST: u32 = 60_000;

/// Most bytes that one call reads, so that none takes long.
const MOST_READ: usize = 1 << 20;

/// `mar_job` of the header: threads share it.
pub struct Job {
    job: JobHandle,
    /// Ends with the last of those that have it.
    _engine: Arc<engine::Engine>,
}

impl Job {
    pub(super) fn new(job: JobHandle, engine: Arc<engine::Engine>) -> Self {
        Self { job, _engine: engine }
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.job.cancel();
    }
}

fn side(number: c_int) -> Result<Side, Failure> {
    match number {
        0 => Ok(Side::From),
        1 => Ok(Side::To),
        _ => Err(Failure::argument(format!("side: expected 0 or 1, found {number}"))),
    }
}

/// # Safety
/// `path` is NULL or NUL-terminated.
pub(super) unsafe fn input(path: *const c_char, name: &str) -> Result<Input, Failure> {
    if path.is_null() {
        return Ok(Input::Pushed);
    }
    // SAFETY: as promised by the caller.
    Ok(Input::Path(unsafe { from_c::path(path, name) }?.to_owned()))
}

/// Begins a job; see the header.
///
/// # Safety
/// `engine` is NULL or comes from [`mar_engine_new`](super::engine::mar_engine_new) and was not freed; the texts are NULL
/// or NUL-terminated; `out` is NULL or may be written; `detail` is NULL or as large as its `struct_size` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_job_new(
    engine: *mut Engine,
    spec_json: *const c_char,
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
            let spec = JobSpec::from_json(from_c::text(spec_json, "spec_json")?.as_bytes())?;
            let inputs = Inputs { from: input(from, "from")?, to: input(to, "to")? };
            let job = engine.submit(spec, inputs)?;
            handle::give(Job::new(job, engine), out);
            Ok(Code::Ok)
        })
    }
}

/// Takes the next bytes of an Artifact; see the header.
///
/// # Safety
/// `job` is NULL or comes from [`mar_job_new`] and was not freed; `bytes` is NULL or points to `len` bytes; `taken` is NULL
/// or may be written; `detail` is NULL or as large as its `struct_size` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_job_feed(
    job: *mut Job,
    side: c_int,
    bytes: *const u8,
    len: usize,
    taken: *mut usize,
    detail: *mut Detail,
) -> c_int {
    // SAFETY: as promised by the caller, and `taken` is looked at before it is used.
    unsafe {
        guard(detail, || {
            if taken.is_null() {
                return Err(Failure::argument("taken is NULL"));
            }
            let Job { job, .. } = handle::share(job)?;
            let side = self::side(side)?;
            match job.try_feed(side, from_c::bytes(bytes, len, "bytes")?)? {
                Some(count) => {
                    taken.write(count);
                    Ok(if count == len { Code::Ok } else { Code::Again })
                }
                None => {
                    taken.write(0);
                    Ok(Code::Again)
                }
            }
        })
    }
}

/// Waits for the job and tells how far it is; see the header.
///
/// # Safety
/// As [`mar_job_feed`]; `progress` is NULL or as large as its `struct_size` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_job_wait(
    job: *mut Job,
    milliseconds: u32,
    progress: *mut Progress,
    detail: *mut Detail,
) -> c_int {
    // SAFETY: as promised by the caller.
    unsafe {
        guard(detail, || {
            let Job { job, .. } = handle::share(job)?;
            let place = Place::from_c(progress)?;
            let progress = job.wait(Duration::from_millis(milliseconds.min(LONGEST).into()));
            place.tell(&progress);
            let refusal = |reason| progress.failure.unwrap_or_else(|| Refusal::new(reason)).into();
            match progress.state {
                State::Done => Ok(Code::Done),
                State::Failed => Err(refusal(Reason::Panic)),
                State::Cancelled => Err(refusal(Reason::Cancelled)),
                _ => Ok(Code::Ok),
            }
        })
    }
}

/// Cancels the job; see the header.
///
/// # Safety
/// As [`mar_job_feed`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_job_cancel(job: *mut Job, detail: *mut Detail) -> c_int {
    // SAFETY: as promised by the caller.
    unsafe {
        guard(detail, || {
            let Job { job, .. } = handle::share(job)?;
            job.cancel();
            Ok(Code::Ok)
        })
    }
}

/// What a signer signs; see the header.
///
/// # Safety
/// As [`mar_job_feed`]; `out` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_job_signing_input(
    job: *mut Job,
    out: *mut *mut Buffer,
    detail: *mut Detail,
) -> c_int {
    // SAFETY: as promised by the caller, and `out` is looked at before it is used.
    unsafe {
        guard(detail, || {
            if out.is_null() {
                return Err(Failure::argument("out is NULL"));
            }
            let Job { job, .. } = handle::share(job)?;
            handle::give(Buffer::from(job.signing_input()?.manifest), out);
            Ok(Code::Ok)
        })
    }
}

/// Takes the signature; see the header.
///
/// # Safety
/// As [`mar_job_feed`]; `signature` is NULL or points to `len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_job_attach_signature(
    job: *mut Job,
    signature: *const u8,
    len: usize,
    detail: *mut Detail,
) -> c_int {
    // SAFETY: as promised by the caller.
    unsafe {
        guard(detail, || {
            let Job { job, .. } = handle::share(job)?;
            job.attach_signature(from_c::bytes(signature, len, "signature")?)?;
            Ok(Code::Ok)
        })
    }
}

/// Gives the next bytes of the result; see the header.
///
/// # Safety
/// As [`mar_job_feed`]; `bytes` is NULL or has room for `size` bytes that nobody else uses; `len` is NULL or may be
/// written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_job_read(
    job: *mut Job,
    bytes: *mut u8,
    size: usize,
    len: *mut usize,
    detail: *mut Detail,
) -> c_int {
    // SAFETY: as promised by the caller, and `len` is looked at before it is used.
    unsafe {
        guard(detail, || {
            if len.is_null() {
                return Err(Failure::argument("len is NULL"));
            }
            let Job { job, .. } = handle::share(job)?;
            let read = job.read(from_c::room(bytes, size.min(MOST_READ), "bytes")?)?;
            len.write(read);
            Ok(Code::Ok)
        })
    }
}

/// What became of the job; see the header.
///
/// # Safety
/// As [`mar_job_feed`]; `json` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_job_report(job: *mut Job, json: *mut *mut Buffer, detail: *mut Detail) -> c_int {
    // SAFETY: as promised by the caller, and `json` is looked at before it is used.
    unsafe {
        guard(detail, || {
            if json.is_null() {
                return Err(Failure::argument("json is NULL"));
            }
            let Job { job, .. } = handle::share(job)?;
            handle::give(Buffer::from(job.report().to_json().into_bytes()), json);
            Ok(Code::Ok)
        })
    }
}

/// Ends a job's handle and the job; see the header.
///
/// # Safety
/// `job` is NULL or comes from [`mar_job_new`], was not freed, is not used by another thread, and not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_job_free(job: *mut Job) {
    // SAFETY: as promised by the caller.
    unsafe { handle::free(job) };
}

//! `mar_apply_*`: one delta, from a base to a target.
#![allow(unsafe_code, reason = "functions are exported under their C names and take pointers")]
#![cfg(any(feature = "native", feature = "vcdiff"))]

use crate::applying::{self, Applying, Memory};
use crate::arena::{Given, room};
use crate::code::Code;
use crate::config::{ApplyConfig, Detail};
use crate::course::Course;
use crate::engine::{Algorithm, Promised};
use crate::fault::Fault;
use crate::from_c;
use crate::limits::Granted;
use core::ffi::{c_int, c_void};

/// `mar_apply` of the header.
pub struct Apply {
    applying: Applying,
    course: Course,
}

struct Checked {
    config: ApplyConfig,
    granted: Granted,
    algorithm: Algorithm,
    promised: Promised,
}

impl Checked {
    /// # Safety
    /// `config` is NULL or a whole `struct mar_apply_config`.
    unsafe fn from_c(config: *const ApplyConfig) -> Result<Self, Fault> {
        // SAFETY: as promised by the caller.
        unsafe {
            let config = from_c::structure(config, "config: struct_size")?;
            let granted = Granted::from_c(config.limits)?;
            applying::check(&config, &granted)?;
            let algorithm = from_c::text(config.algorithm).ok_or(Fault::argument("algorithm is NULL"))?;
            let algorithm = Algorithm::named(algorithm)?;
            let promised = Promised {
                target_size: config.target_size,
                target_sha256: from_c::digest(config.target_sha256),
                base_sha256: from_c::digest(config.base_sha256),
            };
            if config.checkpoint.save.is_some() && !algorithm.can_resume() {
                return Err(Fault::new(Code::Unsupported, "checkpoints of this algorithm"));
            }
            Ok(Checked { config, granted, algorithm, promised })
        }
    }

    fn engine_need(&self) -> usize {
        self.algorithm.need(&self.granted)
    }

    fn need(&self) -> usize {
        let memory = Memory::need(&self.config, &self.granted, self.engine_need());
        room(size_of::<Apply>()).saturating_add(memory)
    }
}

/// Bytes of arena that a configuration takes; see the header.
///
/// # Safety
/// `config` is NULL or a whole `struct mar_apply_config`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_apply_need(config: *const ApplyConfig) -> usize {
    // SAFETY: as promised by the caller.
    unsafe { Checked::from_c(config) }.map_or(0, |checked| checked.need())
}

/// Begins to apply a delta; see the header.
///
/// # Safety
/// `out` is NULL or may be written; `arena` is NULL or points to `arena_len` bytes that nobody else uses as long as
/// the context is used; `config` is NULL or a whole `struct mar_apply_config` whose pointers are as the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_apply_init(
    out: *mut *mut Apply,
    arena: *mut c_void,
    arena_len: usize,
    config: *const ApplyConfig,
) -> c_int {
    let given = Given { arena: arena.cast(), len: arena_len };
    // SAFETY: as promised by the caller.
    let begun = unsafe {
        given.begin(
            out,
            || Checked::from_c(config),
            Checked::need,
            |checked, arena| {
                let Checked { config, granted, algorithm, promised } = &checked;
                let memory = Memory::take(config, granted, checked.engine_need(), arena)?;
                let applying = Applying::new(config, granted, *algorithm, *promised, memory)?;
                Ok(Apply { applying, course: Course::new() })
            },
        )
    };
    from_c::code(begun)
}

/// Takes the next bytes of the delta; see the header.
///
/// # Safety
/// `apply` is NULL or comes from [`mar_apply_init`], its arena is still there, and nobody else uses it; `bytes` is
/// NULL or points to `len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_apply_push(apply: *mut Apply, bytes: *const u8, len: usize) -> c_int {
    // SAFETY: as promised by the caller.
    let (Some(apply), Ok(bytes)) = (unsafe { (apply.as_mut(), from_c::bytes(bytes, len)) }) else {
        return Code::Arg as c_int;
    };
    apply.course.step(|| apply.applying.push(bytes).map(|()| Code::Ok))
}

/// Says that the delta is complete; see the header.
///
/// # Safety
/// As [`mar_apply_push`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_apply_finish(apply: *mut Apply) -> c_int {
    // SAFETY: as promised by the caller.
    let Some(apply) = (unsafe { apply.as_mut() }) else { return Code::Arg as c_int };
    if apply.course.is_done() {
        return Code::Done as c_int;
    }
    apply.course.step(|| apply.applying.finish().map(|()| Code::Done))
}

/// Goes on from a checkpoint; see the header.
///
/// # Safety
/// As [`mar_apply_push`]; the offsets are NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_apply_resume(
    apply: *mut Apply,
    bytes: *const u8,
    len: usize,
    input_offset: *mut u64,
    target_offset: *mut u64,
) -> c_int {
    // SAFETY: as promised by the caller.
    let (Some(apply), Ok(bytes)) = (unsafe { (apply.as_mut(), from_c::bytes(bytes, len)) }) else {
        return Code::Arg as c_int;
    };
    let code = apply.course.step(|| apply.applying.resume(bytes).map(|_| Code::Ok));
    if code == Code::Ok as c_int {
        let [input, written] = apply.applying.progress();
        // SAFETY: as promised by the caller.
        unsafe { from_c::give([(input_offset, input), (target_offset, written)]) };
    }
    code
}

/// Says how far the work is; see the header.
///
/// # Safety
/// As [`mar_apply_push`]; the numbers are NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_apply_progress(
    apply: *const Apply,
    input: *mut u64,
    written: *mut u64,
    total: *mut u64,
) {
    // SAFETY: as promised by the caller.
    let Some(apply) = (unsafe { apply.as_ref() }) else { return };
    let [taken, made] = apply.applying.progress();
    // SAFETY: as promised by the caller.
    unsafe { from_c::give([(input, taken), (written, made), (total, apply.applying.total())]) };
}

/// Says what the last call failed of; see the header.
///
/// # Safety
/// As [`mar_apply_push`]; `detail` is NULL or a `struct mar_detail` as large as its `struct_size` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_apply_detail(apply: *const Apply, detail: *mut Detail) {
    // SAFETY: as promised by the caller.
    unsafe {
        if let Some(apply) = apply.as_ref() {
            apply.course.explain(detail);
        }
    }
}

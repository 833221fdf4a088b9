//! `mar_install_*`: an Artifact in, a target out.
#![allow(unsafe_code, reason = "functions are exported under their C names and take pointers")]

use crate::applying::{self, Memory};
use crate::arena::{Given, room};
use crate::code::Code;
use crate::config::{Detail, InstallConfig};
use crate::course::Course;
use crate::fault::Fault;
use crate::from_c;
use crate::installing::Installing;
use crate::limits::Granted;
use crate::reading::{self, Reading};
use core::ffi::{c_int, c_void};

/// `mar_install` of the header.
pub struct Install {
    reading: Reading,
    installing: Installing,
    course: Course,
}

struct Checked {
    config: InstallConfig,
    reading: reading::Checked,
    granted: Granted,
}

impl Checked {
    /// # Safety
    /// `config` is NULL or a whole `struct mar_install_config` whose pointers are as the header says.
    unsafe fn from_c(config: *const InstallConfig) -> Result<Self, Fault> {
        // SAFETY: as promised by the caller.
        unsafe {
            let config = from_c::structure(config, "config: struct_size")?;
            for (size, expected) in [
                (config.reader.struct_size, size_of_val(&config.reader)),
                (config.apply.struct_size, size_of_val(&config.apply)),
            ] {
                if usize::try_from(size) != Ok(expected) {
                    return Err(Fault::argument("config.reader or config.apply: struct_size"));
                }
            }
            let reading = reading::Checked::from_c(config.reader)?;
            let granted = Granted::from_c(config.apply.limits)?;
            applying::check(&config.apply, &granted)?;
            Ok(Checked { config, reading, granted })
        }
    }

    fn need(&self) -> usize {
        let engine = Installing::engine_need(&self.granted);
        (room(size_of::<Install>()) + self.reading.need()).saturating_add(Memory::need(
            &self.config.apply,
            &self.granted,
            engine,
        ))
    }
}

/// Bytes of arena that a configuration takes; see the header.
///
/// # Safety
/// `config` is NULL or a whole `struct mar_install_config` whose pointers are as the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_install_need(config: *const InstallConfig) -> usize {
    // SAFETY: as promised by the caller.
    unsafe { Checked::from_c(config) }.map_or(0, |checked| checked.need())
}

/// Begins to install an Artifact; see the header.
///
/// # Safety
/// `out` is NULL or may be written; `arena` is NULL or points to `arena_len` bytes that nobody else uses as long as
/// the context is used; `config` as for [`mar_install_need`], and its callbacks and strings stay.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_install_init(
    out: *mut *mut Install,
    arena: *mut c_void,
    arena_len: usize,
    config: *const InstallConfig,
) -> c_int {
    let given = Given { arena: arena.cast(), len: arena_len };
    // SAFETY: as promised by the caller.
    let begun = unsafe {
        given.begin(
            out,
            || Checked::from_c(config),
            Checked::need,
            |checked, arena| {
                let Checked { config, reading: reader, granted } = checked;
                let reading = Reading::new(&reader, arena)?;
                let memory = Memory::take(&config.apply, &granted, Installing::engine_need(&granted), arena)?;
                let base_sha256 = from_c::digest(config.apply.base_sha256);
                let installing = Installing::new(config, granted, reader.callbacks, base_sha256, memory);
                Ok(Install { reading, installing, course: Course::new() })
            },
        )
    };
    from_c::code(begun)
}

/// Takes the next bytes of the Artifact; see the header.
///
/// # Safety
/// `install` is NULL or comes from [`mar_install_init`], its arena is still there, and nobody else uses it; `bytes`
/// is NULL or points to `len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_install_push(install: *mut Install, bytes: *const u8, len: usize) -> c_int {
    // SAFETY: as promised by the caller.
    let (Some(install), Ok(bytes)) = (unsafe { (install.as_mut(), from_c::bytes(bytes, len)) }) else {
        return Code::Arg as c_int;
    };
    let Install { reading, installing, course } = install;
    course.step(|| reading.push(bytes, installing).map(|()| Code::Ok))
}

/// Says that the Artifact is complete; see the header.
///
/// # Safety
/// As [`mar_install_push`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_install_finish(install: *mut Install) -> c_int {
    // SAFETY: as promised by the caller.
    let Some(Install { reading, installing, course }) = (unsafe { install.as_mut() }) else {
        return Code::Arg as c_int;
    };
    if course.is_done() {
        return Code::Done as c_int;
    }
    course.step(|| {
        reading.finish()?;
        installing.finish()?;
        Ok(Code::Done)
    })
}

/// Goes on from a checkpoint; see the header.
///
/// # Safety
/// As [`mar_install_push`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_install_resume(install: *mut Install, bytes: *const u8, len: usize) -> c_int {
    // SAFETY: as promised by the caller.
    let (Some(install), Ok(bytes)) = (unsafe { (install.as_mut(), from_c::bytes(bytes, len)) }) else {
        return Code::Arg as c_int;
    };
    install.course.step(|| install.installing.resume(bytes).map(|()| Code::Ok))
}

/// Says how far the work is; see the header.
///
/// # Safety
/// As [`mar_install_push`]; the numbers are NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_install_progress(install: *const Install, written: *mut u64, total: *mut u64) {
    // SAFETY: as promised by the caller.
    let Some(install) = (unsafe { install.as_ref() }) else { return };
    let applying = install.installing.applying.as_ref();
    let made = applying.map_or(0, |applying| applying.progress()[1]);
    let whole = applying.map_or(0, |applying| applying.total());
    // SAFETY: as promised by the caller.
    unsafe { from_c::give([(written, made), (total, whole)]) };
}

/// Says what the last call failed of; see the header.
///
/// # Safety
/// As [`mar_install_push`]; `detail` is NULL or a `struct mar_detail` as large as its `struct_size` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_install_detail(install: *const Install, detail: *mut Detail) {
    // SAFETY: as promised by the caller.
    unsafe {
        if let Some(install) = install.as_ref() {
            install.course.explain(detail);
        }
    }
}

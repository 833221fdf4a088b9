//! `mar_reader_*`: the Artifact as a stream.
#![allow(unsafe_code, reason = "functions are exported under their C names and take pointers")]

use crate::arena::{Given, room};
use crate::code::Code;
use crate::config::{Detail, ReaderConfig};
use crate::course::Course;
use crate::events::Callbacks;
use crate::fault::Fault;
use crate::from_c;
use crate::reading::{Checked, Reading};
use core::ffi::{c_int, c_void};

/// `mar_reader` of the header.
pub struct Reader {
    reading: Reading,
    callbacks: Callbacks,
    course: Course,
}

/// # Safety
/// `config` is NULL or a whole `struct mar_reader_config` whose pointers are as the header says.
unsafe fn checked(config: *const ReaderConfig) -> Result<Checked, Fault> {
    // SAFETY: as promised by the caller.
    unsafe { Checked::from_c(from_c::structure(config, "config: struct_size")?) }
}

fn need(checked: &Checked) -> usize {
    room(size_of::<Reader>()) + checked.need()
}

/// Bytes of arena that a configuration takes; see the header.
///
/// # Safety
/// `config` is NULL or a whole `struct mar_reader_config` whose pointers are as the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_reader_need(config: *const ReaderConfig) -> usize {
    // SAFETY: as promised by the caller.
    unsafe { checked(config) }.map_or(0, |checked| need(&checked))
}

/// Begins to read an Artifact; see the header.
///
/// # Safety
/// `out` is NULL or may be written; `arena` is NULL or points to `arena_len` bytes that nobody else uses as long as
/// the context is used; `config` as for [`mar_reader_need`], and its callbacks and strings stay.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_reader_init(
    out: *mut *mut Reader,
    arena: *mut c_void,
    arena_len: usize,
    config: *const ReaderConfig,
) -> c_int {
    let given = Given { arena: arena.cast(), len: arena_len };
    // SAFETY: as promised by the caller.
    let begun = unsafe {
        given.begin(
            out,
            || checked(config),
            need,
            |checked, arena| {
                let reading = Reading::new(&checked, arena)?;
                Ok(Reader { reading, callbacks: checked.callbacks, course: Course::new() })
            },
        )
    };
    from_c::code(begun)
}

/// Takes the next bytes of the Artifact; see the header.
///
/// # Safety
/// `reader` is NULL or comes from [`mar_reader_init`], its arena is still there, and nobody else uses it; `bytes` is
/// NULL or points to `len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_reader_push(reader: *mut Reader, bytes: *const u8, len: usize) -> c_int {
    // SAFETY: as promised by the caller.
    let (Some(reader), Ok(bytes)) = (unsafe { (reader.as_mut(), from_c::bytes(bytes, len)) }) else {
        return Code::Arg as c_int;
    };
    let Reader { reading, callbacks, course } = reader;
    course.step(|| reading.push(bytes, callbacks).map(|()| Code::Ok))
}

/// Says that the Artifact is complete; see the header.
///
/// # Safety
/// As [`mar_reader_push`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_reader_finish(reader: *mut Reader) -> c_int {
    // SAFETY: as promised by the caller.
    let Some(reader) = (unsafe { reader.as_mut() }) else { return Code::Arg as c_int };
    if reader.course.is_done() {
        return Code::Done as c_int;
    }
    reader.course.step(|| reader.reading.finish().map(|()| Code::Done))
}

/// Says what the last call failed of; see the header.
///
/// # Safety
/// As [`mar_reader_push`]; `detail` is NULL or a `struct mar_detail` as large as its `struct_size` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_reader_detail(reader: *const Reader, detail: *mut Detail) {
    // SAFETY: as promised by the caller.
    unsafe {
        if let Some(reader) = reader.as_ref() {
            reader.course.explain(detail);
        }
    }
}

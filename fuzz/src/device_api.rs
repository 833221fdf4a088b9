//! The C API for firmware: sequences of calls on a reader, an applier and an installer, with callbacks that watch where
//! is read and written.
#![allow(unsafe_code, reason = "calls functions of a C API")]

use crate::drawn::{Drawn, pieces};
use crate::images::{NEW, OLD, image, sha256};
use mender_device::apply::{
    mar_apply_detail, mar_apply_finish, mar_apply_init, mar_apply_need, mar_apply_push,
};
use mender_device::config::{
    ApplyConfig, Base, Checkpointing, Detail, InstallConfig, Limits, ReaderConfig, Slice, Target,
};
use mender_device::install::{
    mar_install_detail, mar_install_finish, mar_install_init, mar_install_need, mar_install_push,
    mar_install_resume,
};
use mender_device::reader::{
    mar_reader_detail, mar_reader_finish, mar_reader_init, mar_reader_need, mar_reader_push,
};
use std::ffi::{c_int, c_void};
use std::ptr;

/// The two images as C sees them.
struct Sides {
    old: Vec<u8>,
    new: Vec<u8>,
    saved: Vec<u8>,
}

unsafe extern "C" fn read_base(user: *mut c_void, offset: u64, p: *mut u8, len: usize) -> c_int {
    // SAFETY: `user` is the `Sides` of `run`, and `p` has room for `len` bytes, as the API promises.
    let (sides, out) = unsafe { (&*user.cast::<Sides>(), std::slice::from_raw_parts_mut(p, len)) };
    let start = usize::try_from(offset).unwrap();
    out.copy_from_slice(&sides.old[start..start + len]);
    0
}

unsafe extern "C" fn read_target(user: *mut c_void, offset: u64, p: *mut u8, len: usize) -> c_int {
    // SAFETY: as in `read_base`.
    let (sides, out) = unsafe { (&*user.cast::<Sides>(), std::slice::from_raw_parts_mut(p, len)) };
    let start = usize::try_from(offset).unwrap();
    out.copy_from_slice(&sides.new[start..start + len]);
    0
}

unsafe extern "C" fn write_target(user: *mut c_void, offset: u64, p: *const u8, len: usize) -> c_int {
    // SAFETY: as in `read_base`.
    let (sides, bytes) = unsafe { (&mut *user.cast::<Sides>(), std::slice::from_raw_parts(p, len)) };
    let start = usize::try_from(offset).unwrap();
    sides.new[start..start + len].copy_from_slice(bytes);
    0
}

unsafe extern "C" fn save(user: *mut c_void, p: *const u8, len: usize) -> c_int {
    // SAFETY: as in `read_base`.
    let (sides, bytes) = unsafe { (&mut *user.cast::<Sides>(), std::slice::from_raw_parts(p, len)) };
    assert!(len <= 512);
    sides.saved = bytes.to_vec();
    0
}

fn detail() -> Detail {
    Detail {
        struct_size: u32::try_from(size_of::<Detail>()).unwrap(),
        code: 0,
        callback_error: 0,
        reserved: 0,
        offset: 0,
        wanted: 0,
        limit: 0,
        what: Slice { p: ptr::null(), len: 0 },
    }
}

/// An arena of exactly this many bytes, aligned to 8, none of them zero.
fn arena(need: usize) -> Vec<u64> {
    vec![0xa5a5_a5a5_a5a5_a5a5; need.div_ceil(8)]
}

/// First byte: reader, applier or installer, and its settings; second: how the input is cut; third: what is done out of
/// order; then the input.
pub fn run(data: &[u8]) {
    let mut drawn = Drawn::new(data);
    let (how, seed, odd) = (drawn.byte(), drawn.byte(), drawn.byte());
    let limits = Limits {
        struct_size: u32::try_from(size_of::<Limits>()).unwrap(),
        header_json: 0,
        manifest: 0,
        file_name: 0,
        extended: 0,
        decompress: if how & 16 == 0 { 32768 } else { 0 },
        delta_window: 0,
        delta_sections: 0,
        secondary: if how & 32 == 0 { 0 } else { 1 << 17 },
        native_memory: 1 << 20,
        base_cache: 0,
        io_block: 512,
    };
    let room = image(NEW).len() + 4096;
    let mut sides = Sides { old: image(OLD), new: vec![0xff; room], saved: Vec::new() };
    let (user, digest) = ((&raw mut sides).cast::<c_void>(), sha256(&image(NEW)));
    let align = if how & 8 == 0 { 1 } else { 512 };
    let apply = ApplyConfig {
        struct_size: u32::try_from(size_of::<ApplyConfig>()).unwrap(),
        reserved: 0,
        limits: &raw const limits,
        base: Base { user, size: image(OLD).len() as u64, align, reserved: 0, read: Some(read_base) },
        target: Target {
            user,
            capacity: room as u64,
            align,
            reserved: 0,
            write: Some(write_target),
            read: Some(read_target),
            flush: None,
        },
        checkpoint: Checkpointing {
            user,
            every: u32::from(how & 64 != 0),
            reserved: 0,
            save: (how & 64 != 0).then_some(save),
        },
        algorithm: if how & 4 == 0 { c"xdelta3".as_ptr() } else { c"mender-native".as_ptr() },
        target_size: image(NEW).len() as u64,
        base_sha256: ptr::null(),
        target_sha256: digest.as_ptr(),
    };
    let reader = ReaderConfig {
        struct_size: u32::try_from(size_of::<ReaderConfig>()).unwrap(),
        require_signature: 0,
        limits: &raw const limits,
        crypto: ptr::null(),
        events: ptr::null(),
        device_type: c"board".as_ptr(),
    };
    // SAFETY: structures are whole, arenas as large and aligned as is asked for, and all of them stay during the calls.
    let done = unsafe {
        match how & 3 {
            0 => read(&reader, drawn.rest(), seed, odd),
            1 | 2 => applied(&apply, drawn.rest(), seed, odd),
            _ => {
                let config = InstallConfig {
                    struct_size: u32::try_from(size_of::<InstallConfig>()).unwrap(),
                    reserved: 0,
                    reader,
                    apply,
                    provides: None,
                    user: ptr::null_mut(),
                };
                install(&config, drawn.rest(), seed, odd)
            }
        }
    };
    if done && how & 3 != 0 && how & 3 != 3 {
        assert!(sides.new.starts_with(&image(NEW)), "a wrong image passed for right");
    }
}

/// Codes are 0, 1 or negative; after a failure nothing succeeds any more.
struct Codes {
    failed: bool,
}

impl Codes {
    fn check(&mut self, code: c_int) -> c_int {
        assert!((-63..=1).contains(&code), "code {code}");
        assert!(!self.failed || code < 0, "success after a failure");
        // A wrong call is no failure of what it was about.
        self.failed |= code < 0 && code != -1;
        code
    }
}

unsafe fn read(config: &ReaderConfig, input: &[u8], seed: u8, odd: u8) -> bool {
    // SAFETY: as in `run`.
    unsafe {
        let need = mar_reader_need(config);
        let mut memory = arena(need);
        let (mut context, mut codes) = (ptr::null_mut(), Codes { failed: false });
        assert!(mar_reader_init(&raw mut context, memory.as_mut_ptr().cast(), need - 8, config) < 0);
        assert_eq!(mar_reader_init(&raw mut context, memory.as_mut_ptr().cast(), need, config), 0);
        let mut said = detail();
        for (count, piece) in pieces(input, seed).enumerate() {
            if count == usize::from(odd) {
                codes.check(mar_reader_finish(context));
                codes.check(mar_reader_push(context, ptr::null(), 3));
            }
            codes.check(mar_reader_push(context, piece.as_ptr(), piece.len()));
            mar_reader_detail(context, &raw mut said);
        }
        codes.check(mar_reader_finish(context)) == 1
    }
}

unsafe fn applied(config: &ApplyConfig, input: &[u8], seed: u8, odd: u8) -> bool {
    // SAFETY: as in `run`.
    unsafe {
        let need = mar_apply_need(config);
        if need == 0 {
            return false;
        }
        let mut memory = arena(need);
        let (mut context, mut codes) = (ptr::null_mut(), Codes { failed: false });
        if mar_apply_init(&raw mut context, memory.as_mut_ptr().cast(), need, config) != 0 {
            return false;
        }
        let mut said = detail();
        for (count, piece) in pieces(input, seed).enumerate() {
            if count == usize::from(odd) {
                codes.check(mar_apply_push(context, ptr::null(), 3));
            }
            codes.check(mar_apply_push(context, piece.as_ptr(), piece.len()));
            mar_apply_detail(context, &raw mut said);
        }
        codes.check(mar_apply_finish(context)) == 1
    }
}

unsafe fn install(config: &InstallConfig, input: &[u8], seed: u8, odd: u8) -> bool {
    // SAFETY: as in `run`.
    unsafe {
        let need = mar_install_need(config);
        if need == 0 {
            return false;
        }
        let mut memory = arena(need);
        let (mut context, mut codes) = (ptr::null_mut(), Codes { failed: false });
        if mar_install_init(&raw mut context, memory.as_mut_ptr().cast(), need, config) != 0 {
            return false;
        }
        let mut said = detail();
        if odd == 0xff {
            codes.check(mar_install_resume(context, input.as_ptr(), input.len().min(100)));
        }
        for (count, piece) in pieces(input, seed).enumerate() {
            if count == usize::from(odd) {
                codes.check(mar_install_push(context, ptr::null(), 3));
            }
            codes.check(mar_install_push(context, piece.as_ptr(), piece.len()));
            mar_install_detail(context, &raw mut said);
        }
        codes.check(mar_install_finish(context)) == 1
    }
}

//! The C API for computers: sequences of calls on a check, a writer, a signed file and a reading, in any order.
#![allow(unsafe_code, reason = "calls functions of a C API")]

use crate::drawn::{Drawn, pieces};
use mender_ffi::artifact::{
    mar_artifact_device_type, mar_artifact_free, mar_artifact_payload_type, mar_artifact_payloads,
    mar_artifact_provides, mar_artifact_read, mar_artifact_text,
};
use mender_ffi::check::{
    mar_check_finish, mar_check_free, mar_check_is_augmented, mar_check_new, mar_check_push,
};
use mender_ffi::detail::Detail;
use mender_ffi::error_code::{mar_category, mar_strerror};
use mender_ffi::sign::mar_sign_file;
use mender_ffi::writer::{
    mar_writer_add_file, mar_writer_add_pair, mar_writer_free, mar_writer_new, mar_writer_set,
    mar_writer_sign, mar_writer_write,
};
use std::ffi::{CStr, CString, c_char, c_int};
use std::fs;
use std::path::Path;
use std::ptr;

/// What every call has to keep to.
struct Caller {
    message: [c_char; 40],
}

impl Caller {
    fn detail(&mut self) -> Detail {
        Detail {
            struct_size: u32::try_from(size_of::<Detail>()).unwrap(),
            code: 0,
            offset: 0,
            message: self.message.as_mut_ptr(),
            message_size: self.message.len(),
            message_len: 0,
            reason: ptr::null(),
        }
    }

    /// A code of the table, and a message that ends where it is told.
    fn check(&self, code: c_int, detail: &Detail) -> c_int {
        assert!(code <= 1, "code {code}");
        // SAFETY: texts of codes are static and end with NUL.
        assert!(!unsafe { CStr::from_ptr(mar_strerror(code)) }.is_empty());
        assert!(mar_category(code) >= 0);
        if code < 0 {
            assert_eq!(detail.code, code);
            assert!(self.message.contains(&0), "no end");
        }
        code
    }
}

fn text(drawn: &mut Drawn<'_>) -> CString {
    let len = usize::from(drawn.byte() & 63);
    let bytes: Vec<u8> = drawn.bytes(len).iter().copied().filter(|byte| *byte != 0).collect();
    CString::new(bytes).unwrap()
}

fn path(path: &Path) -> CString {
    CString::new(path.to_str().unwrap()).unwrap()
}

const KEY: &[u8] = include_bytes!("../../mender-artifact/tests/keys/p256-sec1.pem");
const PUBLIC: &[u8] = include_bytes!("../../mender-artifact/tests/keys/p256-public.pem");

/// First byte: an Artifact that is checked and read, or a sequence of calls that write one.
pub fn run(data: &[u8]) {
    let mut drawn = Drawn::new(data);
    if drawn.flag() { write(drawn) } else { check(drawn) }
}

fn check(mut drawn: Drawn<'_>) {
    let (how, seed) = (drawn.byte(), drawn.byte());
    let mut caller = Caller { message: [1; 40] };
    let key: &[u8] = if how & 1 == 0 { &[] } else { PUBLIC };
    let key_pointer = if how & 1 == 0 { ptr::null() } else { key.as_ptr() };
    let mut check = ptr::null_mut();
    let mut detail = caller.detail();
    // SAFETY: pointers lead to what lengths say, and the check is used by one thread until it is freed.
    let checked = unsafe {
        caller.check(mar_check_new(key_pointer, key.len(), &raw mut check, &raw mut detail), &detail);
        assert!(!check.is_null());
        let mut failed = false;
        for (count, piece) in pieces(drawn.rest(), seed).enumerate() {
            if how & 2 != 0 && count == usize::from(how >> 2) {
                caller.check(mar_check_push(check, ptr::null(), 9, &raw mut detail), &detail);
            }
            let code = mar_check_push(check, piece.as_ptr(), piece.len(), &raw mut detail);
            assert!(!failed || code < 0, "success after a failure");
            failed |= caller.check(code, &detail) < 0;
        }
        let code = mar_check_finish(check, &raw mut detail);
        assert_eq!(mar_check_finish(check, ptr::null_mut()), code);
        let augmented = mar_check_is_augmented(check);
        assert!(augmented == 0 || augmented == 1);
        mar_check_free(check);
        caller.check(code, &detail)
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a");
    fs::write(&file, drawn.rest()).unwrap();
    let read = read(&path(&file), key_pointer, key.len());
    // A check wants a key for what is signed; reading does without.
    assert!(checked != 1 || read == 0, "checked {checked}, read {read}");
}

fn read(file: &CStr, key: *const u8, key_len: usize) -> c_int {
    let mut caller = Caller { message: [1; 40] };
    let mut detail = caller.detail();
    let mut artifact = ptr::null_mut();
    // SAFETY: as in `check`; texts live as long as the Artifact.
    unsafe {
        let code = mar_artifact_read(file.as_ptr(), key, key_len, &raw mut artifact, &raw mut detail);
        caller.check(code, &detail);
        assert_eq!(artifact.is_null(), code != 0);
        for what in -1..6 {
            let text = mar_artifact_text(artifact, what);
            assert!(text.is_null() || CStr::from_ptr(text).to_str().is_ok());
        }
        for payload in 0..=mar_artifact_payloads(artifact) {
            let _: *const c_char = mar_artifact_payload_type(artifact, payload);
            let _: *const c_char = mar_artifact_provides(artifact, payload, c"a.version".as_ptr());
            let _: *const c_char = mar_artifact_device_type(artifact, payload);
        }
        mar_artifact_free(artifact);
        code
    }
}

fn write(mut drawn: Drawn<'_>) {
    let folder = tempfile::tempdir().unwrap();
    let (input, output) = (folder.path().join("payload"), folder.path().join("out"));
    fs::write(&input, b"payload").unwrap();
    let mut caller = Caller { message: [1; 40] };
    let mut detail = caller.detail();
    let mut writer = ptr::null_mut();
    let name = text(&mut drawn);
    // SAFETY: as in `check`.
    unsafe {
        let code = mar_writer_new(name.as_ptr(), &raw mut writer, &raw mut detail);
        assert_eq!(writer.is_null(), caller.check(code, &detail) != 0);
        let mut calls = 0;
        while !drawn.is_empty() && calls < 20 {
            calls += 1;
            let (one, other) = (text(&mut drawn), text(&mut drawn));
            let code = match drawn.byte() % 8 {
                0..=2 => {
                    let field = c_int::from(drawn.byte() % 12);
                    mar_writer_set(writer, field, one.as_ptr(), &raw mut detail)
                }
                3 => {
                    let pair = c_int::from(drawn.byte() % 4);
                    mar_writer_add_pair(writer, pair, one.as_ptr(), other.as_ptr(), &raw mut detail)
                }
                4 => {
                    let kind = c_int::from(drawn.byte() % 4);
                    mar_writer_add_file(writer, kind, path(&input).as_ptr(), &raw mut detail)
                }
                5 => mar_writer_sign(writer, KEY.as_ptr(), KEY.len(), &raw mut detail),
                6 => mar_writer_set(writer, 2, ptr::null(), &raw mut detail),
                _ => {
                    let out = path(&output);
                    let code = mar_writer_write(writer, out.as_ptr(), ptr::null(), &raw mut detail);
                    assert!(code == 0 || calls > 1 || !output.exists(), "something is left behind");
                    code
                }
            };
            caller.check(code, &detail);
        }
        mar_writer_set(writer, 2, c"board".as_ptr(), ptr::null_mut());
        mar_writer_set(writer, 3, c"single-file".as_ptr(), ptr::null_mut());
        mar_writer_add_file(writer, 1, path(&input).as_ptr(), ptr::null_mut());
        if mar_writer_write(writer, path(&output).as_ptr(), ptr::null(), ptr::null_mut()) == 0 {
            assert_eq!(read(&path(&output), ptr::null(), 0), 0, "what was written is not read");
            let signed = path(&folder.path().join("signed"));
            let (key, len) = (KEY.as_ptr(), KEY.len());
            let code = mar_sign_file(path(&output).as_ptr(), signed.as_ptr(), key, len, 1, &raw mut detail);
            assert_eq!(caller.check(code, &detail), 0);
            assert_eq!(read(&signed, PUBLIC.as_ptr(), PUBLIC.len()), 0, "what was signed is not verified");
        }
        mar_writer_free(writer);
    }
}

//! `mar_check_*`: is this a sound Artifact, and signed by whom it should be?
#![allow(unsafe_code, reason = "functions are exported under their C names and take pointers")]

use crate::detail::Detail;
use crate::error_code::Code;
use crate::failure::Failure;
use crate::guard::{guard, internal};
use crate::owned_reader::OwnedReader;
use crate::{from_c, handle};
use mender_artifact::error::{Defect, Entry, Error};
use mender_artifact::read::push::Event;
use mender_artifact::read::verify::SignatureStatus;
use mender_artifact::sign::public_key::PublicKey;
use std::ffi::c_int;

/// `mar_check` of the header: the check of one Artifact.
pub struct Check {
    reader: OwnedReader,
    state: State,
    /// Whether no signature covers all of it.
    is_augmented: bool,
}

enum State {
    Open,
    Done,
    /// Also while a call is running, so that a panic leaves a check that answers nothing else.
    Failed(Failure),
}

impl Check {
    fn new(key_pem: &[u8]) -> Result<Self, Failure> {
        let key = if key_pem.is_empty() { None } else { Some(PublicKey::from_pem(key_pem)?) };
        Ok(Check { reader: OwnedReader::new(key)?, state: State::Open, is_augmented: false })
    }

    fn push(&mut self, bytes: &[u8]) -> Result<Code, Failure> {
        match &self.state {
            State::Failed(failure) => return Err(failure.clone()),
            State::Done => return Err(Failure::argument("push after finish")),
            State::Open => {}
        }
        let mut is_augmented = self.is_augmented;
        let outcome = self.run(State::Open, Code::Ok, |reader| read(reader, bytes, &mut is_augmented));
        self.is_augmented = is_augmented;
        outcome
    }

    fn finish(&mut self) -> Result<Code, Failure> {
        match &self.state {
            State::Failed(failure) => return Err(failure.clone()),
            State::Done => return Ok(Code::Done),
            State::Open => {}
        }
        self.run(State::Done, Code::Done, |reader| Ok(reader.get().finish()?))
    }

    fn run(
        &mut self,
        next: State,
        code: Code,
        step: impl FnOnce(&mut OwnedReader) -> Result<(), Failure>,
    ) -> Result<Code, Failure> {
        self.state = State::Failed(internal());
        let outcome = step(&mut self.reader);
        self.state = outcome.as_ref().err().map_or(next, |failure| State::Failed(failure.clone()));
        outcome.map(|()| code)
    }
}

fn read(reader: &mut OwnedReader, mut bytes: &[u8], is_augmented: &mut bool) -> Result<(), Failure> {
    loop {
        match reader.push(&mut bytes)? {
            Event::NeedInput => return Ok(()),
            // Said before the payload comes: who has no key need not wait for it.
            Event::Header(view) if matches!(view.signature(), SignatureStatus::NotChecked) => {
                return Err(Error::new(Defect::NoKey, Entry::ManifestSig).into());
            }
            Event::Header(view) => *is_augmented = view.is_augmented(),
            _ => {}
        }
    }
}

/// Whether a part of the Artifact is one that no signature covers; see the header.
///
/// # Safety
/// `check` is NULL or comes from [`mar_check_new`], was not freed and is not used by another thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_check_is_augmented(check: *const Check) -> c_int {
    // SAFETY: as promised by the caller.
    unsafe { check.as_ref() }.map_or(0, |check| check.is_augmented.into())
}

/// Begins a check; see the header.
///
/// # Safety
/// `key_pem` is NULL or points to `key_pem_len` bytes; `out` is NULL or may be written; `detail` is NULL or a whole
/// `struct mar_detail`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_check_new(
    key_pem: *const u8,
    key_pem_len: usize,
    out: *mut *mut Check,
    detail: *mut Detail,
) -> c_int {
    // SAFETY: as promised by the caller, and `out` is looked at before it is used.
    unsafe {
        guard(detail, || {
            if out.is_null() {
                return Err(Failure::argument("out is NULL"));
            }
            if !key_pem.is_null() && key_pem_len == 0 {
                // An empty file must not turn the check of signatures off.
                return Err(Failure::new(Code::Key, "the key is empty"));
            }
            let check = Check::new(from_c::bytes(key_pem, key_pem_len, "key_pem")?)?;
            handle::give(check, out);
            Ok(Code::Ok)
        })
    }
}

/// Takes the next bytes of the Artifact; see the header.
///
/// # Safety
/// `check` is NULL or comes from [`mar_check_new`], was not freed and is not used by another thread; `bytes` is NULL
/// or points to `len` bytes; `detail` is NULL or a whole `struct mar_detail`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_check_push(
    check: *mut Check,
    bytes: *const u8,
    len: usize,
    detail: *mut Detail,
) -> c_int {
    // SAFETY: as promised by the caller.
    unsafe { guard(detail, || handle::borrow(check)?.push(from_c::bytes(bytes, len, "bytes")?)) }
}

/// Says that there is no more input; see the header.
///
/// # Safety
/// As [`mar_check_push`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_check_finish(check: *mut Check, detail: *mut Detail) -> c_int {
    // SAFETY: as promised by the caller.
    unsafe { guard(detail, || handle::borrow(check)?.finish()) }
}

/// Ends a check; see the header.
///
/// # Safety
/// `check` is NULL or comes from [`mar_check_new`], was not freed, is not used by another thread, and not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mar_check_free(check: *mut Check) {
    // SAFETY: as promised by the caller.
    unsafe { handle::free(check) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{self, Explained};
    use std::ptr;

    /// The outcome of checking `artifact` in pieces of `piece` bytes.
    fn check(artifact: &[u8], key: Option<&str>, piece: usize) -> Result<c_int, Explained> {
        let mut explained = Explained::default();
        let mut handle = ptr::null_mut();
        let (key, key_len) = key.map_or((ptr::null(), 0), |key| (key.as_ptr(), key.len()));
        // SAFETY: all pointers come from references, and the handle is freed once at the end.
        unsafe {
            let mut code = mar_check_new(key, key_len, &raw mut handle, explained.detail());
            for piece in artifact.chunks(piece) {
                if code == 0 {
                    code = mar_check_push(handle, piece.as_ptr(), piece.len(), explained.detail());
                }
            }
            if code == 0 {
                code = mar_check_finish(handle, explained.detail());
            }
            mar_check_free(handle);
            if code < 0 { Err(explained) } else { Ok(code) }
        }
    }

    fn refused(artifact: &[u8], key: Option<&str>) -> Explained {
        let whole = check(artifact, key, artifact.len().max(1)).unwrap_err();
        for piece in [1, 511, 4096] {
            let again = check(artifact, key, piece).unwrap_err();
            assert_eq!((again.code(), again.message()), (whole.code(), whole.message()), "pieces of {piece}");
        }
        whole
    }

    #[test]
    fn sound_artifacts_are_done_in_pieces_of_any_size() {
        let signed = sample::signed();
        for (artifact, key) in [(sample::unsigned(), None), (signed, Some(sample::PUBLIC_KEY))] {
            for piece in [1, 7, 512, artifact.len()] {
                assert_eq!(
                    check(&artifact, key, piece).ok(),
                    Some(c_int::from(Code::Done)),
                    "pieces of {piece}"
                );
            }
        }
    }

    #[test]
    fn a_key_and_a_signature_belong_together() {
        let (unsigned, signed) = (sample::unsigned(), sample::signed());
        assert_eq!(refused(&unsigned, Some(sample::PUBLIC_KEY)).code(), c_int::from(Code::Unsigned));
        assert_eq!(refused(&signed, None).code(), c_int::from(Code::NoKey));
        assert_eq!(refused(&signed, Some(sample::OTHER_PUBLIC_KEY)).code(), c_int::from(Code::Signature));
        assert_eq!(refused(&signed, Some("not a key")).code(), c_int::from(Code::Key));
    }

    #[test]
    fn an_empty_key_is_no_way_around_the_signature() {
        let mut handle = ptr::null_mut();
        // SAFETY: the pointers come from references.
        let code = unsafe { mar_check_new(b"".as_ptr(), 0, &raw mut handle, ptr::null_mut()) };
        assert_eq!((code, handle.is_null()), (c_int::from(Code::Key), true));
    }

    #[test]
    fn a_flipped_bit_and_a_missing_end_are_found() {
        let mut artifact = sample::unsigned();
        let payload = artifact.windows(16).rposition(|bytes| bytes == [b'p'; 16]).unwrap();
        artifact[payload] ^= 1;
        let damaged = refused(&artifact, None);
        assert_eq!(damaged.code(), c_int::from(Code::Checksum));
        assert!(damaged.message().contains("file.bin"), "{}", damaged.message());
        let truncated = refused(&sample::unsigned()[..2000], None);
        assert_eq!(truncated.code(), c_int::from(Code::Truncated));
        assert_eq!(refused(b"", None).code(), c_int::from(Code::Truncated));
        let nonsense = refused(&[b'x'; 600], None);
        assert_eq!((nonsense.code(), nonsense.offset()), (c_int::from(Code::Format), Some(0)));
    }

    #[test]
    fn a_check_that_failed_says_so_again_and_one_that_is_done_takes_no_more() {
        let artifact = sample::unsigned();
        let mut handle = ptr::null_mut();
        // SAFETY: the pointers come from references, and each handle is freed once.
        unsafe {
            assert_eq!(mar_check_new(ptr::null(), 0, &raw mut handle, ptr::null_mut()), 0);
            let nonsense = [b'x'; 600];
            for _ in 0..2 {
                let code = mar_check_push(handle, nonsense.as_ptr(), 600, ptr::null_mut());
                assert_eq!(code, c_int::from(Code::Format));
            }
            let code = mar_check_push(handle, artifact.as_ptr(), artifact.len(), ptr::null_mut());
            assert_eq!(code, c_int::from(Code::Format));
            assert_eq!(mar_check_finish(handle, ptr::null_mut()), c_int::from(Code::Format));
            mar_check_free(handle);

            assert_eq!(mar_check_new(ptr::null(), 0, &raw mut handle, ptr::null_mut()), 0);
            assert_eq!(mar_check_push(handle, artifact.as_ptr(), artifact.len(), ptr::null_mut()), 0);
            assert_eq!(mar_check_push(handle, ptr::null(), 0, ptr::null_mut()), 0);
            assert_eq!(mar_check_finish(handle, ptr::null_mut()), c_int::from(Code::Done));
            assert_eq!(mar_check_push(handle, artifact.as_ptr(), 1, ptr::null_mut()), c_int::from(Code::Arg));
            assert_eq!(mar_check_finish(handle, ptr::null_mut()), c_int::from(Code::Done));
            mar_check_free(handle);
        }
    }

    #[test]
    fn null_is_refused_or_means_nothing() {
        let mut explained = Explained::default();
        let mut handle = ptr::null_mut();
        let arg: c_int = c_int::from(Code::Arg);
        // SAFETY: NULL is allowed everywhere, and the handle is freed once.
        unsafe {
            assert_eq!(mar_check_new(ptr::null(), 0, ptr::null_mut(), explained.detail()), arg);
            assert_eq!(explained.message(), "out is NULL");
            assert_eq!(mar_check_new(ptr::null(), 5, &raw mut handle, explained.detail()), arg);
            assert!(handle.is_null());
            assert_eq!(mar_check_push(ptr::null_mut(), b"x".as_ptr(), 1, explained.detail()), arg);
            assert_eq!(explained.message(), "the handle is NULL");
            assert_eq!(mar_check_finish(ptr::null_mut(), ptr::null_mut()), arg);
            mar_check_free(ptr::null_mut());

            assert_eq!(mar_check_new(ptr::null(), 0, &raw mut handle, ptr::null_mut()), 0);
            assert_eq!(mar_check_push(handle, ptr::null(), 1, explained.detail()), arg);
            // A wrong argument is no failure of the Artifact.
            let artifact = sample::unsigned();
            assert_eq!(mar_check_push(handle, artifact.as_ptr(), artifact.len(), ptr::null_mut()), 0);
            assert_eq!(mar_check_finish(handle, ptr::null_mut()), c_int::from(Code::Done));
            mar_check_free(handle);
        }
    }

    #[test]
    fn a_check_may_go_to_another_thread() {
        let mut check = Check::new(sample::PUBLIC_KEY.as_bytes()).unwrap();
        let signed = sample::signed();
        let (first, second) = signed.split_at(700);
        assert_eq!(check.push(first).ok(), Some(Code::Ok));
        let last = std::thread::scope(|scope| {
            scope.spawn(|| check.push(second).and_then(|_| check.finish())).join().unwrap()
        });
        assert_eq!(last.ok(), Some(Code::Done));
    }

    #[test]
    fn after_a_panic_a_check_answers_nothing_else() {
        let mut check = Check::new(b"").unwrap();
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            check.run(State::Open, Code::Ok, |_| panic!("on purpose"))
        }));
        assert!(panicked.is_err());
        assert_eq!(check.push(b"x").unwrap_err().code, Code::Internal);
        assert_eq!(check.finish().unwrap_err().code, Code::Internal);
    }
}

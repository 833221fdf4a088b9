//! A reader that owns its memory and its key, as a handle has to: the reader core borrows both.
#![allow(unsafe_code, reason = "one structure holds a borrower and what it borrows")]

use crate::error_code::Code;
use crate::failure::Failure;
use mender_artifact::limits::Limits;
use mender_artifact::read::decompress::BuiltIn;
use mender_artifact::read::push::{Config, Event, Reader, memory_needed};
use mender_artifact::read::verify::SignatureRule;
use mender_artifact::sign::public_key::PublicKey;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

/// Reads one Artifact in memory of its own.
pub(crate) struct OwnedReader {
    // Borrows from the two below, which are freed after it. It never gets out of here, so that the 'static which it
    // says is only ever seen in this file.
    reader: ManuallyDrop<Reader<'static, 'static, BuiltIn>>,
    // Pointers and no boxes: a box that moves claims to be the only way to what it holds.
    memory: NonNull<[u8]>,
    key: Option<NonNull<PublicKey>>,
}

// SAFETY: the pointers are owned, and what they point to (bytes, a PublicKey) may go to another thread, as may the
// reader; `sendable` fails to compile if that changes.
unsafe impl Send for OwnedReader {}

#[allow(dead_code, reason = "compilers of MSRV do not see its use in constants")]
const fn sendable<T: Send>() {}
const _: () = sendable::<PublicKey>();
const _: () = sendable::<Reader<'static, 'static, BuiltIn>>();

impl OwnedReader {
    /// A reader with the limits for computers that leaves the contents of state scripts out. With a key, only what is
    /// signed by it gets past the manifest; of an augmented Artifact that says nothing about the augmented half.
    ///
    /// # Errors
    /// `MAR_E_NOMEM`.
    pub(crate) fn new(key: Option<PublicKey>) -> Result<Self, Failure> {
        let limits = Limits::computer();
        let len = memory_needed(&limits);
        let mut memory = Vec::new();
        if memory.try_reserve_exact(len).is_err() {
            return Err(Failure::new(Code::NoMemory, format!("cannot get {len} bytes of memory")));
        }
        memory.resize(len, 0_u8);
        let memory = NonNull::from(Box::leak(memory.into_boxed_slice()));
        let key = key.map(|key| NonNull::from(Box::leak(Box::new(key))));
        let signature = match key {
            // SAFETY: it points to the key leaked above, which is freed only after the reader is gone.
            Some(key) => SignatureRule::Require(unsafe { &*key.as_ptr() }),
            None => SignatureRule::NotChecked,
        };
        let config = Config { limits, signature, keep_scripts: false };
        // SAFETY: as for the key; nothing else reads or writes this memory while the reader lives.
        let reader = match Reader::new(unsafe { &mut *memory.as_ptr() }, config, BuiltIn) {
            Ok(reader) => reader,
            Err(error) => {
                // SAFETY: there is no reader that could use them.
                unsafe { free(memory, key) };
                return Err(error.into());
            }
        };
        Ok(OwnedReader { reader: ManuallyDrop::new(reader), memory, key })
    }

    /// As [`Reader::push`].
    pub(crate) fn push<'s, 'i: 's>(
        &'s mut self,
        input: &mut &'i [u8],
    ) -> Result<Event<'s>, mender_artifact::error::Error> {
        self.reader.push(input)
    }

    /// The reader, to be asked.
    pub(crate) fn get(&self) -> &Reader<'_, '_, BuiltIn> {
        &self.reader
    }
}

impl Drop for OwnedReader {
    fn drop(&mut self) {
        // SAFETY: the reader is dropped once and not used again, and with it the last borrower of the memory and the
        // key is gone, which are freed once.
        unsafe {
            ManuallyDrop::drop(&mut self.reader);
            free(self.memory, self.key);
        }
    }
}

/// # Safety
/// Both were leaked from boxes, nothing borrows from them, and they are not used again.
unsafe fn free(memory: NonNull<[u8]>, key: Option<NonNull<PublicKey>>) {
    // SAFETY: as promised by the caller.
    unsafe {
        drop(Box::from_raw(memory.as_ptr()));
        if let Some(key) = key {
            drop(Box::from_raw(key.as_ptr()));
        }
    }
}

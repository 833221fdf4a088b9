//! The caller's arena: contexts and buffers are cut off its front.
#![allow(unsafe_code, reason = "makes objects in memory of the caller's")]

use crate::code::Code;
use crate::fault::Fault;
use core::mem::MaybeUninit;

/// What contexts and the arena are aligned to; `MAR_ARENA_ALIGN` of the header.
pub(crate) const ALIGN: usize = 8;

/// Bytes that a piece of `len` bytes takes.
pub(crate) const fn room(len: usize) -> usize {
    len.saturating_add(ALIGN - 1) & !(ALIGN - 1)
}

/// The arena as it comes from C.
#[derive(Clone, Copy)]
pub(crate) struct Given {
    pub(crate) arena: *mut u8,
    pub(crate) len: usize,
}

impl Given {
    /// Makes a context at the front of the arena and gives it to C in `*out`: `checked` is the configuration, which
    /// takes `need` bytes with the context itself, and `make` cuts off what the context takes besides.
    ///
    /// # Errors
    /// `MAR_E_ARG`, `MAR_E_NOMEM` as [`Arena::new`], and what the others fail of. `*out` is written on success only.
    ///
    /// # Safety
    /// `out` is NULL or may be written; the arena as for [`Arena::new`].
    pub(crate) unsafe fn begin<T: 'static, C>(
        self,
        out: *mut *mut T,
        checked: impl FnOnce() -> Result<C, Fault>,
        need: impl FnOnce(&C) -> usize,
        make: impl FnOnce(C, &mut Arena) -> Result<T, Fault>,
    ) -> Result<Code, Fault> {
        if out.is_null() {
            return Err(Fault::argument("out is NULL"));
        }
        let checked = checked()?;
        // SAFETY: as promised by the caller.
        let mut arena = unsafe { Arena::new(self.arena, self.len, need(&checked))? };
        let place = arena.object::<T>()?;
        let context = place.write(make(checked, &mut arena)?);
        // SAFETY: not NULL, so it may be written.
        unsafe { out.write(context) };
        Ok(Code::Ok)
    }
}

/// What is left of an arena.
pub(crate) struct Arena {
    rest: *mut u8,
    left: usize,
}

impl Arena {
    /// An arena of `needed` bytes.
    ///
    /// # Errors
    /// `MAR_E_ARG` for NULL or wrong alignment, `MAR_E_NOMEM` when it is smaller than that.
    ///
    /// # Safety
    /// `arena` is NULL or points to `len` bytes that nobody else uses from now on.
    pub(crate) unsafe fn new(arena: *mut u8, len: usize, needed: usize) -> Result<Self, Fault> {
        if arena.is_null() || arena.align_offset(ALIGN) != 0 {
            return Err(Fault::argument("arena is NULL or not aligned"));
        }
        if len < needed || isize::try_from(len).is_err() {
            return Err(Fault::over(Code::NoMemory, "arena", needed as u64, len as u64));
        }
        Ok(Arena { rest: arena, left: len })
    }

    /// The next `len` bytes, zeroed.
    pub(crate) fn bytes(&mut self, len: usize) -> Result<&'static mut [u8], Fault> {
        let start = self.take(len)?;
        // SAFETY: so many bytes are there, nobody else gets them, and they are written before they are read. That the
        // reference outlives the arena for the compiler is the caller's part of the contract: contexts die with it.
        unsafe {
            start.write_bytes(0, len);
            Ok(core::slice::from_raw_parts_mut(start, len))
        }
    }

    /// The place of an object, uninitialised.
    pub(crate) fn object<T>(&mut self) -> Result<&'static mut MaybeUninit<T>, Fault> {
        const { assert!(align_of::<T>() <= ALIGN) };
        let start = self.take(size_of::<T>())?;
        // SAFETY: aligned to ALIGN, as every piece is, large enough, and nobody else's.
        Ok(unsafe { &mut *start.cast::<MaybeUninit<T>>() })
    }

    /// Moves `object` to its place.
    pub(crate) fn put<T>(&mut self, object: T) -> Result<&'static mut T, Fault> {
        Ok(self.object()?.write(object))
    }

    fn take(&mut self, len: usize) -> Result<*mut u8, Fault> {
        let room = room(len);
        let start = self.rest;
        self.left = self.left.checked_sub(room).ok_or_else(|| {
            // Whoever asks has counted beforehand.
            Fault::over(Code::NoMemory, "arena", room as u64, self.left as u64)
        })?;
        // SAFETY: inside of the arena or at its end.
        self.rest = unsafe { start.add(room) };
        Ok(start)
    }
}

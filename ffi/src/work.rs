//! Long work: tells the caller how far it is, and is cancelled by the answer.
#![allow(unsafe_code, reason = "calls back into C")]

use crate::failure::Failure;
use crate::from_c;
use mender_delta::progress::Phase;
use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// `struct mar_work` of the header.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Work {
    /// Size of the structure as the caller knows it, in bytes.
    pub struct_size: u32,
    /// Must be 0.
    pub flags: u32,
    /// Handed to `progress`.
    pub user: *mut c_void,
    /// Told how far the work is; anything but 0 cancels it.
    pub progress: Option<unsafe extern "C" fn(*mut c_void, c_int, u64, u64) -> c_int>,
}

// SAFETY: repr(C), begins with its struct_size, and is made of numbers, a pointer and a pointer to a function or NULL.
unsafe impl from_c::Structure for Work {}

/// Who is told; by default nobody.
#[derive(Default)]
pub(crate) struct Watch {
    work: Mutex<Option<Work>>,
    pub(crate) cancelled: AtomicBool,
}

// SAFETY: the callback and its pointer are only used by whoever holds the lock; that they may be used from any thread
// is what the header asks of the caller.
unsafe impl Sync for Watch {}

impl Watch {
    /// # Errors
    /// `MAR_E_ARG`.
    ///
    /// # Safety
    /// `work` is NULL or as large as its `struct_size` says.
    pub(crate) unsafe fn from_c(work: *const Work) -> Result<Self, Failure> {
        // SAFETY: as promised by the caller.
        let work = unsafe { from_c::structure(work, "work")? };
        from_c::no_flags(work.map_or(0, |work| work.flags), "work")?;
        Ok(Watch { work: Mutex::new(work), ..Watch::default() })
    }

    /// Tells of `done` out of `total` bytes, 0 where that is not known.
    pub(crate) fn tell(&self, phase: c_int, done: u64, total: u64) {
        let work = self.work.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(Work { progress: Some(progress), user, .. }) = *work else { return };
        if self.cancelled.load(Ordering::Relaxed) {
            return;
        }
        // SAFETY: the caller's own function with the caller's own pointer, one call at a time.
        if unsafe { progress(user, phase, done, total) } != 0 {
            self.cancelled.store(true, Ordering::Relaxed);
        }
    }

    /// Tells of work on a delta.
    pub(crate) fn tell_delta(&self, phase: Phase, done: u64, total: u64) {
        let number = match phase {
            Phase::Compare => 1,
            Phase::Match => 2,
            Phase::Pack => 3,
            Phase::Prove => 4,
            Phase::Apply => 5,
            _ => 0,
        };
        self.tell(number, done, total);
    }
}

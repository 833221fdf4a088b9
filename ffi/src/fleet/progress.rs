//! `struct mar_progress`: how far a job is.
#![allow(unsafe_code, reason = "fills a structure of the caller's")]

use crate::failure::Failure;
use crate::from_c;
use mender_delta::fleet::job::state::{self, State};

/// `struct mar_progress` of the header.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Progress {
    /// In: size of the structure as the caller knows it, in bytes.
    pub struct_size: u32,
    /// Out: one of `enum mar_job_state`.
    pub state: u32,
    /// Out: bytes done of what the state counts.
    pub done: u64,
    /// Out: all of them; 0 where that is not known.
    pub total: u64,
    /// Out: upper bound of memory, in bytes.
    pub peak_memory: u64,
    /// Out: upper bound of temporary files, in bytes.
    pub peak_disk: u64,
}

// SAFETY: repr(C), begins with its struct_size, and is made of numbers.
unsafe impl from_c::Structure for Progress {}

/// The number of a state; `enum mar_job_state` of the header.
pub(crate) const fn number(state: State) -> u32 {
    match state {
        State::Queued => 1,
        State::Spooling => 2,
        State::Planning => 3,
        State::Diffing => 4,
        State::Compressing => 5,
        State::Verifying => 6,
        State::AwaitingSignature => 7,
        State::Done => 8,
        State::Failed => 9,
        State::Cancelled => 10,
    }
}

/// Where a progress is to go: looked at before the call waits.
pub(super) struct Place(*mut Progress);

impl Place {
    /// # Errors
    /// `MAR_E_ARG` for a structure of another size.
    ///
    /// # Safety
    /// `progress` is NULL or as large as its `struct_size` says.
    pub(super) unsafe fn from_c(progress: *mut Progress) -> Result<Self, Failure> {
        // SAFETY: as promised by the caller.
        unsafe { from_c::structure(progress.cast_const(), "progress")? };
        Ok(Place(progress))
    }

    /// Tells it.
    ///
    /// # Safety
    /// The structure is still there, and nobody else uses it.
    pub(super) unsafe fn tell(self, progress: &state::Progress) {
        let Place(place) = self;
        if place.is_null() {
            return;
        }
        let struct_size = u32::try_from(size_of::<Progress>()).unwrap_or(0);
        let state::Progress { state, done, total, peak_memory, peak_disk, .. } = *progress;
        // SAFETY: not NULL, and of the size that was looked at.
        unsafe {
            place.write(Progress { struct_size, state: number(state), done, total, peak_memory, peak_disk })
        };
    }
}

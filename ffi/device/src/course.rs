//! How the calls on a context go: until it is done, or until it has failed, after which it keeps saying so.

use crate::code::Code;
use crate::config::Detail;
use crate::fault::Fault;
use crate::from_c;
use core::ffi::c_int;

#[derive(Clone, Copy)]
enum State {
    Open,
    Done,
    Failed(Fault),
}

/// Where a context stands, and what its last call failed of.
pub(crate) struct Course {
    state: State,
    last: Option<Fault>,
}

impl Course {
    pub(crate) const fn new() -> Self {
        Course { state: State::Open, last: None }
    }

    /// Runs a step, unless there is nothing left to do.
    pub(crate) fn step(&mut self, step: impl FnOnce() -> Result<Code, Fault>) -> c_int {
        let outcome = match self.state {
            State::Failed(fault) => Err(fault),
            State::Done => Err(Fault::argument("a call behind the end")),
            State::Open => {
                let outcome = step();
                self.state = match outcome {
                    Ok(Code::Done) => State::Done,
                    Ok(_) => State::Open,
                    Err(fault) => State::Failed(fault),
                };
                outcome
            }
        };
        self.last = outcome.err();
        from_c::code(outcome)
    }

    pub(crate) const fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// # Safety
    /// As [`from_c::explain`].
    #[allow(unsafe_code, reason = "fills a structure of the caller's")]
    pub(crate) unsafe fn explain(&self, detail: *mut Detail) {
        // SAFETY: as promised by the caller.
        unsafe { from_c::explain(self.last, detail) }
    }
}

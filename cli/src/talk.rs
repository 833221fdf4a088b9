//! How much the command says besides its result: `--quiet` and `--no-progress`.

use std::io::{self, IsTerminal};
use std::sync::atomic::{AtomicBool, Ordering};

static QUIET: AtomicBool = AtomicBool::new(false);
static NO_PROGRESS: AtomicBool = AtomicBool::new(false);

/// Takes over what the command line says; once, before anything is said.
pub(crate) fn set(quiet: bool, no_progress: bool) {
    QUIET.store(quiet, Ordering::Relaxed);
    NO_PROGRESS.store(no_progress, Ordering::Relaxed);
}

/// Whether warnings and messages of success are left out.
pub(crate) fn is_quiet() -> bool {
    QUIET.load(Ordering::Relaxed)
}

/// Whether somebody may be watching who wants to see how far a command is.
pub(crate) fn shows_progress() -> bool {
    !is_quiet() && !NO_PROGRESS.load(Ordering::Relaxed) && io::stderr().is_terminal()
}

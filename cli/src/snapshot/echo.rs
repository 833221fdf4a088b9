//! No echo on our terminal: `sudo -S` on the device reads a password through ssh, which is no terminal there.

#[cfg(unix)]
pub(super) use unix::off;

#[cfg(unix)]
mod unix {
    use crate::interrupt;
    use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
    use std::io::{self, IsTerminal};

    /// Switches the echo on again when dropped, or when a signal ends the process.
    pub(in super::super) struct EchoOff {
        before: Termios,
        _undo: interrupt::Guard,
    }

    /// Switches the echo off; nothing where stdin is no terminal.
    pub(in super::super) fn off() -> Option<EchoOff> {
        if !io::stdin().is_terminal() {
            return None;
        }
        let before = tcgetattr(io::stdin()).ok()?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        let at_signal = before.clone();
        let undo = interrupt::undo_with(move || restore(&at_signal));
        tcsetattr(io::stdin(), OptionalActions::Flush, &silent).ok()?;
        Some(EchoOff { before, _undo: undo })
    }

    fn restore(before: &Termios) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, before);
    }

    impl Drop for EchoOff {
        fn drop(&mut self) {
            restore(&self.before);
        }
    }
}

/// Where there are no such terminals nothing is switched.
#[cfg(not(unix))]
pub(super) fn off() -> Option<()> {
    None
}

//! The client's log: what the module writes on stderr.

use std::io::Write as _;

/// One line. A log that is gone must not stop an installation.
pub(crate) fn say(text: &str) {
    let _unreadable_log = writeln!(std::io::stderr().lock(), "{text}");
}

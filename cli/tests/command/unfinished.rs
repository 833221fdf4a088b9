//! Whether a command has begun its output.

use crate::workplace::Workplace;
use std::fs;

/// Whether the process has an output in the folder that is not complete: one without a name, which Linux shows, or one
/// with the name of such.
pub(crate) fn is_writing(place: &Workplace, process: u32) -> bool {
    let folder = place.path("").canonicalize().unwrap();
    let open = fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten();
    let mut open = open.filter_map(|entry| entry.ok()?.path().read_link().ok());
    let nameless =
        open.any(|path| path.starts_with(&folder) && path.to_string_lossy().ends_with(" (deleted)"));
    nameless || place.names().iter().any(|name| name.ends_with(".part"))
}

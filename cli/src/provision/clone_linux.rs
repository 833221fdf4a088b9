//! Files that share their blocks until one of them is written to (FICLONE: XFS, Btrfs), and where files have holes.

use rustix::fs::{SeekFrom, ioctl_ficlone, seek};
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::ops::Range;

/// Lets the empty file `target` share all blocks of `source`; false where the file system cannot.
pub(super) fn share(source: &File, target: &File) -> bool {
    ioctl_ficlone(target, source).is_ok()
}

/// The first range from `from` on that may hold something else than zeros; nothing where there is none any more.
pub(super) fn data_ranges(source: &File, from: u64, len_bytes: u64) -> io::Result<Option<Range<u64>>> {
    if from >= len_bytes {
        return Ok(None);
    }
    let begin = match seek(source, SeekFrom::Data(from)) {
        Ok(begin) => begin,
        // Behind the last data.
        Err(Errno::NXIO) => return Ok(None),
        // Not all file systems tell.
        Err(Errno::INVAL | Errno::OPNOTSUPP) => return Ok(Some(from..len_bytes)),
        Err(error) => return Err(error.into()),
    };
    if begin >= len_bytes {
        return Ok(None);
    }
    let end = seek(source, SeekFrom::Hole(begin)).map_or(len_bytes, |end| end.min(len_bytes));
    Ok(Some(begin..end.max(begin.saturating_add(1)).min(len_bytes)))
}

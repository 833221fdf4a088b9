//! Copies of an image that take as little of the medium as they can: shared with the original where the file system
//! can, else without the zeros.

#[cfg(target_os = "linux")]
use super::clone_linux::{data_ranges, share};
use mender_image::block_device::{BlockDevice, FileDevice, WritableDevice};
use mender_image::error::Error;
use std::fs::File;
use std::io;
use std::ops::Range;

/// Bytes that are read at once.
const CHUNK_LEN_BYTES: usize = 1 << 20;
/// Blocks of zeros of this length are left out: file systems give out no less.
const BLOCK_LEN_BYTES: usize = 4096;

/// Makes `target`, an empty file, a copy of the `len_bytes` bytes of `source`.
///
/// # Errors
/// When reading or writing fails. A source that changes meanwhile is not noticed here.
pub(crate) fn copy(source: &File, target: &File, len_bytes: u64) -> io::Result<()> {
    if share(source, target) {
        return Ok(());
    }
    target.set_len(len_bytes)?;
    let reader = FileDevice::new(source.try_clone()?).map_err(system)?;
    let mut writer = FileDevice::new(target.try_clone()?).map_err(system)?;
    let mut buffer = vec![0u8; CHUNK_LEN_BYTES];
    let mut from = 0;
    while let Some(range) = data_ranges(source, from, len_bytes)? {
        copy_range(&reader, &mut writer, range.clone(), &mut buffer)?;
        from = range.end;
    }
    Ok(())
}

/// Copies the blocks of a range that are not all zero.
fn copy_range(
    reader: &FileDevice,
    writer: &mut FileDevice,
    range: Range<u64>,
    buffer: &mut [u8],
) -> io::Result<()> {
    let mut offset = range.start;
    while offset < range.end {
        let len = usize::try_from(range.end - offset).unwrap_or(usize::MAX).min(buffer.len());
        let chunk = &mut buffer[..len];
        reader.read_at(offset, chunk).map_err(system)?;
        let mut at = 0;
        while at < len {
            let end_of_block = |at: usize| at.saturating_add(BLOCK_LEN_BYTES).min(len);
            let is_zero = |at: usize| chunk[at..end_of_block(at)].iter().all(|byte| *byte == 0);
            let begin = at;
            while at < len && !is_zero(at) {
                at = end_of_block(at);
            }
            if begin < at {
                let place = offset.saturating_add(begin as u64);
                writer.write_at(place, &chunk[begin..at]).map_err(system)?;
            }
            while at < len && is_zero(at) {
                at = end_of_block(at);
            }
        }
        offset = offset.saturating_add(len as u64);
    }
    Ok(())
}

/// What the system said.
fn system(error: Error) -> io::Error {
    match error {
        Error::Io(error) => error.source,
        other => io::Error::other(other),
    }
}

/// Elsewhere nothing is shared.
#[cfg(not(target_os = "linux"))]
fn share(_source: &File, _target: &File) -> bool {
    false
}

/// Elsewhere all of a file is looked at.
#[cfg(not(target_os = "linux"))]
fn data_ranges(_source: &File, from: u64, len_bytes: u64) -> io::Result<Option<Range<u64>>> {
    Ok((from < len_bytes).then_some(from..len_bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Seek, SeekFrom, Write};

    #[test]
    fn copies_are_equal_and_no_larger() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        let mut source = File::options().read(true).write(true).create_new(true).open(&from).unwrap();
        // Data, written zeros, a hole, data that is not a whole block, and a hole up to the end.
        source.write_all(&[1; 5000]).unwrap();
        source.write_all(&[0; 3 << 20]).unwrap();
        source.seek(SeekFrom::Start(9 << 20)).unwrap();
        source.write_all(b"end").unwrap();
        let len = (12 << 20) + 5;
        source.set_len(len).unwrap();
        let target = File::options().read(true).write(true).create_new(true).open(&to).unwrap();
        copy(&source, &target, len).unwrap();
        assert_eq!(std::fs::read(&from).unwrap(), std::fs::read(&to).unwrap());
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            target.sync_all().unwrap();
            assert!(target.metadata().unwrap().blocks() * 512 < 1 << 20);
        }
    }
}

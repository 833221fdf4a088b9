//! Random access to the bytes of an image, wherever they are.

use std::fs::File;
use std::io::{self, Seek, SeekFrom};

use crate::error::Error;
#[cfg(not(unix))]
use crate::positioned_read_portable::PositionedFile;
#[cfg(unix)]
use crate::positioned_read_unix::PositionedFile;

/// An image that can be read at any offset. Reading does not change it and needs no exclusive access.
pub trait BlockDevice {
    /// Length of the image in bytes. Does not change while the image is in use.
    fn len_bytes(&self) -> u64;

    /// Fills `buffer` with the bytes from `offset` on.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when the device fails, or when not all of the range lies in the image.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), Error>;
}

impl<T: BlockDevice + ?Sized> BlockDevice for &T {
    fn len_bytes(&self) -> u64 {
        (**self).len_bytes()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), Error> {
        (**self).read_at(offset, buffer)
    }
}

/// An image in memory, or mapped into it.
impl BlockDevice for [u8] {
    fn len_bytes(&self) -> u64 {
        u64::try_from(self.len()).unwrap_or(u64::MAX)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), Error> {
        let range = usize::try_from(offset)
            .ok()
            .and_then(|start| Some(start..start.checked_add(buffer.len())?))
            .and_then(|range| self.get(range));
        match range {
            Some(bytes) => {
                buffer.copy_from_slice(bytes);
                Ok(())
            }
            None => Err(past_end(offset, buffer.len())),
        }
    }
}

/// An image in a file, or a real block device.
///
/// Its length is that of the moment when it was taken; a block device tells it only by seeking.
#[derive(Debug)]
pub struct FileDevice {
    file: PositionedFile,
    len_bytes: u64,
}

impl FileDevice {
    /// Takes an open file. Its position does not matter and is changed.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when the file cannot seek, as a pipe.
    pub fn new(mut file: File) -> Result<Self, Error> {
        let len_bytes = file.seek(SeekFrom::End(0)).map_err(|e| Error::io(0, 0, e))?;
        Ok(Self { file: PositionedFile::new(file), len_bytes })
    }
}

impl BlockDevice for FileDevice {
    fn len_bytes(&self) -> u64 {
        self.len_bytes
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), Error> {
        let len = buffer.len();
        if u64::try_from(len)
            .ok()
            .and_then(|len| offset.checked_add(len))
            .is_none_or(|end| end > self.len_bytes)
        {
            return Err(past_end(offset, len));
        }
        self.file.read_exact_at(offset, buffer).map_err(|e| Error::io(offset, len, e))
    }
}

fn past_end(offset: u64, len: usize) -> Error {
    Error::io(offset, len, io::Error::new(io::ErrorKind::UnexpectedEof, "the range ends past the image"))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn check(device: &dyn BlockDevice) {
        assert_eq!(device.len_bytes(), 10);
        let mut buffer = [0u8; 4];
        device.read_at(6, &mut buffer).unwrap();
        assert_eq!(buffer, [6, 7, 8, 9]);
        device.read_at(0, &mut buffer).unwrap();
        assert_eq!(buffer, [0, 1, 2, 3]);
        device.read_at(10, &mut []).unwrap();
        assert!(matches!(device.read_at(7, &mut buffer), Err(Error::Io(_))));
        assert!(matches!(device.read_at(u64::MAX, &mut buffer), Err(Error::Io(_))));
        assert!(matches!(device.read_at(u64::MAX - 2, &mut buffer), Err(Error::Io(_))));
    }

    #[test]
    fn slices_and_files_read_the_same_and_never_past_their_end() {
        let bytes: Vec<u8> = (0..10).collect();
        check(&&bytes[..]);
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes).unwrap();
        let portable = crate::positioned_read_portable::PositionedFile::new(file.try_clone().unwrap());
        check(&FileDevice::new(file).unwrap());
        let mut buffer = [0u8; 4];
        portable.read_exact_at(6, &mut buffer).unwrap();
        assert_eq!(buffer, [6, 7, 8, 9]);
        assert!(portable.read_exact_at(7, &mut buffer).is_err());
    }
}

//! Random access to the bytes of an image, wherever they are, for reading and for writing.

use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::ops::Range;

use crate::error::Error;
#[cfg(not(unix))]
use crate::positioned_file_portable::PositionedFile;
#[cfg(unix)]
use crate::positioned_file_unix::PositionedFile;

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

/// An image that can be changed at any offset. Its length stays.
///
/// ```
/// use mender_image::block_device::{BlockDevice, Window, WritableDevice};
///
/// # fn main() -> Result<(), mender_image::error::Error> {
/// let mut disk = vec![0u8; 8192];
/// let mut partition = Window::new(&mut disk, 4096, 4096)?;
/// partition.write_at(0, b"first bytes of the partition")?;
/// assert_eq!(&disk[4096..4101], b"first");
/// # Ok(())
/// # }
/// ```
pub trait WritableDevice: BlockDevice {
    /// Puts `bytes` in place of those from `offset` on.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when the device fails, or when not all of the range lies in the image: then nothing was written.
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Error>;

    /// Returns when what was written will stay, as far as the device can tell.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    fn flush(&mut self) -> Result<(), Error>;
}

impl<T: BlockDevice + ?Sized> BlockDevice for &T {
    fn len_bytes(&self) -> u64 {
        (**self).len_bytes()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), Error> {
        (**self).read_at(offset, buffer)
    }
}

impl<T: BlockDevice + ?Sized> BlockDevice for &mut T {
    fn len_bytes(&self) -> u64 {
        (**self).len_bytes()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), Error> {
        (**self).read_at(offset, buffer)
    }
}

impl<T: WritableDevice + ?Sized> WritableDevice for &mut T {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        (**self).write_at(offset, bytes)
    }

    fn flush(&mut self) -> Result<(), Error> {
        (**self).flush()
    }
}

impl<T: BlockDevice + ?Sized> BlockDevice for Box<T> {
    fn len_bytes(&self) -> u64 {
        (**self).len_bytes()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), Error> {
        (**self).read_at(offset, buffer)
    }
}

impl<T: WritableDevice + ?Sized> WritableDevice for Box<T> {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        (**self).write_at(offset, bytes)
    }

    fn flush(&mut self) -> Result<(), Error> {
        (**self).flush()
    }
}

/// An image in memory, or mapped into it.
impl BlockDevice for [u8] {
    fn len_bytes(&self) -> u64 {
        u64::try_from(self.len()).unwrap_or(u64::MAX)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), Error> {
        match range_in_memory(offset, buffer.len()).and_then(|range| self.get(range)) {
            Some(bytes) => {
                buffer.copy_from_slice(bytes);
                Ok(())
            }
            None => Err(past_end(offset, buffer.len())),
        }
    }
}

impl WritableDevice for [u8] {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        match range_in_memory(offset, bytes.len()).and_then(|range| self.get_mut(range)) {
            Some(place) => {
                place.copy_from_slice(bytes);
                Ok(())
            }
            None => Err(past_end(offset, bytes.len())),
        }
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

fn range_in_memory(offset: u64, len: usize) -> Option<Range<usize>> {
    let start = usize::try_from(offset).ok()?;
    Some(start..start.checked_add(len)?)
}

/// An image in memory of its own.
impl BlockDevice for Vec<u8> {
    fn len_bytes(&self) -> u64 {
        self.as_slice().len_bytes()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), Error> {
        self.as_slice().read_at(offset, buffer)
    }
}

impl WritableDevice for Vec<u8> {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        self.as_mut_slice().write_at(offset, bytes)
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

/// A part of another image, such as a partition, as an image of its own.
#[derive(Debug)]
pub struct Window<D> {
    device: D,
    offset: u64,
    len_bytes: u64,
}

impl<D: BlockDevice> Window<D> {
    /// The `len_bytes` bytes of `device` from `offset` on. `device` may be a reference.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when not all of them lie in the image.
    pub fn new(device: D, offset: u64, len_bytes: u64) -> Result<Self, Error> {
        if offset.checked_add(len_bytes).is_none_or(|end| end > device.len_bytes()) {
            return Err(past_end(offset, usize::try_from(len_bytes).unwrap_or(usize::MAX)));
        }
        Ok(Self { device, offset, len_bytes })
    }

    /// Where a range of the part lies in the whole.
    fn place(&self, offset: u64, len: usize) -> Result<u64, Error> {
        if end_of(offset, len).is_none_or(|end| end > self.len_bytes) {
            return Err(past_end(offset, len));
        }
        Ok(self.offset + offset)
    }
}

impl<D: BlockDevice> BlockDevice for Window<D> {
    fn len_bytes(&self) -> u64 {
        self.len_bytes
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), Error> {
        self.device.read_at(self.place(offset, buffer.len())?, buffer)
    }
}

impl<D: WritableDevice> WritableDevice for Window<D> {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        let place = self.place(offset, bytes.len())?;
        self.device.write_at(place, bytes)
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.device.flush()
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
        if end_of(offset, len).is_none_or(|end| end > self.len_bytes) {
            return Err(past_end(offset, len));
        }
        self.file.read_exact_at(offset, buffer).map_err(|e| Error::io(offset, len, e))
    }
}

/// Writes need a file that was opened for them.
impl WritableDevice for FileDevice {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        let len = bytes.len();
        if end_of(offset, len).is_none_or(|end| end > self.len_bytes) {
            return Err(past_end(offset, len));
        }
        self.file.write_all_at(offset, bytes).map_err(|e| Error::write(offset, len, e))
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.file.flush().map_err(|e| Error::write(0, 0, e))
    }
}

fn end_of(offset: u64, len: usize) -> Option<u64> {
    offset.checked_add(u64::try_from(len).ok()?)
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
        let portable = crate::positioned_file_portable::PositionedFile::new(file.try_clone().unwrap());
        check(&FileDevice::new(file).unwrap());
        let mut buffer = [0u8; 4];
        portable.read_exact_at(6, &mut buffer).unwrap();
        assert_eq!(buffer, [6, 7, 8, 9]);
        assert!(portable.read_exact_at(7, &mut buffer).is_err());
    }

    fn check_writes(device: &mut dyn WritableDevice) {
        device.write_at(6, &[1, 2, 3, 4]).unwrap();
        device.write_at(10, &[]).unwrap();
        assert!(matches!(device.write_at(7, &[9; 4]), Err(Error::Io(_))));
        assert!(matches!(device.write_at(u64::MAX, &[9]), Err(Error::Io(_))));
        device.flush().unwrap();
        let mut buffer = [0u8; 10];
        device.read_at(0, &mut buffer).unwrap();
        assert_eq!(buffer, [0, 0, 0, 0, 0, 0, 1, 2, 3, 4]);
    }

    #[test]
    fn all_kinds_write_the_same_and_never_past_their_end() {
        let mut memory = vec![0u8; 10];
        check_writes(&mut memory);
        check_writes(&mut &mut [0u8; 10][..]);
        let file = tempfile::tempfile().unwrap();
        file.set_len(10).unwrap();
        check_writes(&mut FileDevice::new(file).unwrap());
        let mut portable =
            crate::positioned_file_portable::PositionedFile::new(tempfile::tempfile().unwrap());
        portable.write_all_at(3, &[7, 8]).unwrap();
        portable.flush().unwrap();
        let mut buffer = [1u8; 5];
        portable.read_exact_at(0, &mut buffer).unwrap();
        assert_eq!(buffer, [0, 0, 0, 7, 8]);
    }

    #[test]
    fn a_window_ends_where_it_was_told_to() {
        let mut whole = vec![5u8; 30];
        whole[10..20].fill(0);
        check_writes(&mut Window::new(&mut whole, 10, 10).unwrap());
        assert_eq!(whole[..10], [5; 10]);
        assert_eq!(whole[20..], [5; 10]);
        let inner = Window::new(Window::new(&whole[..], 10, 10).unwrap(), 6, 4).unwrap();
        let mut buffer = [0u8; 4];
        inner.read_at(0, &mut buffer).unwrap();
        assert_eq!(buffer, [1, 2, 3, 4]);
        assert!(Window::new(&whole[..], 10, 21).is_err());
        assert!(Window::new(&whole[..], u64::MAX, 2).is_err());
    }
}

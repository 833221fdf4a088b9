//! What is unpacked on a device: nothing, or gzip in the one window that the arena has.
#![cfg_attr(
    feature = "gzip",
    allow(unsafe_code, reason = "the window goes from one decompressor to the next")
)]

#[cfg(not(feature = "gzip"))]
pub(crate) use mender_artifact::read::codec::Uncompressed as Unpack;

#[cfg(feature = "gzip")]
pub(crate) use with_gzip::Unpack;

#[cfg(feature = "gzip")]
mod with_gzip {
    use crate::gzip::Gunzip;
    use mender_artifact::compression::Compression;
    use mender_artifact::error::{Defect, Entry, Error};
    use mender_artifact::read::codec::Decompressors;

    /// Makes decompressors, one at a time.
    pub(crate) struct Unpack {
        window: *mut u8,
        len: usize,
    }

    impl Unpack {
        /// With a window for gzip, or none.
        pub(crate) fn new(window: &'static mut [u8]) -> Self {
            Unpack { window: window.as_mut_ptr(), len: window.len() }
        }
    }

    impl Decompressors for Unpack {
        type Decompressor = Gunzip;

        fn open(&mut self, compression: Compression, _: u64) -> Result<Gunzip, Error> {
            if compression != Compression::Gzip || self.len == 0 {
                let error = Error::new(Defect::Compression, Entry::Artifact);
                return Err(error.expected("no compression that is not built in or granted"));
            }
            // SAFETY: so many bytes, initialised, which are this structure's. The reader, which is the only one to
            // call this, drops a decompressor before it opens the next.
            Gunzip::new(unsafe { core::slice::from_raw_parts_mut(self.window, self.len) })
        }
    }
}

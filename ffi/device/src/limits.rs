//! `struct mar_limits`: how much memory an input may make this library use.
#![allow(unsafe_code, reason = "takes a pointer from C")]

use crate::config::Limits;
use crate::fault::Fault;
use crate::from_c;
use crate::sha256::BLOCK;
use mender_artifact::limits::Limits as ReaderLimits;

/// What [`Limits`] come to, with zeros replaced by defaults.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Granted {
    header_json: usize,
    manifest: usize,
    file_name: usize,
    extended: usize,
    decompress: usize,
    pub(crate) delta_window: usize,
    pub(crate) delta_sections: usize,
    pub(crate) secondary: usize,
    pub(crate) native_memory: usize,
    pub(crate) base_cache: usize,
    pub(crate) io_block: usize,
}

/// Bytes that are unpacked at a time.
#[cfg(feature = "gzip")]
const UNPACKED: usize = 1024;

impl Granted {
    /// # Errors
    /// `MAR_E_ARG`.
    ///
    /// # Safety
    /// `limits` is NULL or as large as its `struct_size` says.
    pub(crate) unsafe fn from_c(limits: *const Limits) -> Result<Self, Fault> {
        let limits = if limits.is_null() {
            NONE_SAID
        } else {
            // SAFETY: as promised by the caller.
            unsafe { from_c::structure(limits, "limits: struct_size")? }
        };
        let or = |said: u32, default: u32| usize::try_from(if said == 0 { default } else { said });
        let granted = || -> Result<Granted, core::num::TryFromIntError> {
            Ok(Granted {
                header_json: or(limits.header_json, 8 << 10)?,
                manifest: or(limits.manifest, 4 << 10)?,
                file_name: or(limits.file_name, 128)?,
                extended: or(limits.extended, 4096 + 512)?,
                decompress: or(limits.decompress, 0)?,
                delta_window: or(limits.delta_window, 64 << 10)?,
                delta_sections: or(limits.delta_sections, 64 << 10)?,
                secondary: or(limits.secondary, 0)?,
                native_memory: or(limits.native_memory, 64 << 10)?,
                base_cache: or(limits.base_cache, 8 << 10)?,
                io_block: or(limits.io_block, 4 << 10)?,
            })
        };
        let granted = granted().map_err(|_| Fault::argument("limits"))?;
        if granted.base_cache % 8 != 0 || granted.io_block % BLOCK != 0 {
            return Err(Fault::argument("limits: base_cache or io_block"));
        }
        Ok(granted)
    }

    /// Whether gzip is unpacked, for which its window is wanted.
    #[cfg(feature = "gzip")]
    pub(crate) const fn unpacks(&self) -> bool {
        self.decompress >= crate::inflate::WINDOW
    }

    /// The limits of the reader.
    pub(crate) const fn reader(&self) -> ReaderLimits {
        ReaderLimits {
            header_kept_bytes: self.header_json,
            json_bytes: self.header_json,
            manifest_bytes: self.manifest,
            name_bytes: self.file_name,
            pax_bytes: self.extended,
            #[cfg(feature = "gzip")]
            unpacked_buffer_bytes: if self.unpacks() { UNPACKED } else { 0 },
            #[cfg(feature = "gzip")]
            decoder_bytes: self.decompress as u64,
            ..ReaderLimits::device()
        }
    }
}

const NONE_SAID: Limits = Limits {
    struct_size: 0,
    header_json: 0,
    manifest: 0,
    file_name: 0,
    extended: 0,
    decompress: 0,
    delta_window: 0,
    delta_sections: 0,
    secondary: 0,
    native_memory: 0,
    base_cache: 0,
    io_block: 0,
};

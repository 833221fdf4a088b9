//! Reading one Artifact: the push reader of `mender-artifact` in an arena.
#![allow(unsafe_code, reason = "calls back into C")]

use crate::arena::{Arena, room};
use crate::code::Code;
use crate::config::{Crypto, ReaderConfig};
use crate::events::{Callbacks, Listener};
use crate::fault::Fault;
use crate::from_c;
use crate::limits::Granted;
use crate::text;
use crate::unpack::Unpack;
use core::ffi::c_void;
use mender_artifact::digest::digest;
use mender_artifact::error::{Defect, Entry, Error};
use mender_artifact::read::push::{Config, Event, Reader, memory_needed};
use mender_artifact::read::verify::{SignatureRule, SignatureStatus, Verify};
use mender_artifact::read::view::HeaderView;

/// The caller's check of signatures.
struct Verifier {
    user: *mut c_void,
    verify: unsafe extern "C" fn(*mut c_void, *const u8, *const u8, usize) -> core::ffi::c_int,
}

// SAFETY: it is used by whoever uses the reader, which is one thread at a time by the header's rules.
unsafe impl Sync for Verifier {}

impl Verify for Verifier {
    fn verify_manifest(&self, manifest: &[u8], signature: &[u8]) -> Result<(), Error> {
        let digest = digest(manifest);
        // SAFETY: the caller's own function with the caller's own pointer, and bytes that live until it returns.
        match unsafe { (self.verify)(self.user, digest.as_ptr(), signature.as_ptr(), signature.len()) } {
            0 => Ok(()),
            _ => Err(Error::new(Defect::Signature, Entry::ManifestSig)),
        }
    }
}

/// A configuration that makes sense.
pub(crate) struct Checked {
    config: ReaderConfig,
    crypto: Option<Crypto>,
    pub(crate) callbacks: Callbacks,
    pub(crate) granted: Granted,
}

impl Checked {
    /// # Safety
    /// The pointers in `config` are as the header says.
    pub(crate) unsafe fn from_c(config: ReaderConfig) -> Result<Self, Fault> {
        // SAFETY: as promised by the caller.
        unsafe {
            let granted = Granted::from_c(config.limits)?;
            let callbacks = if config.events.is_null() {
                Callbacks::NONE
            } else {
                Callbacks(from_c::structure(config.events, "events: struct_size")?)
            };
            let crypto = if config.crypto.is_null() {
                None
            } else {
                Some(from_c::structure(config.crypto, "crypto: struct_size")?)
            };
            if config.require_signature != 0 && crypto.is_none_or(|crypto| crypto.verify.is_none()) {
                return Err(Fault::argument("require_signature without crypto.verify"));
            }
            Ok(Checked { config, crypto, callbacks, granted })
        }
    }

    /// Bytes of arena that [`Reading::new`] takes.
    pub(crate) fn need(&self) -> usize {
        let window = room(self.window());
        let reader = room(size_of::<Reader<'static, 'static, Unpack>>());
        room(size_of::<Verifier>()) + reader + window + room(memory_needed(&self.granted.reader()))
    }

    #[cfg(feature = "gzip")]
    fn window(&self) -> usize {
        if self.granted.unpacks() { crate::inflate::WINDOW } else { 0 }
    }

    #[cfg(not(feature = "gzip"))]
    fn window(&self) -> usize {
        let _ = self;
        0
    }
}

/// An Artifact being read.
pub(crate) struct Reading {
    /// In a place of its own: it is large, and what is large is better not moved about on a small stack.
    reader: &'static mut Reader<'static, 'static, Unpack>,
    /// The caller's string, which stays, or NULL.
    device_type: *const core::ffi::c_char,
    /// Bytes of the payload file so far.
    file_offset: u64,
}

impl Reading {
    pub(crate) fn new(checked: &Checked, arena: &mut Arena) -> Result<Self, Fault> {
        let limits = checked.granted.reader();
        let rule = match checked.crypto {
            Some(Crypto { verify: Some(verify), user, .. }) => {
                let verifier: &'static Verifier = arena.put(Verifier { user, verify })?;
                if checked.config.require_signature != 0 {
                    SignatureRule::Require(verifier)
                } else {
                    SignatureRule::Report(verifier)
                }
            }
            _ => SignatureRule::NotChecked,
        };
        #[cfg(feature = "gzip")]
        let unpack = Unpack::new(arena.bytes(checked.window())?);
        #[cfg(not(feature = "gzip"))]
        let unpack = Unpack;
        let memory = arena.bytes(memory_needed(&limits))?;
        let config = Config { limits, signature: rule, keep_scripts: false };
        let place = arena.object()?;
        let reader = place.write(Reader::new(memory, config, unpack).map_err(|error| Fault::from(&error))?);
        Ok(Reading { reader, device_type: checked.config.device_type, file_offset: 0 })
    }

    pub(crate) fn push(&mut self, mut bytes: &[u8], listener: &mut dyn Listener) -> Result<(), Fault> {
        loop {
            // SAFETY: the header wants the string to stay as long as the context.
            let device_type = unsafe { from_c::text(self.device_type) };
            match self.reader.push(&mut bytes).map_err(|error| Fault::from(&error))? {
                Event::Header(header) => {
                    check_header(&header, device_type)?;
                    listener.headers(&header)?;
                }
                Event::FileBegin(file) => {
                    listener.file_begin(&file)?;
                    self.file_offset = 0;
                }
                Event::Data(data) => {
                    listener.file_data(self.file_offset, data)?;
                    self.file_offset += data.len() as u64;
                }
                Event::FileEnd => listener.file_end()?,
                _ => return Ok(()),
            }
        }
    }

    pub(crate) fn finish(&mut self) -> Result<(), Fault> {
        self.reader.finish().map_err(|error| Fault::from(&error))
    }
}

/// A signature that was checked and is wrong, and an Artifact for other devices, end here.
fn check_header(header: &HeaderView<'_>, device_type: Option<&[u8]>) -> Result<(), Fault> {
    if let SignatureStatus::Failed(error) = header.signature() {
        return Err(error.into());
    }
    let Some(device_type) = device_type else { return Ok(()) };
    for name in header.info().compatible_types() {
        if text::is(name, device_type) {
            return Ok(());
        }
    }
    Err(Fault::new(Code::Depends, "device_type"))
}

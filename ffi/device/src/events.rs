//! What is told of an Artifact while it is read: Rust's side, and the callbacks of C.
#![allow(unsafe_code, reason = "calls back into C")]

use crate::config::{self, Payload, Slice};
use crate::fault::Fault;
use crate::text::{Room, each_of};
use core::ffi::c_int;
use mender_artifact::json::text::JsonText;
use mender_artifact::read::push::FileHead;
use mender_artifact::read::verify::SignatureStatus;
use mender_artifact::read::view::HeaderView;

/// Who is told.
pub(crate) trait Listener {
    fn headers(&mut self, header: &HeaderView<'_>) -> Result<(), Fault>;
    fn file_begin(&mut self, file: &FileHead<'_>) -> Result<(), Fault>;
    fn file_data(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Fault>;
    fn file_end(&mut self) -> Result<(), Fault>;
}

/// The callbacks of C, any of which may be NULL.
pub(crate) struct Callbacks(pub(crate) config::Events);

impl Callbacks {
    pub(crate) const NONE: Self = Callbacks(config::Events {
        struct_size: 0,
        reserved: 0,
        user: core::ptr::null_mut(),
        headers: None,
        key: None,
        file_begin: None,
        file_data: None,
        file_end: None,
    });

    fn keys(&self, header: &HeaderView<'_>) -> Result<(), Fault> {
        let Some(key) = self.0.key else { return Ok(()) };
        let tell = |kind: u8, name: &str, value: JsonText<'_>| {
            let mut room = Room::new();
            let (name, value) = (Slice::of(name.as_bytes()), Slice::of(room.plain(value)?.as_bytes()));
            // SAFETY: the caller's own function with the caller's own pointer; texts live until it returns.
            let returned = unsafe { key(self.0.user, c_int::from(kind), name, value) };
            Fault::of_callback("events: key", returned)
        };
        let info = header.info();
        for (name, texts) in [
            ("device_type", info.compatible_types()),
            ("artifact_name", info.depends_names()),
            ("artifact_group", info.depends_groups()),
        ] {
            for text in texts {
                tell(b'd', name, text)?;
            }
        }
        let mut room = Room::new();
        for payload in header.payloads() {
            for (name, value) in payload.type_info.depends() {
                let name = room.plain(name)?;
                each_of(value, &mut |text| tell(b'd', name, text))?;
            }
            for (name, value) in payload.type_info.provides() {
                let name = room.plain(name)?;
                each_of(value, &mut |text| tell(b'p', name, text))?;
            }
            for text in payload.type_info.clears().into_iter().flatten() {
                let name = Slice::of(room.plain(text)?.as_bytes());
                // SAFETY: as above.
                let returned = unsafe { key(self.0.user, c_int::from(b'c'), name, Slice::of(b"")) };
                Fault::of_callback("events: key", returned)?;
            }
        }
        Ok(())
    }
}

impl Listener for Callbacks {
    fn headers(&mut self, header: &HeaderView<'_>) -> Result<(), Fault> {
        self.keys(header)?;
        let Some(headers) = self.0.headers else { return Ok(()) };
        let mut rooms = [Room::new(), Room::new(), Room::new()];
        let [payload_type, artifact_name, artifact_group] = &mut rooms;
        let slice = |room: &mut Room, text: Option<JsonText<'_>>| -> Result<Slice, Fault> {
            text.map_or(Ok(Slice::EMPTY), |text| room.plain(text).map(|text| Slice::of(text.as_bytes())))
        };
        let info = header.info();
        let artifact_name = slice(artifact_name, Some(info.artifact_name()))?;
        let artifact_group = slice(artifact_group, info.artifact_group())?;
        for payload in header.payloads() {
            let payload = Payload {
                payload_type: slice(payload_type, payload.payload_type)?,
                artifact_name,
                artifact_group,
                header_info: Slice::of(header.header_info_json()),
                type_info: Slice::of(payload.type_info_json),
                meta_data: payload.meta_data_json.map_or(Slice::EMPTY, Slice::of),
                signature_checked: matches!(header.signature(), SignatureStatus::Verified).into(),
                reserved: 0,
            };
            // SAFETY: the caller's own function with the caller's own pointer, and a structure that lives until then.
            let returned = unsafe { headers(self.0.user, &raw const payload) };
            Fault::of_callback("events: headers", returned)?;
        }
        Ok(())
    }

    fn file_begin(&mut self, file: &FileHead<'_>) -> Result<(), Fault> {
        let Some(file_begin) = self.0.file_begin else { return Ok(()) };
        // SAFETY: the caller's own function with the caller's own pointer, and a text that lives until it returns.
        let returned = unsafe { file_begin(self.0.user, Slice::of(file.name.as_bytes()), file.size) };
        Fault::of_callback("events: file_begin", returned)
    }

    fn file_data(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Fault> {
        let Some(file_data) = self.0.file_data else { return Ok(()) };
        // SAFETY: the caller's own function with the caller's own pointer, and bytes that nobody changes meanwhile.
        let returned = unsafe { file_data(self.0.user, offset, bytes.as_ptr(), bytes.len()) };
        Fault::of_callback("events: file_data", returned)
    }

    fn file_end(&mut self) -> Result<(), Fault> {
        let Some(file_end) = self.0.file_end else { return Ok(()) };
        // SAFETY: the caller's own function with the caller's own pointer.
        Fault::of_callback("events: file_end", unsafe { file_end(self.0.user) })
    }
}

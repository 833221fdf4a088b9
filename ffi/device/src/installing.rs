//! Installing: what an Artifact says of its payload decides how the target is made.
#![allow(unsafe_code, reason = "calls back into C")]

use crate::applying::{Applying, Memory};
use crate::checkpoint;
use crate::code::Code;
use crate::config::{InstallConfig, Slice};
use crate::engine::{Algorithm, Promised};
use crate::events::{Callbacks, Listener};
use crate::fault::Fault;
use crate::limits::Granted;
use crate::text::{self, Room, each_of};
use mender_artifact::digest::from_hex;
use mender_artifact::read::push::FileHead;
use mender_artifact::read::view::{HeaderView, PayloadView};

/// Where devices keep the SHA-256 of their root file system, and where they kept it once.
const CHECKSUMS: [&str; 2] = ["rootfs-image.checksum", "rootfs_image_checksum"];
/// Longest value of a provides key that is compared.
const VALUE: usize = 256;

/// What the header has said.
#[derive(Clone, Copy)]
struct Plan {
    algorithm: Algorithm,
    /// 0 where the header does not say.
    target_size: u64,
    target_sha256: Option<[u8; 32]>,
}

/// The payload on its way into the target.
pub(crate) struct Installing {
    config: InstallConfig,
    granted: Granted,
    pub(crate) callbacks: Callbacks,
    base_sha256: Option<[u8; 32]>,
    memory: Option<Memory>,
    plan: Option<Plan>,
    checkpoint: Option<[u8; checkpoint::LEN]>,
    pub(crate) applying: Option<Applying>,
}

impl Installing {
    pub(crate) fn new(
        config: InstallConfig,
        granted: Granted,
        callbacks: Callbacks,
        base_sha256: Option<[u8; 32]>,
        memory: Memory,
    ) -> Self {
        let (memory, plan, checkpoint, applying) = (Some(memory), None, None, None);
        Installing { config, granted, callbacks, base_sha256, memory, plan, checkpoint, applying }
    }

    /// Bytes that the engine takes, whatever the payload will be.
    pub(crate) fn engine_need(granted: &Granted) -> usize {
        let algorithms = [
            Algorithm::Copy,
            #[cfg(feature = "native")]
            Algorithm::Native,
            #[cfg(feature = "vcdiff")]
            Algorithm::Vcdiff,
        ];
        algorithms.iter().map(|algorithm| algorithm.need(granted)).max().unwrap_or(0)
    }

    /// Keeps a checkpoint for the time when the payload begins.
    pub(crate) fn resume(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        if self.plan.is_some() {
            return Err(Fault::argument("resume after a push"));
        }
        let checkpoint = bytes.try_into().map_err(|_| Fault::new(Code::Checkpoint, "length"))?;
        self.checkpoint = Some(checkpoint);
        Ok(())
    }

    /// Everything was read: checks everything that was promised.
    pub(crate) fn finish(&mut self) -> Result<(), Fault> {
        self.applying.as_mut().ok_or(Fault::new(Code::Unsupported, "no payload file"))?.finish()
    }

    fn check_depends(&self, header: &HeaderView<'_>) -> Result<(), Fault> {
        let info = header.info();
        for (key, mut texts) in
            [("artifact_name", info.depends_names()), ("artifact_group", info.depends_groups())]
        {
            if let Some(first) = texts.next() {
                self.check_depend(key, "depends artifact_name or artifact_group", &mut |found| {
                    core::iter::once(first).chain(texts.clone()).any(|text| text::is(text, found))
                })?;
            }
        }
        let mut room = Room::new();
        for payload in header.payloads() {
            for (key, value) in payload.type_info.depends() {
                self.check_depend(room.plain(key)?, "depends of the payload", &mut |found| {
                    let mut is_one = false;
                    let looked_at = each_of(value, &mut |text| {
                        is_one |= text::is(text, found);
                        Ok(())
                    });
                    looked_at.is_ok() && is_one
                })?;
            }
        }
        Ok(())
    }

    /// Whether what this device provides under `key` is wanted.
    fn check_depend(
        &self,
        key: &str,
        what: &'static str,
        is_wanted: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<(), Fault> {
        let Some(provides) = self.config.provides else { return Ok(()) };
        let mut value = [0_u8; VALUE];
        let (user, key) = (self.config.user, Slice::of(key.as_bytes()));
        // SAFETY: the caller's own function with the caller's own pointer, and a buffer that is ours meanwhile.
        let len = unsafe { provides(user, key, value.as_mut_ptr().cast(), VALUE) };
        let value = usize::try_from(len).ok().and_then(|len| value.get(..len));
        if value.is_some_and(is_wanted) {
            return Ok(());
        }
        Err(Fault::new(Code::Depends, what))
    }

    fn plan(payload: &PayloadView<'_>) -> Result<Plan, Fault> {
        let is_type = |name: &str| payload.payload_type.is_some_and(|text| text == *name);
        if is_type("rootfs-image") {
            return Ok(Plan { algorithm: Algorithm::Copy, target_size: 0, target_sha256: None });
        }
        if !is_type("mender-binary-delta") && !is_type("mender-delta") {
            return Err(Fault::new(Code::Unsupported, "payload type"));
        }
        let (mut algorithm, mut target_size) = (Algorithm::named(b"xdelta3"), None);
        let mut room = Room::new();
        for (key, value) in payload.meta_data() {
            if key == *"delta_algorithm" {
                let text = value.as_text();
                algorithm = Algorithm::named(text.map_or(Ok(""), |text| room.plain(text))?.as_bytes());
            } else if key == *"rootfs_file_size" {
                target_size = value.as_u64();
            }
        }
        let mut target_sha256 = None;
        for (key, value) in payload.type_info.provides() {
            if target_sha256.is_none() && CHECKSUMS.iter().any(|checksum| key == **checksum) {
                let text = value.as_text().map_or(Ok(""), |text| room.plain(text))?;
                let digest = from_hex(text.as_bytes());
                target_sha256 =
                    Some(digest.ok_or(Fault::new(Code::Format, "provides rootfs-image.checksum"))?);
            }
        }
        Ok(Plan {
            algorithm: algorithm?,
            target_size: target_size.ok_or(Fault::new(Code::Format, "rootfs_file_size in meta-data"))?,
            target_sha256: Some(
                target_sha256.ok_or(Fault::new(Code::Format, "provides rootfs-image.checksum"))?,
            ),
        })
    }
}

impl Listener for Installing {
    fn headers(&mut self, header: &HeaderView<'_>) -> Result<(), Fault> {
        self.check_depends(header)?;
        for payload in header.payloads() {
            self.plan = Some(Self::plan(&payload)?);
        }
        self.callbacks.headers(header)
    }

    fn file_begin(&mut self, file: &FileHead<'_>) -> Result<(), Fault> {
        self.callbacks.file_begin(file)?;
        let (Some(plan), Some(memory)) = (self.plan, self.memory.take()) else {
            return Err(Fault::new(Code::Unsupported, "more than one payload file"));
        };
        let is_copy = plan.algorithm == Algorithm::Copy;
        let promised = Promised {
            target_size: if is_copy { file.size } else { plan.target_size },
            target_sha256: if is_copy { Some(file.checksum) } else { plan.target_sha256 },
            base_sha256: self.base_sha256,
        };
        let config = &self.config.apply;
        if self.checkpoint.is_some() && !plan.algorithm.can_resume() {
            return Err(Fault::new(Code::Checkpoint, "of another algorithm"));
        }
        let mut applying = Applying::new(config, &self.granted, plan.algorithm, promised, memory)?;
        if let Some(checkpoint) = &self.checkpoint {
            applying.resume_skipping(checkpoint)?;
        }
        self.applying = Some(applying);
        Ok(())
    }

    fn file_data(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Fault> {
        self.callbacks.file_data(offset, bytes)?;
        match &mut self.applying {
            Some(applying) => applying.push(bytes),
            None => Err(Fault::new(Code::Internal, "data before a file")),
        }
    }

    fn file_end(&mut self) -> Result<(), Fault> {
        self.callbacks.file_end()
    }
}

//! What the tests of this crate share: Artifacts, keys, and a detail with a buffer.

use crate::detail::{Detail, NO_OFFSET};
use mender_artifact::compression::Compression;
use mender_artifact::sign::private_key::PrivateKey;
use mender_artifact::write::defaults::PayloadChoices;
use mender_artifact::write::input::PayloadInput;
use mender_artifact::write::plan::{ArtifactPlan, PayloadPlan};
use mender_artifact::write::{WriteOptions, write_artifact};
use std::ffi::c_int;
use std::ptr;

const PRIVATE_KEY: &str = include_str!("../../mender-artifact/tests/keys/p256-pkcs8.pem");
pub(crate) const PUBLIC_KEY: &str = include_str!("../../mender-artifact/tests/keys/p256-public.pem");
pub(crate) const OTHER_PUBLIC_KEY: &str = include_str!("../../mender-artifact/tests/keys/rsa-public.pem");

fn artifact(signer: Option<&PrivateKey>) -> Vec<u8> {
    let file = PayloadInput::from_reader("file.bin", Some(3000), &[b'p'; 3000][..]);
    let choices = PayloadChoices::default();
    let plan = ArtifactPlan {
        artifact_name: "r1".into(),
        compatible_types: vec!["board".into()],
        payloads: vec![PayloadPlan::module_image("r1", "files", vec![file], None, choices)],
        compression: Compression::None,
        signer: signer.map(|key| key as _),
        ..ArtifactPlan::default()
    };
    let mut bytes = Vec::new();
    write_artifact(plan, &mut bytes, &WriteOptions::default()).unwrap();
    bytes
}

pub(crate) fn unsigned() -> Vec<u8> {
    artifact(None)
}

pub(crate) fn signed() -> Vec<u8> {
    artifact(Some(&PrivateKey::from_pem(PRIVATE_KEY.as_bytes()).unwrap()))
}

/// A detail and the buffer for its message.
#[derive(Debug)]
pub(crate) struct Explained {
    detail: Detail,
    message: Box<[u8; 256]>,
}

impl Default for Explained {
    fn default() -> Self {
        let detail = Detail {
            struct_size: u32::try_from(size_of::<Detail>()).unwrap(),
            code: 0,
            offset: 0,
            message: ptr::null_mut(),
            message_size: 256,
            message_len: 0,
            reason: ptr::null(),
        };
        Explained { detail, message: Box::new([0; 256]) }
    }
}

impl Explained {
    pub(crate) fn detail(&mut self) -> *mut Detail {
        self.detail.message = self.message.as_mut_ptr().cast();
        &raw mut self.detail
    }

    pub(crate) fn code(&self) -> c_int {
        self.detail.code
    }

    pub(crate) fn offset(&self) -> Option<u64> {
        Some(self.detail.offset).filter(|offset| *offset != NO_OFFSET)
    }

    pub(crate) fn message(&self) -> &str {
        let len = self.detail.message_len.min(self.message.len() - 1);
        std::str::from_utf8(&self.message[..len]).unwrap()
    }
}

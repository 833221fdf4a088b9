//! The structures of the header, field by field.
#![allow(missing_docs, reason = "include/mender_device.h documents them, and tests hold the two together")]

use core::ffi::{c_char, c_int, c_void};

/// `struct mar_slice`
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Slice {
    pub p: *const c_char,
    pub len: usize,
}

impl Slice {
    pub(crate) const EMPTY: Self = Slice { p: core::ptr::null(), len: 0 };

    pub(crate) const fn of(bytes: &[u8]) -> Self {
        Slice { p: bytes.as_ptr().cast(), len: bytes.len() }
    }
}

/// `struct mar_detail`
#[derive(Debug)]
#[repr(C)]
pub struct Detail {
    pub struct_size: u32,
    pub code: i32,
    pub callback_error: i32,
    pub reserved: u32,
    pub offset: u64,
    pub wanted: u64,
    pub limit: u64,
    pub what: Slice,
}

/// `struct mar_limits`
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Limits {
    pub struct_size: u32,
    pub header_json: u32,
    pub manifest: u32,
    pub file_name: u32,
    pub extended: u32,
    pub decompress: u32,
    pub delta_window: u32,
    pub delta_sections: u32,
    pub secondary: u32,
    pub native_memory: u32,
    pub base_cache: u32,
    pub io_block: u32,
}

/// `struct mar_crypto`
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Crypto {
    pub struct_size: u32,
    pub reserved: u32,
    pub user: *mut c_void,
    pub verify: Option<unsafe extern "C" fn(*mut c_void, *const u8, *const u8, usize) -> c_int>,
}

/// `struct mar_payload`
#[derive(Debug)]
#[repr(C)]
pub struct Payload {
    pub payload_type: Slice,
    pub artifact_name: Slice,
    pub artifact_group: Slice,
    pub header_info: Slice,
    pub type_info: Slice,
    pub meta_data: Slice,
    pub signature_checked: u32,
    pub reserved: u32,
}

/// `struct mar_events`
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Events {
    pub struct_size: u32,
    pub reserved: u32,
    pub user: *mut c_void,
    pub headers: Option<unsafe extern "C" fn(*mut c_void, *const Payload) -> c_int>,
    pub key: Option<unsafe extern "C" fn(*mut c_void, c_int, Slice, Slice) -> c_int>,
    pub file_begin: Option<unsafe extern "C" fn(*mut c_void, Slice, u64) -> c_int>,
    pub file_data: Option<unsafe extern "C" fn(*mut c_void, u64, *const u8, usize) -> c_int>,
    pub file_end: Option<unsafe extern "C" fn(*mut c_void) -> c_int>,
}

/// `struct mar_reader_config`
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct ReaderConfig {
    pub struct_size: u32,
    pub require_signature: u32,
    pub limits: *const Limits,
    pub crypto: *const Crypto,
    pub events: *const Events,
    pub device_type: *const c_char,
}

/// `struct mar_base`
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Base {
    pub user: *mut c_void,
    pub size: u64,
    pub align: u32,
    pub reserved: u32,
    pub read: Option<unsafe extern "C" fn(*mut c_void, u64, *mut u8, usize) -> c_int>,
}

/// `struct mar_target`
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Target {
    pub user: *mut c_void,
    pub capacity: u64,
    pub align: u32,
    pub reserved: u32,
    pub write: Option<unsafe extern "C" fn(*mut c_void, u64, *const u8, usize) -> c_int>,
    pub read: Option<unsafe extern "C" fn(*mut c_void, u64, *mut u8, usize) -> c_int>,
    pub flush: Option<unsafe extern "C" fn(*mut c_void) -> c_int>,
}

/// `struct mar_checkpointing`
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Checkpointing {
    pub user: *mut c_void,
    pub every: u32,
    pub reserved: u32,
    pub save: Option<unsafe extern "C" fn(*mut c_void, *const u8, usize) -> c_int>,
}

/// `struct mar_apply_config`
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct ApplyConfig {
    pub struct_size: u32,
    pub reserved: u32,
    pub limits: *const Limits,
    pub base: Base,
    pub target: Target,
    pub checkpoint: Checkpointing,
    pub algorithm: *const c_char,
    pub target_size: u64,
    pub base_sha256: *const u8,
    pub target_sha256: *const u8,
}

/// `struct mar_install_config`
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct InstallConfig {
    pub struct_size: u32,
    pub reserved: u32,
    pub reader: ReaderConfig,
    pub apply: ApplyConfig,
    pub provides: Option<unsafe extern "C" fn(*mut c_void, Slice, *mut c_char, usize) -> c_int>,
    pub user: *mut c_void,
}

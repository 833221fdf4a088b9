//! The superblock, 96 bytes at the start of the image, and the compressor's settings behind it.

use crate::block_device::BlockDevice;
use crate::error::{Error, Expected, Place};
use crate::little_endian::{u16_at, u32_at, u64_at};
use crate::probe::SquashfsCompressor;

const LEN: usize = 96;
/// Largest and smallest block of data.
const BLOCK_LEN: std::ops::RangeInclusive<u32> = 1 << 12..=1 << 20;
/// A table that is not there.
const NO_TABLE: u64 = u64::MAX;
const FLAG_HAS_OPTIONS: u16 = 0x400;
/// Longest settings of a compressor.
const MAX_OPTIONS: usize = 64;

/// What the superblock says. Offsets count bytes from the start of the image; all lie before `end`.
pub(super) struct Superblock {
    pub(super) inodes: u32,
    pub(super) block_len: u32,
    pub(super) fragments: u32,
    pub(super) compressor: SquashfsCompressor,
    pub(super) ids: u16,
    pub(super) root_inode: u64,
    /// Bytes that the file system uses.
    pub(super) end: u64,
    pub(super) id_table: u64,
    pub(super) xattr_table: Option<u64>,
    pub(super) inode_table: u64,
    pub(super) directory_table: u64,
    pub(super) fragment_table: Option<u64>,
    pub(super) export_table: Option<u64>,
    /// The compressor's settings as stored, empty when they are its defaults.
    pub(super) options: Vec<u8>,
}

impl Superblock {
    pub(super) fn read(device: &dyn BlockDevice) -> Result<Self, Error> {
        let mut bytes = [0; LEN];
        if device.len_bytes() < LEN as u64 {
            let expected = Expected::AtLeast(LEN as u64);
            return Err(Error::format(Place::Image, "length", expected, device.len_bytes()));
        }
        device.read_at(0, &mut bytes)?;
        if bytes[..4] != *b"hsqs" {
            let expected = Expected::Described("that of squashfs");
            return Err(Error::format(Place::Superblock, "magic", expected, u32_at(&bytes, 0).into()));
        }
        if (u16_at(&bytes, 28), u16_at(&bytes, 30)) != (4, 0) {
            let found = format!("{}.{}", u16_at(&bytes, 28), u16_at(&bytes, 30));
            return Err(Error::unsupported(Place::Superblock, "version", "4.0", found));
        }
        let end = u64_at(&bytes, 40);
        if end > device.len_bytes() {
            let expected = Expected::AtMost(device.len_bytes());
            return Err(Error::format(Place::Superblock, "bytes used", expected, end));
        }
        let block_len = u32_at(&bytes, 12);
        if !BLOCK_LEN.contains(&block_len) || !block_len.is_power_of_two() {
            let expected = Expected::Described("a power of two from 4,096 to 1,048,576");
            return Err(Error::format(Place::Superblock, "block length", expected, block_len.into()));
        }
        let table = |field, at| match u64_at(&bytes, at) {
            offset if (LEN as u64..end).contains(&offset) => Ok(offset),
            offset => Err(Error::format(Place::Superblock, field, Expected::AtMost(end), offset)),
        };
        let optional = |field, at| match u64_at(&bytes, at) {
            NO_TABLE => Ok(None),
            _ => table(field, at).map(Some),
        };
        let fragments = u32_at(&bytes, 16);
        Ok(Superblock {
            inodes: u32_at(&bytes, 4),
            block_len,
            fragments,
            compressor: u16_at(&bytes, 20).into(),
            ids: u16_at(&bytes, 26),
            root_inode: u64_at(&bytes, 32),
            end,
            id_table: table("id table", 48)?,
            xattr_table: optional("xattr table", 56)?,
            inode_table: table("inode table", 64)?,
            directory_table: table("directory table", 72)?,
            fragment_table: if fragments == 0 { None } else { optional("fragment table", 80)? },
            export_table: optional("export table", 88)?,
            options: if u16_at(&bytes, 24) & FLAG_HAS_OPTIONS == 0 {
                Vec::new()
            } else {
                options(device, end)?
            },
        })
    }
}

/// The settings stand in a metadata block that is never compressed.
fn options(device: &dyn BlockDevice, end: u64) -> Result<Vec<u8>, Error> {
    let mut header = [0; 2];
    device.read_at(LEN as u64, &mut header)?;
    let len = usize::from(u16_at(&header, 0) & 0x7fff);
    if len > MAX_OPTIONS || LEN as u64 + 2 + len as u64 > end {
        let expected = Expected::AtMost(MAX_OPTIONS as u64);
        return Err(Error::format(Place::Superblock, "compressor options", expected, len as u64));
    }
    let mut options = vec![0; len];
    device.read_at(LEN as u64 + 2, &mut options)?;
    Ok(options)
}

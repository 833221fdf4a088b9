//! Hashed directories.
use super::Editor;
use super::entries::NewEntry;
use super::inode_bytes::RawInode;
use crate::error::Error;

impl Editor<'_> {
    pub(super) fn add_hashed(&mut self, _d: &mut RawInode, _e: &NewEntry<'_>) -> Result<bool, Error> {
        Ok(false)
    }
}

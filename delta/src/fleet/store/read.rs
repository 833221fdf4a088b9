//! Reading from a store: what does not have the digest that it is named by is never delivered whole.

use super::Store;
use super::error::StoreError;
use super::put::PART_LEN;
use crate::fleet::digest::Sha256Sum;
use crate::fleet::tenant::TenantId;
use mender_artifact::output_file::OutputFile;
use object_store::path::Path;
use sha2::{Digest as _, Sha256};
use std::io::{self, Read, Write};
use std::path::Path as FilePath;

/// The bytes of an object, checked on the way: the last of them are only given out when all have the digest that they
/// should have, else reading ends with `InvalidData`, whose source is the [`StoreError`].
#[derive(Debug)]
pub struct VerifiedReader {
    store: Store,
    path: Path,
    sha256: Sha256Sum,
    len: u64,
    asked: u64,
    hash: Sha256,
    part: io::Cursor<Vec<u8>>,
}

impl VerifiedReader {
    /// How many bytes there are, by what the store says.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Gets the next part and, when it is the last one, checks all of them.
    fn next_part(&mut self) -> Result<(), StoreError> {
        let want = (self.len - self.asked).min(PART_LEN as u64);
        let part = match want {
            0 => Vec::new(),
            _ => self.store.range(&self.path, self.asked..self.asked + want)?,
        };
        self.hash.update(&part);
        self.asked += want;
        // A part that came out shorter or longer cannot have the right digest, unless the other parts make up for it:
        // what matters are the bytes that are given out.
        if self.asked == self.len {
            let found = Sha256Sum(self.hash.finalize_reset().into());
            if found != self.sha256 {
                let entry = self.path.to_string();
                return Err(StoreError::Corrupt { entry, expected: self.sha256, found });
            }
        }
        self.part = io::Cursor::new(part);
        Ok(())
    }

    /// # Errors
    /// What failed in the store; `Corrupt` when the bytes are not the right ones.
    fn read_checked(&mut self, to: &mut [u8]) -> Result<usize, StoreError> {
        loop {
            let left = self.part.get_ref().len() as u64 - self.part.position();
            if left == 0 && self.asked < self.len {
                self.next_part()?;
                continue;
            }
            return self.part.read(to).map_err(|source| StoreError::File { action: "read", source });
        }
    }
}

impl Read for VerifiedReader {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        self.read_checked(to).map_err(|error| {
            let kind = match error {
                StoreError::Corrupt { .. } => io::ErrorKind::InvalidData,
                StoreError::Missing { .. } => io::ErrorKind::NotFound,
                StoreError::Slow { .. } => io::ErrorKind::TimedOut,
                _ => io::ErrorKind::Other,
            };
            // Reading on after damage would give out what was held back.
            self.len = self.asked;
            self.part = io::Cursor::default();
            io::Error::new(kind, error)
        })
    }
}

impl Store {
    /// Reads an object of this tenant.
    ///
    /// # Errors
    /// `Missing` when it is not there, `Corrupt` when it is empty and should not be. Else what failed in the store.
    pub fn read(&self, tenant: &TenantId, sha256: &Sha256Sum) -> Result<VerifiedReader, StoreError> {
        let path = self.layout.object(tenant, sha256);
        let Some(there) = self.head(&path)? else {
            return Err(StoreError::Missing { entry: path.to_string() });
        };
        let mut reader = VerifiedReader {
            store: self.clone(),
            path,
            sha256: *sha256,
            len: there.size,
            asked: 0,
            hash: Sha256::new(),
            part: io::Cursor::default(),
        };
        if there.size == 0 {
            reader.next_part()?;
        }
        Ok(reader)
    }

    /// Copies an object of this tenant into a file, which appears only when the bytes are the right ones. Returns its
    /// length.
    ///
    /// # Errors
    /// As [`read`](Self::read), `Corrupt` for all damage; `File` when the file cannot be written.
    pub fn fetch(&self, tenant: &TenantId, sha256: &Sha256Sum, to: &FilePath) -> Result<u64, StoreError> {
        let mut reader = self.read(tenant, sha256)?;
        let unwritten = |source| StoreError::File { action: "write", source };
        let mut output = OutputFile::create(to).map_err(unwritten)?;
        let mut block = vec![0; 256 << 10];
        let mut len = 0;
        loop {
            let read = reader.read_checked(&mut block)?;
            if read == 0 {
                break;
            }
            output.write_all(&block[..read]).map_err(unwritten)?;
            len += read as u64;
        }
        output.commit().map_err(unwritten)?;
        Ok(len)
    }
}

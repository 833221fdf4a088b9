//! Where finished deltas are kept: by digest, for each tenant by itself.
//!
//! A store is a local folder, a bucket of S3 or of what speaks its protocol, or a container of Azure; `layout.rs` says
//! which names it has. Objects are named by their SHA-256 and appear whole or not at all. What a job made is told by a
//! record under the job's key, which appears after the object and only once, however many publish at the same time.
//!
//! ```
//! use mender_delta::fleet::job::key::JobKey;
//! use mender_delta::fleet::store::options::StoreOptions;
//! use mender_delta::fleet::store::record::{Object, Record};
//! use mender_delta::fleet::store::{Published, Store};
//! use mender_delta::fleet::tenant::TenantId;
//! use std::io::Read;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let (path, key) = (folder.path().join("delta"), JobKey::from([7; 32]));
//! # std::fs::write(&path, b"delta")?;
//! let store = Store::open(folder.path().to_str().ok_or("path")?, &StoreOptions::default())?;
//! let tenant = TenantId::new("acme")?;
//! let mut file = std::fs::File::open(&path)?;
//! let note = serde_json::json!({"kind": "delta"});
//! let record = Record { object: Object::of(&mut file)?, published: 1_700_000_000, note };
//! assert_eq!(store.publish(&tenant, &key, &record, &mut file)?, Published::New);
//! let mut bytes = Vec::new();
//! store.read(&tenant, &record.object.sha256)?.read_to_end(&mut bytes)?;
//! assert_eq!(bytes, b"delta");
//! # Ok(())
//! # }
//! ```

mod address;
pub mod error;
pub mod gc;
mod layout;
mod list;
pub mod options;
mod patience;
mod publish;
mod put;
pub mod read;
pub mod record;
mod requests;
#[cfg(test)]
mod tests;
mod tls;

pub use publish::Published;

use crate::fleet::runtime::Driver;
use error::StoreError;
use layout::Layout;
use object_store::ObjectStore;
use options::StoreOptions;
use patience::Patience;
use std::path::PathBuf;
use std::sync::Arc;

/// A store; clones are the same one.
#[derive(Debug, Clone)]
pub struct Store {
    objects: Arc<dyn ObjectStore>,
    layout: Layout,
    patience: Patience,
    driver: Arc<Driver>,
    /// The folder, of a local store.
    folder: Option<PathBuf>,
}

impl Store {
    /// Opens the store at a path, or at `file:///folder`, `s3://bucket/prefix` or `az://container/prefix`. A local folder
    /// is made if it is not there; whether a bucket is reachable shows when it is used.
    ///
    /// # Errors
    /// `Options` when the address or a setting is not understood, `File` when the folder cannot be made.
    pub fn open(address: &str, options: &StoreOptions) -> Result<Self, StoreError> {
        let place = address::open(address, options)?;
        let mut store = Self::over(place.objects, options)?;
        store.layout.prefix = place.prefix;
        store.folder = place.folder;
        Ok(store)
    }

    /// A store over what has been opened.
    fn over(objects: Arc<dyn ObjectStore>, options: &StoreOptions) -> Result<Self, StoreError> {
        let driver =
            Driver::new("store").map_err(|source| StoreError::File { action: "start a thread", source })?;
        Ok(Self {
            objects,
            layout: Layout { prefix: object_store::path::Path::default() },
            patience: Patience::new(options),
            driver: Arc::new(driver),
            folder: None,
        })
    }
}

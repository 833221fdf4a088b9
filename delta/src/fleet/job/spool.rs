//! Folders of tenants inside of the work folder, which nobody else may look into.

use super::failure::Failure;
use crate::fleet::reason::Reason;
use crate::fleet::tenant::TenantId;
use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

#[cfg(unix)]
#[path = "private_unix.rs"]
mod private;

/// Name of the lock.
const LOCK: &str = "lock";
/// Folders of a tenant.
const SPOOL: &str = "spool";
const JOURNAL: &str = "journal";

/// The work folder of one engine.
pub(super) struct WorkFolder {
    path: PathBuf,
    /// Held for as long as the engine lives; the system gives it back when the process is killed.
    lock: Mutex<Option<File>>,
}

impl WorkFolder {
    /// Gives the folder back, for the next engine.
    pub(super) fn release(&self) {
        *self.lock.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Takes the folder, and removes what an engine that was killed has left in it, but for journals.
    #[allow(clippy::incompatible_msrv, reason = "what only servers build may want a newer compiler")]
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let failed = |error: io::Error| work_io(&error);
        make_private(path).map_err(failed)?;
        let lock =
            File::options().create(true).truncate(false).write(true).open(path.join(LOCK)).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Failure::new(Reason::WorkBusy)),
            // Where files cannot be locked nobody can be told from another one.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let folder = Self { path: path.to_owned(), lock: Mutex::new(Some(lock)) };
        for tenant in folder.tenants().map_err(failed)? {
            let spool = folder.path.join(tenant.as_str()).join(SPOOL);
            match fs::remove_dir_all(&spool) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
                _ => {}
            }
        }
        Ok(folder)
    }

    /// The tenants that have a folder.
    pub(super) fn tenants(&self) -> io::Result<Vec<TenantId>> {
        let mut tenants = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let name = entry.file_name();
            let tenant = name.to_str().and_then(|name| TenantId::new(name).ok());
            if let (Some(tenant), true) = (tenant, entry.file_type()?.is_dir()) {
                tenants.push(tenant);
            }
        }
        tenants.sort();
        Ok(tenants)
    }

    /// Where the tenant's temporary files are made, none of which has a name; 0700.
    pub(super) fn spool(&self, tenant: &TenantId) -> Result<PathBuf, Failure> {
        self.of(tenant, SPOOL)
    }

    /// Where the tenant's jobs are written down; 0700.
    pub(super) fn journal(&self, tenant: &TenantId) -> Result<PathBuf, Failure> {
        self.of(tenant, JOURNAL)
    }

    fn of(&self, tenant: &TenantId, name: &str) -> Result<PathBuf, Failure> {
        let of_tenant = self.path.join(tenant.as_str());
        let path = of_tenant.join(name);
        make_private(&of_tenant).and_then(|()| make_private(&path)).map_err(|error| work_io(&error))?;
        Ok(path)
    }
}

/// Makes a folder that only its owner may enter, unless it is there.
fn make_private(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    private::make_private(&mut builder);
    match builder.create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        done => done,
    }
}

/// The failure for an error of the work folder.
pub(super) fn work_io(error: &io::Error) -> Failure {
    let is_full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
    let reason = if is_full { Reason::DiskFull } else { Reason::WorkIo };
    Failure::because(reason, format!("{}: {error}", reason.text()))
}

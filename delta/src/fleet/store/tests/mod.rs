//! The store on a local folder, on one that fails, and beside others.

mod collecting;
mod faults;
mod faulty;
mod local;

use super::Store;
use super::options::StoreOptions;
use super::record::{Object, Record};
use crate::fleet::job::key::JobKey;
use crate::fleet::tenant::TenantId;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::time::Duration;
use tempfile::TempDir;

/// A tenant, by one letter.
fn tenant(name: &str) -> TenantId {
    TenantId::new(name).unwrap()
}

/// A file without a name that holds `bytes`.
fn file(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file
}

fn record(file: &mut File) -> Record {
    let object = Object::of(file).unwrap();
    file.seek(SeekFrom::End(0)).unwrap();
    Record { object, published: 1000, note: serde_json::json!({"kind": "delta"}) }
}

/// A store in a folder that goes away with it.
fn local() -> (TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().to_str().unwrap(), &StoreOptions::default()).unwrap();
    (folder, store)
}

/// Few and short attempts.
fn hasty() -> StoreOptions {
    StoreOptions {
        timeout: Duration::from_millis(600),
        attempt_timeout: Duration::from_millis(200),
        first_pause: Duration::from_millis(20),
        ..StoreOptions::default()
    }
}

fn publish(store: &Store, tenant_name: &str, key: u8, bytes: &[u8]) -> Object {
    let mut file = file(bytes);
    let record = record(&mut file);
    store.publish(&tenant(tenant_name), &JobKey::from([key; 32]), &record, &mut file).unwrap();
    record.object
}

fn bytes_of(store: &Store, tenant_name: &str, object: &Object) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut reader = store.read(&tenant(tenant_name), &object.sha256).map_err(std::io::Error::other)?;
    reader.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Names of all files below a folder.
fn files(folder: &TempDir) -> Vec<PathBuf> {
    let (mut folders, mut files) = (vec![folder.path().to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    files
}

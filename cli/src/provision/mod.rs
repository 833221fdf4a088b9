//! Keys and certificates for devices: an authority, what it issues, and the records of it; and images that carry them.
//! X.509 as RFC 5280 has it.

pub(crate) mod authority;
pub(crate) mod blacklist;
pub(crate) mod bulk;
pub(crate) mod certificate;
pub(crate) mod certificate_file;
#[cfg(target_os = "linux")]
mod clone_linux;
mod copy;
mod csv;
pub(crate) mod device;
pub(crate) mod device_key;
pub(crate) mod device_list;
mod extensions;
mod finished;
pub(crate) mod folder;
mod journal;
pub(crate) mod lifetime;
pub(crate) mod manifest;
pub(crate) mod new_files;
mod part;
pub(crate) mod preauthorize;
mod put;
pub(crate) mod record;
pub(crate) mod serial;
pub(crate) mod server_name;
pub(crate) mod subject;
pub(crate) mod template;

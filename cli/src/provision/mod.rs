//! Keys and certificates for devices: an authority, what it issues, and the records of it. X.509 as RFC 5280 has it.

pub(crate) mod authority;
pub(crate) mod blacklist;
pub(crate) mod certificate;
pub(crate) mod certificate_file;
pub(crate) mod device;
pub(crate) mod device_key;
mod extensions;
pub(crate) mod lifetime;
pub(crate) mod manifest;
pub(crate) mod new_files;
pub(crate) mod record;
pub(crate) mod serial;
pub(crate) mod server_name;
pub(crate) mod subject;

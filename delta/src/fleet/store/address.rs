//! Which store a URL or path means: a local folder, S3 and what speaks its protocol, or Azure.

use super::error::StoreError;
use super::options::StoreOptions;
use super::tls::RingTls;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{BackoffConfig, ClientConfigKey, ClientOptions, ObjectStore, RetryConfig};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// An opened address.
pub(super) struct Place {
    pub(super) objects: Arc<dyn ObjectStore>,
    pub(super) prefix: Path,
    /// The folder, of a local store.
    pub(super) folder: Option<PathBuf>,
}

/// # Errors
/// `Options` when the address or a setting is not understood; `File` when a local folder cannot be made.
pub(super) fn open(address: &str, options: &StoreOptions) -> Result<Place, StoreError> {
    let scheme = address.split_once("://").map(|(scheme, rest)| (scheme.to_ascii_lowercase(), rest));
    match scheme.as_ref().map(|(scheme, rest)| (scheme.as_str(), *rest)) {
        None if address.is_empty() => Err(StoreError::options("address", "is empty")),
        None => local(PathBuf::from(address), options),
        Some(("file", path)) if path.starts_with('/') => local(PathBuf::from(path), options),
        Some(("file", _)) => Err(StoreError::options(address, "expected file:///folder")),
        Some(("s3", rest)) => s3(address, rest, options),
        Some(("az" | "azure", rest)) => azure(address, rest, options),
        Some((other, _)) => Err(StoreError::options(
            address,
            format!("expected a folder, file://, s3:// or az://, found {other}://"),
        )),
    }
}

fn local(folder: PathBuf, options: &StoreOptions) -> Result<Place, StoreError> {
    if let Some(name) = options.settings.keys().next() {
        return Err(StoreError::options(name, "a local folder takes no settings"));
    }
    make_private(&folder)
        .map_err(|source| StoreError::File { action: "make the folder of the store", source })?;
    let opened = LocalFileSystem::new_with_prefix(&folder);
    let objects =
        opened.map_err(|error| StoreError::options(folder.display().to_string(), error))?.with_fsync(true);
    Ok(Place { objects: Arc::new(objects), prefix: Path::default(), folder: Some(folder) })
}

/// Folders that are made are only for whoever made them; one that is there stays as it is.
fn make_private(folder: &std::path::Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(folder)
}

/// What is the same of the builders of S3 and Azure, which have no type in common.
macro_rules! built {
    ($builder:expr, $key:ty, $address:expr, $options:expr) => {{
        let mut builder = $builder;
        for (name, value) in &$options.settings {
            let key: $key =
                name.to_ascii_lowercase().parse().map_err(|error| StoreError::options(name, error))?;
            builder = builder.with_config(key, value);
        }
        let allowed = builder.get_config_value(&<$key>::Client(ClientConfigKey::AllowHttp));
        let built = builder
            .with_client_options(client($options, allowed))
            .with_retry(retries($options))
            .with_http_connector(connector($options))
            .build();
        Arc::new(built.map_err(|error| StoreError::options($address, error))?)
    }};
}

fn s3(address: &str, rest: &str, options: &StoreOptions) -> Result<Place, StoreError> {
    let (bucket, prefix) = bucket_and_prefix(address, rest)?;
    let builder = AmazonS3Builder::new().with_bucket_name(bucket);
    let objects = built!(builder, AmazonS3ConfigKey, address, options);
    Ok(Place { objects, prefix, folder: None })
}

fn azure(address: &str, rest: &str, options: &StoreOptions) -> Result<Place, StoreError> {
    let (container, prefix) = bucket_and_prefix(address, rest)?;
    let builder = MicrosoftAzureBuilder::new().with_container_name(container);
    let objects = built!(builder, AzureConfigKey, address, options);
    Ok(Place { objects, prefix, folder: None })
}

fn bucket_and_prefix<'a>(address: &str, rest: &'a str) -> Result<(&'a str, Path), StoreError> {
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    if bucket.is_empty() || !bucket.bytes().all(is_name) {
        return Err(StoreError::options(address, "expected the name of a bucket or container behind ://"));
    }
    let prefix = Path::parse(prefix).map_err(|error| StoreError::options(address, error))?;
    Ok((bucket, prefix))
}

/// Settings only decide whether requests may go without TLS.
fn client(options: &StoreOptions, allow_http: Option<String>) -> ClientOptions {
    ClientOptions::new()
        .with_timeout(options.attempt_timeout)
        .with_allow_http(allow_http.is_some_and(|value| value.eq_ignore_ascii_case("true") || value == "1"))
}

fn connector(options: &StoreOptions) -> RingTls {
    RingTls {
        connect_timeout: options.attempt_timeout.min(Duration::from_secs(5)),
        timeout: options.attempt_timeout,
    }
}

/// What is tried again below one call: answers 5xx, and connections that break.
fn retries(options: &StoreOptions) -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig {
            init_backoff: options.first_pause.min(options.attempt_timeout / 8),
            max_backoff: options.attempt_timeout / 8,
            base: 2.0,
        },
        max_retries: 3,
        // Less than an attempt, so that it ends with the reason and not for want of time.
        retry_timeout: options.attempt_timeout / 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::reason::Reason;

    fn refused(address: &str) -> Reason {
        open(address, &StoreOptions::default()).err().unwrap().reason()
    }

    #[test]
    fn addresses_that_mean_nothing_are_refused() {
        for address in
            ["", "ftp://host/x", "file://host", "s3://", "s3:///x", "az://a b/c", "s3://bucket/a//b"]
        {
            assert_eq!(refused(address), Reason::BadRequest, "{address}");
        }
    }

    #[test]
    fn settings_are_checked() {
        let folder = tempfile::tempdir().unwrap();
        for address in ["s3://bucket", "az://container", folder.path().to_str().unwrap()] {
            let settings = [("no_such_setting".to_owned(), "1".to_owned())].into();
            let options = StoreOptions { settings, ..StoreOptions::default() };
            assert_eq!(open(address, &options).err().unwrap().reason(), Reason::BadRequest, "{address}");
        }
    }

    #[test]
    fn a_prefix_is_kept() {
        let settings = [("region".to_owned(), "eu".to_owned())].into();
        let options = StoreOptions { settings, ..StoreOptions::default() };
        let place = open("s3://bucket/a/b/", &options).unwrap();
        assert_eq!(place.prefix.as_ref(), "a/b");
    }
}

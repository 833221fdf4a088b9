//! Connections of the store: TLS by rustls with ring, trusting what the system trusts. No provider is installed for
//! the whole process.

use object_store::client::{HttpClient, HttpConnector};
use object_store::{ClientConfigKey, ClientOptions};
use std::sync::Arc;
use std::time::Duration;

/// Makes clients that bring their own cryptography.
#[derive(Debug)]
pub(super) struct RingTls {
    /// How long a connection may take.
    pub(super) connect_timeout: Duration,
    /// How long a request may take.
    pub(super) timeout: Duration,
}

/// A failure to set up TLS.
fn failed(source: impl std::error::Error + Send + Sync + 'static) -> object_store::Error {
    object_store::Error::Generic { store: "TLS", source: Box::new(source) }
}

impl HttpConnector for RingTls {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let mut roots = rustls::RootCertStore::empty();
        // A certificate of the system that cannot be read is as one that is not trusted.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(failed)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let value = |key| options.get_config_value(&key);
        let builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .http1_only()
            .no_proxy()
            .user_agent(concat!("mender-delta/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(self.connect_timeout)
            .timeout(self.timeout)
            .https_only(value(ClientConfigKey::AllowHttp).as_deref() != Some("true"));
        Ok(HttpClient::new(builder.build().map_err(failed)?))
    }
}

//! Keys that services hold: the service is sent the SHA-256 of the manifest and answers with a
//! signature. Every signature is checked with the public key of the service before it is used.
//!
//! No answer may be longer than 64 KiB, redirects are not followed, and proxies are taken from the
//! usual variables. `MENDER_ARTIFACT_SIGNING_TIMEOUT` bounds one exchange, in seconds; 60 if not set.

pub mod aws;
mod aws_signature;
pub mod azure;
mod azure_token;
mod encode;
pub mod gcp;
mod gcp_token;
mod http;
mod service_error;
pub mod signserver;
mod tls;
pub mod vault;

pub use service_error::ServiceError;

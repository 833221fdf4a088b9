//! The store that the command line names, with the settings that the environment has for it.

use crate::args::server::StoreSettings;
use crate::exit_code;
use crate::failure::{Failure, chain};
use mender_delta::fleet::store::Store;
use mender_delta::fleet::store::error::StoreError;
use mender_delta::fleet::store::options::StoreOptions;
use mender_delta::fleet::tenant::TenantId;
use std::collections::BTreeMap;
use std::time::Duration;

/// Variables of the environment and the settings of an S3 store that they are, as the AWS tools read them.
const AWS: &[(&str, &str)] = &[
    ("AWS_ACCESS_KEY_ID", "access_key_id"),
    ("AWS_SECRET_ACCESS_KEY", "secret_access_key"),
    ("AWS_SESSION_TOKEN", "session_token"),
    ("AWS_DEFAULT_REGION", "default_region"),
    ("AWS_REGION", "region"),
    ("AWS_ENDPOINT_URL", "endpoint"),
    ("AWS_ENDPOINT_URL_S3", "endpoint"),
    ("AWS_ALLOW_HTTP", "aws_allow_http"),
    ("AWS_WEB_IDENTITY_TOKEN_FILE", "aws_web_identity_token_file"),
    ("AWS_ROLE_ARN", "aws_role_arn"),
    ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "aws_container_credentials_relative_uri"),
    ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "aws_container_credentials_full_uri"),
    ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "aws_container_authorization_token_file"),
];

/// Likewise for Azure.
const AZURE: &[(&str, &str)] = &[
    ("AZURE_STORAGE_ACCOUNT_NAME", "azure_storage_account_name"),
    ("AZURE_STORAGE_ACCOUNT_KEY", "azure_storage_account_key"),
    ("AZURE_STORAGE_SAS_TOKEN", "azure_storage_sas_token"),
    ("AZURE_STORAGE_ENDPOINT", "azure_storage_endpoint"),
    ("AZURE_CLIENT_ID", "azure_client_id"),
    ("AZURE_CLIENT_SECRET", "azure_client_secret"),
    ("AZURE_TENANT_ID", "azure_tenant_id"),
    ("AZURE_FEDERATED_TOKEN_FILE", "azure_federated_token_file"),
];

/// Opens the store at `address`.
pub(super) fn open(address: &str, settings: &StoreSettings) -> Result<Store, Failure> {
    let defaults = StoreOptions::default();
    let options = StoreOptions {
        settings: settings_for(address, settings, |name| std::env::var(name).ok()),
        timeout: settings.store_timeout,
        attempt_timeout: defaults.attempt_timeout.min(settings.store_timeout.max(Duration::from_secs(1))),
        ..defaults
    };
    Store::open(address, &options).map_err(|error| failed(&error))
}

fn settings_for(
    address: &str,
    settings: &StoreSettings,
    environment: impl Fn(&str) -> Option<String>,
) -> BTreeMap<String, String> {
    let known = match address.split_once("://") {
        Some(("s3", _)) => AWS,
        Some(("az" | "azure", _)) => AZURE,
        _ => &[],
    };
    let from_environment =
        known.iter().filter_map(|(variable, name)| Some(((*name).to_owned(), environment(variable)?)));
    from_environment.chain(settings.store_option.iter().cloned()).collect()
}

/// A failure of the store.
pub(super) fn failed(error: &StoreError) -> Failure {
    Failure::plain(exit_code::of_reason(error.reason()), chain(error))
}

/// The tenant that the command line names.
pub(super) fn tenant(name: &str) -> Result<TenantId, Failure> {
    TenantId::new(name).map_err(|error| Failure::usage(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_wins_over_the_environment() {
        let settings = StoreSettings {
            store_option: vec![("region".into(), "from-flag".into())],
            store_timeout: Duration::from_secs(1),
        };
        let environment = |name: &str| match name {
            "AWS_REGION" => Some("from-environment".to_owned()),
            "AWS_ACCESS_KEY_ID" => Some("id".to_owned()),
            "AZURE_CLIENT_ID" => Some("other".to_owned()),
            _ => None,
        };
        let found = settings_for("s3://bucket", &settings, environment);
        let found: Vec<_> = found.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(found, [("access_key_id", "id"), ("region", "from-flag")]);
        assert_eq!(settings_for("/folder", &settings, environment).len(), 1);
    }
}

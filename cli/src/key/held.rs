//! Keys that devices and services hold.

use crate::args::key::HeldKeyArgs;
use crate::exit_code::ExitStatus;
use crate::failure::{Failure, chain};
use mender_artifact::error::{Defect, Error};
use mender_artifact::sign::Signer;
use mender_artifact::sign::environment::Environment;
use mender_artifact::sign::held::HeldKey;
use mender_artifact::sign::pkcs11::Pkcs11Key;
use mender_artifact::sign::public_key::PublicKey;
use mender_artifact::sign::remote::{
    aws::AwsKey, azure::AzureKey, gcp::GcpKey, signserver::SignServerWorker, vault::VaultKey,
};

/// A device or service, and which of its keys.
pub(crate) enum HeldSource {
    Device(Box<Pkcs11Key>),
    Service(Box<dyn HeldKey + Send + Sync>),
}

impl HeldSource {
    /// What the flags name, if anything.
    pub(crate) fn find(args: &HeldKeyArgs) -> Result<Option<Self>, Failure> {
        open(args).map_err(|error| failure(&error))
    }

    /// Asks for the public key.
    pub(crate) fn public_key(&self) -> Result<PublicKey, Failure> {
        let key = match self {
            Self::Device(key) => key.public_key(),
            Self::Service(key) => key.public_key(),
        };
        key.map_err(|error| failure(&error))
    }
}

impl Signer for HeldSource {
    fn sign_manifest(&self, manifest: &[u8]) -> Result<Vec<u8>, Error> {
        match self {
            Self::Device(key) => key.sign_manifest(manifest),
            Self::Service(key) => key.sign_manifest(manifest),
        }
    }
}

fn open(args: &HeldKeyArgs) -> Result<Option<HeldSource>, Error> {
    let lookup = |name: &str| std::env::var(name).ok();
    let environment = Environment::new(&lookup);
    if let Some(uri) = &args.key_pkcs11 {
        return Ok(Some(HeldSource::Device(Box::new(Pkcs11Key::new(uri, environment)?))));
    }
    let service: Box<dyn HeldKey + Send + Sync> = if let Some(name) = &args.vault_transit_key {
        Box::new(VaultKey::new(name, environment)?)
    } else if let Some(name) = &args.gcp_kms_key {
        Box::new(GcpKey::new(name, environment)?)
    } else if let Some(name) = &args.azure_key {
        Box::new(AzureKey::new(name, environment)?)
    } else if let Some(name) = &args.aws_kms_key {
        Box::new(AwsKey::new(name, environment)?)
    } else if let Some(name) = &args.keyfactor_signserver_worker {
        Box::new(SignServerWorker::new(name, environment)?)
    } else {
        return Ok(None);
    };
    Ok(Some(HeldSource::Service(service)))
}

/// A setting, a file or a key that cannot be used is a wrong command line; a service that fails is not.
fn failure(error: &Error) -> Failure {
    let status = match error.defect() {
        Defect::Service | Defect::TooLarge => ExitStatus::System,
        _ => ExitStatus::Usage,
    };
    Failure::plain(status, chain(error))
}

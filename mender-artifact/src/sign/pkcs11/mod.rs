//! Keys in devices that speak PKCS#11: smart cards, tokens, hardware security modules.
//!
//! The key is named by a URI of RFC 7512, such as
//! `pkcs11:token=signing;object=release-key?module-path=/usr/lib/softhsm/libsofthsm2.so`.
//!
//! | variable | meaning |
//! |---|---|
//! | `PKCS11_MODULE_PATH` | the module, if the URI has no `module-path` |
//! | `PKCS11_PIN` | the PIN, if the URI has neither `pin-value` nor `pin-source` |

mod device_error;
mod objects;
mod uri;

pub use device_error::DeviceError;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error as ModuleError, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::KeyType;
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use p256::elliptic_curve::zeroize::Zeroizing;
use sha2::{Digest, Sha256};

use self::objects::PrivateObject;
use self::uri::Uri;
use super::Signer;
use super::environment::Environment;
use super::public_key::PublicKey;
use super::signature;
use crate::error::{Defect, Entry, Error};

/// Found by the system's loader; leads to every module that is configured on the machine.
const DEFAULT_MODULE: &str = "p11-kit-proxy.so";
/// DER of a DigestInfo with SHA-256 (RFC 8017, section 9.2), up to the digest.
const DIGEST_INFO: [u8; 19] = [
    0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00,
    0x04, 0x20,
];

/// A key in a device.
pub struct Pkcs11Key {
    uri: Uri,
    pin: Option<Zeroizing<String>>,
    module: Pkcs11,
}

impl Pkcs11Key {
    /// The key that a `pkcs11:` URI names. The module is loaded, nothing is looked for yet.
    ///
    /// The URI may have `token`, `manufacturer`, `model`, `serial` and `slot-id` to choose the token,
    /// `object` and `id` to choose the key, and `pin-value`, `pin-source` (a file), `module-path`.
    ///
    /// # Errors
    /// [`Defect::Setting`] when the URI is unusable, [`Defect::Io`] when the file with the PIN cannot be
    /// read, [`Defect::Service`] when the module cannot be loaded.
    pub fn new(uri: &str, environment: Environment<'_>) -> Result<Self, Error> {
        let mut uri = Uri::parse(uri)?;
        let pin = match uri.take_pin()? {
            Some(pin) => Some(pin),
            None => environment.secret("PKCS11_PIN"),
        };
        let path = uri.module_path.clone().or_else(|| environment.get("PKCS11_MODULE_PATH"));
        let path = path.unwrap_or_else(|| DEFAULT_MODULE.to_owned());
        let module = Pkcs11::new(&path).map_err(|error| failed(error).named(path.as_bytes()))?;
        match module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
            // Another key of this process uses the module, too.
            Ok(()) | Err(ModuleError::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
            Err(error) => return Err(failed(error).named(path.as_bytes())),
        }
        Ok(Self { uri, pin, module })
    }

    /// The key that verifies what this one signs, from a public key or certificate beside the private
    /// key, or from the private key itself. The first two need no PIN.
    ///
    /// # Errors
    /// [`Defect::Service`] when the device fails or shows no public key, [`Defect::KeyKind`] when
    /// Artifacts are not signed with such a key.
    pub fn public_key(&self) -> Result<PublicKey, Error> {
        let session = self.session()?;
        let (label, id) = (self.uri.object.as_deref(), self.uri.id.as_deref());
        if let Some(key) = objects::public_key(&session, label, id)? {
            return Ok(key);
        }
        self.login(&session)?;
        let private = objects::private_key(&session, label, id)?;
        private
            .public_key(&session)?
            .ok_or_else(|| device_lacks("a public key or certificate beside the key"))
    }

    /// A session with the one token that the URI names.
    fn session(&self) -> Result<Session, Error> {
        let mut found: Option<Slot> = None;
        for slot in self.module.get_slots_with_initialized_token().map_err(failed)? {
            let token = self.module.get_token_info(slot).map_err(failed)?;
            if self.uri.matches(&token, slot.id()) && found.replace(slot).is_some() {
                return Err(device_lacks("a URI that names one token").found("several such"));
            }
        }
        let slot = found.ok_or_else(|| device_lacks("the token that the URI names").found("none such"))?;
        self.module.open_ro_session(slot).map_err(failed)
    }

    fn login(&self, session: &Session) -> Result<(), Error> {
        let slot = session.get_session_info().map_err(failed)?.slot_id();
        let token = self.module.get_token_info(slot).map_err(failed)?;
        if self.pin.is_none() && !token.login_required() {
            return Ok(());
        }
        if self.pin.is_none() && !token.protected_authentication_path() {
            return Err(Error::new(Defect::Setting, Entry::Key)
                .expected("a PIN as pin-value, pin-source or PKCS11_PIN")
                .found("none"));
        }
        match session.login(UserType::User, self.auth_pin().as_ref()) {
            Ok(()) | Err(ModuleError::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(()),
            Err(error) => Err(failed(error)),
        }
    }

    fn auth_pin(&self) -> Option<AuthPin> {
        self.pin.as_ref().map(|pin| AuthPin::new(pin.as_str().into()))
    }

    fn sign(&self, session: &Session, key: &PrivateObject, manifest: &[u8]) -> Result<Vec<u8>, Error> {
        let rsa = key.kind == KeyType::RSA;
        if key.always_authenticate {
            // The PIN is wanted between beginning and end, which only a mechanism in parts can do.
            let mechanism = if rsa { Mechanism::Sha256RsaPkcs } else { Mechanism::EcdsaSha256 };
            session.sign_init(&mechanism, key.handle).map_err(failed)?;
            session.login(UserType::ContextSpecific, self.auth_pin().as_ref()).map_err(failed)?;
            session.sign_update(manifest).map_err(failed)?;
            return session.sign_final().map_err(failed);
        }
        let digest = Sha256::digest(manifest);
        // Every device can do these two; not every one hashes.
        if rsa {
            let info = [&DIGEST_INFO[..], &digest[..]].concat();
            session.sign(&Mechanism::RsaPkcs, key.handle, &info).map_err(failed)
        } else {
            session.sign(&Mechanism::Ecdsa, key.handle, &digest).map_err(failed)
        }
    }
}

impl Signer for Pkcs11Key {
    /// The signature is checked with the public key if the device shows one, else only for its form.
    fn sign_manifest(&self, manifest: &[u8]) -> Result<Vec<u8>, Error> {
        let session = self.session()?;
        self.login(&session)?;
        let key = objects::private_key(&session, self.uri.object.as_deref(), self.uri.id.as_deref())?;
        let public = key.public_key(&session)?;
        let signature = self.sign(&session, &key, manifest)?;
        match public {
            Some(public) => public
                .accept(manifest, &signature)
                .map_err(|_| device_lacks("a signature that the public key verifies").found("another")),
            None => signature::stored_form(&signature),
        }
    }
}

/// The device does not have or do what is wanted.
fn device_lacks(expected: &'static str) -> Error {
    Error::new(Defect::Service, Entry::Key).expected(expected)
}

fn failed(error: ModuleError) -> Error {
    Error::new(Defect::Service, Entry::Key).caused_by(DeviceError(error))
}

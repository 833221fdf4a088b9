//! Keys and certificates in a token.

use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use p256::pkcs8::ObjectIdentifier;
use p256::pkcs8::der::Decode;
use p256::pkcs8::der::asn1::OctetStringRef;

use super::{device_lacks, failed};
use crate::error::{Defect, Entry, Error};
use crate::sign::algorithm::{P256_OID, unsupported_curve};
use crate::sign::public_key::PublicKey;

/// A private key that can sign Artifacts.
pub(super) struct PrivateObject {
    pub(super) handle: ObjectHandle,
    pub(super) kind: KeyType,
    /// Whether every signature wants the PIN again.
    pub(super) always_authenticate: bool,
    label: Option<Vec<u8>>,
    id: Option<Vec<u8>>,
}

/// The one private key with this label and identifier, as far as they are given.
pub(super) fn private_key(
    session: &Session,
    label: Option<&[u8]>,
    id: Option<&[u8]>,
) -> Result<PrivateObject, Error> {
    let found = session.find_objects(&template(ObjectClass::PRIVATE_KEY, label, id)).map_err(failed)?;
    let [handle] = found[..] else {
        let found = if found.is_empty() { "none such" } else { "several such" };
        return Err(device_lacks("one private key that the URI names").found(found));
    };
    let wanted =
        [AttributeType::KeyType, AttributeType::AlwaysAuthenticate, AttributeType::Label, AttributeType::Id];
    let mut key =
        PrivateObject { handle, kind: KeyType::RSA, always_authenticate: false, label: None, id: None };
    let mut kind = None;
    for attribute in session.get_attributes(handle, &wanted).map_err(failed)? {
        match attribute {
            Attribute::KeyType(found) => kind = Some(found),
            Attribute::AlwaysAuthenticate(found) => key.always_authenticate = found,
            Attribute::Label(found) => key.label = Some(found).filter(|label| !label.is_empty()),
            Attribute::Id(found) => key.id = Some(found).filter(|id| !id.is_empty()),
            _ => {}
        }
    }
    key.kind = supported(kind)?;
    Ok(key)
}

impl PrivateObject {
    /// The public half, if the token shows it.
    pub(super) fn public_key(&self, session: &Session) -> Result<Option<PublicKey>, Error> {
        if self.kind == KeyType::RSA {
            if let Some(key) = rsa(session, self.handle)? {
                return Ok(Some(key));
            }
        }
        match (&self.id, &self.label) {
            (Some(id), _) => public_key(session, None, Some(id)),
            (None, Some(label)) => public_key(session, Some(label), None),
            (None, None) => Ok(None),
        }
    }
}

/// The public key or the key in the certificate with this label and identifier, if there is just one.
pub(super) fn public_key(
    session: &Session,
    label: Option<&[u8]>,
    id: Option<&[u8]>,
) -> Result<Option<PublicKey>, Error> {
    let keys = session.find_objects(&template(ObjectClass::PUBLIC_KEY, label, id)).map_err(failed)?;
    if let [handle] = keys[..] {
        let kind = session.get_attributes(handle, &[AttributeType::KeyType]).map_err(failed)?;
        let kind = kind.into_iter().find_map(|attribute| match attribute {
            Attribute::KeyType(kind) => Some(kind),
            _ => None,
        });
        return if supported(kind)? == KeyType::RSA {
            rsa(session, handle)
        } else {
            ec_point(session, handle)
        };
    }
    let certificates =
        session.find_objects(&template(ObjectClass::CERTIFICATE, label, id)).map_err(failed)?;
    let [handle] = certificates[..] else {
        return Ok(None);
    };
    for attribute in session.get_attributes(handle, &[AttributeType::Value]).map_err(failed)? {
        if let Attribute::Value(der) = attribute {
            return PublicKey::from_certificate_der(&der).map(Some);
        }
    }
    Ok(None)
}

fn template(class: ObjectClass, label: Option<&[u8]>, id: Option<&[u8]>) -> Vec<Attribute> {
    let mut template = vec![Attribute::Class(class)];
    template.extend(label.map(|label| Attribute::Label(label.to_vec())));
    template.extend(id.map(|id| Attribute::Id(id.to_vec())));
    template
}

fn supported(kind: Option<KeyType>) -> Result<KeyType, Error> {
    match kind {
        Some(kind) if kind == KeyType::RSA || kind == KeyType::EC => Ok(kind),
        Some(kind) => {
            let error = Error::new(Defect::KeyKind, Entry::Key).expected("an RSA or EC key");
            Err(error.found(kind.to_string().as_bytes()))
        }
        None => Err(device_lacks("the type of the key")),
    }
}

fn rsa(session: &Session, handle: ObjectHandle) -> Result<Option<PublicKey>, Error> {
    let (mut modulus, mut exponent) = (None, None);
    let wanted = [AttributeType::Modulus, AttributeType::PublicExponent];
    for attribute in session.get_attributes(handle, &wanted).map_err(failed)? {
        match attribute {
            Attribute::Modulus(number) => modulus = Some(number),
            Attribute::PublicExponent(number) => exponent = Some(number),
            _ => {}
        }
    }
    match (modulus, exponent) {
        (Some(modulus), Some(exponent)) if !modulus.is_empty() && !exponent.is_empty() => {
            PublicKey::from_rsa_numbers(&modulus, &exponent).map(Some)
        }
        _ => Ok(None),
    }
}

fn ec_point(session: &Session, handle: ObjectHandle) -> Result<Option<PublicKey>, Error> {
    let (mut curve, mut point) = (None, None);
    for attribute in
        session.get_attributes(handle, &[AttributeType::EcParams, AttributeType::EcPoint]).map_err(failed)?
    {
        match attribute {
            Attribute::EcParams(der) => curve = Some(der),
            Attribute::EcPoint(der) => point = Some(der),
            _ => {}
        }
    }
    let (Some(curve), Some(point)) = (curve, point) else {
        return Ok(None);
    };
    if ObjectIdentifier::from_der(&curve).ok() != Some(P256_OID) {
        return Err(unsupported_curve());
    }
    // The standard wants a DER OCTET STRING; some devices give the point as it is.
    let point = match OctetStringRef::from_der(&point) {
        Ok(inner) => inner.as_bytes(),
        Err(_) => &point,
    };
    PublicKey::from_p256_point(point).map(Some)
}

//! What certificates say about themselves besides names and dates (RFC 5280, section 4.2).
//!
//! | extension | authority | server | device |
//! |---|---|---|---|
//! | basicConstraints, critical | CA, path length 0 | not CA | not CA |
//! | keyUsage, critical | keyCertSign, cRLSign | digitalSignature | digitalSignature |
//! | extendedKeyUsage | | serverAuth | clientAuth |
//! | subjectAltName | | names and addresses | |
//! | subjectKeyIdentifier | yes | yes | yes |
//! | authorityKeyIdentifier | its own | the issuer's | the issuer's |

use sha2::{Digest, Sha256};
use x509_cert::der::asn1::{ObjectIdentifier, OctetString};
use x509_cert::der::oid::AssociatedOid;
use x509_cert::der::oid::db::rfc5280::{ID_KP_CLIENT_AUTH, ID_KP_SERVER_AUTH};
use x509_cert::der::{Encode, Error};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages, SubjectAltName,
    SubjectKeyIdentifier,
};
use x509_cert::spki::SubjectPublicKeyInfoOwned;

/// Length of a key identifier in bytes.
const KEY_ID_LEN_BYTES: usize = 20;

/// What a certificate is for.
pub(crate) enum Purpose {
    /// Issues certificates of servers and devices.
    Authority,
    /// Is what clients reach by these names and addresses.
    Server(Vec<GeneralName>),
    /// Is a client.
    Device,
}

/// The extensions of a certificate with this key. `issuer_key_id` is that of the issuer's certificate, where it has one.
pub(super) fn all(
    purpose: &Purpose,
    key: &SubjectPublicKeyInfoOwned,
    issuer_key_id: Option<OctetString>,
) -> Result<Vec<Extension>, Error> {
    let is_authority = matches!(purpose, Purpose::Authority);
    // Whoever gets an authority's key must not be able to make more authorities with it.
    let constraints = BasicConstraints { ca: is_authority, path_len_constraint: is_authority.then_some(0) };
    let usage = if is_authority {
        KeyUsages::KeyCertSign | KeyUsages::CRLSign
    } else {
        KeyUsages::DigitalSignature.into()
    };
    let mut extensions = vec![extension(true, &constraints)?, extension(true, &KeyUsage(usage))?];
    match purpose {
        Purpose::Authority => {}
        Purpose::Server(names) => {
            extensions.push(extended_usage(ID_KP_SERVER_AUTH)?);
            extensions.push(extension(false, &SubjectAltName(names.clone()))?);
        }
        Purpose::Device => extensions.push(extended_usage(ID_KP_CLIENT_AUTH)?),
    }
    let own_id = key_id(key)?;
    extensions.push(extension(false, &SubjectKeyIdentifier(own_id.clone()))?);
    let issuer_key_id = if is_authority { Some(own_id) } else { issuer_key_id };
    if let Some(id) = issuer_key_id {
        let issuer = AuthorityKeyIdentifier { key_identifier: Some(id), ..AuthorityKeyIdentifier::default() };
        extensions.push(extension(false, &issuer)?);
    }
    Ok(extensions)
}

/// The first 160 bits of the SHA-256 of the key (RFC 7093, method 1).
fn key_id(key: &SubjectPublicKeyInfoOwned) -> Result<OctetString, Error> {
    let digest = Sha256::digest(key.subject_public_key.raw_bytes());
    OctetString::new(digest.iter().copied().take(KEY_ID_LEN_BYTES).collect::<Vec<u8>>())
}

fn extended_usage(purpose: ObjectIdentifier) -> Result<Extension, Error> {
    extension(false, &ExtendedKeyUsage(vec![purpose]))
}

fn extension<E: Encode + AssociatedOid>(critical: bool, value: &E) -> Result<Extension, Error> {
    Ok(Extension { extn_id: E::OID, critical, extn_value: OctetString::new(value.to_der()?)? })
}

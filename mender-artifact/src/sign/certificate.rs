//! The public key inside an X.509 certificate (RFC 5280).
//!
//! | field | DER | |
//! |---|---|---|
//! | Certificate | SEQUENCE | |
//! | . tbsCertificate | SEQUENCE | |
//! | . . version | `[0]`, may be missing | skipped |
//! | . . serialNumber | INTEGER | skipped |
//! | . . signature, issuer, validity, subject | four SEQUENCEs | skipped |
//! | . . subjectPublicKeyInfo | SEQUENCE | returned whole |
//! | . . what else there is | | not looked at |
//! | . signatureAlgorithm, signature | SEQUENCE, BIT STRING | not looked at |

use p256::pkcs8::der::{AnyRef, Decode, Error, Header, Reader, SliceReader, Tag, TagNumber, Tagged};

/// The bytes of the SubjectPublicKeyInfo. They are a part of `certificate`.
///
/// # Errors
/// When `certificate` is no X.509 certificate in DER, or something stands behind it.
pub(super) fn public_key_info(certificate: &[u8]) -> Result<&[u8], Error> {
    let mut reader = SliceReader::new(certificate)?;
    let outer = sequence(&mut reader)?;
    reader.finish(())?;
    let mut outer = SliceReader::new(outer)?;
    let mut fields = SliceReader::new(sequence(&mut outer)?)?;
    if fields.peek_tag()? == (Tag::ContextSpecific { constructed: true, number: TagNumber::N0 }) {
        fields.tlv_bytes()?;
    }
    let serial = Header::decode(&mut fields)?;
    serial.tag.assert_eq(Tag::Integer)?;
    fields.read_slice(serial.length)?;
    for _ in 0..4 {
        sequence(&mut fields)?;
    }
    fields.peek_tag().and_then(|tag| tag.assert_eq(Tag::Sequence))?;
    fields.tlv_bytes()
}

/// The contents of the SEQUENCE that comes next.
fn sequence<'a>(reader: &mut SliceReader<'a>) -> Result<&'a [u8], Error> {
    let any = AnyRef::decode(reader)?;
    any.tag().assert_eq(Tag::Sequence)?;
    Ok(any.value())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tlv(tag: u8, contents: &[&[u8]]) -> Vec<u8> {
        let contents = contents.concat();
        [&[tag, u8::try_from(contents.len()).unwrap()], contents.as_slice()].concat()
    }

    /// A certificate with these bytes as its key; `version` stands in front where there is one.
    fn certificate(version: &[u8], key: &[u8]) -> Vec<u8> {
        let name = tlv(0x30, &[&[5, 0]]);
        let fields = tlv(0x30, &[version, &[2, 1, 7], &name, &name, &name, &name, key, &[0xa3, 0]]);
        tlv(0x30, &[&fields, &name, &[3, 1, 0]])
    }

    #[test]
    fn the_key_is_found_with_and_without_a_version() {
        let key = tlv(0x30, &[&[4, 3, 1, 2, 3]]);
        for version in [&[][..], &[0xa0, 3, 2, 1, 2]] {
            assert_eq!(public_key_info(&certificate(version, &key)).unwrap(), key);
        }
    }

    #[test]
    fn what_is_no_certificate_is_refused() {
        let sound = certificate(&[], &tlv(0x30, &[&[5, 0]]));
        for len in 0..sound.len() {
            assert!(public_key_info(&sound[..len]).is_err(), "cut at {len}");
        }
        assert!(public_key_info(&[&sound[..], &[0]].concat()).is_err());
        assert!(public_key_info(&certificate(&[], &[4, 1, 0])).is_err());
        assert!(public_key_info(&certificate(&[0xa1, 3, 2, 1, 2], &[0x30, 0])).is_err());
    }
}

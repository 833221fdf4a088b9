//! The outer archive: its members in their order, and those that are read as a whole.

use super::{Reader, Signal, same, tell_or_end};
use crate::compression::Compression;
use crate::digest::Hasher;
use crate::error::{Defect, Entry, Error};
use crate::format_version::FormatVersion;
use crate::manifest::Part;
use crate::read::codec::Decompressors;
use crate::read::documents::Checker;
use crate::read::order::Member;
use crate::read::verify::{SignatureRule, SignatureStatus, Verify, decode_base64};
use crate::tar::block::Kind as TarKind;
use crate::tar::reader::Step;

impl<D: Decompressors> Reader<'_, '_, D> {
    /// Goes on between members, or in one that is read as a whole.
    pub(super) fn outer_member(
        &mut self,
        member: Option<Member>,
        input: &mut &[u8],
    ) -> Result<Option<Signal>, Error> {
        let in_entry = |error: Error| match member {
            Some(member) => error.in_entry(member.entry()),
            None => error,
        };
        match self.outer.step(input).map_err(in_entry)? {
            Step::NeedInput => return Ok(Some(Signal::NeedInput)),
            Step::Entry => self.begin_member().map_err(|error| {
                let start = self.outer.offset();
                if error.offset().is_some() { error } else { error.at(start) }
            })?,
            Step::Data(len) => {
                let bytes = self.outer.consume(input, len);
                self.member_hash.update(bytes);
                if let Some(part) = manifest_part(member) {
                    self.manifest.push(part, bytes)?;
                } else {
                    let end = self.small_len + bytes.len();
                    let Some(free) = self.small.get_mut(self.small_len..end) else {
                        return Err(in_entry(
                            Error::new(Defect::TooLarge, Entry::Artifact).expected(self.small.len()),
                        ));
                    };
                    free.copy_from_slice(bytes);
                    self.small_len = end;
                }
            }
            Step::EntryEnd => {
                self.member = None;
                self.end_small(member)?;
            }
        }
        Ok(None)
    }

    fn begin_member(&mut self) -> Result<(), Error> {
        let header = self.outer.header();
        let member = self.order.come(self.outer.name(), self.walk.payloads)?;
        if header.kind != TarKind::File {
            let error = Error::new(Defect::TarMemberKind, member.entry());
            return Err(error.expected("a regular file").found("a directory"));
        }
        self.member = Some(member);
        self.member_hash = Hasher::default();
        self.small_len = 0;
        match member {
            Member::Version | Member::Signature | Member::Manifest | Member::ManifestAugment => {}
            Member::Header(compression) => {
                if let (SignatureRule::Require(_), SignatureStatus::Unsigned) = (self.rule, &self.status) {
                    let error = Error::new(Defect::Unsigned, Entry::Artifact).expected("manifest.sig");
                    tell_or_end(self.told, error)?;
                }
                self.header_compression = compression;
                self.begin_header(member, compression)?;
            }
            Member::HeaderAugment(compression) => self.begin_header(member, compression)?,
            Member::Data(_, compression) => self.open_archive(member, compression)?,
        }
        Ok(())
    }

    fn begin_header(&mut self, member: Member, compression: Compression) -> Result<(), Error> {
        let size = self.outer.header().size;
        if size > self.limits.header_bytes {
            let error = Error::new(Defect::TooLarge, member.entry());
            return Err(error.expected(self.limits.header_bytes).found(size));
        }
        self.header_digest = match self.manifest.come(Entry::Artifact, [self.outer.name(), b"", b""]) {
            Ok(digest) => Some(digest),
            Err(error) => tell_or_end(self.told, error).map(|()| None)?,
        };
        self.open_archive(member, compression)
    }

    /// A member that is read as a whole is complete.
    fn end_small(&mut self, member: Option<Member>) -> Result<(), Error> {
        let told = self.told;
        let tell = &mut move |error| tell_or_end(told, error);
        match member {
            Some(Member::Version) => {
                self.version_digest = self.member_hash.take();
                let mut checker = Checker { depth: self.limits.json_depth, scratch: self.scratch };
                match checker.version(&self.small[..self.small_len]) {
                    Ok(version) => self.walk.set_version(version),
                    Err(error) => tell(error)?,
                }
                if self.walk.version() != FormatVersion::V3 {
                    self.order.never_augmented();
                }
                Ok(())
            }
            Some(Member::Manifest) => {
                self.manifest.seal(Part::Signed, tell)?;
                let expected = self.manifest.come(Entry::Manifest, [b"version", b"", b""]);
                expected
                    .and_then(|expected| same(&expected, &self.version_digest, Entry::Version))
                    .or_else(tell)
            }
            Some(Member::ManifestAugment) => self.manifest.seal(Part::Augment, tell),
            Some(Member::Signature) => {
                self.status = match self.rule {
                    SignatureRule::NotChecked => SignatureStatus::NotChecked,
                    SignatureRule::Require(key) => match self.verify(key) {
                        Ok(()) => SignatureStatus::Verified,
                        Err(error) => {
                            tell(error.clone())?;
                            SignatureStatus::Failed(error)
                        }
                    },
                    SignatureRule::Report(key) => match self.verify(key) {
                        Ok(()) => SignatureStatus::Verified,
                        Err(error) => SignatureStatus::Failed(error),
                    },
                };
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn verify(&mut self, key: &dyn Verify) -> Result<(), Error> {
        let len = decode_base64(&mut self.small[..self.small_len])?;
        key.verify_manifest(self.manifest.text(), &self.small[..len])
    }
}

/// Which manifest a member is.
const fn manifest_part(member: Option<Member>) -> Option<Part> {
    match member {
        Some(Member::Manifest) => Some(Part::Signed),
        Some(Member::ManifestAugment) => Some(Part::Augment),
        _ => None,
    }
}

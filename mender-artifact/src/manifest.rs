//! The manifest: the checksum of every other file, one line each.
//!
//! | bytes of a line | |
//! |---|---|
//! | 64 | SHA-256, lower-case hexadecimal |
//! | 2 | blanks |
//! | 1.. | name: `version`, `header.tar` with a suffix, or `data/NNNN/` and a payload file's name |
//! | 1 | line feed |
//!
//! An augmented Artifact has a second one, `manifest-augment`, for `header-augment.tar` and the payload files that came
//! later. The signature covers only the first.

use crate::compression::Compression;
use crate::digest::{Digest, from_hex};
use crate::entry_name::check_payload_file;
use crate::error::{Defect, Entry, Error};

/// What a line of the manifest is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Subject<'a> {
    /// The member `version`.
    Version,
    /// The header archive with this compression.
    Header(Compression),
    /// The augmented header archive with this compression.
    HeaderAugment(Compression),
    /// A payload file.
    File {
        /// Which payload, from 0.
        payload: u16,
        /// The name of the file.
        name: &'a str,
    },
}

/// Which half of an Artifact: the one that a signature covers, or the one that was put beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Signed,
    Augment,
}

impl Part {
    const fn manifest(self) -> Entry {
        match self {
            Self::Signed => Entry::Manifest,
            Self::Augment => Entry::ManifestAugment,
        }
    }

    /// Whether its manifest may have a line about this.
    const fn lists(self, subject: Subject<'_>) -> bool {
        match subject {
            Subject::Version | Subject::Header(_) => matches!(self, Self::Signed),
            Subject::HeaderAugment(_) => matches!(self, Self::Augment),
            Subject::File { .. } => true,
        }
    }

    const fn what_it_lists(self) -> &'static str {
        match self {
            Self::Signed => "version, header.tar or data/NNNN/ and a file name",
            Self::Augment => "header-augment.tar or data/NNNN/ and a file name",
        }
    }
}

/// Reads a manifest's name for something.
#[must_use]
pub fn subject(name: &str) -> Option<Subject<'_>> {
    if name == "version" {
        return Some(Subject::Version);
    }
    if let Some(suffix) = name.strip_prefix("header.tar") {
        return Compression::from_suffix(suffix).map(Subject::Header);
    }
    if let Some(suffix) = name.strip_prefix("header-augment.tar") {
        return Compression::from_suffix(suffix).map(Subject::HeaderAugment);
    }
    let (payload, name) = name.strip_prefix("data/")?.split_once('/')?;
    check_payload_file(name.as_bytes()).ok()?;
    Some(Subject::File { payload: payload_index(payload)?, name })
}

/// Reads the four digits that number a payload.
#[must_use]
pub fn payload_index(digits: &str) -> Option<u16> {
    let four_digits = digits.len() == 4 && digits.bytes().all(|digit| digit.is_ascii_digit());
    if four_digits { digits.parse().ok() } else { None }
}

/// One line of the manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// What it is about.
    pub subject: Subject<'a>,
    /// The name as it stands there.
    pub name: &'a str,
    /// The checksum it promises.
    pub checksum: Digest,
}

/// Goes through the lines of a manifest that has been checked.
#[derive(Clone, Debug)]
pub struct Lines<'a> {
    text: &'a [u8],
}

impl<'a> Lines<'a> {
    /// Goes through `text`; ends at the first line that is malformed.
    #[must_use]
    pub const fn new(text: &'a [u8]) -> Self {
        Self { text }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        let len = self.text.iter().position(|byte| *byte == b'\n')?;
        let (line, rest) = self.text.split_at(len);
        self.text = &rest[1..];
        parse_line(line).ok()
    }
}

fn parse_line(line: &[u8]) -> Result<Line<'_>, Error> {
    let malformed = || {
        let error = Error::new(Defect::ManifestLine, Entry::Manifest).found(line);
        error.expected("64 lower-case hexadecimal digits, two blanks and a name")
    };
    let (checksum, name) = line.split_at_checked(64).ok_or_else(malformed)?;
    let checksum = from_hex(checksum).ok_or_else(malformed)?;
    let name = name.strip_prefix(b"  ").ok_or_else(malformed)?;
    let subject = core::str::from_utf8(name).ok().and_then(|name| Some((name, subject(name)?)));
    let (name, subject) = subject.ok_or_else(|| {
        let error = Error::new(Defect::Unknown, Entry::Manifest).found(name);
        error.expected(Part::Signed.what_it_lists())
    })?;
    Ok(Line { subject, name, checksum })
}

/// Bytes of the index for one line: offset, hash of the name, seen.
const SLOT: usize = 12;

/// Lines besides those of payload files: `version`, `header.tar`, `header-augment.tar`.
const OTHER_LINES: usize = 3;

/// Memory in bytes for the index of manifests with at most `files` payload files.
#[must_use]
pub(crate) const fn index_bytes(files: usize) -> usize {
    files.saturating_add(OTHER_LINES).saturating_mul(SLOT)
}

/// Both manifests, one behind the other in the caller's memory, with an index that remembers what has come.
pub(crate) struct Manifest<'m> {
    text: &'m mut [u8],
    len: usize,
    /// Where the signed manifest ends; 0 before that.
    signed_len: usize,
    index: &'m mut [u8],
    lines: usize,
    files: usize,
}

impl<'m> Manifest<'m> {
    pub(crate) fn new(text: &'m mut [u8], index: &'m mut [u8]) -> Self {
        Self { text, len: 0, signed_len: 0, index, lines: 0, files: 0 }
    }

    /// Adds bytes of the manifest that is not sealed yet.
    pub(crate) fn push(&mut self, part: Part, bytes: &[u8]) -> Result<(), Error> {
        let Some(free) = self.text.get_mut(self.len..self.len + bytes.len()) else {
            return Err(Error::new(Defect::TooLarge, part.manifest()).expected(self.text.len()));
        };
        free.copy_from_slice(bytes);
        self.len += bytes.len();
        Ok(())
    }

    /// The signed manifest as it stands in the Artifact.
    pub(crate) fn text(&self) -> &[u8] {
        &self.text[..self.signed_len]
    }

    /// The augmented manifest as it stands in the Artifact.
    pub(crate) fn augment_text(&self) -> &[u8] {
        &self.text[self.signed_len..self.len]
    }

    /// Checks every line of one manifest and adds it to the index. `tell` says of an unsound line
    /// whether to go on without it.
    pub(crate) fn seal(
        &mut self,
        part: Part,
        tell: &mut dyn FnMut(Error) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let start = self.signed_len;
        if part == Part::Signed {
            self.signed_len = self.len;
        }
        let mut at = start;
        while at < self.len {
            let rest = &self.text[at..self.len];
            let here = (at - start) as u64;
            let Some(len) = rest.iter().position(|byte| *byte == b'\n') else {
                let error = Error::new(Defect::ManifestLine, part.manifest()).at(here);
                return tell(error.expected("a line feed at the end").found(rest));
            };
            match self.add_line(part, at, len) {
                Ok(()) => {}
                Err(error) if error.defect() == Defect::TooMany => return Err(error),
                Err(error) => tell(error.at(here))?,
            }
            at += len + 1;
        }
        Ok(())
    }

    fn add_line(&mut self, part: Part, at: usize, len: usize) -> Result<(), Error> {
        let text = &self.text[..self.len];
        let line = parse_line(&text[at..at + len]).map_err(|error| error.in_entry(part.manifest()))?;
        if !part.lists(line.subject) {
            let error = Error::new(Defect::Unknown, part.manifest()).expected(part.what_it_lists());
            return Err(error.found(line.name.as_bytes()));
        }
        let hash = hash([line.name.as_bytes()]);
        let twice =
            |slot: &[u8]| slot[4..8] == hash && line_at(text, slot).is_some_and(|l| l.name == line.name);
        let used = self.lines * SLOT;
        if self.index[..used].chunks_exact(SLOT).any(twice) {
            return Err(Error::new(Defect::Duplicate, part.manifest()).named(line.name.as_bytes()));
        }
        let offset = u32::try_from(at).unwrap_or(u32::MAX).to_le_bytes();
        let most = self.index.len() / SLOT;
        let too_many = |name, most| Error::new(Defect::TooMany, part.manifest()).named(name).expected(most);
        if let Subject::File { .. } = line.subject {
            let files_max = most.saturating_sub(OTHER_LINES);
            if self.files == files_max {
                return Err(too_many(b"files", files_max));
            }
            self.files += 1;
        }
        let Some(slot) = self.index.get_mut(used..used + SLOT) else {
            return Err(too_many(b"lines", most));
        };
        slot[..4].copy_from_slice(&offset);
        slot[4..8].copy_from_slice(&hash);
        slot[8..].fill(0);
        self.lines += 1;
        Ok(())
    }

    /// The lines of both manifests, in their order.
    pub(crate) fn lines(&self) -> impl Iterator<Item = Line<'_>> {
        Lines::new(self.text()).chain(Lines::new(self.augment_text()))
    }

    /// The checksum of a file that has come; its name is given in parts.
    /// A file that has come before or is not in the manifest is an error.
    pub(crate) fn come(&mut self, entry: Entry, parts: [&[u8]; 3]) -> Result<Digest, Error> {
        let text = &self.text[..self.len];
        let hash = hash(parts);
        let named = |error: Error| {
            let last = parts.iter().rev().find(|part| !part.is_empty()).unwrap_or(&parts[0]);
            error.named(last)
        };
        for slot in self.index[..self.lines * SLOT].chunks_exact_mut(SLOT) {
            // Only a line that can be the right one is looked at, so that many files take little time.
            let candidate = if slot[4..8] == hash { line_at(text, slot) } else { None };
            let Some(line) = candidate else { continue };
            let same = line.name.bytes().eq(parts.iter().copied().flatten().copied());
            if same && slot[8] != 0 {
                return Err(named(Error::new(Defect::Duplicate, entry)));
            }
            if same {
                slot[8] = 1;
                return Ok(line.checksum);
            }
        }
        Err(named(Error::new(Defect::Unknown, entry).expected("a file that the manifest lists")))
    }

    /// Tells of everything that is listed and has not come.
    pub(crate) fn finish(&self, tell: &mut dyn FnMut(Error) -> Result<(), Error>) -> Result<(), Error> {
        for slot in self.index[..self.lines * SLOT].chunks_exact(SLOT) {
            if slot[8] == 0 {
                let name = line_at(&self.text[..self.len], slot).map_or("", |line| line.name);
                let error = Error::new(Defect::Missing, Entry::Artifact).named(name.as_bytes());
                tell(error.expected("every file that the manifest lists"))?;
            }
        }
        Ok(())
    }
}

fn line_at<'a>(text: &'a [u8], slot: &[u8]) -> Option<Line<'a>> {
    let at = usize::try_from(u32::from_le_bytes([slot[0], slot[1], slot[2], slot[3]])).ok()?;
    Lines::new(text.get(at..)?).next()
}

/// FNV-1a, 32 bits.
fn hash<const N: usize>(parts: [&[u8]; N]) -> [u8; 4] {
    let mut hash = 0x811c_9dc5_u32;
    for byte in parts.iter().copied().flatten() {
        hash = (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
    }
    hash.to_le_bytes()
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;

    const SUM: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn seal(text: &str) -> Result<usize, String> {
        let (mut memory, mut index) = ([0; 1024], [0; index_bytes(2)]);
        let mut manifest = Manifest::new(&mut memory, &mut index);
        manifest.push(Part::Signed, text.as_bytes()).map_err(|error| error.to_string())?;
        manifest.seal(Part::Signed, &mut Err).map_err(|error| error.to_string())?;
        Ok(manifest.lines().count())
    }

    #[test]
    fn every_line_is_held_to_the_format() {
        let line = |name: &str| format!("{SUM}  {name}\n");
        assert_eq!(seal(&(line("data/0000/a") + &line("header.tar.gz") + &line("version"))), Ok(3));
        for (bad, message) in [
            (line("version") + &line("version"), "'version': present more than once (at byte 74)"),
            (line("data/0000/.."), "unknown: expected version"),
            (line("data/000/a"), "unknown"),
            (line("data/+000/a"), "unknown"),
            (line("data/0000/a/b"), "unknown"),
            (line("header.tar.bz2"), "unknown"),
            (line("manifest"), "unknown"),
            (line("header-augment.tar"), "unknown: expected version"),
            (line(""), "unknown"),
            ("\n".to_owned(), "malformed line"),
            (format!("{SUM} version\n"), "malformed line"),
            (format!("{SUM}   version\n"), "unknown"),
            (format!("{SUM}\tversion\n"), "malformed line"),
            (format!("{}  version\n", SUM.to_uppercase()), "malformed line"),
            (format!("{}  version\n", &SUM[1..]), "malformed line"),
            (format!("{SUM}  version\r\n"), "unknown"),
            (format!("{SUM}  version"), "expected a line feed at the end"),
            (["a", "b", "c"].map(|n| line(&format!("data/0000/{n}"))).concat(), "'files': too many: limit 2"),
            (
                ["", ".gz", ".xz", ".zst", "x"].map(|n| line(&format!("header.tar{n}"))).concat(),
                "unknown: expected version",
            ),
            (
                line("data/0000/a")
                    + &line("data/0000/b")
                    + &line("version")
                    + &["", ".gz", ".xz"].map(|n| line(&format!("header.tar{n}"))).concat(),
                "'lines': too many: limit 5",
            ),
        ] {
            let error = seal(&bad).unwrap_err();
            assert!(error.contains(message), "{bad:?}: {error}");
        }
    }

    #[test]
    fn remembers_what_has_come() {
        let (mut memory, mut index) = ([0; 1024], [0; index_bytes(2)]);
        let mut manifest = Manifest::new(&mut memory, &mut index);
        manifest.push(Part::Signed, format!("{SUM}  data/0000/a\n{SUM}  version\n").as_bytes()).unwrap();
        manifest.seal(Part::Signed, &mut Err).unwrap();
        let entry = Entry::Artifact;
        assert!(manifest.come(entry, [b"version", b"", b""]).is_ok());
        assert_eq!(manifest.come(entry, [b"version", b"", b""]).unwrap_err().defect(), Defect::Duplicate);
        assert_eq!(manifest.come(entry, [b"data/0000", b"/", b"b"]).unwrap_err().defect(), Defect::Unknown);
        assert!(manifest.finish(&mut Err).unwrap_err().to_string().contains("'data/0000/a': missing"));
        assert!(manifest.come(entry, [b"data/0000", b"/", b"a"]).is_ok());
        assert!(manifest.finish(&mut Err).is_ok());
    }

    #[test]
    fn the_augmented_manifest_has_lines_of_its_own() {
        let (mut memory, mut index) = ([0; 1024], [0; index_bytes(2)]);
        let mut manifest = Manifest::new(&mut memory, &mut index);
        let signed = format!("{SUM}  data/0000/a\n{SUM}  version\n");
        manifest.push(Part::Signed, signed.as_bytes()).unwrap();
        manifest.seal(Part::Signed, &mut Err).unwrap();
        let lines = ["header-augment.tar.xz", "version", "data/0000/a", "header.tar.xz", "data/0000/b"];
        let augment = lines.map(|name| format!("{SUM}  {name}\n")).concat();
        manifest.push(Part::Augment, augment.as_bytes()).unwrap();
        let mut told = Vec::new();
        let tell = &mut |error: Error| {
            told.push(error.to_string());
            Ok(())
        };
        manifest.seal(Part::Augment, tell).unwrap();
        assert_eq!(
            told,
            [
                "manifest-augment: unknown: expected header-augment.tar or data/NNNN/ and a file name, found \
                 'version' (at byte 88)",
                "manifest-augment: 'data/0000/a': present more than once (at byte 162)",
                "manifest-augment: unknown: expected header-augment.tar or data/NNNN/ and a file name, found \
                 'header.tar.xz' (at byte 240)",
            ]
        );
        assert_eq!((manifest.text(), manifest.augment_text()), (signed.as_bytes(), augment.as_bytes()));
        for name in ["data/0000/a", "data/0000/b", "header-augment.tar.xz", "version"] {
            assert!(manifest.come(Entry::Artifact, [name.as_bytes(), b"", b""]).is_ok(), "{name}");
        }
        assert!(manifest.finish(&mut Err).is_ok());
    }
}

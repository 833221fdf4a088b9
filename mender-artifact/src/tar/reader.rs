//! A tar archive, pushed in pieces of any size. Does no input or output and allocates nothing.
//!
//! Understands POSIX (USTAR), PAX and GNU archives as far as Artifacts need them: regular files and
//! directories with names of any length and sizes beyond 8 GiB. Refuses the rest, and whatever two
//! readers could understand differently.

use super::block::{BLOCK, Header, Kind, OCTAL_SIZE_MAX, name_parts};
use super::pax::{self, Attributes};
use crate::error::{Defect, Entry, Error};

/// Most zeros behind the two blocks that end an archive; tar pads to 10 KiB by default.
const PADDING_MAX: u64 = 1024 * 1024;

/// What the archive has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// All input is used up.
    NeedInput,
    /// A member begins; see [`TarReader::name`] and [`TarReader::header`].
    Entry,
    /// The next so many bytes of the input are bytes of the member: look at them and then
    /// [`TarReader::consume`] any number of them.
    Data(usize),
    /// All bytes of the member are consumed.
    EntryEnd,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Block,
    Extension(Kind),
    Data,
    Padding,
    End,
}

/// The state machine. Its memory is `name` and `extension`, from the caller.
pub(crate) struct TarReader<'m> {
    entry: Entry,
    state: State,
    block: [u8; BLOCK],
    filled: usize,
    zero_blocks: u8,
    remaining: u64,
    padding: u64,
    offset: u64,
    header: Header,
    name: &'m mut [u8],
    name_len: usize,
    extension: &'m mut [u8],
    extension_len: usize,
    attributes: Option<Attributes>,
    has_gnu_name: bool,
}

impl<'m> TarReader<'m> {
    /// `entry` is what errors are said to be about.
    pub(crate) fn new(entry: Entry, name: &'m mut [u8], extension: &'m mut [u8]) -> Self {
        Self {
            entry,
            state: State::Block,
            block: [0; BLOCK],
            filled: 0,
            zero_blocks: 0,
            remaining: 0,
            padding: 0,
            offset: 0,
            header: Header { kind: Kind::File, size: 0, mode: 0, modified: 0 },
            name,
            name_len: 0,
            extension,
            extension_len: 0,
            attributes: None,
            has_gnu_name: false,
        }
    }

    /// Begins another archive.
    pub(crate) fn restart(&mut self, entry: Entry) {
        self.entry = entry;
        self.state = State::Block;
        self.filled = 0;
        self.zero_blocks = 0;
        self.remaining = 0;
        self.offset = 0;
        self.name_len = 0;
        self.attributes = None;
        self.has_gnu_name = false;
    }

    /// The name of the current member.
    pub(crate) fn name(&self) -> &[u8] {
        &self.name[..self.name_len]
    }

    /// Size, mode and time of the current member.
    pub(crate) fn header(&self) -> Header {
        self.header
    }

    /// Bytes of the archive so far.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Fails unless the archive has come to its end.
    pub(crate) fn finish(&self) -> Result<(), Error> {
        if self.state == State::End {
            return Ok(());
        }
        let wanted = match self.state {
            State::Block => "another header, or two blocks of zeros",
            State::Extension(_) => "the rest of an extended header",
            State::Data => "the rest of a member",
            _ => "the padding of a member",
        };
        Err(self.error(Defect::Truncated).expected(wanted).at(self.offset))
    }

    /// Goes on as far as it can before the caller has to know something.
    pub(crate) fn step(&mut self, input: &mut &[u8]) -> Result<Step, Error> {
        loop {
            match self.state {
                State::Block => {
                    if !self.fill_block(input) {
                        return Ok(Step::NeedInput);
                    }
                    if self.begin_member()? {
                        return Ok(Step::Entry);
                    }
                }
                State::Extension(kind) => {
                    let taken = self.take(input, self.remaining);
                    if let Some(free) =
                        self.extension.get_mut(self.extension_len..self.extension_len + taken.len())
                    {
                        free.copy_from_slice(taken);
                    }
                    self.extension_len += taken.len();
                    self.remaining -= taken.len() as u64;
                    if self.remaining > 0 {
                        return Ok(Step::NeedInput);
                    }
                    self.end_extension(kind)?;
                    self.state = State::Padding;
                }
                State::Data if self.remaining == 0 => {
                    self.state = State::Padding;
                    return Ok(Step::EntryEnd);
                }
                State::Data => {
                    let here = at_most(input.len(), self.remaining);
                    return Ok(if here == 0 { Step::NeedInput } else { Step::Data(here) });
                }
                State::Padding => {
                    let skipped = self.take(input, self.padding).len();
                    self.padding -= skipped as u64;
                    if self.padding > 0 {
                        return Ok(Step::NeedInput);
                    }
                    self.state = State::Block;
                }
                State::End => {
                    if let Some(place) = input.iter().position(|byte| *byte != 0) {
                        let offset = self.offset + place as u64;
                        return Err(self.error(Defect::TrailingData).expected("zeros only").at(offset));
                    }
                    self.padding += input.len() as u64;
                    if self.padding > PADDING_MAX {
                        let error = self.error(Defect::TrailingData);
                        return Err(error.expected("at most 1 MiB of zeros").at(self.offset));
                    }
                    let all = input.len() as u64;
                    self.take(input, all);
                    return Ok(Step::NeedInput);
                }
            }
        }
    }

    /// Takes `len` bytes, at most as many as [`Step::Data`] has said, off the input.
    pub(crate) fn consume<'i>(&mut self, input: &mut &'i [u8], len: usize) -> &'i [u8] {
        let taken = self.take(input, self.remaining.min(len as u64));
        self.remaining -= taken.len() as u64;
        taken
    }

    fn take<'i>(&mut self, input: &mut &'i [u8], len: u64) -> &'i [u8] {
        let (taken, rest) = input.split_at(at_most(input.len(), len));
        *input = rest;
        self.offset += taken.len() as u64;
        taken
    }

    fn fill_block(&mut self, input: &mut &[u8]) -> bool {
        let taken = self.take(input, (BLOCK - self.filled) as u64);
        self.block[self.filled..self.filled + taken.len()].copy_from_slice(taken);
        self.filled += taken.len();
        if self.filled < BLOCK {
            return false;
        }
        self.filled = 0;
        true
    }

    /// Looks at a whole header block. Says whether a member that the caller should see begins.
    fn begin_member(&mut self) -> Result<bool, Error> {
        let start = self.offset - BLOCK as u64;
        if self.block.iter().all(|byte| *byte == 0) {
            if self.attributes.is_some() || self.has_gnu_name {
                return Err(self
                    .error(Defect::Truncated)
                    .expected("the member of an extended header")
                    .at(start));
            }
            self.zero_blocks += 1;
            if self.zero_blocks == 2 {
                self.state = State::End;
                self.padding = 0;
            }
            return Ok(false);
        }
        if self.zero_blocks > 0 {
            return Err(self.error(Defect::TrailingData).expected("a second block of zeros").at(start));
        }
        let mut header = Header::parse(&self.block).map_err(|error| error.in_entry(self.entry).at(start))?;
        if let Kind::Pax | Kind::GnuName = header.kind {
            if self.attributes.is_some() || self.has_gnu_name {
                return Err(self.error(Defect::Duplicate).named(b"extended header").at(start));
            }
            let limit = self.extension.len() as u64;
            if header.size > limit {
                let error = self.error(Defect::TooLarge).named(b"extended header");
                return Err(error.expected(limit).found(header.size).at(start));
            }
            self.extension_len = 0;
            self.state = State::Extension(header.kind);
        } else {
            self.settle_name(start)?;
            let attributes = self.attributes.take().unwrap_or_default();
            self.has_gnu_name = false;
            if let Some(size) = attributes.size {
                // Tools that cannot say the size in the header write 0 or the largest number there.
                let stands_in = matches!(header.size, 0 | OCTAL_SIZE_MAX) && size > OCTAL_SIZE_MAX;
                if header.size != size && !stands_in {
                    let error = self.error(Defect::Mismatch).named(self.name());
                    return Err(error.expected(size).found(header.size).at(start));
                }
                header.size = size;
            }
            header.modified = attributes.modified.unwrap_or(header.modified);
            if header.kind == Kind::Directory && header.size > 0 {
                return Err(self
                    .error(Defect::Mismatch)
                    .named(self.name())
                    .expected("an empty directory")
                    .at(start));
            }
            if header.size > i64::MAX as u64 - BLOCK as u64 - start.min(i64::MAX as u64 / 2) {
                return Err(self.error(Defect::TarHeader).named(b"size").found(header.size).at(start));
            }
            self.header = header;
            self.state = State::Data;
        }
        self.remaining = header.size;
        self.padding = header.size.wrapping_neg() % BLOCK as u64;
        Ok(self.state == State::Data)
    }

    /// Puts the name of the member that begins into `name`.
    fn settle_name(&mut self, start: u64) -> Result<(), Error> {
        let (prefix, slash, last): (&[u8], &[u8], &[u8]) = if self.has_gnu_name {
            let text = &self.extension[..self.extension_len];
            (&[], &[], text.strip_suffix(b"\0").unwrap_or(text))
        } else if let Some((from, to)) = self.attributes.and_then(|attributes| attributes.path) {
            (&[], &[], &self.extension[from..to])
        } else {
            let (prefix, name) = name_parts(&self.block);
            (prefix, if prefix.is_empty() { b"" } else { b"/" }, name)
        };
        let mut len = 0;
        for part in [prefix, slash, last] {
            let Some(free) = self.name.get_mut(len..len + part.len()) else {
                let error = Error::new(Defect::TooLarge, self.entry).named(b"name of a member");
                return Err(error.expected(self.name.len()).found(len + part.len()).at(start));
            };
            free.copy_from_slice(part);
            len += part.len();
        }
        self.name_len = len;
        if last.is_empty() || last.contains(&0) {
            return Err(Error::new(Defect::Name, self.entry).expected("a name without NUL").at(start));
        }
        Ok(())
    }

    fn end_extension(&mut self, kind: Kind) -> Result<(), Error> {
        if kind == Kind::GnuName {
            self.has_gnu_name = true;
        } else {
            let body = &self.extension[..self.extension_len];
            let attributes = pax::parse(body).map_err(|error| error.in_entry(self.entry).at(self.offset))?;
            self.attributes = Some(attributes);
        }
        Ok(())
    }

    fn error(&self, defect: Defect) -> Error {
        Error::new(defect, self.entry)
    }
}

/// `limit` or `len`, whichever is less.
fn at_most(len: usize, limit: u64) -> usize {
    usize::try_from(limit).map_or(len, |limit| limit.min(len))
}

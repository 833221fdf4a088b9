//! A tar archive taken apart into its members, each with its header blocks exactly as they stand there.

use std::io::{ErrorKind, Read};

use super::place::Place;
use crate::error::{Defect, Entry, Error};
use crate::limits::Limits;
use crate::tar::block::Kind;
use crate::tar::reader::{Step, TarReader};
use crate::tar::writer::padding;

/// Bytes read at once.
pub(super) const PIECE_LEN_BYTES: usize = 64 << 10;
/// What one header block and the padding of an archive's end can add to an extended header.
const BLOCKS_BYTES: usize = 4096;

/// A member of a tar archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    /// Its header blocks, with an extended header where it has one.
    pub(crate) raw: Vec<u8>,
    pub(crate) name: String,
    pub(crate) is_directory: bool,
    pub(crate) contents: Vec<u8>,
}

/// The first members of an archive, and where the rest begins.
#[derive(Debug)]
pub(crate) struct Split {
    pub(crate) members: Vec<Member>,
    /// Where the header of the member begins that was not taken; else the end of the last member.
    pub(crate) stopped_at: u64,
    /// The member that was not taken.
    pub(crate) stopped: Option<Stopped>,
    /// What has been read from there on.
    pub(crate) ahead: Vec<u8>,
}

/// A member that was not taken.
#[derive(Debug)]
pub(crate) struct Stopped {
    pub(crate) name: String,
    pub(crate) len: u64,
}

/// Reads an Artifact up to its payload.
pub(super) fn front(input: &mut dyn Read) -> Result<Split, Error> {
    let mut place = Place::Start;
    let split = split(input, Entry::Artifact, &mut |name, size| {
        place = place.next(name)?;
        place.check_size(size)?;
        Ok(if let Place::Data(_) = place { Take::Stop } else { Take::Whole })
    })?;
    place.may_be_last()?;
    Ok(split)
}

/// Takes a whole archive apart that is in memory.
pub(crate) fn all(archive: &[u8], entry: Entry) -> Result<Vec<Member>, Error> {
    let mut input = archive;
    // It is in memory, so it has been held to a limit.
    Ok(split(&mut input, entry, &mut |_, _| Ok(Take::Whole))?.members)
}

/// Says by name and size what to do with a member.
type Choose<'c> = &'c mut dyn FnMut(&[u8], u64) -> Result<Take, Error>;

/// What to do with a member.
enum Take {
    Whole,
    Stop,
}

fn split(input: &mut dyn Read, entry: Entry, choose: Choose<'_>) -> Result<Split, Error> {
    let limits = Limits::computer();
    let (mut name, mut extension) = (vec![0; limits.name_bytes], vec![0; limits.pax_bytes]);
    let mut tar = TarReader::new(entry, &mut name, &mut extension);
    let mut members: Vec<Member> = Vec::new();
    let mut between = Between::default();
    let mut buffer = vec![0; PIECE_LEN_BYTES];
    loop {
        let len = read(input, &mut buffer, entry)?;
        if len == 0 {
            break;
        }
        let mut bytes = &buffer[..len];
        loop {
            let before = bytes;
            let step = tar.step(&mut bytes)?;
            between.add(&before[..before.len() - bytes.len()]);
            match step {
                Step::NeedInput => break,
                Step::Data(len) => {
                    let data = tar.consume(&mut bytes, len);
                    if let Some(member) = members.last_mut() {
                        member.contents.extend_from_slice(data);
                    }
                }
                Step::EntryEnd => between.padding = padding(tar.header().size),
                Step::Entry => {
                    let raw = std::mem::take(&mut between.blocks);
                    let header = tar.header();
                    let is_directory = header.kind == Kind::Directory;
                    let take = choose(tar.name(), header.size)?;
                    let Ok(name) = std::str::from_utf8(tar.name()) else {
                        return Err(Error::new(Defect::Name, entry).named(tar.name()).expected("UTF-8"));
                    };
                    if let Take::Stop = take {
                        let stopped_at = tar.offset() - raw.len() as u64;
                        let stopped = Some(Stopped { name: name.into(), len: header.size });
                        let ahead = [&raw, bytes].concat();
                        return Ok(Split { members, stopped_at, stopped, ahead });
                    }
                    members.push(Member { raw, name: name.into(), is_directory, contents: Vec::new() });
                }
            }
        }
    }
    tar.finish()?;
    let stopped_at = tar.offset() - between.blocks_seen;
    Ok(Split { members, stopped_at, stopped: None, ahead: vec![0; 2 * 512] })
}

/// Reads what there is, and again when the system was interrupted.
pub(super) fn read(input: &mut dyn Read, buffer: &mut [u8], entry: Entry) -> Result<usize, Error> {
    loop {
        match input.read(buffer) {
            Ok(len) => return Ok(len),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::io(entry, error)),
        }
    }
}

/// What stands between the contents of two members: padding of the last, header blocks of the next.
#[derive(Debug, Default)]
pub(super) struct Between {
    /// Padding of the last member that has not come yet.
    pub(super) padding: usize,
    /// Header blocks of the next; behind the last member the beginning of the archive's end.
    pub(super) blocks: Vec<u8>,
    /// How many bytes of blocks there were since the last member, whether they are kept or not.
    blocks_seen: u64,
}

impl Between {
    /// Takes bytes that are no contents and gives those of the padding. The end of the archive may be long; no more
    /// of it is kept than a header can be.
    pub(super) fn add<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let (padding, rest) = bytes.split_at(bytes.len().min(self.padding));
        self.padding -= padding.len();
        if self.blocks.is_empty() {
            self.blocks_seen = 0;
        }
        self.blocks_seen += rest.len() as u64;
        let limits = Limits::computer();
        let most = limits.pax_bytes + limits.name_bytes + BLOCKS_BYTES;
        let room = most.saturating_sub(self.blocks.len());
        self.blocks.extend_from_slice(&rest[..rest.len().min(room)]);
        padding
    }
}

//! Reads the files of a payload once, hashes and compresses them side by side, and keeps the archive.

use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread;

use super::WriteOptions;
use super::input::{OpenInput, PayloadInput};
use super::progress::Progress;
use super::spool::{Packing, Spool};
use crate::compression::encoder::Encoder;
use crate::digest::Hasher;
use crate::error::{Defect, Entry, Error};
use crate::header::PayloadFile;
use crate::tar::writer::{Member, padding};

/// Bytes read, hashed and compressed at once.
const CHUNK_LEN_BYTES: usize = 512 << 10;
/// Chunks that may wait for the hashing thread.
const CHUNKS_WAITING: usize = 4;

/// A payload that has been read.
pub(super) struct PackedPayload {
    pub(super) files: Vec<PayloadFile>,
    pub(super) archive: Spool,
}

/// Reads, hashes and compresses all files of payload `index`, in the order given.
pub(super) fn pack<'i, 'a: 'i>(
    index: u16,
    inputs: impl Iterator<Item = &'i mut PayloadInput<'a>>,
    packing: Packing,
    options: &WriteOptions<'_>,
    progress: &mut Progress<'_>,
) -> Result<PackedPayload, Error> {
    let entry = Entry::PayloadFile(index);
    let failed = |error| Error::io(Entry::Data(index), error).with_path(&options.spool_directory);
    let mut files = Vec::new();
    let mut section = Spool::new(&options.spool_directory).begin(packing).map_err(failed)?;
    for input in inputs {
        let (name, checksum) = (input.name.clone(), input.checksum);
        let path = input.path().cloned();
        let blame = |error: Error| match &path {
            Some(path) => error.with_path(path),
            None => error.named(name.as_bytes()),
        };
        let tell = |failure| match failure {
            Failure::Input(error) => blame(error),
            Failure::Spool(error) => failed(error),
        };
        let mut open = input.open(entry)?;
        let (mode, modified) = (open.mode, options.clamp(open.modified));
        let header = |size| Member { name: &name, size, mode, modified }.to_header();
        let read;
        if let Some(size) = open.size {
            section.write_all(&header(size)?).map_err(failed)?;
            read = copy(&mut open, &mut section, progress, entry).map_err(tell)?;
            section.write_all(&[0; 512][..padding(size)]).map_err(failed)?;
        } else {
            // The header says the size, so it is made behind the contents and arranged before them.
            let (spool, before) = Spool::end(section).map_err(failed)?;
            section = spool.begin(packing).map_err(failed)?;
            read = copy(&mut open, &mut section, progress, entry).map_err(tell)?;
            section.write_all(&[0; 512][..padding(read.size)]).map_err(failed)?;
            let (spool, contents) = Spool::end(section).map_err(failed)?;
            section = spool.begin(packing).map_err(failed)?;
            section.write_all(&header(read.size)?).map_err(failed)?;
            let (mut spool, header) = Spool::end(section).map_err(failed)?;
            spool.arrange([before, header, contents]);
            section = spool.begin(packing).map_err(failed)?;
        }
        if let Some(expected) = checksum.filter(|expected| *expected != read.checksum) {
            let error = Error::new(Defect::Checksum, entry);
            return Err(blame(error.expected(&expected).found(&read.checksum)));
        }
        files.push(PayloadFile { name, size: read.size, checksum: read.checksum, modified, mode });
    }
    // The two blocks that end a tar archive.
    section.write_all(&[0; 1024]).map_err(failed)?;
    let (mut archive, rest) = Spool::end(section).map_err(failed)?;
    archive.arrange([rest]);
    Ok(PackedPayload { files, archive })
}

/// What was read of one file.
struct Contents {
    size: u64,
    checksum: [u8; 32],
}

/// Which side of a copy failed.
enum Failure {
    Input(Error),
    Spool(io::Error),
}

/// Reads a file to its end into the archive; of all but small ones a thread of its own computes the SHA-256.
fn copy(
    input: &mut OpenInput<'_>,
    section: &mut Encoder<Spool>,
    progress: &mut Progress<'_>,
    entry: Entry,
) -> Result<Contents, Failure> {
    let io = |error| Failure::Input(Error::io(entry, error));
    let contents = if input.size.is_some_and(|size| size < CHUNK_LEN_BYTES as u64) {
        copy_hashing(input, section, progress, entry)?
    } else {
        copy_hashing_beside(input, section, progress, entry)?
    };
    let unchanged = input.is_unchanged().map_err(io)?;
    match input.size {
        Some(size) if size != contents.size => {
            let error = Error::new(input.size_defect(), entry).expected(size);
            let more = contents.size > size;
            Err(Failure::Input(if more { error.found("more") } else { error.found(contents.size) }))
        }
        _ if !unchanged => Err(Failure::Input(Error::new(Defect::Changed, entry))),
        _ => Ok(contents),
    }
}

fn copy_hashing(
    input: &mut OpenInput<'_>,
    section: &mut Encoder<Spool>,
    progress: &mut Progress<'_>,
    entry: Entry,
) -> Result<Contents, Failure> {
    let mut hasher = Hasher::default();
    let size = feed(input, section, progress, entry, |chunk| {
        hasher.update(&chunk);
        Ok(())
    })?;
    Ok(Contents { size, checksum: hasher.take() })
}

fn copy_hashing_beside(
    input: &mut OpenInput<'_>,
    section: &mut Encoder<Spool>,
    progress: &mut Progress<'_>,
    entry: Entry,
) -> Result<Contents, Failure> {
    thread::scope(|scope| {
        let (to_hasher, chunks) = sync_channel::<Arc<Vec<u8>>>(CHUNKS_WAITING);
        let hasher = thread::Builder::new().name("sha256".into()).spawn_scoped(scope, move || {
            let mut hasher = Hasher::default();
            for chunk in chunks {
                hasher.update(chunk.as_slice());
            }
            hasher.take()
        });
        let hasher = hasher.map_err(Failure::Spool)?;
        let size =
            feed(input, section, progress, entry, |chunk| to_hasher.send(chunk).map_err(|_| hasher_gone()));
        drop(to_hasher);
        let checksum = hasher.join().map_err(|_| Failure::Spool(hasher_gone()))?;
        Ok(Contents { size: size?, checksum })
    })
}

/// Reads chunks and gives each to the archive and to `hash`. Returns how many bytes there were; when
/// they are more than the input promised, one more than that, and none of them is in the archive.
fn feed(
    input: &mut OpenInput<'_>,
    section: &mut Encoder<Spool>,
    progress: &mut Progress<'_>,
    entry: Entry,
    mut hash: impl FnMut(Arc<Vec<u8>>) -> io::Result<()>,
) -> Result<u64, Failure> {
    let mut size = 0;
    let mut chunks: Vec<Arc<Vec<u8>>> = vec![Arc::default(); CHUNKS_WAITING + 2];
    for index in (0..chunks.len()).cycle() {
        progress.check(entry).map_err(Failure::Input)?;
        // The hasher may still hold this chunk: then it gets a new one instead of waiting.
        let chunk = &mut chunks[index];
        if Arc::get_mut(chunk).is_none() {
            *chunk = Arc::default();
        }
        let Some(buffer) = Arc::get_mut(chunk) else { continue };
        let room = input.size.map_or(u64::MAX, |promised| promised - size);
        // One byte more than promised is asked for where nothing may follow.
        let len = usize::try_from(room).unwrap_or(usize::MAX).clamp(1, CHUNK_LEN_BYTES);
        buffer.resize(len, 0);
        let len = fill(input, buffer).map_err(|error| Failure::Input(Error::io(entry, error)))?;
        if len as u64 > room {
            return Ok(size + 1);
        }
        if len == 0 {
            break;
        }
        buffer.truncate(len);
        size += len as u64;
        hash(Arc::clone(chunk)).map_err(Failure::Spool)?;
        section.write_all(chunk).map_err(Failure::Spool)?;
        progress.add(len as u64);
    }
    Ok(size)
}

/// Reads until `buffer` is full or the input ends.
fn fill(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match input.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(len) => filled += len,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

fn hasher_gone() -> io::Error {
    io::Error::other("the hashing thread has stopped")
}

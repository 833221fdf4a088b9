//! Where in a full Artifact, whose payload is not compressed, the image is: a walk over the headers of both archives.

use std::ops::Range;

use super::problem::{RepairProblem, What};
use super::remote_file::RemoteFile;

/// One block of an archive.
const BLOCK: u64 = 512;
/// First member of an Artifact.
const FIRST: &[u8] = b"version";
/// The first payload's archive; compressed, it has a further suffix.
const PAYLOAD: &[u8] = b"data/0000.tar";
/// Far more members than an Artifact has before its payload.
const MOST_MEMBERS: usize = 32;

/// One header that is understood.
struct Member {
    name: Vec<u8>,
    /// Where its bytes are.
    content: Range<u64>,
}

/// The bytes of `file` that are the image: the only file of an Artifact's payload, or, if it is no Artifact, everything.
///
/// # Errors
///
/// A compressed payload, more or less than one file in it, archives that are damaged, and those of reading.
pub(crate) fn image_in(file: &mut dyn RemoteFile) -> Result<Range<u64>, RepairProblem> {
    let whole = 0..file.size_bytes();
    let first = match header(file, whole.clone()) {
        Ok(Some(first)) if first.name == FIRST => first,
        Ok(_) => return Ok(whole),
        Err(RepairProblem { what: What::Artifact { .. }, .. }) => return Ok(whole),
        Err(problem) => return Err(problem),
    };
    let mut at = after(&first);
    for _ in 0..MOST_MEMBERS {
        let Some(member) = header(file, at..whole.end)? else {
            return Err(odd(file, at, "expected a payload, found the end"));
        };
        if member.name == PAYLOAD {
            return only_file(file, member.content);
        }
        if member.name.starts_with(PAYLOAD) {
            let member = String::from_utf8_lossy(&member.name).into_owned();
            return Err(RepairProblem { address: file.shown().to_owned(), what: What::Packed { member } });
        }
        at = after(&member);
    }
    Err(odd(file, at, "expected a payload, found more and more other members"))
}

fn only_file(file: &mut dyn RemoteFile, payload: Range<u64>) -> Result<Range<u64>, RepairProblem> {
    let Some(image) = header(file, payload.clone())? else {
        return Err(odd(file, payload.start, "expected one file in the payload, found none"));
    };
    let next = after(&image);
    if header(file, next..payload.end)?.is_some() {
        return Err(odd(file, next, "expected one file in the payload, found more"));
    }
    Ok(image.content)
}

/// The header at the start of `archive`; none at its end.
fn header(file: &mut dyn RemoteFile, archive: Range<u64>) -> Result<Option<Member>, RepairProblem> {
    let at = archive.start;
    if at >= archive.end {
        return Ok(None);
    }
    if archive.end - at < BLOCK {
        return Err(odd(file, at, "expected a header, found less than one"));
    }
    let mut block = [0; 512];
    file.read(at, &mut block)?;
    if block.iter().all(|&byte| byte == 0) {
        return Ok(None);
    }
    let sum: u32 = block
        .iter()
        .zip(0..)
        .map(|(&byte, at)| u32::from(if (148..156).contains(&at) { b' ' } else { byte }))
        .sum();
    if octal(&block[148..156]) != Some(sum.into()) {
        return Err(odd(file, at, "expected a header of an archive, its check sum is wrong"));
    }
    if !matches!(block[156], b'0' | 0) || block[345] != 0 {
        return Err(odd(file, at, "expected a plain file with a short name"));
    }
    let start = at + BLOCK;
    let end =
        size(&block[124..136]).and_then(|size| start.checked_add(size)).filter(|&end| end <= archive.end);
    let Some(end) = end else { return Err(odd(file, at, "a member is longer than the file")) };
    let name = block[..100].split(|&byte| byte == 0).next().unwrap_or_default().to_vec();
    Ok(Some(Member { name, content: start..end }))
}

/// Where the next header is, if there is one: content is filled up to whole blocks.
fn after(member: &Member) -> u64 {
    let end = member.content.end;
    let whole = (end - member.content.start).next_multiple_of(BLOCK);
    member.content.start.saturating_add(whole).max(end)
}

/// Octal digits, or, for large files, a number in the last eight bytes (GNU).
fn size(field: &[u8]) -> Option<u64> {
    match field {
        [0x80, 0, 0, 0, number @ ..] => Some(u64::from_be_bytes(number.try_into().ok()?)),
        _ => octal(field),
    }
}

fn octal(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?;
    u64::from_str_radix(text.trim_matches([' ', '\0']), 8).ok()
}

fn odd(file: &dyn RemoteFile, offset: u64, what: &'static str) -> RepairProblem {
    RepairProblem { address: file.shown().to_owned(), what: What::Artifact { offset, what } }
}

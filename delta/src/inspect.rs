//! What a delta says of itself, without applying it.

use crate::apply::Header;
use crate::apply::file::read_header;
use crate::error::Error;
use crate::fold::script::{Script, checked};
use crate::format::native::window::WindowHeader;
use std::io::Read;

/// The contents of a delta, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeltaInfo {
    /// Its header.
    pub header: Header,
    /// Its length.
    pub delta_len: u64,
    /// How many windows it has.
    pub windows: u64,
    /// Length of the control, difference and literal streams after unpacking.
    pub plain: [u64; 3],
    /// Length of the control, difference and literal streams in the delta.
    pub packed: [u64; 3],
}

/// Reads a delta to its end and checks its structure and check values, not its operations.
///
/// # Errors
/// `Truncated`, `Format`, `Unsupported` for a bad delta, `Io` when reading fails.
pub fn inspect(delta: &mut dyn Read) -> Result<DeltaInfo, Error> {
    let reading = |source| Error::Io { action: "read the delta", path: "input".into(), source };
    let header = read_header(delta)?;
    let mut info =
        DeltaInfo { header, delta_len: Header::LEN as u64, windows: 0, plain: [0; 3], packed: [0; 3] };
    let mut body = vec![0; header.fold_len as usize];
    let got = read_up_to(delta, &mut body).map_err(reading)?;
    info.delta_len += got as u64;
    if got < body.len() {
        return Err(Error::Truncated { offset: info.delta_len });
    }
    // With a fold, windows are about the unfolded images.
    let mut unfolded = header;
    if header.fold_len > 0 {
        let (script, _) = Script::open(checked(&body)?, header.base_size, header.target_size)?;
        (unfolded.base_size, unfolded.target_size) = (script.base_size, script.target_size);
    }
    let mut written = 0;
    while written < unfolded.target_size {
        let mut fields = [0; WindowHeader::LEN];
        let got = read_up_to(delta, &mut fields).map_err(reading)?;
        if got < fields.len() {
            return Err(Error::Truncated { offset: info.delta_len + got as u64 });
        }
        let window = WindowHeader::decode(&fields);
        window.check_lengths(&unfolded, written, info.delta_len)?;
        body.resize(window.checked_body_len(), 0);
        let got = read_up_to(delta, &mut body).map_err(reading)?;
        if got < body.len() {
            return Err(Error::Truncated { offset: info.delta_len + (WindowHeader::LEN + got) as u64 });
        }
        window.check_body(&body, info.delta_len)?;
        info.windows += 1;
        for i in 0..3 {
            info.plain[i] += u64::from(window.plain[i]);
            info.packed[i] += u64::from(window.packed[i]);
        }
        info.delta_len += (WindowHeader::LEN + body.len()) as u64;
        written += window.target_len;
    }
    let mut behind = [0];
    if read_up_to(delta, &mut behind).map_err(reading)? > 0 {
        return Err(Error::format("end of delta", info.delta_len, info.delta_len, info.delta_len + 1));
    }
    Ok(info)
}

fn read_up_to(from: &mut dyn Read, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match from.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

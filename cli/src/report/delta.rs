//! What making, applying and inspecting a delta prints.

pub(crate) mod explain;
mod explain_page;
mod foreign;

use super::human::hex;
use super::usage::Usage;
use mender_delta::algorithm::Info;
use mender_delta::inspect::DeltaInfo;
use serde_json::{Value, json};
use std::fmt::Write;

/// A delta that was made.
pub(crate) struct Made {
    /// Size of what would be sent without the delta.
    pub(crate) full_bytes: u64,
    pub(crate) delta_bytes: u64,
    /// What the new image takes packed, if that was found out.
    pub(crate) packed: Option<Packed>,
    /// Memory that a device needs to apply it.
    pub(crate) memory_to_apply_bytes: u64,
    pub(crate) usage: Usage,
}

/// What the new image takes, packed as with `--compression lzma`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Packed {
    pub(crate) bytes: u64,
    /// It was not packed to its end, since this was enough to know.
    pub(crate) at_least: bool,
}

impl Packed {
    /// How much less than this `delta` is, in tenths of a per cent, rounded down; below 0 if it is more.
    pub(crate) fn saving_tenths(self, delta: u64) -> i128 {
        let (full, delta) = (i128::from(self.bytes), i128::from(delta));
        if full == 0 { 0 } else { (full - delta) * 1000 / full }
    }
}

impl Made {
    pub(crate) fn text(&self) -> String {
        let mut lines = Lines::default();
        lines.add("full size", format_args!("{} bytes", self.full_bytes));
        lines.add("delta size", format_args!("{} bytes", self.delta_bytes));
        lines.add("saving", saving(self.full_bytes, self.delta_bytes));
        if let Some(packed) = self.packed {
            let about = if packed.at_least { "at least " } else { "" };
            lines.add("packed with xz", format_args!("{about}{} bytes", packed.bytes));
        }
        lines.add("memory to apply", mebibytes(self.memory_to_apply_bytes));
        lines.usage(self.usage);
        lines.0
    }

    pub(crate) fn json(&self) -> String {
        super::json::text(&json!({
            "full_bytes": self.full_bytes,
            "delta_bytes": self.delta_bytes,
            "packed": self.packed.map(|packed| json!({
                "method": "xz",
                "bytes": packed.bytes,
                "is_at_least": packed.at_least,
            })),
            "memory_to_apply_bytes": self.memory_to_apply_bytes,
            "seconds": self.usage.seconds,
            "peak_memory_bytes": self.usage.peak_bytes,
        }))
    }
}

/// A delta that was estimated.
pub(crate) struct Estimated {
    pub(crate) full_bytes: u64,
    pub(crate) delta_bytes: u64,
    /// Bytes that whole blocks of the old image do not have, and how many of them were coded.
    pub(crate) changed_bytes: u64,
    pub(crate) coded_bytes: u64,
    pub(crate) usage: Usage,
}

impl Estimated {
    pub(crate) fn text(&self) -> String {
        let mut lines = Lines::default();
        lines.add("full size", format_args!("{} bytes", self.full_bytes));
        lines
            .add("changed", format_args!("{} bytes, {} of them coded", self.changed_bytes, self.coded_bytes));
        lines.add("delta size", format_args!("about {} bytes", self.delta_bytes));
        lines.usage(self.usage);
        lines.0
    }

    pub(crate) fn json(&self) -> String {
        super::json::text(&json!({
            "full_bytes": self.full_bytes,
            "estimated_delta_bytes": self.delta_bytes,
            "changed_bytes": self.changed_bytes,
            "coded_bytes": self.coded_bytes,
            "seconds": self.usage.seconds,
            "peak_memory_bytes": self.usage.peak_bytes,
        }))
    }
}

/// A delta that was applied.
pub(crate) struct Applied {
    /// None where the delta does not tell which base it wants.
    pub(crate) base_bytes: Option<u64>,
    pub(crate) new_bytes: u64,
    pub(crate) new_sha256: [u8; 32],
    pub(crate) usage: Usage,
}

impl Applied {
    pub(crate) fn text(&self) -> String {
        let mut lines = Lines::default();
        match self.base_bytes {
            Some(bytes) => lines.add("base", format_args!("{bytes} bytes, as the delta wants it")),
            None => lines.add("base", "not told by the delta"),
        }
        lines.add("new image", format_args!("{} bytes", self.new_bytes));
        lines.add("sha256", hex(&self.new_sha256));
        lines.usage(self.usage);
        lines.0
    }

    pub(crate) fn json(&self) -> String {
        super::json::text(&json!({
            "base_bytes": self.base_bytes,
            "new_bytes": self.new_bytes,
            "new_sha256": hex(&self.new_sha256),
            "seconds": self.usage.seconds,
            "peak_memory_bytes": self.usage.peak_bytes,
        }))
    }
}

/// The streams of a delta, in the order of [`DeltaInfo::plain`].
const STREAMS: [&str; 3] = ["control", "difference", "literal"];

/// `delta info` for people.
pub(crate) fn text_of(info: &Info) -> String {
    match info {
        Info::Native(info) => info_text(info),
        Info::Vcdiff(info) => foreign::vcdiff_text(info),
        Info::Bsdiff(header, len) => foreign::bsdiff_text(header, *len),
    }
}

/// `delta info --json`.
pub(crate) fn json_of(info: &Info) -> String {
    match info {
        Info::Native(info) => info_json(info),
        Info::Vcdiff(info) => foreign::vcdiff_json(info),
        Info::Bsdiff(header, len) => foreign::bsdiff_json(header, *len),
    }
}

fn info_text(info: &DeltaInfo) -> String {
    let mut lines = Lines::default();
    let header = &info.header;
    lines.add("base", format_args!("{} bytes, sha256 {}", header.base_size, hex(&header.base_sha256)));
    lines.add(
        "new image",
        format_args!("{} bytes, sha256 {}", header.target_size, hex(&header.target_sha256)),
    );
    lines.add("delta size", format_args!("{} bytes in {} windows", info.delta_len, info.windows));
    lines.add("saving", saving(header.target_size, info.delta_len));
    lines.add("memory to apply", mebibytes(header.memory));
    for (index, stream) in STREAMS.into_iter().enumerate() {
        match unpacked(info, index) {
            Some(plain) => lines.add(stream, format_args!("{} bytes, {plain} unpacked", info.packed[index])),
            None => lines.add(stream, format_args!("{} bytes", info.packed[index])),
        }
    }
    lines.0
}

/// A codec that has no unpacked form of a stream leaves its length 0.
fn unpacked(info: &DeltaInfo, stream: usize) -> Option<u64> {
    Some(info.plain[stream]).filter(|plain| *plain > 0 || info.packed[stream] == 0)
}

fn info_json(info: &DeltaInfo) -> String {
    let header = &info.header;
    let streams: serde_json::Map<String, Value> = STREAMS
        .into_iter()
        .enumerate()
        .map(|(index, stream)| {
            let sizes = json!({"packed_bytes": info.packed[index], "unpacked_bytes": unpacked(info, index)});
            (stream.to_owned(), sizes)
        })
        .collect();
    super::json::text(&json!({
        "base": {"size_bytes": header.base_size, "sha256": hex(&header.base_sha256)},
        "new": {"size_bytes": header.target_size, "sha256": hex(&header.target_sha256)},
        "delta_bytes": info.delta_len,
        "windows": info.windows,
        "memory_to_apply_bytes": header.memory,
        "streams": streams,
    }))
}

/// Lines of a name and a value.
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn add(&mut self, name: &str, value: impl std::fmt::Display) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "{name:<16}{value}");
    }

    fn usage(&mut self, usage: Usage) {
        self.add("time", format_args!("{:.2} s", usage.seconds));
        match usage.peak_bytes {
            Some(bytes) => {
                self.add("peak memory", format_args!("{}, mapped files included", mebibytes(bytes)))
            }
            None => self.add("peak memory", "not known on this system"),
        }
    }
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes.div_ceil(1 << 20))
}

/// How much less the delta is, in per cent with one digit.
fn saving(full: u64, delta: u64) -> String {
    if full == 0 || delta > full {
        return "none".to_owned();
    }
    let tenths = u128::from(full - delta) * 1000 / u128::from(full);
    format!("{}.{} %", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_saving_is_rounded_down_and_never_negative() {
        assert_eq!(saving(1000, 1), "99.9 %");
        assert_eq!(saving(1_000_000, 1), "99.9 %");
        assert_eq!(saving(1000, 1000), "0.0 %");
        assert_eq!(saving(1000, 1001), "none");
        assert_eq!(saving(0, 0), "none");
    }

    #[test]
    fn what_was_made() {
        let usage = Usage { seconds: 1.5, peak_bytes: Some(3 << 20) };
        let made = Made { full_bytes: 4000, delta_bytes: 100, packed: None, memory_to_apply_bytes: 1, usage };
        assert_eq!(
            made.text(),
            "full size       4000 bytes\ndelta size      100 bytes\nsaving          97.5 %\n\
             memory to apply 1 MiB\ntime            1.50 s\npeak memory     3 MiB, mapped files included\n"
        );
    }
}

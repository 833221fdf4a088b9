//! What inspecting deltas of other programs' formats prints.

use super::{Lines, mebibytes, saving};
use mender_delta::apply::vcdiff::inspect::VcdiffInfo;
use mender_delta::format::bsdiff::header::Header;
use mender_delta::format::vcdiff::header::Secondary;
use serde_json::{Map, Value, json};

/// The sections of VCDIFF, in the order of [`VcdiffInfo::plain`].
const SECTIONS: [&str; 3] = ["data", "instructions", "addresses"];

fn secondary(info: &VcdiffInfo) -> &'static str {
    match info.secondary {
        None => "none",
        Some(Secondary::Djw) => "djw",
        Some(Secondary::Lzma) => "lzma",
    }
}

/// Text of another program, as far as a terminal should see it.
fn printable(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes)
        .chars()
        .map(|character| if character.is_control() { ' ' } else { character })
        .collect()
}

pub(super) fn vcdiff_text(info: &VcdiffInfo) -> String {
    let mut lines = Lines::default();
    lines.add("format", format_args!("VCDIFF, secondary compression {}", secondary(info)));
    if !info.application_header.is_empty() {
        lines.add("made from", printable(&info.application_header));
    }
    lines.add("base", format_args!("{} bytes at least", info.base_size));
    lines.add("new image", format_args!("{} bytes", info.target_size));
    let (windows, checked) = (info.windows, info.checked_windows);
    lines.add(
        "delta size",
        format_args!("{} bytes in {windows} windows, {checked} of them with a check value", info.delta_len),
    );
    lines.add("saving", saving(info.target_size, info.delta_len));
    lines.add("memory to apply", mebibytes(info.need.memory()));
    for (index, section) in SECTIONS.into_iter().enumerate() {
        let (packed, plain) = (info.packed[index], info.plain[index]);
        lines.add(section, format_args!("{packed} bytes, {plain} unpacked"));
    }
    lines.0
}

pub(super) fn vcdiff_json(info: &VcdiffInfo) -> String {
    let sections: Map<String, Value> = SECTIONS
        .into_iter()
        .enumerate()
        .map(|(index, section)| {
            let sizes = json!({"packed_bytes": info.packed[index], "unpacked_bytes": info.plain[index]});
            (section.to_owned(), sizes)
        })
        .collect();
    crate::report::json::text(&json!({
        "format": "vcdiff",
        "secondary_compression": secondary(info),
        "application_header": String::from_utf8_lossy(&info.application_header),
        "base": {"least_size_bytes": info.base_size},
        "new": {"size_bytes": info.target_size},
        "delta_bytes": info.delta_len,
        "windows": info.windows,
        "checked_windows": info.checked_windows,
        "copies_from_target_before": info.reads_target,
        "memory_to_apply_bytes": info.need.memory(),
        "streams": sections,
    }))
}

pub(super) fn bsdiff_text(header: &Header, len: u64) -> String {
    let mut lines = Lines::default();
    lines.add("format", "BSDIFF40");
    lines.add("new image", format_args!("{} bytes", header.target_size));
    lines.add("delta size", format_args!("{len} bytes"));
    lines.add("saving", saving(header.target_size, len));
    for (name, packed) in STREAMS.into_iter().zip(streams(header, len)) {
        lines.add(name, format_args!("{packed} bytes"));
    }
    lines.0
}

const STREAMS: [&str; 3] = ["control", "difference", "literal"];

fn streams(header: &Header, len: u64) -> [u64; 3] {
    let before =
        (Header::LEN as u64).saturating_add(header.control_len).saturating_add(header.difference_len);
    [header.control_len, header.difference_len, len.saturating_sub(before)]
}

pub(super) fn bsdiff_json(header: &Header, len: u64) -> String {
    let streams: Map<String, Value> = STREAMS
        .into_iter()
        .zip(streams(header, len))
        .map(|(name, packed)| (name.to_owned(), json!({"packed_bytes": packed})))
        .collect();
    crate::report::json::text(&json!({
        "format": "bsdiff",
        "new": {"size_bytes": header.target_size},
        "delta_bytes": len,
        "streams": streams,
    }))
}

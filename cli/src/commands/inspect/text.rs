//! What was found, for people.

use super::found::{Found, FoundPart};
use std::fmt::Write;

/// A size as people say it, to one place: `16.0 MiB`.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let mut unit = 0;
    let mut scale: u64 = 1024;
    while unit + 1 < UNITS.len() && bytes / scale >= 1024 {
        unit += 1;
        scale *= 1024;
    }
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let tenths = u128::from(bytes) * 10 / u128::from(scale);
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

/// Text out of an image, without what a terminal would obey.
pub(super) fn clean(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

pub(super) fn text(found: &Found) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let kind = if found.in_artifact { " (in an Artifact)" } else { "" };
    let _ =
        writeln!(text, "{}{kind}: {} ({} bytes)", clean(&found.name), size(found.len_bytes), found.len_bytes);
    if let Some(scheme) = &found.scheme {
        let sector = found.sector_len_bytes.unwrap_or(512);
        let _ = writeln!(text, "Partition table: {scheme}, sectors of {sector} bytes");
    }
    if let Some(problem) = found.table_problem {
        let _ = writeln!(text, "  Problem: {problem}");
    }
    for part in &found.parts {
        describe(&mut text, part);
    }
    text
}

fn describe(text: &mut String, part: &FoundPart) {
    let mut line = |indent: &str, key: &str, value: &str| {
        let _ = writeln!(text, "{indent}{key}: {}", clean(value));
    };
    let name = if part.label.is_empty() { String::new() } else { format!(" \"{}\"", part.label) };
    let title =
        part.number.map_or_else(|| "File system".to_owned(), |number| format!("Partition {number}{name}"));
    line("", &clean(&title), &part.content);
    if let Some(kind) = &part.kind {
        line("  ", "Type", kind);
        let end = part.offset.saturating_add(part.len_bytes);
        line("  ", "Place", &format!("{} to {} ({})", part.offset, end, size(part.len_bytes)));
    }
    if let Some(len) = part.content_len_bytes {
        let free = part.free_bytes.map_or_else(String::new, |free| format!(", {} free", size(free)));
        let block = part.block_len_bytes.map_or_else(String::new, |len| format!(", blocks of {len} bytes"));
        line("  ", "File system", &format!("{}{free}{block}", size(len)));
    }
    if let Some(info) = &part.artifact_info {
        line("  ", "artifact_info", info);
    }
    for conf in &part.confs {
        let server = conf.server_url.as_ref().map_or_else(String::new, |url| format!("{url}, "));
        let rest = conf.problem.clone().unwrap_or_else(|| format!("keys {}", conf.keys.join(" ")));
        line("  ", conf.path, &format!("{server}{rest}"));
    }
    if let Some(problem) = &part.problem {
        line("  ", "Problem", problem);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1536, "1.5 KiB"),
            (64 << 20, "64.0 MiB"),
            (u64::MAX, "16777215.9 TiB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }
}

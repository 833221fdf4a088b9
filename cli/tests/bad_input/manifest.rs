//! Manifests that are malformed, or that say something else than what is there.

use crate::case::Case;
use crate::parts::{Parts, line, sound};

pub(crate) fn cases() -> Vec<Case> {
    let right = sound().manifest_text();
    let with = |manifest: String| Parts { manifest: Some(manifest), ..sound() }.bytes();
    let more = |line: String| with(right.clone() + &line);
    let without = |name: &str| -> String {
        right.lines().filter(|line| !line.ends_with(name)).map(|line| format!("{line}\n")).collect()
    };
    let renamed = |from: &str, to: &str| with(right.replace(from, to));
    let wrong = |name: &str| with(without(name) + &line(name, b"something else"));
    let case = Case::artifact;
    vec![
        case("manifest-empty", "a manifest without lines", with(String::new())),
        case("manifest-one-blank", "one blank before a name", renamed("  version", " version")),
        case("manifest-no-line", "a line that is none", more("nothing\n".to_owned())),
        case("manifest-blank-line", "a blank line", with(format!("\n{right}"))),
        case("manifest-upper-case", "a checksum in upper case", {
            let (sum, rest) = right.split_at(64);
            with(sum.to_uppercase() + rest)
        }),
        case("manifest-short-sum", "a checksum that is too short", with(right[4..].to_owned())),
        case("manifest-no-last-line-feed", "no line feed at the end: some readers lose the last line", {
            with(right.trim_end().to_owned())
        }),
        case("manifest-name-twice", "two checksums for one file", more(line("data/0000/a.bin", b"other"))),
        case("manifest-name-unknown", "a file that Artifacts do not have", more(line("other", b"x"))),
        case("manifest-name-climbs", "`data/0000/../x`", more(line("data/0000/../x", b"x"))),
        case("manifest-payload-unknown", "a file of a payload that the header does not have", {
            more(line("data/0001/a.bin", b"x"))
        }),
        case("manifest-file-absent", "a file that is not there", more(line("data/0000/absent", b"x"))),
        case("payload-file-unlisted", "a payload file that the manifest does not list (CVE-2025-67903)", {
            with(without("b.bin"))
        }),
        case("header-unlisted", "the manifest does not list the header archive", with(without("header.tar"))),
        case("version-unlisted", "the manifest does not list `version`", with(without("version"))),
        case("manifest-name-suffix", "`a.bin.gz` in the manifest for the file `a.bin` (CVE-2025-67903)", {
            renamed("data/0000/a.bin", "data/0000/a.bin.gz")
        }),
        case("payload-sum-wrong", "a payload file with other contents than the manifest says", {
            wrong("data/0000/b.bin")
        }),
        case("header-sum-wrong", "a header archive that is not the one of the manifest", wrong("header.tar")),
        case("version-sum-wrong", "a `version` that is not the one of the manifest", wrong("version")),
    ]
}

//! Differences that are meant to be. Where release 3.9 and release 4.4 differ, ours follows 4.4.

use crate::Difference;

/// A known difference. One that no longer occurs fails the suite as an unknown one does.
pub(crate) struct Known {
    pub(crate) name: &'static str,
    pub(crate) reason: &'static str,
    /// The Artifacts that are read, each of which must show it; empty where `is_it` says enough.
    pub(crate) cases: &'static [&'static str],
    pub(crate) is_it: fn(&Difference) -> bool,
}

impl Known {
    pub(crate) fn explains(&self, difference: &Difference) -> bool {
        (self.is_it)(difference) && (self.cases.is_empty() || self.cases.contains(&difference.case.as_str()))
    }
}

pub(crate) const ALL: &[Known] = &[
    Known {
        name: "payload type in type-info",
        reason: "3.9 leaves it empty for rootfs-image; 4.4 writes it and reads nothing else",
        cases: &[],
        is_it: |d| d.what == "type-info.type" && d.ours == "\"rootfs-image\"" && d.theirs == "\"\"",
    },
    Known {
        name: "owners of files",
        reason: "3.9 and 4.4 store who wrote the Artifact; ours gives the same bytes whoever writes it",
        cases: &[],
        is_it: |d| d.what == "owners",
    },
    Known {
        name: "status of read for what is no sound Artifact",
        reason: "1 in 3.9 and 4.4, as for everything that goes wrong in read; in ours that of validate",
        cases: &[],
        is_it: |d| d.what == "status of read" && d.ours.starts_with("5 ") && d.theirs.starts_with("[1] "),
    },
    Known {
        name: "status for a format version from another time",
        reason: "5 in 3.9 and 4.4 as for a damaged Artifact; in ours 6, because it may be sound",
        cases: &[
            "version {\"format\":\"mender\",\"version\":0}",
            "version {\"format\":\"mender\",\"version\":1}",
            "version {\"format\":\"mender\",\"version\":4}",
        ],
        is_it: |d| d.ours.starts_with("6 ") && !d.theirs.starts_with("[0] "),
    },
    Known {
        name: "status of write for an input that cannot be opened",
        reason: "1 in 3.9 and 4.4; in ours 4, as in all other commands",
        cases: &[],
        is_it: |d| d.what == "status of write" && d.ours.starts_with("4 ") && !d.theirs.starts_with("[0] "),
    },
    Known {
        name: "status of write for version 2 of another payload",
        reason: "that of invalid parameters in 3.9 and 4.4; in ours that of a version that cannot be written",
        cases: &[],
        is_it: |d| d.what == "status of write" && d.ours.starts_with("2 ") && d.case.contains(" -v 2 "),
    },
    Known {
        name: "texts",
        reason: "as 4.4, ours refuses names that are empty, longer than 256 bytes or have control characters",
        cases: &[],
        is_it: |d| {
            let refused = "header-info: '";
            let why = "name not allowed: expected 1 to 256 bytes without control characters";
            // An empty group is none in all of them.
            let group = d.case.contains(" -g  ");
            d.what == "status of write" && d.ours.contains(refused) && d.ours.ends_with(why) && !group
        },
    },
    Known {
        name: "control characters in provides and depends",
        reason: "3.9 and 4.4 put them on the terminal of whoever reads the Artifact; ours refuses them",
        cases: &[],
        is_it: |d| {
            let why = "name not allowed: expected no control characters";
            d.what == "status of write" && d.ours.contains("headers/0000/type-info") && d.ours.ends_with(why)
        },
    },
    Known {
        name: "rootfs-image without a file",
        reason: "3.9 writes with module-image what no client installs",
        cases: &[],
        is_it: |d| {
            let why = "expected exactly one file in a rootfs-image, found 0";
            d.what == "status of write" && d.ours.ends_with(why) && d.theirs.starts_with("[0] ")
        },
    },
    Known {
        name: "empty meta-data of a rootfs-image",
        reason: "3.9 and 4.4 have an empty file for it unless module-image writes it; in ours always, which means the same",
        cases: &[],
        is_it: |d| {
            d.what == "meta-data"
                && d.ours == "Some(Null)"
                && d.theirs == "None"
                && d.case.contains("module-image")
        },
    },
    Known {
        name: "lists in provides",
        reason: "the format allows them, which 3.9 and 4.4 do not know",
        cases: &["headers/0000/type-info: {\"type\":\"t\",\"artifact_provides\":{\"k\":[\"v\"]}}"],
        is_it: |d| d.ours == "0 " && d.theirs.contains("Invalid TypeInfo provides type"),
    },
    Known {
        name: "said twice, or more behind the end",
        reason: "another client may take the other one of two; ours reads no such Artifact",
        cases: &[
            "member 3 twice",
            "garbage behind the end",
            "version {\"format\":\"mender\",\"version\":2,\"version\":3}",
            "version {\"format\":\"mender\",\"version\":3}x",
            "header-info: {\"payloads\":[{\"type\":\"t\"}],\"artifact_provides\":{\"artifact_name\":\"n\"},\
             \"artifact_depends\":{\"device_type\":[\"d\"]}}trailing",
            "headers/0000/type-info: {\"type\":\"t\"}garbage",
            "headers/0000/meta-data: {}{}",
            "type-info twice",
            "the same script twice",
            "the file twice",
        ],
        is_it: we_refuse,
    },
    Known {
        name: "keys and names that the format does not have",
        reason: "a client may read them in its own way, write a script out of its folder, or fail",
        cases: &[
            "member 3 with ./",
            "version {\"format\":\"other\",\"version\":3}",
            "version {\"FORMAT\":\"mender\",\"Version\":3}",
            "header-info: {\"PAYLOADS\":[{\"type\":\"t\"}],\"artifact_provides\":{\"artifact_name\":\"n\"},\
             \"artifact_depends\":{\"device_type\":[\"d\"]}}",
            "header-info: {\"payloads\":[{\"type\":\"t\"}],\"artifact_provides\":{\"artifact_name\":\"n\"},\
             \"artifact_depends\":{\"device_type\":[\"d\"],\"x\":[\"y\"]}}",
            "headers/0000/type-info: {\"type\":\"t\",\"x\":1}",
            "a script called ..",
        ],
        is_it: we_refuse,
    },
    Known {
        name: "parts that are missing or contradict each other",
        reason: "no tool writes them, and what is missing may have been cut off; 4.4 refuses most or crashes",
        cases: &[
            "without end of archive",
            "version {\"version\":3}",
            "manifest: a blank line",
            "header-info: {\"payloads\":[{\"type\":\"t\"},{\"type\":\"t\"}],\"artifact_provides\":\
             {\"artifact_name\":\"n\"},\"artifact_depends\":{\"device_type\":[\"d\"]}}",
            "header-info: {\"payloads\":[{\"type\":\"t\"}],\"artifact_provides\":{\"artifact_name\":\"\"},\
             \"artifact_depends\":{\"device_type\":[\"d\"]}}",
            "header-info: {\"payloads\":[{\"type\":\"t\"}],\"artifact_provides\":{\"artifact_name\":\"n\"}}",
            "headers/0000/type-info: {}",
            "headers/0000/type-info: null",
            "headers/0000/type-info: {\"type\":null}",
            "headers/0000/type-info: {\"type\":\"other\"}",
            "no type-info",
        ],
        is_it: we_refuse,
    },
];

/// Those of `modify` and `dump`.
pub(crate) const REWRITING: &[Known] = &[
    Known {
        name: "a signature where nothing has changed",
        reason: "3.9 and 4.4 take it out; ours keeps it with everything else",
        cases: &[],
        is_it: |d| {
            let signed = "\"manifest.sig\", ";
            d.what == "names of members" && d.ours.replace(signed, "") == d.theirs && d.ours.contains(signed)
        },
    },
    Known {
        name: "times and modes of payload files",
        reason: "3.9 and 4.4 unpack the payload and pack it anew; ours leaves it as it is",
        cases: &[],
        is_it: |d| {
            d.what == "payload" && without_times_and_modes(&d.ours) == without_times_and_modes(&d.theirs)
        },
    },
    Known {
        name: "payload type in type-info",
        reason: "3.9 leaves it empty when it writes a rootfs-image and fills it in when it changes one; ours keeps it",
        cases: &[],
        is_it: |d| d.what == "type-info.type" && d.ours == "\"\"" && d.theirs == "\"rootfs-image\"",
    },
    Known {
        name: "empty meta-data",
        reason: "3.9 and 4.4 leave out an empty file that nobody has named; ours keeps it, which means the same",
        cases: &[],
        is_it: |d| d.what == "meta-data" && d.ours == "Some(Null)" && d.theirs == "None",
    },
    Known {
        name: "status of modify",
        reason: "1 in 3.9 and 4.4 for everything; in ours by the table, as in all other commands",
        cases: &[],
        is_it: |d| d.what == "status of modify" && !d.ours.starts_with("0 ") && d.theirs.starts_with("[1] "),
    },
    Known {
        name: "the last pattern taken from the clears",
        reason: "3.9 and 4.4 then write none, which devices understand as all; ours writes an empty list",
        cases: &[],
        is_it: |d| d.what == "type-info.clears_artifact_provides" && d.ours == "[]" && d.theirs == "missing",
    },
];

/// Of `["NAME MODE TIME SIZE DIGEST", ..]` what must be the same whoever has packed it.
fn without_times_and_modes(payload: &str) -> Vec<Vec<&str>> {
    let files = payload.split("\", \"");
    files
        .map(|file| {
            file.split(' ').enumerate().filter(|(at, _)| !(1..=2).contains(at)).map(|it| it.1).collect()
        })
        .collect()
}

/// Release 3.9 is content with it, or crashes.
fn we_refuse(difference: &Difference) -> bool {
    difference.ours.starts_with("5 ")
        && (difference.theirs.starts_with("[0] ") || difference.theirs.starts_with("crash "))
}

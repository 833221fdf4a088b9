//! Builds Artifacts byte by byte, sound and unsound ones, without the crate that is tested.

#![allow(dead_code)] // Each test program uses another part of this.

use mender_artifact::error::Error;
use mender_artifact::limits::Limits;
use mender_artifact::read::codec::Decompressors;
use mender_artifact::read::decompress::BuiltIn;
use mender_artifact::read::push::{Config, Event, Reader, memory_needed};
use mender_artifact::read::verify::SignatureRule;
use mender_artifact::read::{PayloadSink, ReadOptions, ReadReport, read_artifact};
use sha2::{Digest as _, Sha256};
use std::io::Write as _;

pub(crate) const VERSION: &str = r#"{"format":"mender","version":3}"#;
pub(crate) const HEADER_INFO: &str = concat!(
    r#"{"payloads":[{"type":"single-file"}],"artifact_provides":{"artifact_name":"release-1"},"#,
    r#""artifact_depends":{"device_type":["board"]}}"#
);
pub(crate) const TYPE_INFO: &str = r#"{"type":"single-file","artifact_provides":{"a.version":"1"}}"#;

pub(crate) type Members = Vec<(String, Vec<u8>)>;

/// What an Artifact is made of. The manifest is computed unless it is given.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) version: Vec<u8>,
    pub(crate) manifest: Option<String>,
    pub(crate) signature: Option<String>,
    pub(crate) header_suffix: &'static str,
    pub(crate) data_suffix: &'static str,
    pub(crate) header: Members,
    pub(crate) payloads: Vec<Members>,
}

pub(crate) fn sound() -> Parts {
    Parts {
        version: VERSION.into(),
        manifest: None,
        signature: None,
        header_suffix: "",
        data_suffix: "",
        header: members(&[
            ("header-info", HEADER_INFO),
            ("scripts/ArtifactInstall_Enter_01_x", "#!/bin/sh\n"),
            ("headers/0000/type-info", TYPE_INFO),
            ("headers/0000/meta-data", r#"{"note":["x",1]}"#),
        ]),
        payloads: vec![members(&[("a.bin", "first file"), ("b.bin", "second file, a bit longer")])],
    }
}

pub(crate) fn members(list: &[(&str, &str)]) -> Members {
    list.iter().map(|(name, contents)| ((*name).to_owned(), contents.as_bytes().to_vec())).collect()
}

impl Parts {
    /// Puts `contents` in the place of a file of the header archive.
    pub(crate) fn with_header_file(mut self, name: &str, contents: &str) -> Self {
        let file = self.header.iter_mut().find(|(known, _)| known == name).unwrap();
        file.1 = contents.as_bytes().to_vec();
        self
    }

    pub(crate) fn header_tar(&self) -> Vec<u8> {
        pack(self.header_suffix, &tar(&self.header))
    }

    pub(crate) fn manifest_text(&self) -> String {
        if let Some(manifest) = &self.manifest {
            return manifest.clone();
        }
        let mut text = String::new();
        for (number, files) in self.payloads.iter().enumerate() {
            for (name, contents) in files {
                text += &line(&format!("data/{number:04}/{name}"), contents);
            }
        }
        text += &line(&format!("header.tar{}", self.header_suffix), &self.header_tar());
        text + &line("version", &self.version)
    }

    /// The members of the outer archive.
    pub(crate) fn members(&self) -> Members {
        let mut all = vec![
            ("version".to_owned(), self.version.clone()),
            ("manifest".to_owned(), self.manifest_text().into_bytes()),
        ];
        if let Some(signature) = &self.signature {
            all.push(("manifest.sig".to_owned(), signature.clone().into_bytes()));
        }
        all.push((format!("header.tar{}", self.header_suffix), self.header_tar()));
        for (number, files) in self.payloads.iter().enumerate() {
            all.push((
                format!("data/{number:04}.tar{}", self.data_suffix),
                pack(self.data_suffix, &tar(files)),
            ));
        }
        all
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        tar(&self.members())
    }
}

/// An Artifact with an augmented header beside the signed one.
#[derive(Clone)]
pub(crate) struct Augmented {
    pub(crate) parts: Parts,
    /// The archive `header-augment.tar`.
    pub(crate) header: Members,
    /// More files of the first payload.
    pub(crate) files: Members,
    /// The text of `manifest-augment`, if not the computed one.
    pub(crate) manifest: Option<String>,
}

pub(crate) fn augmented() -> Augmented {
    Augmented {
        parts: sound(),
        header: members(&[
            ("header-info", r#"{"payloads":[{"type":"delta"}]}"#),
            (
                "headers/0000/type-info",
                r#"{"type":"delta","artifact_provides":{"a.version":"2","b":"c"},"artifact_depends":{"d":["e"]}}"#,
            ),
            ("headers/0000/meta-data", r#"{"note":["z"],"more":{}}"#),
        ]),
        files: members(&[("c.bin", "third file")]),
        manifest: None,
    }
}

impl Augmented {
    /// Puts `contents` in the place of a file of the augmented header archive.
    pub(crate) fn with_header_file(mut self, name: &str, contents: &str) -> Self {
        let file = self.header.iter_mut().find(|(known, _)| known == name).unwrap();
        file.1 = contents.as_bytes().to_vec();
        self
    }

    pub(crate) fn members(&self) -> Members {
        let suffix = self.parts.header_suffix;
        let archive = pack(suffix, &tar(&self.header));
        let name = format!("header-augment.tar{suffix}");
        let mut manifest: String =
            self.files.iter().map(|(name, contents)| line(&format!("data/0000/{name}"), contents)).collect();
        manifest += &line(&name, &archive);
        let manifest = self.manifest.clone().unwrap_or(manifest);
        let mut all = self.parts.members();
        let header = all.iter().position(|(name, _)| name.starts_with("header.tar")).unwrap();
        all.insert(header + 1, (name, archive));
        all.insert(header, ("manifest-augment".to_owned(), manifest.into_bytes()));
        let files = [&self.parts.payloads[0][..], &self.files].concat();
        let data = all.iter_mut().find(|(name, _)| name.starts_with("data/0000")).unwrap();
        data.1 = pack(self.parts.data_suffix, &tar(&files));
        all
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        tar(&self.members())
    }
}

/// An Artifact of format version 2.
pub(crate) fn version_2() -> Parts {
    Parts {
        version: br#"{"format":"mender","version":2}"#.to_vec(),
        header: members(&[
            (
                "header-info",
                concat!(
                    r#"{"artifact_name":"release-1","updates":[{"type":"rootfs-image"}],"#,
                    r#""device_types_compatible":["board","other"]}"#
                ),
            ),
            ("scripts/ArtifactInstall_Enter_01_x", "#!/bin/sh\n"),
            ("headers/0000/files", r#"{"files":["a.bin"]}"#),
            ("headers/0000/type-info", r#"{"type":"rootfs-image"}"#),
            ("headers/0000/meta-data", ""),
        ]),
        payloads: vec![members(&[("a.bin", "first file")])],
        ..sound()
    }
}

/// A line of a manifest.
pub(crate) fn line(name: &str, contents: &[u8]) -> String {
    let sum: String = Sha256::digest(contents).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{sum}  {name}\n")
}

pub(crate) fn pack(suffix: &str, bytes: &[u8]) -> Vec<u8> {
    match suffix {
        ".gz" => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        ".xz" => {
            let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        ".zst" => {
            let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
            encoder.include_checksum(true).unwrap();
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        _ => bytes.to_vec(),
    }
}

/// A POSIX tar archive of regular files.
pub(crate) fn tar(members: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, contents) in members {
        out.extend(member(name, b'0', contents));
    }
    out.extend([0; 1024]);
    out
}

/// Header block, contents and padding of one member.
pub(crate) fn member(name: &str, kind: u8, contents: &[u8]) -> Vec<u8> {
    let mut out = block(name, kind, contents.len() as u64).to_vec();
    out.extend_from_slice(contents);
    out.resize(out.len().next_multiple_of(512), 0);
    out
}

pub(crate) fn block(name: &str, kind: u8, size: u64) -> [u8; 512] {
    let mut block = [0; 512];
    block[..name.len()].copy_from_slice(name.as_bytes());
    block[100..108].copy_from_slice(b"0000644\0");
    block[108..116].copy_from_slice(b"0000000\0");
    block[116..124].copy_from_slice(b"0000000\0");
    block[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
    block[136..148].copy_from_slice(b"14631422163\0");
    block[156] = kind;
    block[257..265].copy_from_slice(b"ustar\x0000");
    seal(&mut block);
    block
}

/// Puts the right checksum into a header block.
pub(crate) fn seal(block: &mut [u8]) {
    block[148..156].copy_from_slice(b"        ");
    let sum: u32 = block[..512].iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

/// An extended header with these records.
pub(crate) fn pax(records: &[(&str, &str)]) -> Vec<u8> {
    let mut body = String::new();
    for (key, value) in records {
        let rest = key.len() + value.len() + 3;
        let len = (rest + 1..).find(|len| *len == rest + len.to_string().len()).unwrap();
        body += &format!("{len} {key}={value}\n");
    }
    member("PaxHeaders.0/x", b'x', body.as_bytes())
}

/// Keeps the payload.
#[derive(Default, Debug, PartialEq)]
pub(crate) struct Collected(pub(crate) Members);

impl PayloadSink for Collected {
    fn begin_file(&mut self, payload: usize, name: &str, _size: u64) -> Result<(), Error> {
        self.0.push((format!("{payload}/{name}"), Vec::new()));
        Ok(())
    }

    fn data(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.0.last_mut().unwrap().1.extend_from_slice(bytes);
        Ok(())
    }
}

pub(crate) fn read(bytes: &[u8]) -> Result<(ReadReport, Members), Error> {
    let mut sink = Collected::default();
    let report = read_artifact(bytes, &ReadOptions::default(), &mut sink)?;
    Ok((report, sink.0))
}

/// What a reading brings to light, for comparing.
#[derive(Clone, Debug, PartialEq, Default)]
pub(crate) struct Transcript {
    pub(crate) events: Vec<String>,
    pub(crate) payload: Vec<Vec<u8>>,
}

/// Pushes `bytes` in pieces of this size through the core.
pub(crate) fn push(bytes: &[u8], piece: usize, limits: &Limits) -> Result<Transcript, Error> {
    push_with(bytes, piece, limits, BuiltIn)
}

pub(crate) fn push_with<D: Decompressors>(
    bytes: &[u8],
    piece: usize,
    limits: &Limits,
    codecs: D,
) -> Result<Transcript, Error> {
    let mut memory = vec![0xa5; memory_needed(limits)];
    let config = Config { limits: limits.clone(), signature: SignatureRule::NotChecked, keep_scripts: true };
    let mut reader = Reader::new(&mut memory, config, codecs)?;
    let mut transcript = Transcript::default();
    for mut piece in bytes.chunks(piece) {
        loop {
            match reader.push(&mut piece)? {
                Event::NeedInput => break,
                Event::Header(view) => {
                    transcript.events.push(format!("{:?}", view.info().artifact_name()));
                    transcript.events.extend(view.scripts().map(|script| format!("{script:?}")));
                    transcript.events.extend(view.payloads().map(|payload| {
                        let text = |json| String::from_utf8_lossy(json).into_owned();
                        text(payload.type_info_json) + &payload.meta_data_json.map(text).unwrap_or_default()
                    }));
                }
                Event::FileBegin(file) => {
                    transcript.events.push(format!("{file:?}"));
                    transcript.payload.push(Vec::new());
                }
                Event::Data(bytes) => transcript.payload.last_mut().unwrap().extend_from_slice(bytes),
                Event::FileEnd => transcript.events.push("end".to_owned()),
                other => panic!("{other:?}"),
            }
        }
        assert!(piece.is_empty());
    }
    reader.finish()?;
    Ok(transcript)
}

/// Limits that make memory small, so that thousands of readings are quick.
pub(crate) fn small_limits() -> Limits {
    Limits {
        unpacked_buffer_bytes: 1000,
        decoder_bytes: 160 << 20,
        payloads: 4,
        augmented: true,
        ..Limits::device()
    }
}

//! What holds for every Artifact: piece sizes do not matter, every cut is noticed, no flipped bit
//! changes what is read without an error.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)] // Functions beside the tests fail as tests do.

mod parts;

use mender_artifact::error::{Category, Defect, Entry, Error};
use mender_artifact::header::TypeInfoValue;
use mender_artifact::limits::Limits;
use mender_artifact::read::codec::Uncompressed;
use mender_artifact::read::push::memory_needed;
use mender_artifact::read::verify::{SignatureRule, SignatureStatus, Verify};
use mender_artifact::read::{ReadOptions, read_artifact};
use parts::{Parts, push, push_with, read, small_limits, sound};
use sha2::{Digest as _, Sha256};

const SUFFIXES: [&str; 4] = ["", ".gz", ".xz", ".zst"];

fn packed(header_suffix: &'static str, data_suffix: &'static str) -> Parts {
    Parts { header_suffix, data_suffix, ..sound() }
}

#[test]
fn the_model_says_what_was_built() {
    let (report, payload) = read(&packed(".gz", ".zst").bytes()).unwrap();
    let header = &report.header;
    assert_eq!(header.artifact_name, "release-1");
    assert_eq!(header.compatible_types, ["board"]);
    assert_eq!(header.scripts[0].name, "ArtifactInstall_Enter_01_x");
    assert_eq!(header.scripts[0].contents, b"#!/bin/sh\n");
    let only = &header.payloads[0];
    assert_eq!(only.payload_type.as_deref(), Some("single-file"));
    assert_eq!(only.provides["a.version"], TypeInfoValue::One("1".to_owned()));
    assert_eq!(only.clears, None);
    assert_eq!(only.meta_data, Some(serde_json::json!({"note": ["x", 1]})));
    assert_eq!(only.files[1].name, "b.bin");
    assert_eq!(only.files[1].size, 25);
    assert_eq!(only.files[1].modified, 1_717_970_035);
    assert_eq!(only.files[1].mode, 0o644);
    assert_eq!(only.files[1].checksum[..], Sha256::digest("second file, a bit longer")[..]);
    assert_eq!(payload[0], ("0/a.bin".to_owned(), b"first file".to_vec()));
    assert_eq!(report.compression.suffix(), ".gz");
    assert_eq!(report.payload_compressions.iter().map(|c| c.unwrap().suffix()).collect::<Vec<_>>(), [".zst"]);
    assert_eq!(report.size_bytes, packed(".gz", ".zst").bytes().len() as u64);
    assert!(matches!(report.signature, SignatureStatus::Unsigned));
}

#[test]
fn pieces_of_any_size_give_the_same() {
    for header in SUFFIXES {
        for data in SUFFIXES {
            let bytes = packed(header, data).bytes();
            let whole = push(&bytes, bytes.len(), &small_limits()).unwrap();
            assert_eq!(whole.payload, [&b"first file"[..], b"second file, a bit longer"]);
            for piece in [1, 2, 3, 511, 512, 513, 1000] {
                assert_eq!(push(&bytes, piece, &small_limits()).unwrap(), whole, "{header} {data} {piece}");
            }
        }
    }
}

#[test]
fn large_files_come_whole_and_are_hashed_to_their_last_byte() {
    let contents: Vec<u8> = (0..100_000_u32).flat_map(|n| (n / 3 * 7).to_le_bytes()).collect();
    for suffix in SUFFIXES {
        let mut parts = packed(suffix, suffix);
        parts.payloads[0][0].1.clone_from(&contents);
        let manifest = parts.manifest_text();
        for piece in [4099, usize::MAX] {
            let whole = push(&parts.bytes(), piece, &Limits::default()).unwrap();
            assert!(whole.payload[0] == contents, "{suffix}");
        }
        *parts.payloads[0][0].1.last_mut().unwrap() ^= 1;
        let damaged = Parts { manifest: Some(manifest), ..parts };
        let error = push(&damaged.bytes(), usize::MAX, &Limits::default()).unwrap_err();
        assert_eq!(error.defect(), Defect::Checksum);
    }
}

#[test]
fn files_that_a_thread_hashes_are_held_to_their_checksum() {
    let contents: Vec<u8> = (0..800_000_u32).flat_map(|n| (n / 3 * 7).to_le_bytes()).collect();
    for suffix in SUFFIXES {
        let mut parts = packed(suffix, suffix);
        parts.payloads[0][0].1.clone_from(&contents);
        let manifest = parts.manifest_text();
        let (_, payload) = read(&parts.bytes()).unwrap();
        assert!(payload[0].1 == contents, "{suffix}");
        for place in [0, contents.len() / 2, contents.len() - 1] {
            let mut damaged = Parts { manifest: Some(manifest.clone()), ..parts.clone() };
            damaged.payloads[0][0].1[place] ^= 1;
            let error = read(&damaged.bytes()).unwrap_err();
            assert_eq!(
                (error.defect(), error.entry()),
                (Defect::Checksum, Entry::PayloadFile(0)),
                "{suffix} {place}"
            );
        }
    }
}

#[test]
fn every_truncation_is_an_error() {
    for suffix in SUFFIXES {
        let bytes = packed(suffix, suffix).bytes();
        for len in 0..bytes.len() {
            let error = push(&bytes[..len], usize::MAX, &small_limits()).unwrap_err();
            assert_eq!(error.category(), Category::Format, "{len}: {error}");
        }
    }
}

#[test]
fn no_flipped_bit_changes_what_is_read() {
    for (suffix, bits) in [("", &[0, 3, 7][..]), (".gz", &[0, 5]), (".xz", &[1]), (".zst", &[2])] {
        let bytes = packed(suffix, suffix).bytes();
        let sound = push(&bytes, usize::MAX, &small_limits()).unwrap();
        let mut refused = 0;
        for place in 0..bytes.len() {
            for bit in bits {
                let mut damaged = bytes.clone();
                damaged[place] ^= 1 << bit;
                match push(&damaged, usize::MAX, &small_limits()) {
                    Ok(same) => assert_eq!(same, sound, "bit {bit} of byte {place}"),
                    Err(_) => refused += 1,
                }
            }
        }
        assert!(refused > 2000, "{suffix}: only {refused} refused");
    }
}

/// Damage behind right tar checksums reaches everything that reads numbers, names and documents.
#[test]
fn no_damage_makes_the_reader_panic() {
    let sound = sound().bytes();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap() % below
    };
    let mut refused = 0;
    for _ in 0..20_000 {
        let mut damaged = sound.clone();
        for _ in 0..=random(4) {
            let place = random(damaged.len());
            damaged[place] = match random(4) {
                0 => 0xff,
                1 => b'7',
                2 => 0x80,
                _ => random(256).to_le_bytes()[0],
            };
        }
        for block in damaged.chunks_exact_mut(512) {
            if block[257..262] == *b"ustar" {
                parts::seal(block);
            }
        }
        let piece = 1 + random(2000);
        refused += usize::from(push(&damaged, piece, &small_limits()).is_err());
    }
    assert!(refused > 5_000, "only {refused} refused");
}

#[test]
fn a_device_reads_in_the_memory_it_was_told() {
    let limits = Limits::device();
    assert!(memory_needed(&limits) < 32 * 1024, "{}", memory_needed(&limits));
    assert!(push_with(&sound().bytes(), 100, &limits, Uncompressed).is_ok());
    let error = push_with(&packed(".gz", "").bytes(), 100, &limits, Uncompressed).unwrap_err();
    assert_eq!(
        error.to_string(),
        "header.tar: unsupported compression: expected no compression, found .gz (at byte 2560)"
    );
}

#[test]
fn padding_as_tar_writes_it_is_fine() {
    let mut bytes = sound().bytes();
    bytes.resize(bytes.len().next_multiple_of(10240), 0);
    assert!(read(&bytes).is_ok());
}

/// Takes the SHA-256 of the manifest for its signature.
struct Digester;

impl Verify for Digester {
    fn verify_manifest(&self, manifest: &[u8], signature: &[u8]) -> Result<(), Error> {
        if Sha256::digest(manifest)[..] == *signature {
            return Ok(());
        }
        Err(Error::new(Defect::Signature, Entry::ManifestSig))
    }
}

fn signed(mut parts: Parts, over: &str) -> Vec<u8> {
    use base64::Engine as _;
    parts.signature = Some(base64::engine::general_purpose::STANDARD.encode(Sha256::digest(over)));
    parts.bytes()
}

#[test]
fn signatures_are_checked_as_the_rule_says() {
    let manifest = sound().manifest_text();
    let right = signed(sound(), &manifest);
    let wrong = signed(sound(), "something else");
    let malformed = Parts { signature: Some("AAA".to_owned()), ..sound() }.bytes();
    let unsigned = sound().bytes();
    let status = |bytes: &[u8], signature| {
        let options = ReadOptions { signature, ..ReadOptions::default() };
        read_artifact(bytes, &options, &mut ()).map(|report| report.signature)
    };
    assert!(matches!(status(&right, SignatureRule::NotChecked), Ok(SignatureStatus::NotChecked)));
    assert!(matches!(status(&right, SignatureRule::Require(&Digester)), Ok(SignatureStatus::Verified)));
    assert!(matches!(status(&right, SignatureRule::Report(&Digester)), Ok(SignatureStatus::Verified)));
    assert!(matches!(status(&wrong, SignatureRule::Report(&Digester)), Ok(SignatureStatus::Failed(_))));
    assert!(matches!(status(&malformed, SignatureRule::Report(&Digester)), Ok(SignatureStatus::Failed(_))));
    assert!(matches!(status(&unsigned, SignatureRule::Report(&Digester)), Ok(SignatureStatus::Unsigned)));
    for (bytes, defect) in
        [(&wrong, Defect::Signature), (&malformed, Defect::SignatureEncoding), (&unsigned, Defect::Unsigned)]
    {
        assert_eq!(status(bytes, SignatureRule::Require(&Digester)).unwrap_err().defect(), defect);
    }
}

#[test]
fn a_key_is_needed_exactly_when_there_is_a_signature() {
    use mender_artifact::check::validate;
    let limits = Limits::default();
    let right = signed(sound(), &sound().manifest_text());
    assert!(validate(&right[..], Some(&Digester), &limits).is_ok());
    assert!(validate(&sound().bytes()[..], None, &limits).is_ok());
    assert_eq!(validate(&right[..], None, &limits).unwrap_err().defect(), Defect::NoKey);
    assert_eq!(
        validate(&sound().bytes()[..], Some(&Digester), &limits).unwrap_err().defect(),
        Defect::Unsigned
    );
}

#[test]
fn a_wrong_signature_is_noticed_before_the_header() {
    let mut bytes = signed(sound(), "something else");
    bytes.truncate(512 * 7); // nothing of the header archive but its tar header
    let options = ReadOptions { signature: SignatureRule::Require(&Digester), ..ReadOptions::default() };
    assert_eq!(read_artifact(&bytes[..], &options, &mut ()).unwrap_err().defect(), Defect::Signature);
}

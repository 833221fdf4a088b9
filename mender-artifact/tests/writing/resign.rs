//! Signing an Artifact that exists changes nothing but `manifest.sig`, and only real Artifacts are signed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::members::{contents, members};
use mender_artifact::compression::Compression;
use mender_artifact::error::{Defect, Error};
use mender_artifact::resign::sign_artifact;
use mender_artifact::sign::Signer;
use mender_artifact::sign::private_key::PrivateKey;
use mender_artifact::write::defaults::PayloadChoices;
use mender_artifact::write::input::PayloadInput;
use mender_artifact::write::plan::{ArtifactPlan, PayloadPlan};
use mender_artifact::write::{WriteOptions, write_artifact};

const RSA: &[u8] = include_bytes!("../keys/rsa-pkcs8.pem");
const P256: &[u8] = include_bytes!("../keys/p256-pkcs8.pem");

fn artifact(signer: Option<&dyn Signer>) -> Vec<u8> {
    let contents: Vec<u8> = (0..1_500_000_u32).flat_map(|n| n.to_le_bytes()).collect();
    let file = PayloadInput::from_reader("a", None, contents.as_slice());
    let payload = PayloadPlan::module_image("r1", "files", vec![file], None, PayloadChoices::default());
    let plan = ArtifactPlan {
        artifact_name: "r1".into(),
        compatible_types: vec!["board".into()],
        payloads: vec![payload],
        compression: Compression::None,
        signer,
        ..ArtifactPlan::default()
    };
    let mut artifact = Vec::new();
    write_artifact(plan, &mut artifact, &WriteOptions::default()).unwrap();
    artifact
}

fn sign(artifact: &[u8], key: &[u8], force: bool) -> Result<Vec<u8>, Error> {
    let mut signed = Vec::new();
    sign_artifact(artifact, &mut signed, &PrivateKey::from_pem(key).unwrap(), force).map(|_| signed)
}

fn defect(artifact: &[u8]) -> Defect {
    let error = sign(artifact, P256, false).unwrap_err();
    assert!(!error.to_string().contains('\n'));
    error.defect()
}

#[test]
fn a_signature_is_put_behind_the_manifest_and_replaced_when_forced() {
    let plain = artifact(None);
    let by_rsa = sign(&plain, RSA, false).unwrap();
    assert_eq!(defect(&by_rsa), Defect::AlreadySigned);
    let by_p256 = sign(&by_rsa, P256, true).unwrap();
    assert!(by_p256 == sign(&plain, P256, false).unwrap());
    for (signed, key) in [(&by_rsa, RSA), (&by_p256, P256)] {
        let found = members(signed);
        let names: Vec<_> = found.iter().map(|member| (member.0.as_str(), member.1)).collect();
        let expected = [
            ("version", 0o600),
            ("manifest", 0o600),
            ("manifest.sig", 0o644),
            ("header.tar", 0o600),
            ("data/0000.tar", 0o600),
        ];
        assert_eq!(names, expected);
        let signature = STANDARD.decode(contents(&found, "manifest.sig")).unwrap();
        let public = PrivateKey::from_pem(key).unwrap().public_key();
        public.verify(contents(&found, "manifest"), &signature).unwrap();
        // Without the signature it is the old Artifact to the last byte.
        let at = signed.windows(13).position(|window| window == b"manifest.sig\0").unwrap();
        let len = 512 + contents(&found, "manifest.sig").len().next_multiple_of(512);
        assert!([&signed[..at], &signed[at + len..]].concat() == plain);
    }
    // A signature from the start differs in the mode of its member alone.
    let key = PrivateKey::from_pem(P256).unwrap();
    let mut from_start = members(&artifact(Some(&key)));
    from_start[2].1 = 0o644;
    assert!(from_start == members(&by_p256));
}

#[test]
fn pieces_of_any_size_give_the_same() {
    struct OneByOne<'a>(&'a [u8]);
    impl std::io::Read for OneByOne<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let len = buffer.len().min(self.0.len()).min(1);
            buffer[..len].copy_from_slice(&self.0[..len]);
            self.0 = &self.0[len..];
            Ok(len)
        }
    }
    let (plain, key) = (artifact(None), PrivateKey::from_pem(P256).unwrap());
    let padded = [&plain[..], &[0; 9 * 512]].concat();
    let expected = sign(&plain, P256, false).unwrap();
    let mut signed = Vec::new();
    sign_artifact(OneByOne(&padded), &mut signed, &key, false).unwrap();
    assert!(signed == expected, "padding behind the end is dropped, everything else stays");
}

#[test]
fn what_is_no_artifact_is_not_signed() {
    assert_eq!(defect(b""), Defect::Truncated);
    assert_eq!(defect(&[0; 1024]), Defect::Missing);
    assert!(matches!(defect(&[b'x'; 4096]), Defect::TarHeader));
    let plain = artifact(None);
    for len in [1, 511, 512, 1024, 2000, plain.len() / 2, plain.len() - 1025] {
        assert_eq!(defect(&plain[..len]), Defect::Truncated, "cut to {len}");
    }
    let trailing = [&plain[..], b"more"].concat();
    assert_eq!(defect(&trailing), Defect::TrailingData);

    let outer = members(&plain);
    let build = |order: &[(&str, &[u8])]| {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, contents) in order {
            let mut header = tar::Header::new_ustar();
            header.set_size(contents.len() as u64);
            header.set_mode(0o600);
            builder.append_data(&mut header, name, *contents).unwrap();
        }
        builder.into_inner().unwrap()
    };
    let [version, manifest, header, data] =
        ["version", "manifest", "header.tar", "data/0000.tar"].map(|name| (name, contents(&outer, name)));
    assert!(sign(&build(&[version, manifest, header, data]), P256, false).is_ok());
    for order in [
        &[manifest, version, header, data][..],
        &[version, header, manifest, data],
        &[version, version, manifest, header, data],
        &[version, manifest, manifest, header, data],
        &[version, manifest, data, header],
        &[version, manifest, header, header, data],
        &[version, manifest, header, data, ("extra", b"")],
        &[("other", b""), version, manifest, header, data],
        &[("manifest", b"x  y\n")],
    ] {
        assert_eq!(defect(&build(order)), Defect::Order);
    }
    assert_eq!(defect(&build(&[version, manifest])), Defect::Missing);
    let changed: Vec<u8> = header.1.iter().map(|byte| byte ^ 1).collect();
    assert_eq!(defect(&build(&[version, manifest, ("header.tar", &changed), data])), Defect::Checksum);
    for (text, expected) in [
        (&b"{\"format\":\"mender\",\"version\":3} "[..], Defect::Checksum),
        (b"{\"format\":\"mender\",\"version\":4}", Defect::Version),
        (b"{\"format\":\"other\",\"version\":3}", Defect::Value),
        (b"{\"format\":\"mender\"}", Defect::Value),
        (b"nonsense", Defect::Json),
        (&[b' '; 2000], Defect::TooLarge),
    ] {
        assert_eq!(defect(&build(&[("version", text), manifest, header, data])), expected);
    }
    let last_lost = &manifest.1[..manifest.1.len() - 1];
    for text in [&b""[..], b"\n", last_lost, b"nonsense\n", &[manifest.1, b"x\n"].concat()] {
        assert_eq!(defect(&build(&[version, ("manifest", text), header, data])), Defect::ManifestLine);
    }
}

//! Signatures from elsewhere, and what becomes of a signature when something changes.

use crate::artifacts::{key, members, module, original, read, written};
use mender_artifact::compression::Compression;
use mender_artifact::digest::digest;
use mender_artifact::error::Defect;
use mender_artifact::modify::{Changes, SignatureFate, modify};
use mender_artifact::resign::{attach_signature, sign};
use mender_artifact::sign::Signer;

#[test]
fn a_signature_from_elsewhere_is_the_same_as_one_made_here() {
    let artifact = module(Compression::Gzip, None);
    let mut here = original(&artifact);
    sign(&mut here, &key(), false).unwrap();
    let mut there = original(&artifact);
    assert_eq!(there.front().manifest_digest(), digest(&members(&artifact)[1].3));
    let signature = key().sign_manifest(there.front().manifest()).unwrap();
    let public = key().public_key();
    attach_signature(&mut there, &signature, Some(&public), false).unwrap();
    assert!(written(here) == written(there));

    let mut wrong = original(&artifact);
    let error = attach_signature(&mut wrong, &[7; 64], Some(&public), false).unwrap_err();
    assert_eq!(error.defect(), Defect::Signature);
    assert!(!wrong.front().is_signed());
    attach_signature(&mut wrong, &[7; 64], None, false).unwrap();
    assert_eq!(
        attach_signature(&mut wrong, &[7; 64], None, false).unwrap_err().defect(),
        Defect::AlreadySigned
    );
    assert!(attach_signature(&mut wrong, &signature, None, true).unwrap().replaced);
}

#[test]
fn a_signature_is_dropped_only_when_it_becomes_wrong() {
    let key = key();
    let signed = module(Compression::Gzip, Some(&key));
    let fate = |changes: &Changes<'_>| {
        let mut original = original(&signed);
        let report = modify(&mut original, changes).unwrap();
        let artifact = written(original);
        read(&artifact);
        (report.signature, report.changed, members(&artifact).len())
    };
    let name = || Changes { artifact_name: Some("r2".into()), ..Changes::default() };
    assert_eq!(fate(&Changes::default()), (SignatureFate::Kept, false, 5));
    assert_eq!(
        fate(&Changes { artifact_name: Some("r1".into()), ..Changes::default() }).0,
        SignatureFate::Kept
    );
    assert_eq!(fate(&name()), (SignatureFate::Removed, true, 4));
    assert_eq!(fate(&Changes { signer: Some(&key), ..name() }), (SignatureFate::Signed, true, 5));
    let plain = module(Compression::Gzip, None);
    assert_eq!(modify(&mut original(&plain), &name()).unwrap().signature, SignatureFate::None);
}

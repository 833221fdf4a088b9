//! Signatures from elsewhere, which never see the payload.

use super::artifacts::{Folder, artifact, image, spec, tenant};
use super::outcome::{LONG, done, output, plainly};
use super::reasons::failure;
use mender_artifact::error::{Defect, Entry, Error};
use mender_artifact::sign::Signer;
use mender_artifact::sign::private_key::PrivateKey;
use mender_delta::artifact::{DeltaArtifactOptions, write_delta_artifact};
use mender_delta::fleet::job::input::Inputs;
use mender_delta::fleet::job::spec::SignMode;
use mender_delta::fleet::job::state::State;
use mender_delta::fleet::reason::Reason;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A key pair, and the public half of another.
fn keys() -> (PrivateKey, String, String) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../mender-artifact/tests/keys");
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let text = |name: &str| String::from_utf8(read(name)).unwrap();
    (PrivateKey::from_pem(&read(PRIVATE)).unwrap(), text(PUBLIC), text(OTHER_PUBLIC))
}

const PRIVATE: &str = "rsa-pkcs8.pem";
const PUBLIC: &str = "rsa-public.pem";
const OTHER_PUBLIC: &str = "p256-public.pem";

fn signed(from: &Path, to: &Path, key: &PrivateKey) -> Vec<u8> {
    let options = DeltaArtifactOptions { signer: Some(key), ..DeltaArtifactOptions::default() };
    let mut out = Vec::new();
    write_delta_artifact(from, to, &mut out, &options).unwrap();
    out
}

#[test]
fn a_job_waits_for_its_signature_and_goes_on_with_it() {
    let folder = Folder::new();
    let (from, to) = (folder.artifact(1), folder.artifact(2));
    let (private, public, other) = keys();
    let engine = folder.engine();
    let mut spec = spec("a");
    spec.sign = SignMode::External { public_key: Some(public), key_id: None };
    let job = engine.submit(spec.clone(), Inputs::paths(&from, &to)).unwrap();
    assert_eq!(job.wait(LONG).state, State::AwaitingSignature);
    let input = job.signing_input().unwrap();
    assert_eq!(input.sha256, super::artifacts::sha256(&input.manifest));
    // Memory is free for others meanwhile, and what is kept is not the images.
    let (memory, disk) = engine.in_use();
    assert!(memory == 0 && disk > 0 && disk < 2 << 20, "{memory} {disk}");
    assert_eq!(job.read(&mut [0; 9]).unwrap_err().reason, Reason::WrongState);

    let signature = private.sign_manifest(&input.manifest).unwrap();
    let refused = |bytes: &[u8]| job.attach_signature(bytes).unwrap_err().reason;
    assert_eq!(refused(&[]), Reason::BadSignature);
    assert_eq!(refused(&[7; 2000]), Reason::BadSignature);
    assert_eq!(refused(&signature[..signature.len() - 1]), Reason::BadSignature);
    assert_eq!(refused(&private.sign_manifest(b"something else").unwrap()), Reason::BadSignature);
    assert_eq!(job.progress().state, State::AwaitingSignature);
    job.attach_signature(&signature).unwrap();
    done(&job);
    assert!(output(&job) == signed(&from, &to, &private));
    assert!(job.report().outcome.unwrap().signed);
    assert_eq!(job.signing_input().unwrap_err().reason, Reason::WrongState);
    assert_eq!(refused(&signature), Reason::WrongState);

    // Cancelled while it waits: everything is given back.
    spec.sign = SignMode::External { public_key: Some(other), key_id: None };
    let job = engine.submit(spec, Inputs::paths(&from, &to)).unwrap();
    assert_eq!(job.wait(LONG).state, State::AwaitingSignature);
    assert_eq!(job.attach_signature(&signature).unwrap_err().reason, Reason::BadSignature);
    job.cancel();
    assert_eq!(job.progress().state, State::Cancelled);
}

/// A service that fails, or does not answer.
struct Service(Duration);

impl Signer for Service {
    fn sign_manifest(&self, _: &[u8]) -> Result<Vec<u8>, Error> {
        std::thread::sleep(self.0);
        Err(Error::new(Defect::Service, Entry::ManifestSig))
    }
}

#[test]
fn signers_are_named_and_belong_to_a_tenant() {
    let folder = Folder::new();
    let (from, to) = (folder.artifact(1), folder.artifact(2));
    let (private, ..) = keys();
    let expected = signed(&from, &to, &private);
    let engine = folder.engine();
    engine.set_signer(&tenant("a"), "release", Arc::new(private));
    engine.set_signer(&tenant("a"), "broken", Arc::new(Service(Duration::ZERO)));
    engine.set_signer(&tenant("a"), "slow", Arc::new(Service(Duration::from_secs(3600))));
    let submit = |name: &str, signer: &str| {
        let mut spec = spec(name);
        spec.sign = SignMode::Signer { name: signer.into() };
        engine.submit(spec, Inputs::paths(&from, &to))
    };
    assert_eq!(submit("b", "release").unwrap_err().reason, Reason::UnknownSigner);
    let job = submit("a", "release").unwrap();
    done(&job);
    assert!(output(&job) == expected && expected != plainly(&from, &to));
    assert_eq!(failure(&submit("a", "broken").unwrap()).reason, Reason::SignerFailed);

    // Nobody is held up by a service that does not answer.
    let slow = submit("a", "slow").unwrap();
    while slow.progress().state != State::Verifying {
        std::thread::sleep(Duration::from_millis(5));
    }
    std::thread::sleep(Duration::from_millis(100));
    slow.cancel();
    let since = Instant::now();
    while engine.in_use() != (0, 0) && since.elapsed() < LONG {
        if job.progress().state == State::Done && engine.in_use().0 == 0 {
            break;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(since.elapsed() < Duration::from_secs(5));
}

#[test]
fn both_artifacts_have_to_be_signed_where_that_is_wanted() {
    let folder = Folder::new();
    let (private, public, other) = keys();
    let put = |seed: u8| {
        let bytes = artifact(&format!("s{seed}"), &image(seed, 100_000), |plan| plan.signer = Some(&private));
        folder.put(&format!("s{seed}"), &bytes)
    };
    let (from, to, unsigned) = (put(1), put(2), folder.artifact(3));
    let engine = folder.engine();
    let submit = |key: &str, to: &Path| {
        let mut spec = spec("a");
        spec.verify_key = Some(key.into());
        engine.submit(spec, Inputs::paths(&from, to)).unwrap()
    };
    done(&submit(&public, &to));
    assert_eq!(failure(&submit(&other, &to)).reason, Reason::Unsigned);
    assert_eq!(failure(&submit(&public, &unsigned)).reason, Reason::Unsigned);
}

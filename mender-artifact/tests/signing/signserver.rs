//! Keyfactor SignServer, over TLS with client certificates.

use crate::openssl::OpenSsl;
use crate::stand_in::{MANIFEST, Received, Reply, StandIn, base64, chain, from_base64, table};
use mender_artifact::error::{Defect, Error};
use mender_artifact::sign::Signer;
use mender_artifact::sign::environment::Environment;
use mender_artifact::sign::held::HeldKey;
use mender_artifact::sign::private_key::PrivateKey;
use mender_artifact::sign::remote::signserver::SignServerWorker;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use serde_json::json;
use std::sync::Arc;

/// An authority, and certificates of it for the server and for a client; another authority.
fn certificates() -> Option<OpenSsl> {
    let openssl = OpenSsl::find()?;
    openssl.make_keys();
    openssl.put("server.ext", "subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth\n");
    openssl.put("client.ext", "subjectAltName=DNS:client\nextendedKeyUsage=clientAuth\n");
    for name in ["ca", "other"] {
        openssl.run("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out any.pem");
        std::fs::rename(openssl.path("any.pem"), openssl.path(&format!("{name}.pem"))).unwrap();
        openssl.run(&format!("req -x509 -key {name}.pem -subj /CN={name} -days 2 -out {name}.crt"));
    }
    for name in ["server", "client"] {
        openssl.run(&format!("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out {name}.pem"));
        openssl.run(&format!("req -new -key {name}.pem -subj /CN={name} -out {name}.csr"));
        let authority = "-CA ca.crt -CAkey ca.pem -CAcreateserial -days 2";
        openssl.run(&format!("x509 -req -in {name}.csr {authority} -extfile {name}.ext -out {name}.crt"));
    }
    for name in ["rsa", "p256"] {
        openssl.run(&format!("req -x509 -key {name}.pem -subj /CN=worker -days 2 -out {name}.crt"));
        openssl.run(&format!("x509 -in {name}.crt -outform DER -out {name}.cer"));
    }
    Some(openssl)
}

fn config(openssl: &OpenSsl) -> ServerConfig {
    let certificate = |name: &str| CertificateDer::from_pem_file(openssl.path(name)).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(certificate("ca.crt")).unwrap();
    let clients =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build().unwrap();
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(clients)
        .with_single_cert(
            vec![certificate("server.crt")],
            PrivateKeyDer::from_pem_file(openssl.path("server.pem")).unwrap(),
        )
        .unwrap()
}

fn answer(private: &PrivateKey, certificate: Option<&[u8]>, request: &Received) -> Reply {
    assert_eq!(request.method, "POST");
    if request.path != "/signserver/rest/v1/workers/Plain%20Signer/process" {
        return Reply::of(404, r#"{"error":"No such worker"}"#);
    }
    assert!(!request.header("x-keyfactor-requested-with").is_empty());
    let body = request.json();
    assert_eq!(body["encoding"], "BASE64");
    assert_eq!(body["metaData"]["USING_CLIENTSUPPLIED_HASH"], "true");
    assert_eq!(body["metaData"]["CLIENTSIDE_HASHDIGESTALGORITHM"], "SHA-256");
    let digest = from_base64(&body["data"]);
    let known = [MANIFEST, b""].into_iter().find(|text| {
        use sha2::Digest;
        sha2::Sha256::digest(text)[..] == digest
    });
    let signature = private.sign_manifest(known.unwrap()).unwrap();
    let signature = if signature.len() == 64 { crate::key_files::der(&signature) } else { signature };
    let mut reply = json!({ "data": base64(&signature), "requestId": "1", "archiveId": "2", "metaData": {} });
    if let Some(certificate) = certificate {
        reply["signerCertificate"] = base64(certificate).into();
    }
    Reply::ok(reply)
}

fn server(openssl: &OpenSsl, kind: &str, certificate: Option<&str>) -> StandIn {
    let private = PrivateKey::from_pem(&openssl.read(&format!("{kind}.pem"))).unwrap();
    let certificate = certificate.map(|name| openssl.read(name));
    StandIn::start_tls(config(openssl), move |request| answer(&private, certificate.as_deref(), request))
}

fn worker(
    openssl: &OpenSsl,
    server: &StandIn,
    name: &str,
    files: [&str; 3],
) -> Result<SignServerWorker, Error> {
    let [ca, certificate, key] = files.map(|name| openssl.path(name).to_str().unwrap().to_owned());
    let table = table(&[
        ("SIGNSERVER_HOSTNAME", &server.host()),
        ("SIGNSERVER_CA_CERT_PATH", &ca),
        ("SIGNSERVER_CLIENT_CERT_PATH", &certificate),
        ("SIGNSERVER_CLIENT_CERT_KEY_PATH", &key),
        ("MENDER_ARTIFACT_SIGNING_TIMEOUT", "20"),
    ]);
    SignServerWorker::new(name, Environment::new(&table))
}

const FILES: [&str; 3] = ["ca.crt", "client.crt", "client.pem"];

#[test]
fn a_digest_is_signed_over_tls_with_a_client_certificate() {
    let Some(openssl) = certificates() else { return };
    for kind in ["rsa", "p256"] {
        let expected = PrivateKey::from_pem(&openssl.read(&format!("{kind}.pem"))).unwrap();
        for certificate in [Some(format!("{kind}.cer")), None] {
            let server = server(&openssl, kind, certificate.as_deref());
            let worker = worker(&openssl, &server, "Plain Signer", FILES).unwrap();
            let signature = worker.sign_manifest(MANIFEST).unwrap();
            assert_eq!(signature, expected.sign_manifest(MANIFEST).unwrap());
            assert_eq!(server.requests().len(), 1);
            match certificate {
                Some(_) => worker.public_key().unwrap().verify(MANIFEST, &signature).unwrap(),
                None => assert!(chain(&worker.public_key().unwrap_err()).contains("signerCertificate")),
            }
        }
    }
}

#[test]
fn certificate_and_key_may_be_in_one_file() {
    let Some(openssl) = certificates() else { return };
    openssl.put("both.pem", [openssl.read("client.pem"), openssl.read("client.crt")].concat());
    let server = server(&openssl, "rsa", None);
    let (ca, both) = (openssl.path("ca.crt"), openssl.path("both.pem"));
    let table = table(&[
        ("SIGNSERVER_HOSTNAME", &server.host()),
        ("SIGNSERVER_CA_CERT_PATH", ca.to_str().unwrap()),
        ("SIGNSERVER_CLIENT_CERT_PATH", both.to_str().unwrap()),
    ]);
    let worker = SignServerWorker::new("Plain Signer", Environment::new(&table)).unwrap();
    assert_eq!(worker.sign_manifest(MANIFEST).unwrap().len(), 256);
}

#[test]
fn whom_one_does_not_know_one_does_not_talk_to() {
    let Some(openssl) = certificates() else { return };
    let server = server(&openssl, "rsa", Some("rsa.cer"));
    let error = |files| {
        worker(&openssl, &server, "Plain Signer", files).and_then(|worker| worker.sign_manifest(MANIFEST))
    };
    // The server's certificate is of another authority than ours.
    let text = chain(&error(["other.crt", "client.crt", "client.pem"]).unwrap_err());
    assert!(text.contains("no answer") && text.contains("certificate"), "{text}");
    // Our certificate is of another authority than the server's.
    let refused = error(["ca.crt", "other.crt", "other.pem"]).unwrap_err();
    assert_eq!(refused.defect(), Defect::Service, "{}", chain(&refused));
    assert!(server.requests().is_empty());
    let missing = error(["ca.crt", "missing.crt", "client.pem"]).unwrap_err();
    assert_eq!(missing.defect(), Defect::Io);
    let empty = error(["ca.crt", "client.pem", "client.pem"]).unwrap_err();
    assert!(empty.to_string().contains("a PEM file with a certificate"), "{empty}");
}

#[test]
fn answers_of_the_wrong_worker_are_refused() {
    let Some(openssl) = certificates() else { return };
    // A certificate of another key than the one that signs.
    let wrong = server(&openssl, "rsa", Some("p256.cer"));
    let error = worker(&openssl, &wrong, "Plain Signer", FILES).unwrap().sign_manifest(MANIFEST).unwrap_err();
    assert!(error.to_string().contains("expected a signature that the public key verifies"), "{error}");
    let error = worker(&openssl, &wrong, "nobody", FILES).unwrap().sign_manifest(MANIFEST).unwrap_err();
    assert!(chain(&error).ends_with("refused with status 404: No such worker"), "{}", chain(&error));
}

//! `--key-pkcs11`, with SoftHSM; what it signs is checked by Debian's mender-artifact, too.

use crate::key_files::openssl;
use crate::workplace::{Ended, Workplace, key};
use std::path::Path;
use std::process::Command;

const REFERENCE_TOOL: &str = "/usr/bin/mender-artifact";
const MODULES: [&str; 4] = [
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
];

/// A folder with a token in it, in which the test keys are `rsa` and `p256`.
struct Token {
    place: Workplace,
    module: &'static str,
}

impl Token {
    fn new() -> Option<Self> {
        let module = MODULES.into_iter().find(|path| Path::new(path).exists());
        let (Some(module), Ok(_)) = (module, Command::new("softhsm2-util").arg("--version").output()) else {
            println!("skipped: there is no softhsm2");
            return None;
        };
        let token = Self { place: Workplace::new(), module };
        let folder = token.place.path("tokens");
        std::fs::create_dir(&folder).unwrap();
        let text = format!("directories.tokendir = {}\nobjectstore.backend = file\n", folder.display());
        token.place.put("softhsm2.conf", text);
        token.util(&["--init-token", "--free", "--label", "signing", "--pin", "1234", "--so-pin", "567890"]);
        for (kind, id) in [("rsa", "01"), ("p256", "02")] {
            let file = key(&format!("{kind}-pkcs8.pem"));
            token.util(&[
                "--import", &file, "--token", "signing", "--label", kind, "--id", id, "--pin", "1234",
            ]);
        }
        Some(token)
    }

    fn util(&self, arguments: &[&str]) {
        let mut command = Command::new("softhsm2-util");
        let output =
            command.args(arguments).env("SOFTHSM2_CONF", self.place.path("softhsm2.conf")).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn run(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
        let mut command = self.place.command(arguments);
        command.env("SOFTHSM2_CONF", self.place.path("softhsm2.conf")).env("PKCS11_MODULE_PATH", self.module);
        Ended::of(&command.envs(variables.iter().copied()).output().unwrap())
    }

    fn ok(&self, arguments: &[&str]) -> String {
        let ended = self.run(arguments, &[("PKCS11_PIN", "1234")]);
        assert_eq!((ended.status, ended.stderr.as_str()), (0, ""), "{arguments:?}");
        ended.stdout
    }
}

#[test]
fn what_a_device_signs_is_accepted_by_both_tools() {
    let Some(token) = Token::new() else { return };
    let place = &token.place;
    place.write_image("plain", &[]);
    for kind in ["rsa", "p256"] {
        let uri = format!("pkcs11:token=signing;object={kind}");
        let public = key(&format!("{kind}-public.pem"));
        token.ok(&["sign", "plain", "--key-pkcs11", &uri, "-o", "signed"]);
        let flags = ["write", "rootfs-image", "-f", "img", "-n", "release-1", "-c", "board", "-o", "written"];
        token.ok(&[&flags[..], &["--key-pkcs11", &uri]].concat());
        for name in ["signed", "written"] {
            place.ok(&["validate", name, "-k", &public]);
            token.ok(&["validate", name, "--key-pkcs11", &uri]);
            assert!(token.ok(&["read", "--no-progress", name, "--key-pkcs11", &uri]).contains("verified"));
            if Path::new(REFERENCE_TOOL).exists() {
                let arguments = ["validate", name, "-k", &public];
                let output = Command::new(REFERENCE_TOOL)
                    .args(arguments)
                    .current_dir(place.path(""))
                    .output()
                    .unwrap();
                assert!(output.status.success(), "{kind} {name}: {output:?}");
            } else {
                println!("skipped in part: {REFERENCE_TOOL} is not installed");
            }
        }
        // RSA has one signature of one text; ECDSA has many.
        place.ok(&["sign", "plain", "-k", &key(&format!("{kind}-pkcs8.pem")), "-o", "by-file"]);
        assert_eq!(place.bytes("by-file") == place.bytes("signed"), kind == "rsa");
        let other = if kind == "rsa" { "p256" } else { "rsa" };
        let wrong =
            token.run(&["validate", "signed", "--key-pkcs11", &format!("pkcs11:object={other}")], &[]);
        assert_eq!(wrong.status, 5, "{wrong:?}");
    }
}

#[test]
fn a_failing_device_leaves_the_artifact_alone() {
    let Some(token) = Token::new() else { return };
    let place = &token.place;
    place.write_image("a", &[]);
    let before = place.bytes("a");
    for (uri, pin, status, says) in [
        ("pkcs11:object=rsa", "9876", 7, "Login: PinIncorrect"),
        ("pkcs11:object=rsa", "", 1, "expected a PIN"),
        ("pkcs11:object=none", "1234", 7, "found none such"),
        ("pkcs11:object=rsa?pin-source=missing", "", 1, "missing"),
        ("object=rsa", "1234", 1, "expected a URI that begins with pkcs11:"),
        ("pkcs11:object=rsa?module-path=/nowhere.so", "1234", 7, "the module cannot be loaded"),
    ] {
        let ended = token.run(&["sign", "a", "--key-pkcs11", uri], &[("PKCS11_PIN", pin)]);
        assert_eq!(ended.status, status, "{uri}: {ended:?}");
        assert!(ended.stderr.contains(says) && !ended.stderr.contains("9876"), "{uri}: {}", ended.stderr);
    }
    assert_eq!(place.bytes("a"), before);
}

#[test]
fn an_authority_in_a_device_issues_certificates() {
    let Some(token) = Token::new() else { return };
    let place = &token.place;
    for kind in ["rsa", "p256"] {
        let private = key(&format!("{kind}-pkcs8.pem"));
        if !openssl(place, &format!("req -x509 -key {private} -subj /CN={kind} -days 9 -out {kind}.pem")) {
            return;
        }
        let (ca, uri) = (format!("{kind}.pem"), format!("pkcs11:token=signing;object={kind}"));
        let (new, certificate) = (format!("{kind}-new.key"), format!("{kind}-new.pem"));
        let line = ["provision", "device", "--device", "d", "--key-out", &new, "--cert-out", &certificate];
        token.ok(&[&line[..], &["--ca", &ca, "--key-pkcs11", &uri]].concat());
        openssl(place, &format!("verify -purpose sslclient -CAfile {ca} {certificate}"));
    }
    // The key of another authority is noticed before anything is written.
    let line =
        ["provision", "device", "--device", "d", "--key-out", "k", "--cert-out", "c", "--ca", "rsa.pem"];
    let ended = token.run(
        &[&line[..], &["--key-pkcs11", "pkcs11:token=signing;object=p256"]].concat(),
        &[("PKCS11_PIN", "1234")],
    );
    assert_eq!(ended.status, 1);
    assert!(ended.stderr.contains("rsa.pem: expected the private key of this certificate"), "{ended:?}");
    assert!(!place.path("k").exists());
}

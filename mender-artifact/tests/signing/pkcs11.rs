//! PKCS#11, with SoftHSM. Its module takes the place of its tokens from the environment, so every use of a
//! token is a process of its own: this program once more, with one of the ignored tests below.

use crate::key_files::der;
use crate::openssl::OpenSsl;
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;
use mender_artifact::sign::Signer;
use mender_artifact::sign::environment::Environment;
use mender_artifact::sign::pkcs11::Pkcs11Key;
use mender_artifact::sign::public_key::PublicKey;
use std::path::Path;
use std::process::{Command, Output};

const MANIFEST: &[u8] = b"0123  data/0000/file\n";
const MODULES: [&str; 5] = [
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
];

/// A token with an RSA key, `rsa` (identifier 01), and a P-256 key, `p256` (02).
struct Token {
    openssl: OpenSsl,
    module: &'static str,
}

impl Token {
    fn new() -> Option<Self> {
        let openssl = OpenSsl::find()?;
        let module = MODULES.into_iter().find(|path| Path::new(path).exists());
        let (Some(module), Ok(_)) = (module, Command::new("softhsm2-util").arg("--version").output()) else {
            println!("skipped: there is no softhsm2");
            return None;
        };
        openssl.make_keys();
        let folder = openssl.path("tokens");
        std::fs::create_dir(&folder).unwrap();
        let text = format!(
            "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
            folder.display()
        );
        openssl.put("softhsm2.conf", text);
        let token = Self { openssl, module };
        token.util(&["--init-token", "--free", "--label", "my token", "--pin", "1234", "--so-pin", "567890"]);
        token.import("rsa", "01");
        token.import("p256", "02");
        Some(token)
    }

    fn import(&self, name: &str, id: &str) {
        let file = self.openssl.path(&format!("{name}.pem"));
        let file = file.to_str().unwrap();
        self.util(&["--import", file, "--token", "my token", "--label", name, "--id", id, "--pin", "1234"]);
    }

    fn util(&self, arguments: &[&str]) {
        let output = self.with_token(&mut Command::new("softhsm2-util")).args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn with_token<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("SOFTHSM2_CONF", self.openssl.path("softhsm2.conf"))
    }

    /// Runs one of the ignored tests.
    fn run(&self, test: &str, variables: &[(&str, &str)]) -> Output {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "--ignored", "--nocapture", &format!("pkcs11::{test}")]);
        command.env("SIGNING_TEST_MODULE", self.module).envs(variables.iter().copied());
        self.with_token(&mut command).output().unwrap()
    }

    /// A signature by the key that this URI names, or the message.
    fn sign(&self, uri: &str, pin: &str) -> Result<Vec<u8>, String> {
        let place = self.openssl.path("outcome");
        let _ = std::fs::remove_file(&place);
        let variables = [
            ("SIGNING_TEST_URI", uri),
            ("PKCS11_PIN", pin),
            ("SIGNING_TEST_OUTCOME", place.to_str().unwrap()),
        ];
        let output = self.run("sign", &variables);
        assert!(output.status.success(), "{output:?}");
        let outcome = std::fs::read(&place).unwrap();
        match outcome.strip_prefix(b"signature ") {
            Some(signature) => Ok(signature.to_vec()),
            None => Err(String::from_utf8(outcome).unwrap()),
        }
    }

    /// Signs, and has openssl check it.
    fn signs(&self, uri: &str, pin: &str, kind: &str) {
        let signature = self.sign(uri, pin).unwrap_or_else(|error| panic!("{uri}: {error}"));
        assert_eq!(signature.len(), if kind == "rsa" { 256 } else { 64 });
        self.openssl.put("manifest", MANIFEST);
        self.openssl.put("signature", if kind == "rsa" { signature } else { der(&signature) });
        self.openssl.run(&format!("dgst -sha256 -verify {kind}.pub -signature signature manifest"));
    }
}

/// Not a test of its own: signs with the key in `SIGNING_TEST_URI`.
#[test]
#[ignore = "run by other tests"]
fn sign() {
    let Ok(uri) = std::env::var("SIGNING_TEST_URI") else { return };
    let lookup = |name: &str| match name {
        "PKCS11_MODULE_PATH" => std::env::var("SIGNING_TEST_MODULE").ok(),
        name => std::env::var(name).ok(),
    };
    let outcome = Pkcs11Key::new(&uri, Environment::new(&lookup)).and_then(|key| {
        let signature = key.sign_manifest(MANIFEST)?;
        // Once more, with a session that is logged in already.
        assert_eq!(key.sign_manifest(MANIFEST)?.len(), signature.len());
        if !uri.contains("lonely") {
            key.public_key()?.verify(MANIFEST, &signature)?;
        }
        Ok(signature)
    });
    let outcome = match outcome {
        Ok(signature) => [b"signature ", signature.as_slice()].concat(),
        Err(error) => {
            let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            format!("{error}: {source}").into_bytes()
        }
    };
    std::fs::write(std::env::var("SIGNING_TEST_OUTCOME").unwrap(), outcome).unwrap();
}

/// Not a test of its own: makes keys that softhsm2-util cannot make. `lonely` has no public half, `careful`
/// wants the PIN for every signature. Their public keys are written beside the token.
#[test]
#[ignore = "run by other tests"]
fn make_odd_keys() {
    let Ok(folder) = std::env::var("SIGNING_TEST_FOLDER") else { return };
    let module = Pkcs11::new(std::env::var("SIGNING_TEST_MODULE").unwrap()).unwrap();
    module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)).unwrap();
    let session = module.open_rw_session(module.get_slots_with_initialized_token().unwrap()[0]).unwrap();
    session.login(UserType::User, Some(&AuthPin::new("1234".into()))).unwrap();
    let token = || Attribute::Token(true);
    let key = |name: &str, id, rest: Vec<Attribute>| {
        [vec![token(), Attribute::Label(name.into()), Attribute::Id(vec![id])], rest].concat()
    };
    let curve = Attribute::EcParams(vec![6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7]);
    let public = key("lonely", 3, vec![curve]);
    let private = key("lonely", 3, vec![Attribute::Private(true), Attribute::Sign(true)]);
    let (public, _) = session.generate_key_pair(&Mechanism::EccKeyPairGen, &public, &private).unwrap();
    save(&session, public, AttributeType::EcPoint, &folder, "lonely");
    session.destroy_object(public).unwrap();
    let size = vec![Attribute::ModulusBits(2048.into()), Attribute::PublicExponent(vec![1, 0, 1])];
    let careful = vec![Attribute::Private(true), Attribute::Sign(true), Attribute::AlwaysAuthenticate(true)];
    let (public, private) = (key("careful", 4, size), key("careful", 4, careful));
    let (public, _) = session.generate_key_pair(&Mechanism::RsaPkcsKeyPairGen, &public, &private).unwrap();
    save(&session, public, AttributeType::Modulus, &folder, "careful");
}

fn save(session: &Session, object: ObjectHandle, kind: AttributeType, folder: &str, name: &str) {
    let (Attribute::EcPoint(bytes) | Attribute::Modulus(bytes)) =
        session.get_attributes(object, &[kind]).unwrap().remove(0)
    else {
        panic!("{name}");
    };
    std::fs::write(Path::new(folder).join(name), bytes).unwrap();
}

#[test]
fn keys_are_found_by_label_and_identifier() {
    let Some(token) = Token::new() else { return };
    for kind in ["rsa", "p256"] {
        let id = if kind == "rsa" { "%01" } else { "%02" };
        token.signs(&format!("pkcs11:token=my%20token;object={kind}?pin-value=1234"), "", kind);
        token.signs(&format!("pkcs11:object={kind};type=private"), "1234", kind);
        token.signs(&format!("pkcs11:model=SoftHSM%20v2;id={id}?module-path={}", token.module), "1234", kind);
    }
    token.openssl.put("pin", "1234\n");
    let pin = token.openssl.path("pin");
    token.signs(&format!("pkcs11:object=rsa?pin-source=file://{}", pin.display()), "", "rsa");
}

#[test]
fn what_cannot_be_found_or_used_is_said() {
    let Some(token) = Token::new() else { return };
    let missing = "?module-path=/nowhere/module.so";
    for (uri, pin, says) in [
        ("pkcs11:token=other", "1234", "expected the token that the URI names, found none such"),
        ("pkcs11:object=other", "1234", "expected one private key that the URI names, found none such"),
        ("pkcs11:token=my%20token", "1234", "found several such"),
        ("pkcs11:object=rsa", "", "expected a PIN as pin-value, pin-source or PKCS11_PIN, found none"),
        ("pkcs11:object=rsa", "4321", "Login: PinIncorrect"),
        ("pkcs11:object=rsa?pin-value=98765", "1234", "Login: PinIncorrect"),
        (&format!("pkcs11:object=rsa{missing}"), "1234", "'/nowhere/module.so'"),
    ] {
        let error = token.sign(uri, pin).unwrap_err();
        assert!(error.contains(says), "{uri}: {error}");
        assert!(!error.contains("4321") && !error.contains("98765"), "{error}");
    }
}

#[test]
fn keys_on_other_curves_are_refused() {
    let Some(token) = Token::new() else { return };
    token.openssl.run("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out p384.pem");
    token.import("p384", "05");
    let error = token.sign("pkcs11:object=p384", "1234").unwrap_err();
    assert!(error.contains("unsupported kind of key: expected the curve P-256"), "{error}");
}

#[test]
fn keys_without_a_public_half_and_keys_that_want_the_pin_each_time_sign() {
    let Some(token) = Token::new() else { return };
    let folder = token.openssl.path("");
    let made = token.run("make_odd_keys", &[("SIGNING_TEST_FOLDER", folder.to_str().unwrap())]);
    assert!(made.status.success(), "{made:?}");
    // The point is inside an OCTET STRING of two more bytes.
    let lonely = PublicKey::from_p256_point(&token.openssl.read("lonely")[2..]).unwrap();
    let careful = PublicKey::from_rsa_numbers(&token.openssl.read("careful"), &[1, 0, 1]).unwrap();
    for (name, key) in [("lonely", lonely), ("careful", careful)] {
        let signature = token.sign(&format!("pkcs11:object={name}"), "1234").unwrap();
        key.verify(MANIFEST, &signature).unwrap();
    }
}

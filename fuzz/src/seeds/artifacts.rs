//! Artifacts, what they are made of, and keys.

use super::{Seed, seed};
use crate::parts::{HEADER_INFO, TYPE_INFO, VERSION, augmented, member, pax, sound, version_2};

const KEYS: [(&str, &[u8]); 9] = [
    ("rsa-pkcs1", include_bytes!("../../../mender-artifact/tests/keys/rsa-pkcs1.pem")),
    ("rsa-pkcs8", include_bytes!("../../../mender-artifact/tests/keys/rsa-pkcs8.pem")),
    ("rsa-public", include_bytes!("../../../mender-artifact/tests/keys/rsa-public.pem")),
    ("rsa-public-pkcs1", include_bytes!("../../../mender-artifact/tests/keys/rsa-public-pkcs1.pem")),
    ("p256-sec1", include_bytes!("../../../mender-artifact/tests/keys/p256-sec1.pem")),
    ("p256-pkcs8", include_bytes!("../../../mender-artifact/tests/keys/p256-pkcs8.pem")),
    ("p256-public", include_bytes!("../../../mender-artifact/tests/keys/p256-public.pem")),
    ("p256-encrypted", include_bytes!("../../../mender-artifact/tests/keys/p256-encrypted.pem")),
    ("ed25519-public", include_bytes!("../../../mender-artifact/tests/keys/ed25519-public.pem")),
];

pub(super) fn seeds() -> Vec<Seed> {
    let mut seeds = Vec::new();
    for suffix in ["", ".gz", ".xz", ".zst"] {
        let mut added = augmented();
        let mut plain = sound();
        for parts in [&mut added.parts, &mut plain] {
            parts.header_suffix = suffix;
            parts.data_suffix = suffix;
        }
        for seal in [0, 1] {
            seeds.push(seed("artifact", format!("plain{suffix}-{seal}"), &[&[seal, 9], &plain.bytes()]));
        }
        seeds.push(seed("artifact", format!("augmented{suffix}"), &[&[1, 17], &added.bytes()]));
    }
    let signed = crate::parts::Parts { signature: Some("AAAA".into()), ..sound() };
    seeds.push(seed("artifact", "signed", &[&[1, 5], &signed.bytes()]));
    seeds.push(seed("artifact", "version-2", &[&[1, 5], &version_2().bytes()]));
    seeds.push(seed("device_api", "artifact", &[&[0, 9, 200], &sound().bytes()]));
    seeds.push(seed("c_api", "check", &[&[0, 0, 9], &sound().bytes()]));
    seeds.push(seed("c_api", "check-key", &[&[0, 13, 9], &signed.bytes()]));
    let calls = [
        &[1, 4][..],
        b"name",
        &[0, 0, 3, 1, 5],
        b"group",
        &[0, 0, 1, 1],
        b"k",
        &[1],
        b"v",
        &[3, 1, 0, 0, 5, 0, 0, 7],
    ];
    seeds.push(seed("c_api", "write", &calls));
    let says = [
        &[0, 1, 5][..],
        b"a.bin",
        &[4, 0],
        b"text",
        &[11],
        b"single-file",
        &[1, 3],
        b"a.b",
        &[1, 1],
        b"1",
        &[0, 2],
        b"{}",
        &[0, 4],
        b"name",
        &[0, 1, 5],
        b"board",
        &[0, 0, 5],
        b"other",
    ];
    for how in 0..4_u8 {
        seeds.push(seed("artifact_round_trip", format!("{how}"), &[&[how], &says.concat()[1..]]));
    }
    seeds.extend(documents());
    seeds.extend(tars());
    let packings = (0..64_u8).map(|kind| (kind, [kind.wrapping_mul(5), kind, kind % 6, 3, kind, 7, 2, 1, 1]));
    seeds.extend(packings.map(|(kind, bytes)| seed("structure", format!("{kind}"), &[&bytes])));
    seeds.push(seed("manifest", "sound", &[&[7], sound().manifest_text().as_bytes()]));
    for (name, pem) in KEYS {
        seeds.push(seed("key", name, &[&[0xff], pem]));
    }
    seeds.push(seed("signature", "rsa", &[include_bytes!("../../../mender-artifact/tests/keys/rsa.sig")]));
    seeds.push(seed(
        "signature",
        "p256-long",
        &[include_bytes!("../../../mender-artifact/tests/keys/p256-long.der")],
    ));
    seeds.push(seed(
        "signature",
        "p256-short",
        &[include_bytes!("../../../mender-artifact/tests/keys/p256-short.der")],
    ));
    seeds.push(seed("signature", "text", &[b"AAECAwQFBgcICQoLDA0ODw==\r\n"]));
    seeds
}

fn documents() -> Vec<Seed> {
    let augment = augmented();
    let old = version_2();
    let file = |header: &crate::parts::Members, name: &str| -> Vec<u8> {
        header.iter().find(|(known, _)| known == name).unwrap().1.clone()
    };
    let mut seeds = vec![
        seed("header", "version", &[&[0, 3], VERSION.as_bytes()]),
        seed("header", "header-info", &[&[1, 3], HEADER_INFO.as_bytes()]),
        seed("header", "type-info", &[&[2, 3], TYPE_INFO.as_bytes()]),
        seed("header", "meta-data", &[&[3, 3], br#"{"note":["x",1],"a":{"b":null,"c":1.5e3}}"#]),
        seed("header", "augment-info", &[&[4, 3], &file(&augment.header, "header-info")]),
        seed("header", "augment-type", &[&[5, 3], &file(&augment.header, "headers/0000/type-info")]),
        seed("header", "augment-meta", &[&[6, 3], &file(&augment.header, "headers/0000/meta-data")]),
        seed("header", "info-2", &[&[7, 3], &file(&old.header, "header-info")]),
        seed("header", "files-2", &[&[8, 3], &file(&old.header, "headers/0000/files")]),
    ];
    for (name, document) in [
        ("object", r#"{"a":[1,-2.5e3,"x\n\u0041\ud83d\ude00"],"b":{"c":null,"d":true,"e":false},"f":""}"#),
        ("nested", "[[[[[[[[[[]]]]]]]]]]"),
        ("numbers", "[0,-0,1e308,123456789012345678901234567890,0.1]"),
        ("text", "\"a\\/b\u{e4}\\\\\""),
    ] {
        seeds.push(seed("json", name, &[document.as_bytes()]));
    }
    seeds
}

fn tars() -> Vec<Seed> {
    let end = [0; 1024];
    let long = format!("folder/{}", "n".repeat(120));
    let gnu = [member("././@LongLink", b'L', format!("{long}\0").as_bytes()), member("folder/n", b'0', b"x")];
    let extended = [
        pax(&[("path", &long), ("mtime", "1.5"), ("size", "3"), ("comment", "c")]),
        member("short", b'0', b"abc"),
    ];
    let mut base_256 = member("huge", b'0', b"abcd");
    base_256[124..136].copy_from_slice(&[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4]);
    crate::tar_checksums::seal_all(&mut base_256[..512]);
    let directory = [member("folder/", b'5', b""), member("folder/x", b'0', b"y")];
    let list = [
        ("plain", sound().header_tar()),
        ("gnu", [&gnu.concat()[..], &end].concat()),
        ("pax", [&extended.concat()[..], &end].concat()),
        ("base-256", [&base_256[..], &end].concat()),
        ("directory", [&directory.concat()[..], &end].concat()),
        ("link", [&member("link", b'2', b"")[..], &end].concat()),
    ];
    list.into_iter().map(|(name, bytes)| seed("tar", name, &[&[1, 11], &bytes])).collect()
}

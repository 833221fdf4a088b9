//! The documentation's sequence for client certificates, word for word.

use crate::made_image::*;
use crate::workplace::Workplace;

#[test]
fn the_documented_sequence_works() {
    if !installed(&ALL) || !installed(&["openssl"]) {
        return;
    }
    let place = Workplace::new();
    let places = make_disk(&place, "mender-disk-image.sdimg", "dos");
    // The image has the folder on its data partition.
    place.ok(&["install", "-d", "mender-disk-image.sdimg:/data/mender"]);
    let openssl = |line: &str| {
        run(tool("openssl").args(line.split(' ')).current_dir(place.path("")));
    };
    openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out device-private.key");
    openssl("req -new -x509 -key device-private.key -out device-cert.pem -subj /CN=device -days 365");
    for line in [
        "install -m 600 device-private.key mender-disk-image.sdimg:/data/mender/mender-cert-private.pem",
        "install -m 644 device-cert.pem mender-disk-image.sdimg:/data/mender/mender-cert.pem",
        "cp mender-disk-image.sdimg:/etc/mender/mender.conf mender.conf",
    ] {
        assert_eq!(place.ok(&line.split(' ').collect::<Vec<_>>()), "", "{line}");
    }
    let conf = String::from_utf8(place.bytes("mender.conf")).unwrap();
    assert_eq!(conf, CONF);
    let https = "{\n  \"HttpsClient\": {\n    \"Certificate\": \"/data/mender/mender-cert.pem\",\n    \"Key\": \
                 \"/data/mender/mender-cert-private.pem\"\n  },";
    let conf = conf.replacen('{', https, 1);
    place.put("mender.conf", &conf);
    place.ok(&["cp", "mender.conf", "mender-disk-image.sdimg:/etc/mender/mender.conf"]);
    for (at, name) in places.iter().zip(["boot", "a", "b", "data"]) {
        take_out(&place, "mender-disk-image.sdimg", *at, name);
    }
    assert_eq!(owner_and_mode(&place, "data", "/mender/mender-cert-private.pem"), "0600 0 0");
    assert_eq!(owner_and_mode(&place, "data", "/mender/mender-cert.pem"), "0644 0 0");
    let taken = |path: &str| place.ok(&["cat", &format!("mender-disk-image.sdimg:/data/mender/{path}")]);
    assert_eq!(taken("mender-cert-private.pem").as_bytes(), place.bytes("device-private.key"));
    assert_eq!(taken("mender-cert.pem").as_bytes(), place.bytes("device-cert.pem"));
    for root in ["a", "b", "data"] {
        check_ext(&place, root);
    }
    for root in ["a", "b"] {
        assert_eq!(debugfs(&place, root, "cat /etc/mender/mender.conf"), conf);
    }
}

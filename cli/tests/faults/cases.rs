//! Commands that make or change files, each with its inputs.

use crate::made_image::{CONF, MIB, installed, make_ext, noise};
use crate::workplace::{Workplace, image_bytes, key};

pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// Makes the inputs; false where a program for it is missing, which it has said then.
    pub(crate) prepare: fn(&Workplace) -> bool,
    pub(crate) words: Vec<String>,
    /// The file that is changed in its place.
    pub(crate) in_place: Option<&'static str>,
    /// Outputs that are different each time.
    pub(crate) random: &'static [&'static str],
}

impl Case {
    fn new(name: &'static str, prepare: fn(&Workplace) -> bool, words: &str) -> Self {
        let words = words.split(' ').map(|word| match word {
            "KEY" => key("p256-sec1.pem"),
            _ => word.to_owned(),
        });
        Self { name, prepare, words: words.collect(), in_place: None, random: &[] }
    }
}

pub(crate) fn write() -> Case {
    Case::new("write", image, "write rootfs-image -f img -n release-1 -c board -k KEY -o out.mender")
}

pub(crate) fn write_over() -> Case {
    let words = "write rootfs-image -f img -n release-2 -c board --compression zstd_fast -o a.mender";
    Case::new("write, replacing", artifact, words)
}

pub(crate) fn sign() -> Case {
    Case::new("sign", artifact, "sign a.mender -k KEY")
}

pub(crate) fn sign_to() -> Case {
    Case::new("sign -o", artifact, "sign a.mender -k KEY -o out.mender")
}

pub(crate) fn modify() -> Case {
    Case::new("modify", artifact, "modify a.mender -n release-2 -k KEY")
}

pub(crate) fn cp_image() -> Case {
    let case = Case::new("cp into an image", ext4, "cp new a.img:/etc/new");
    Case { in_place: Some("a.img"), ..case }
}

pub(crate) fn cp_artifact() -> Case {
    Case::new("cp into an Artifact", ext4_artifact, "cp new a.mender:/etc/new")
}

pub(crate) fn delta_create() -> Case {
    Case::new("delta create", two_images, "delta create a.img b.img -o out.delta")
}

pub(crate) fn delta_apply() -> Case {
    Case::new("delta apply", delta, "delta apply a.img a.delta -o out.img")
}

pub(crate) fn delta_image() -> Case {
    let words = "write delta-image --from a.mender --to b.mender -o out.mender";
    Case::new("write delta-image", two_artifacts, words)
}

pub(crate) fn provision_device() -> Case {
    let words = "provision device --ca ca-cert.pem --ca-key ca-private.key --device board-1";
    let case = Case::new("provision device", authority, words);
    Case { random: &["device-private.key", "device-cert.pem"], ..case }
}

fn image(place: &Workplace) -> bool {
    place.put("img", image_bytes());
    true
}

fn artifact(place: &Workplace) -> bool {
    place.write_image("a.mender", &[]);
    true
}

fn ext4(place: &Workplace) -> bool {
    if !installed(&["mke2fs"]) {
        return false;
    }
    make_ext(place, "a.img", 4 * MIB, "");
    std::fs::remove_dir_all(place.path("tree")).unwrap();
    place.put("new", noise(70_000));
    true
}

fn ext4_artifact(place: &Workplace) -> bool {
    ext4(place) && {
        place.ok(&[
            "write",
            "rootfs-image",
            "-f",
            "a.img",
            "-n",
            "release-1",
            "-c",
            "board",
            "-o",
            "a.mender",
        ]);
        std::fs::remove_file(place.path("a.img")).unwrap();
        true
    }
}

fn two_images(place: &Workplace) -> bool {
    ext4(place) && {
        std::fs::copy(place.path("a.img"), place.path("b.img")).unwrap();
        place.put("conf", CONF.repeat(40));
        for words in [["cp", "new", "b.img:/etc/new"], ["cp", "conf", "b.img:/etc/mender/mender.conf"]] {
            place.ok(&words);
        }
        true
    }
}

fn delta(place: &Workplace) -> bool {
    two_images(place) && {
        place.ok(&["delta", "create", "a.img", "b.img", "-o", "a.delta"]);
        std::fs::remove_file(place.path("b.img")).unwrap();
        true
    }
}

fn two_artifacts(place: &Workplace) -> bool {
    two_images(place) && {
        for (image, name) in [("a.img", "a.mender"), ("b.img", "b.mender")] {
            place.ok(&["write", "rootfs-image", "-f", image, "-n", image, "-c", "board", "-o", name]);
            std::fs::remove_file(place.path(image)).unwrap();
        }
        true
    }
}

fn authority(place: &Workplace) -> bool {
    place.ok(&["provision", "ca", "--subject", "/CN=Test"]);
    true
}

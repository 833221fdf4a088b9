//! Links that lead from one partition into another, as on the device, where all of them are mounted.

use crate::made_image::*;
use crate::workplace::Workplace;
use mender_image::block_device::FileDevice;
use mender_image::edit::image::read_file;
use mender_image::edit::layout::Layout;
use mender_image::edit::route::{Choice, Purpose};
use mender_image::error::Error;
use mender_image::limits::Limits;
use std::fs;

/// A root file system as Mender's images have it, with more links.
fn make_linked_tree(place: &Workplace) {
    make_ext(place, "rootfs.img", 16 * MIB, "");
    let tree = place.path("tree");
    fs::create_dir_all(tree.join("var/lib")).unwrap();
    for (target, name) in [
        ("/data/mender", "var/lib/mender"),
        ("../uboot/uEnv.txt", "etc/environment"),
        ("/data/circle", "circle"),
        ("../../data", "etc/mender/up"),
        ("../../../../../../etc", "usr/root-etc"),
        ("../../data/mender", "var/lib/by-dots"),
    ] {
        std::os::unix::fs::symlink(target, tree.join(name)).unwrap();
    }
}

fn on_data(place: &Workplace, disk: &str, places: &Places, requests: &[&str]) {
    let device = format!("{}?offset={}", place.path(disk).display(), places[3].1);
    for request in requests {
        run(tool("debugfs").args(["-w", "-R", request, &device]));
    }
}

fn made(place: &Workplace, label: &str) -> Places {
    make_linked_tree(place);
    let places = make_disk(place, "disk.sdimg", label);
    on_data(
        place,
        "disk.sdimg",
        &places,
        &[
            "mkdir mender",
            "symlink circle /circle",
            "symlink conf /etc/mender",
            "symlink above ../../etc/mender",
            "symlink mender/own ../other",
            "mkdir other",
            "mkdir etc",
            "mkdir etc/mender",
            "symlink here /data/other",
        ],
    );
    place.put("key", "secret");
    places
}

#[test]
fn what_goes_through_a_link_lands_where_the_device_sees_it() {
    if !installed(&ALL) {
        return;
    }
    for label in ["dos", "gpt"] {
        let place = Workplace::new();
        let places = made(&place, label);
        place.ok(&["install", "-m", "600", "key", "disk.sdimg:/var/lib/mender/key.pem"]);
        place.ok(&["install", "-d", "disk.sdimg:/var/lib/mender/deep/er"]);
        place.ok(&["cp", "key", "disk.sdimg:/etc/mender/up/mender/own/"]);
        place.ok(&["cp", "key", "disk.sdimg:/etc/environment"]);
        place.ok(&["cp", "key", "disk.sdimg:/data/conf/by-data"]);
        place.ok(&["cp", "key", "disk.sdimg:/data/above/by-dots"]);
        place.ok(&["cp", "key", "disk.sdimg:/data/mender/../../etc/by-path"]);
        place.ok(&["cp", "key", "disk.sdimg:/usr/../data/by-path"]);
        place.ok(&["cp", "key", "disk.sdimg:/usr/root-etc/stays"]);
        place.ok(&["conf", "set", "disk.sdimg", "--file", "/var/lib/mender/mender.conf", "A=1"]);
        for path in [
            "/data/mender/key.pem",
            "/var/lib/mender/key.pem",
            "/data/other/key",
            "/uboot/uEnv.txt",
            "/etc/environment",
            "/etc/mender/by-data",
            "/data/conf/by-dots",
            "/etc/by-path",
            "/data/by-path",
            "/etc/stays",
        ] {
            assert_eq!(place.ok(&["cat", &format!("disk.sdimg:{path}")]), "secret", "{path}");
        }
        place.ok(&["cp", "disk.sdimg:/var/lib/mender/key.pem", "out"]);
        assert_eq!(place.bytes("out"), b"secret");
        for (at, name) in places.iter().zip(["boot", "a", "b", "data"]) {
            take_out(&place, "disk.sdimg", *at, name);
        }
        for root in ["a", "b"] {
            check_ext(&place, root);
            assert_eq!(debugfs(&place, root, "cat /etc/mender/by-data"), "secret");
            assert_eq!(debugfs(&place, root, "cat /etc/mender/by-dots"), "secret");
            // Nothing lies below the mount points, where the device would not see it.
            let below = |path: &str| debugfs(&place, root, &format!("ls -p {path}")).trim().lines().count();
            assert_eq!((below("/data"), below("/uboot")), (2, 2));
        }
        check_ext(&place, "data");
        check_fat(&place, "boot");
        assert_eq!(owner_and_mode(&place, "data", "/mender/key.pem"), "0600 0 0");
        assert_eq!(owner_and_mode(&place, "data", "/mender/deep/er"), "0755 0 0");
        assert!(debugfs(&place, "data", "cat /mender/mender.conf").contains("\"A\": 1"));
        // A link itself is removed, not what it leads to.
        place.ok(&["rm", "disk.sdimg:/var/lib/mender/key.pem"]);
        place.ok(&["rm", "disk.sdimg:/var/lib/mender"]);
        place.fails(1, &["cat", "disk.sdimg:/data/mender/key.pem"]);
        place.ok(&["cat", "disk.sdimg:/data/mender/mender.conf"]);
    }
}

#[test]
fn circles_and_links_to_partitions_that_are_not_there_are_refused() {
    if !installed(&ALL) {
        return;
    }
    let place = Workplace::new();
    made(&place, "gpt");
    let before = place.bytes("disk.sdimg");
    let circle = "disk.sdimg: path /circle/x: too many symbolic links";
    assert_eq!(place.fails(1, &["cp", "key", "disk.sdimg:/circle/x"]), circle);
    assert_eq!(place.fails(1, &["cat", "disk.sdimg:/circle/x"]), circle);
    let elsewhere = |image: &str, path: &str, leads_to: &str| {
        format!(
            "{image}: path {path}: expected a path inside of this file system, found a link to another one: {leads_to}"
        )
    };
    let key = "/var/lib/mender/key";
    assert_eq!(
        place.fails(1, &["cp", "--partition", "2", "key", &format!("disk.sdimg:{key}")]),
        elsewhere("disk.sdimg", key, "/data/mender/key")
    );
    // From the data partition, as the device has it mounted; what it has of the same name is not meant.
    let of_data = |path: &str, leads_to: &str| {
        let asked = format!("disk.sdimg:{path}");
        let message = elsewhere("disk.sdimg", path, leads_to);
        assert_eq!(place.fails(1, &["cp", "--partition", "4", "key", &asked]), message);
        assert_eq!(place.fails(1, &["cat", "--partition", "4", &asked]), message);
    };
    of_data("/conf/x", "/etc/mender/x");
    of_data("/above/x", "/../../etc/mender/x");
    of_data("/../etc/x", "/../etc/x");
    assert!(place.bytes("disk.sdimg") == before);
    place.ok(&["cp", "--partition", "4", "key", "disk.sdimg:/here/x"]);
    place.ok(&["cp", "--partition", "4", "key", "disk.sdimg:/mender/own/y"]);
    for path in ["/data/other/x", "/data/other/y"] {
        assert_eq!(place.ok(&["cat", &format!("disk.sdimg:{path}")]), "secret");
    }
    // Bare, and in an Artifact; the path itself can be meant where there is nothing else.
    fs::remove_file(place.path("rootfs.img")).unwrap();
    make_ext(&place, "rootfs.img", 16 * MIB, "");
    place.ok(&["write", "rootfs-image", "-f", "rootfs.img", "-n", "r", "-c", "board", "-o", "a.mender"]);
    for image in ["rootfs.img", "a.mender"] {
        let before = place.bytes(image);
        for asked in [key, "/var/lib/by-dots/key", "/usr/../data/mender/key"] {
            let message = elsewhere(image, asked, "/data/mender/key");
            assert_eq!(place.fails(1, &["cp", "key", &format!("{image}:{asked}")]), message);
            assert_eq!(place.fails(1, &["cat", &format!("{image}:{asked}")]), message);
        }
        assert!(place.bytes(image) == before);
        place.ok(&["cp", "key", &format!("{image}:/usr/root-etc/stays")]);
        assert_eq!(place.ok(&["cat", &format!("{image}:/etc/stays")]), "secret");
    }
    place.ok(&["install", "-m", "600", "key", "rootfs.img:/data/key"]);
    check_ext(&place, "rootfs.img");
}

#[test]
fn root_file_systems_may_lead_to_different_places() {
    if !installed(&ALL) {
        return;
    }
    let place = Workplace::new();
    let places = made(&place, "dos");
    // In the second one it is a folder.
    place.ok(&["rm", "--partition", "3", "disk.sdimg:/var/lib/mender"]);
    place.ok(&["install", "-d", "--partition", "3", "disk.sdimg:/var/lib/mender"]);
    place.ok(&["cp", "key", "disk.sdimg:/var/lib/mender/key"]);
    for (at, name) in places.iter().zip(["boot", "a", "b", "data"]) {
        take_out(&place, "disk.sdimg", *at, name);
    }
    assert_eq!(debugfs(&place, "b", "cat /var/lib/mender/key"), "secret");
    assert_eq!(debugfs(&place, "data", "cat /mender/key"), "secret");
    assert_eq!(debugfs(&place, "a", "ls -p /data").trim().lines().count(), 2);
}

/// What the kernel mounts where; unmounted when dropped.
#[cfg(target_os = "linux")]
struct Mounts(Vec<std::path::PathBuf>);

#[cfg(target_os = "linux")]
impl Mounts {
    /// The parts of a disk as the device has them when it runs from its first root file system; without the boot
    /// partition, where the kernel knows no FAT.
    fn of(place: &Workplace, disk: &str, places: &Places) -> Option<Self> {
        let root = place.path("mounted");
        fs::create_dir_all(&root).unwrap();
        let mut mounts = Self(Vec::new());
        for (folder, (_, offset, len)) in [("", places[1]), ("data", places[3]), ("uboot", places[0])] {
            let options = format!("ro,loop,offset={offset},sizelimit={len}");
            let mut command = tool("mount");
            let folder = root.join(folder);
            let mounted = command.args(["-o", &options]).arg(place.path(disk)).arg(&folder).output();
            if mounted.is_ok_and(|output| output.status.success()) {
                mounts.0.push(folder);
            } else if folder.ends_with("uboot") {
                println!("skipped: paths of the boot partition, since the kernel knows no vfat");
            } else {
                println!("skipped: mounting needs root and loop devices");
                return None;
            }
        }
        Some(mounts)
    }

    fn have_boot(&self) -> bool {
        self.0.iter().any(|folder| folder.ends_with("uboot"))
    }
}

#[cfg(target_os = "linux")]
impl Drop for Mounts {
    fn drop(&mut self) {
        for folder in self.0.iter().rev() {
            assert!(tool("umount").arg(folder).status().unwrap().success());
        }
    }
}

/// The content of a file as the kernel finds it below a root that nothing leads out of; nothing where there is none.
#[cfg(target_os = "linux")]
fn by_the_kernel(root: &fs::File, path: &str) -> Option<Vec<u8>> {
    use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
    use std::io::Read;
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let file = openat2(root, path, flags, Mode::empty(), ResolveFlags::IN_ROOT).ok()?;
    let mut content = Vec::new();
    fs::File::from(file).read_to_end(&mut content).ok()?;
    Some(content)
}

#[cfg(target_os = "linux")]
#[test]
fn paths_lead_where_they_lead_the_kernel() {
    if !installed(&ALL) {
        return;
    }
    let place = Workplace::new();
    let places = made(&place, "dos");
    // Each file says where it is.
    for path in [
        "/etc/passwd",
        "/usr/passwd",
        "/data/passwd",
        "/data/mender/passwd",
        "/data/other/passwd",
        "/uboot/passwd",
        "/boot/passwd",
        "/etc/mender/passwd",
        "/var/passwd",
    ] {
        place.put("told", path);
        place.ok(&["cp", "told", &format!("disk.sdimg:{path}")]);
    }
    let Some(mounts) = Mounts::of(&place, "disk.sdimg", &places) else { return };
    let root = fs::File::open(place.path("mounted")).unwrap();
    let device = FileDevice::new(fs::File::open(place.path("disk.sdimg")).unwrap()).unwrap();
    let limits = Limits::default();
    let layout = Layout::read(&device, &limits).unwrap();
    let ours = |path: &str| -> Result<Vec<u8>, Error> {
        let route = layout.route(&device, path.as_bytes(), Choice::ByPath, Purpose::Read, &limits)?;
        let mut content = Vec::new();
        read_file(&device, &layout, &route, &limits, &mut content)?;
        Ok(content)
    };
    let names = [
        "..", "..", "..", "data", "data", "etc", "mender", "mender", "up", "var", "lib", "circle", "conf",
        "above", "own", "other", "usr", "root-etc", "uboot", "boot", ".", "", "none", "passwd",
    ];
    let (mut found, mut crossed) = (0, 0);
    let mut random = noise(40_000).into_iter();
    let mut next = |below: usize| usize::from(random.next().unwrap()) % below;
    for _ in 0..4000 {
        let depth = 1 + next(7);
        let mut path: String = (0..depth).map(|_| format!("/{}", names[next(names.len())])).collect();
        path.push_str("/passwd");
        if path.contains("uboot") && !mounts.have_boot() {
            continue;
        }
        let (theirs, mine) = (by_the_kernel(&root, &path), ours(&path));
        match (&theirs, &mine) {
            (Some(theirs), Ok(mine)) => {
                assert!(theirs == mine, "{path}: {}", String::from_utf8_lossy(mine));
                found += 1;
                crossed += usize::from(mine.starts_with(b"/data") != path.starts_with("/data"));
            }
            (None, Err(error)) => assert!(matches!(error, Error::Path(_)), "{path}: {error}"),
            // On FAT, `..` takes back a name without looking whether it is there.
            (None, Ok(mine)) => assert!(path.contains("uboot") && path.contains(".."), "{path}: {mine:?}"),
            (Some(theirs), Err(error)) => {
                panic!("{path}: {error}, and the kernel: {}", String::from_utf8_lossy(theirs))
            }
        }
    }
    assert!(found > 100 && crossed > 10, "{found} {crossed}");
    drop((root, mounts));
}

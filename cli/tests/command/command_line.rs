//! What is the same for all commands: forms of flags, help, completions, manual pages, quiet, signals.

use crate::unfinished::is_writing;
use crate::workplace::{Workplace, image_bytes, key};
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

#[test]
fn flags_stand_anywhere_in_any_form() {
    let place = Workplace::new();
    place.write_image("a", &["-k", &key("p256-sec1.pem")]);
    let public = key("p256-public.pem");
    let joined = format!("-key={public}");
    let expected = place.ok(&["validate", "a", "-k", &public]);
    for line in [
        &["validate", "-k", &public, "a"][..],
        &["validate", "--no-progress", "a", "--key", &public],
        &["validate", "--no-progress=true", &joined, "a"],
        &["--no-progress", "validate", "a", &joined],
        &["validate", "-k", "missing", "-k", &public, "--", "a"],
    ] {
        assert_eq!(place.ok(line), expected, "{line:?}");
    }
    assert_eq!(
        place.fails(1, &["validate", "a", "b", "-k", &public]),
        "unexpected argument 'b' found; see --help"
    );
    place.fails(1, &["validate", "a", "--no-progress=perhaps", "-k", &public]);
}

#[test]
fn compression_for_all_and_for_one() {
    let place = Workplace::new();
    place.put("img", image_bytes());
    for (before, behind, member) in [
        ("lzma", None, "header.tar.xz"),
        ("lzma", Some("none"), "header.tar"),
        ("none", Some("gzip"), "header.tar.gz"),
    ] {
        let mut line = vec![
            "--compression",
            before,
            "write",
            "rootfs-image",
            "-f",
            "img",
            "-n",
            "r",
            "-c",
            "b",
            "-o",
            "a",
        ];
        line.extend(behind.iter().flat_map(|name| ["--compression", name]));
        place.ok(&line);
        let names: Vec<String> = tar::Archive::new(&place.bytes("a")[..])
            .entries()
            .unwrap()
            .map(|entry| entry.unwrap().path().unwrap().to_str().unwrap().to_owned())
            .collect();
        assert_eq!(names[2], member);
    }
}

#[test]
fn quiet_leaves_failures_and_results() {
    let place = Workplace::new();
    place.put("img", image_bytes());
    place.ok(&["write", "rootfs-image", "-f", "img", "-n", "r", "-t", "b", "-o", "a", "-q"]);
    assert_eq!(place.ok(&["validate", "--quiet", "a"]), "");
    assert_eq!(place.ok(&["-q", "read", "a"]), place.ok(&["read", "a"]));
    assert!(place.fails(5, &["-q", "validate", "img"]).starts_with("img: "));
}

#[test]
fn completions_know_commands_and_flags() {
    let place = Workplace::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = place.ok(&["completions", shell]);
        for word in ["rootfs-image", "compatible-types", "validate"] {
            assert!(script.contains(word), "{shell}: no {word}");
        }
    }
    place.fails(1, &["completions", "tcsh"]);
    place.put("completions", place.ok(&["completions", "bash"]));
    let complete = "source ./completions; COMP_WORDS=(mender-artifact write roo); COMP_CWORD=2; \
                    _mender-artifact mender-artifact roo write; echo \"${COMPREPLY[@]}\"";
    let Ok(said) = Command::new("bash").args(["-c", complete]).current_dir(place.path("")).output() else {
        return println!("skipped: bash is not installed");
    };
    assert_eq!(String::from_utf8(said.stdout).unwrap(), "rootfs-image\n");
}

#[test]
fn the_other_tools_completion_scripts_work() {
    let place = Workplace::new();
    let suggested = |words: &[&str]| place.ok(&[words, &["--generate-bash-completion"]].concat());
    for name in ["write", "read", "validate", "sign"] {
        assert!(suggested(&[]).lines().any(|line| line == name));
    }
    assert!(suggested(&["write"]).starts_with("rootfs-image\n"));
    let flags = suggested(&["read", "--k"]);
    assert!(
        flags.lines().any(|line| line == "--key") && flags.lines().all(|line| line.starts_with("--k")),
        "{flags}"
    );
    let output =
        place.command(&["--generate-bash-completion"]).env("_CLI_ZSH_AUTOCOMPLETE_HACK", "1").output();
    let text = String::from_utf8(output.unwrap().stdout).unwrap();
    assert!(text.lines().all(|line| line.contains(':')), "{text}");
}

#[test]
fn a_manual_page_for_each_command() {
    let place = Workplace::new();
    assert!(place.ok(&["man"]).contains(".TH mender-artifact 1"));
    let page = place.ok(&["man", "write", "rootfs-image"]);
    assert!(
        page.contains("mender\\-artifact\\-write\\-rootfs\\-image") || page.contains("rootfs\\-image"),
        "{page}"
    );
    assert!(page.contains("\\-\\-compatible\\-types"), "{page}");
    place.fails(1, &["man", "frobnicate"]);
    place.ok(&["man", "--output-dir", "pages/man1"]);
    let written = std::fs::read(place.path("pages/man1/mender-artifact-write-rootfs-image.1")).unwrap();
    assert_eq!(written, page.as_bytes());
    assert_eq!(
        std::fs::read(place.path("pages/man1/mender-artifact.1")).unwrap(),
        place.ok(&["man"]).as_bytes()
    );
}

/// On a terminal, which `script` stands in for.
#[test]
fn help_has_a_short_name() {
    let place = Workplace::new();
    assert_eq!(place.ok(&["h", "write"]), place.ok(&["help", "write"]));
    assert_eq!(place.ok(&["h"]), place.ok(&["help"]));
}

#[test]
fn help_is_coloured_only_where_it_may_be() {
    let place = Workplace::new();
    let shown = |no_color: Option<&str>| {
        let line = format!("'{}' read --help", env!("CARGO_BIN_EXE_mender-artifact"));
        let mut script = Command::new("script");
        script.args(["-q", "-c", &line, "/dev/null"]).env("TERM", "xterm").env_remove("NO_COLOR");
        script.envs(no_color.map(|value| ("NO_COLOR", value))).stdin(Stdio::null());
        script.output().map(|output| output.stdout.contains(&0x1b))
    };
    match (shown(None), shown(Some("1"))) {
        (Ok(plain), Ok(without)) => assert!(plain && !without),
        _ => println!("skipped: script (bsdutils) is not installed"),
    }
    assert!(!place.ok(&["read", "--help"]).contains('\u{1b}'));
}

#[test]
fn a_signal_leaves_no_unfinished_file() {
    for (signal, status) in [("-INT", 130), ("-TERM", 143), ("-HUP", 129)] {
        let place = Workplace::new();
        place.put("a", "precious");
        let flags = ["write", "module-image", "-T", "t", "-n", "r", "-c", "b", "-f", "-", "-o", "a"];
        let mut child = place.command(&flags).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // Waits for more than it gets.
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(&image_bytes()).unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        while !is_writing(&place, child.id()) {
            assert!(Instant::now() < deadline, "nothing is being written");
            std::thread::sleep(Duration::from_millis(5));
        }
        Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(status), "{signal}");
        assert_eq!(place.names(), ["a"]);
        assert_eq!(place.bytes("a"), b"precious");
    }
}

#[test]
fn a_signal_that_is_ignored_stays_ignored() {
    let place = Workplace::new();
    place.put("img", image_bytes());
    let line = format!(
        "trap '' HUP; (sleep 0.4; cat img) | '{}' write module-image -T t -n r -c b -f - -o a & \
         sleep 0.2; kill -HUP $!; wait $!",
        env!("CARGO_BIN_EXE_mender-artifact")
    );
    let status = Command::new("sh").args(["-c", &line]).current_dir(place.path("")).status().unwrap();
    assert_eq!(status.code(), Some(0));
    place.ok(&["validate", "a"]);
}

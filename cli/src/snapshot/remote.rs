//! What runs on the device: plain sh, with the programs that a Mender client brings along.

/// Printed by the device directly before the image.
pub(super) const MARKER: &str = "Initializing snapshot...";

/// Becomes root, prints the marker, then the image of the root file system. Clients from version 4 on have a program of
/// its own for it.
pub(super) fn snapshot_script() -> String {
    let dump = format!(
        "PATH=$PATH:/usr/sbin:/sbin; echo {}; \
         if command -v mender-snapshot >/dev/null 2>&1; then exec mender-snapshot dump; fi; \
         exec mender snapshot dump",
        quoted(MARKER)
    );
    as_root(&dump)
}

/// Becomes root and prints what the device provides.
pub(super) fn provides_script() -> String {
    as_root(
        "PATH=$PATH:/usr/sbin:/sbin; \
         if command -v mender-update >/dev/null 2>&1; then exec mender-update show-provides; fi; \
         exec mender show-provides",
    )
}

/// One word for the login shell of the device, whichever that is.
fn as_root(script: &str) -> String {
    let script = quoted(script);
    let switch = format!(
        "if [ \"$(id -u)\" = 0 ]; then exec /bin/sh -c {script}; else exec sudo -S /bin/sh -c {script}; fi"
    );
    format!("/bin/sh -c {}", quoted(&switch))
}

/// A word in single quotes, as sh takes it.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_within_quotes() {
        assert_eq!(quoted("a'b c"), r"'a'\''b c'");
    }

    #[cfg(unix)]
    #[test]
    fn sh_understands_the_quoting() {
        let said = std::process::Command::new("/bin/sh")
            .args(["-c", &format!("/bin/sh -c {}", quoted(&format!("echo {}", quoted("it's \"$HOME\""))))])
            .output()
            .unwrap();
        assert_eq!(said.stdout, b"it's \"$HOME\"\n");
    }
}

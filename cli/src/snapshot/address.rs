//! `ssh://[user@]host[:port]`.

use crate::exit_code::ExitStatus;
use crate::failure::Failure;
use std::path::Path;

const SCHEME: &str = "ssh://";

/// A device that ssh can reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// As it was given, for messages.
    given: String,
    /// `user@host` or `host`, as ssh takes it.
    pub(super) destination: String,
    /// Where it is missing, ssh decides.
    pub(super) port: Option<u16>,
}

impl Address {
    /// The address in the place of a file name; `None` for what is the name of a file.
    pub(crate) fn in_place_of_file(path: &Path) -> Result<Option<Self>, Failure> {
        match path.to_str().and_then(|text| text.strip_prefix(SCHEME)) {
            Some(rest) => Self::parse(rest)
                .map(Some)
                .ok_or_else(|| Failure::about(path, ExitStatus::Usage, "expected ssh://[user@]host[:port]")),
            None => Ok(None),
        }
    }

    fn parse(rest: &str) -> Option<Self> {
        let (user, place) = match rest.rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, rest),
        };
        let (host, port) = match place.strip_prefix('[') {
            // An IPv6 address, which has colons of its own.
            Some(place) => {
                let (host, port) = place.split_once(']')?;
                (host, if port.is_empty() { None } else { Some(port.strip_prefix(':')?) })
            }
            None => match place.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (place, None),
            },
        };
        let port = port.map(str::parse).transpose().ok()?;
        // ssh must not take a name for an option, nor the shell for anything else.
        let is_name = |name: &str| {
            let odd = |character: char| {
                character.is_control() || character.is_whitespace() || "/'\"\\`$".contains(character)
            };
            !name.is_empty() && !name.starts_with('-') && !name.contains(odd)
        };
        if port == Some(0) || !is_name(host) || !user.is_none_or(is_name) {
            return None;
        }
        let destination = user.map_or_else(|| host.to_owned(), |user| format!("{user}@{host}"));
        Some(Self { given: format!("{SCHEME}{rest}"), destination, port })
    }

    /// A failed snapshot.
    pub(super) fn failed(&self, message: impl std::fmt::Display) -> Failure {
        Failure::about(&self.given, ExitStatus::Output, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts() {
        let parts = |text| {
            let address = Address::parse(text).unwrap_or_else(|| panic!("{text}"));
            (address.destination, address.port)
        };
        assert_eq!(parts("device"), ("device".into(), None));
        assert_eq!(parts("root@10.0.0.7:2222"), ("root@10.0.0.7".into(), Some(2222)));
        assert_eq!(parts("a@b@host"), ("a@b@host".into(), None));
        assert_eq!(parts("root@[fe80::1%eth0]:22"), ("root@fe80::1%eth0".into(), Some(22)));
        assert_eq!(parts("[::1]"), ("::1".into(), None));
    }

    #[test]
    fn what_is_no_address() {
        for text in [
            "",
            "@host",
            "user@",
            "host:",
            "host:x",
            "host:0",
            "host:65536",
            "host/path",
            "-oProxyCommand=x",
            "-l@host",
            "a b",
            "[::1",
            "[::1]22",
            "::1",
        ] {
            assert_eq!(Address::parse(text), None, "{text}");
        }
    }

    #[test]
    fn only_ssh_is_no_file() {
        let file = |path: &str| Address::in_place_of_file(Path::new(path));
        assert!(file("image.ext4").unwrap().is_none());
        assert!(file("ssh://device").unwrap().is_some());
        assert_eq!(file("ssh://").unwrap_err().to_string(), "ssh://: expected ssh://[user@]host[:port]");
    }
}

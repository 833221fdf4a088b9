//! Addresses in `RepairFrom`: which one is meant for a base, and what of it may be shown.

use crate::update_module::error::Hex;

use super::problem::{RepairProblem, What};

/// Stands for the SHA-256 of the running system's image.
const PLACEHOLDER: &str = "{base}";
/// Behind the path of the image's address, that of its block list.
const LIST_SUFFIX: &str = ".blocks";

/// An address as it is configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ImageAddress(String);

impl ImageAddress {
    pub(crate) fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Where the image with this digest is.
    ///
    /// # Errors
    ///
    /// No host, a user or password, characters that have no place in an address.
    pub(crate) fn of(&self, sha256: &[u8; 32]) -> Result<String, RepairProblem> {
        let text = self.0.replace(PLACEHOLDER, &Hex(sha256).to_string());
        let expected = "http:// or https:// and a host, and no user, fragment or blank";
        let problem = || RepairProblem { address: shown(&text), what: What::Address { expected } };
        let rest = text.split_once("://").map(|(_, rest)| rest).ok_or_else(problem)?;
        let host = rest.split(['/', '?']).next().unwrap_or_default();
        let odd = |byte: u8| !byte.is_ascii_graphic() || matches!(byte, b'#' | b'\\' | b'"' | b'{' | b'}');
        if host.is_empty() || host.starts_with(':') || host.contains('@') || rest.bytes().any(odd) {
            return Err(problem());
        }
        Ok(text)
    }
}

/// Where the block list of an image is.
pub(crate) fn list_address(image: &str) -> String {
    let (path, query) = image.split_at(image.find('?').unwrap_or(image.len()));
    format!("{path}{LIST_SUFFIX}{query}")
}

/// What may be in a log: no query, which may hold a signature, and no user.
pub(crate) fn shown(address: &str) -> String {
    let path = address.split(['?', '#']).next().unwrap_or_default();
    match path.split_once("://") {
        Some((scheme, rest)) => {
            let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            let host = host.rsplit('@').next().unwrap_or_default();
            format!("{scheme}://{host}{path}")
        }
        None => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bases_are_put_in_and_secrets_are_not_shown() {
        let address = ImageAddress::new("https://h:8/{base}/a.img?key=secret").of(&[0xab; 32]).unwrap();
        let digest = "ab".repeat(32);
        assert_eq!(address, format!("https://h:8/{digest}/a.img?key=secret"));
        assert_eq!(list_address(&address), format!("https://h:8/{digest}/a.img.blocks?key=secret"));
        assert_eq!(list_address("http://h/a"), "http://h/a.blocks");
        assert_eq!(shown(&address), format!("https://h:8/{digest}/a.img"));
        for odd in
            ["http://", "http:///a", "http://u:secret@h/a", "http://h/a b", "http://h/{other}", "http://:1/"]
        {
            let problem = ImageAddress::new(odd).of(&[0; 32]).unwrap_err().to_string();
            assert!(problem.contains("expected http://") && !problem.contains("secret"), "{problem}");
        }
    }
}

//! Patterns of `clears_artifact_provides`: `*` stands for any text, everything else for itself.

/// Whether all of `text` is what `pattern` says.
///
/// Each part between two stars is taken where it is found first, which is right because a later star takes up what is
/// left; so the work grows with `text.len() + pattern.len()`, whatever the pattern.
///
/// ```
/// use mender_delta::fleet::catalog::glob::matches;
/// assert!(matches("rootfs-image.*", "rootfs-image.checksum"));
/// assert!(!matches("rootfs-image.*", "data.rootfs-image.checksum"));
/// ```
#[must_use]
pub fn matches(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(first) else { return false };
    let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    for part in middle.split('*') {
        match text.find(part) {
            Some(at) => text = &text[at + part.len()..],
            None => return false,
        }
    }
    text.ends_with(last)
}

/// As the clients from 4.0 on, written in C++, have it: the same, but a pattern without a star also matches a text that
/// begins and ends with it (looked up in their `CheckClearsMatch`).
#[must_use]
pub fn matches_cpp(pattern: &str, text: &str) -> bool {
    if pattern.is_empty() || pattern.contains('*') {
        return matches(pattern, text);
    }
    text.starts_with(pattern) && text.ends_with(pattern)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn stars_stand_for_any_text() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("*", "anything at all", true),
            ("**", "a", true),
            ("a", "a", true),
            ("a", "aa", false),
            ("a*", "a", true),
            ("a*", "ba", false),
            ("*a", "ba", true),
            ("*a", "ab", false),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("a*bc*c", "abc", false),
            ("a*bc*c", "abcc", true),
            ("*ab*b", "ab", false),
            ("rootfs-image.*", "rootfs-image.", true),
            ("rootfs-image.*", "rootfs-image", false),
            // Nothing else is special.
            ("a.c", "abc", false),
            ("a?c", "abc", false),
            ("[ab]", "a", false),
            ("a\\*", "a*", false),
            ("ä*ß", "ä-ß", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern:?} {text:?}");
        }
    }

    /// A second opinion that is too simple to be wrong, on all short patterns and texts.
    #[test]
    fn all_short_patterns() {
        fn naive(pattern: &[u8], text: &[u8]) -> bool {
            match pattern.split_first() {
                None => text.is_empty(),
                Some((b'*', rest)) => (0..=text.len()).any(|at| naive(rest, &text[at..])),
                Some((byte, rest)) => text.first() == Some(byte) && naive(rest, &text[1..]),
            }
        }
        let words = |letters: &[u8], len: u32| -> Vec<String> {
            let count = letters.len().pow(len);
            let word = |mut number: usize| {
                let mut next = || {
                    let letter = letters[number % letters.len()];
                    number /= letters.len();
                    char::from(letter)
                };
                (0..len).map(|_| next()).collect()
            };
            (0..count).map(word).collect()
        };
        for pattern in (0..=5).flat_map(|len| words(b"ab*", len)) {
            for text in (0..=5).flat_map(|len| words(b"ab", len)) {
                assert_eq!(
                    matches(&pattern, &text),
                    naive(pattern.as_bytes(), text.as_bytes()),
                    "{pattern} {text}"
                );
            }
        }
    }

    #[test]
    fn patterns_made_to_be_slow_are_not() {
        let text = "a".repeat(4096);
        let pattern = "*a".repeat(2047) + "b";
        let start = Instant::now();
        for _ in 0..1000 {
            assert!(!matches(&pattern, &text));
        }
        assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
    }

    #[test]
    fn the_cpp_client_takes_more_without_a_star() {
        assert!(matches_cpp("abc", "abc-abc") && !matches("abc", "abc-abc"));
        assert!(!matches_cpp("abc", "abc-ab") && !matches_cpp("", "a") && matches_cpp("a*", "ab"));
    }
}

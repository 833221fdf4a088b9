//! Words of a command line as text.

/// Separated by blanks, in single quotes where a shell would take a word for something else, ended by a line feed.
pub(super) fn for_shell(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    words.join(" ") + "\n"
}

/// Each ended by NUL.
pub(super) fn ended_by_nul(words: &[String]) -> String {
    words.iter().flat_map(|word| [word.as_str(), "\0"]).collect()
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_only_where_a_shell_wants_it() {
        let words = ["write", "--provides", "a.b:1", "rootfs-image.*", "", "it's", "a b", "$x", "~", "ü"];
        let words = words.map(str::to_owned);
        assert_eq!(
            for_shell(&words),
            "write --provides a.b:1 'rootfs-image.*' '' 'it'\\''s' 'a b' '$x' '~' 'ü'\n"
        );
        assert_eq!(ended_by_nul(&words[..3]), "write\0--provides\0a.b:1\0");
    }
}

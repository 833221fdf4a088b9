//! A page that shows where a delta's bytes go: one file with all it needs, made of `explain_page.html`.

use serde_json::Value;

const PAGE: &str = include_str!("explain_page.html");
/// Where the data goes.
const PLACE: &str = "@DATA@";

/// The page with `data`.
pub(super) fn page(data: &Value) -> String {
    // Inside of a script element only `<` can end the element; JSON has another way to write it.
    PAGE.replace(PLACE, &data.to_string().replace('<', "\\u003c"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_cannot_leave_the_data() {
        assert_eq!(PAGE.matches(PLACE).count(), 1);
        let page = page(&json!({"name": "</script><script>alert(1)</script>"}));
        assert!(page.contains("\\u003c/script>\\u003cscript>alert(1)"));
        assert_eq!(page.matches("</script>").count(), PAGE.matches("</script>").count());
    }

    #[test]
    fn nothing_is_fetched() {
        assert!(PAGE.contains("default-src 'none'"));
        for word in ["http://", "https://", "src=", "@import", "url("] {
            assert!(!PAGE.contains(word), "{word}");
        }
    }
}

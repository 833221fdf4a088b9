//! What was found, as a picture: one page without scripts, fonts or anything else from elsewhere.

use super::found::{Found, FoundPart};
use super::text::{size, text};
use std::fmt::Write;

/// Width of the picture, in its own units.
const WIDTH: u128 = 1000;
/// Parts narrower than this are drawn as wide.
const WIDTH_MIN: u128 = 6;

const STYLE: &str = "body{font-family:sans-serif;margin:2em auto;max-width:70em;padding:0 1em;color:#222;background:#fff}\
pre{background:#f4f4f4;padding:1em;overflow:auto}svg{width:100%;height:auto}\
table{border-collapse:collapse}td,th{padding:.3em .8em;text-align:left;border-bottom:1px solid #ccc}\
.ext{fill:#4878a8}.fat{fill:#c08030}.other{fill:#888}.gap{fill:#e8e8e8}.free{fill:#fff;opacity:.45}\
@media(prefers-color-scheme:dark){body{background:#1c1c1c;color:#ddd}pre{background:#2a2a2a}.gap{fill:#3a3a3a}}";

pub(super) fn page(found: &Found) -> String {
    let mut page = String::new();
    let name = escaped(&found.name);
    // Writing to a String cannot fail.
    let _ = write!(
        page,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width\">\n<title>{name}</title>\n<style>{STYLE}</style>\n<h1>{name}</h1>\n"
    );
    let _ = writeln!(page, "<p>{}</p>", size(found.len_bytes));
    picture(&mut page, found);
    page.push_str("<table>\n<tr><th>Partition<th>Label<th>Content<th>From<th>Size<th>Free<th>Release\n");
    for part in &found.parts {
        let number = part.number.map_or_else(String::new, |number| number.to_string());
        let free = part.free_bytes.map_or_else(String::new, size);
        let info = part.artifact_info.clone().unwrap_or_default();
        let (label, content) = (escaped(&part.label), escaped(&part.content));
        let _ = writeln!(
            page,
            "<tr><td>{number}<td>{label}<td>{content}<td>{}<td>{}<td>{free}<td>{}",
            part.offset,
            size(part.len_bytes),
            escaped(info.trim_start_matches("artifact_name="))
        );
    }
    let _ = writeln!(page, "</table>\n<pre>{}</pre>\n</html>", escaped(&text(found)));
    page
}

/// The image from left to right: parts in their places, each with its free room lighter.
fn picture(page: &mut String, found: &Found) {
    let place = |at: u64| u128::from(at) * WIDTH / u128::from(found.len_bytes.max(1));
    let _ = writeln!(
        page,
        "<svg viewBox=\"0 0 {WIDTH} 90\" role=\"img\" aria-label=\"layout\">\n<rect class=\"gap\" width=\"{WIDTH}\" \
         height=\"60\"/>"
    );
    for part in &found.parts {
        let (from, to) = (place(part.offset), place(part.offset.saturating_add(part.len_bytes)));
        let width = to.saturating_sub(from).max(WIDTH_MIN);
        let free = part.free_bytes.map_or(0, |free| {
            u128::from(free.min(part.len_bytes)) * width / u128::from(part.len_bytes.max(1))
        });
        let title = escaped(&title(part));
        let _ = writeln!(
            page,
            "<g><title>{title}</title><rect class=\"{}\" x=\"{from}\" width=\"{width}\" height=\"60\" stroke=\"#fff\"/>\
             <rect class=\"free\" x=\"{}\" width=\"{free}\" height=\"60\"/></g>",
            class(part),
            from + width - free
        );
        if width > 40 {
            let number = part.number.map_or_else(String::new, |number| number.to_string());
            let _ = writeln!(
                page,
                "<text x=\"{}\" y=\"80\" font-size=\"14\" text-anchor=\"middle\" fill=\"currentColor\">{number} {}</text>",
                from + width / 2,
                escaped(&part.content.chars().take(12).collect::<String>())
            );
        }
    }
    page.push_str("</svg>\n");
}

fn title(part: &FoundPart) -> String {
    let number = part.number.map_or_else(String::new, |number| format!("{number} "));
    format!("{number}{} {}, {}", part.label, part.content, size(part.len_bytes))
}

fn class(part: &FoundPart) -> &'static str {
    match part.content.as_str() {
        content if content.starts_with("ext") => "ext",
        content if content.starts_with("fat") => "fat",
        _ => "other",
    }
}

/// Text that a browser takes for nothing else.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' => escaped.push('\n'),
            control if control.is_control() => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_an_image_becomes_markup() {
        let part = FoundPart {
            number: Some(1),
            label: "<script>".into(),
            kind: None,
            offset: 0,
            len_bytes: 0,
            content: "ext4".into(),
            content_len_bytes: None,
            block_len_bytes: None,
            free_bytes: Some(u64::MAX),
            artifact_info: Some("artifact_name=<b>&\"'".into()),
            confs: Vec::new(),
            problem: None,
        };
        let found = Found {
            name: "<i>".into(),
            len_bytes: 0,
            in_artifact: false,
            scheme: None,
            table_problem: None,
            sector_len_bytes: None,
            parts: vec![part],
        };
        let page = page(&found);
        assert!(!page.contains("<script") && !page.contains("<b>") && !page.contains("<i>"), "{page}");
        assert!(page.contains("&lt;b&gt;&amp;&quot;&#39;"));
    }
}

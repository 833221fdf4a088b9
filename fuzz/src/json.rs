//! Our check of JSON beside serde_json, and the walk through what it has accepted.

use mender_artifact::json::check::{check, scratch_bytes};
use mender_artifact::json::value::Value;
use serde_json::Value as Theirs;

/// A document.
pub fn run(data: &[u8]) {
    let mut scratch = [0xa5; scratch_bytes(64, 32)];
    let theirs = serde_json::from_slice::<Theirs>(data);
    match check(data, 32, &mut scratch) {
        Ok(value) => {
            let theirs = theirs.unwrap_or_else(|error| panic!("serde_json: {error}"));
            compare(value, &theirs);
        }
        Err(error) => {
            let text = error.to_string();
            crate::reading::check_message(&text);
            let stricter = ["more than once", "too many", "too deep", "nested", "fits a double"];
            assert!(theirs.is_err() || stricter.iter().any(|why| text.contains(why)), "{text}");
        }
    }
}

fn compare(ours: Value<'_>, theirs: &Theirs) {
    match theirs {
        Theirs::Null => assert!(ours.is_null()),
        Theirs::String(text) => assert!(ours.as_text().is_some_and(|ours| ours == **text), "{text:?}"),
        Theirs::Array(items) => {
            let ours: Vec<_> = ours.items().unwrap().collect();
            assert_eq!(ours.len(), items.len());
            ours.into_iter().zip(items).for_each(|(ours, theirs)| compare(ours, theirs));
        }
        Theirs::Object(members) => {
            let ours: Vec<_> = ours.members().unwrap().collect();
            assert_eq!(ours.len(), members.len());
            for ((key, ours), (name, theirs)) in ours.into_iter().zip(members) {
                assert!(key == **name, "{key:?} {name:?}");
                compare(ours, theirs);
            }
        }
        Theirs::Number(number) => {
            if let Some(ours) = ours.as_u64() {
                assert_eq!(number.as_u64(), Some(ours));
            }
            assert!(ours.items().is_none() && ours.members().is_none() && ours.as_text().is_none());
        }
        Theirs::Bool(_) => assert!(["true", "false"].contains(&ours.text())),
    }
}

//! What a header and an augmented header together say of a payload, as devices understand it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Augment, PayloadHeader, TypeInfoValue};
use crate::error::{Defect, Entry, Error};

/// Merges the two descriptions of payload `index`.
///
/// The added type takes the place of the signed one, and so do added clears. Added provides and
/// depends go before signed ones of the same key. Meta-data is merged object by object; everything
/// else in it, lists too, takes the place of what has the same key. Added files stand last.
///
/// # Errors
/// [`Defect::Mismatch`] where a list would take the place of a single text or the other way round,
/// or in meta-data an object, list or single value that of another kind.
pub fn merge(index: u16, augment: &Augment) -> Result<PayloadHeader, Error> {
    let Augment { signed, added } = augment;
    let map = |name: &'static str, signed: &BTreeMap<_, _>, added| {
        merge_values(signed.clone(), added).map_err(|key| {
            let error = Error::new(Defect::Mismatch, Entry::AugmentTypeInfo(index));
            error.named(key.as_bytes()).expected(name)
        })
    };
    Ok(PayloadHeader {
        payload_type: added.payload_type.clone(),
        provides: map("the kind of value that the signed provide has", &signed.provides, &added.provides)?,
        depends: map("the kind of value that the signed depend has", &signed.depends, &added.depends)?,
        clears: added.clears.clone().or_else(|| signed.clears.clone()),
        meta_data: match (&signed.meta_data, &added.meta_data) {
            (Some(signed), Some(added)) => {
                let mut merged = signed.clone();
                merge_json(&mut merged, added, "meta-data").map_err(|key| {
                    let error = Error::new(Defect::Mismatch, Entry::AugmentMetaData(index));
                    error.named(key.as_bytes()).expected("the kind of value that the signed header has")
                })?;
                Some(merged)
            }
            (signed, added) => added.clone().or_else(|| signed.clone()),
        },
        files: [&signed.files[..], &added.files].concat(),
    })
}

/// Fails with a key that has a list on one side and a single text on the other.
fn merge_values(
    mut merged: BTreeMap<String, TypeInfoValue>,
    added: &BTreeMap<String, TypeInfoValue>,
) -> Result<BTreeMap<String, TypeInfoValue>, &str> {
    for (key, value) in added {
        let before = merged.insert(key.clone(), value.clone());
        let same_kind =
            before.is_none_or(|before| std::mem::discriminant(&before) == std::mem::discriminant(value));
        if !same_kind {
            return Err(key);
        }
    }
    Ok(merged)
}

/// Puts `added` over `merged`, the value of `key`. Fails with the key of two values that are not of one kind.
fn merge_json<'a>(merged: &mut Value, added: &'a Value, key: &'a str) -> Result<(), &'a str> {
    match (&mut *merged, added) {
        (Value::Object(merged), Value::Object(added)) => {
            for (key, value) in added {
                match merged.get_mut(key) {
                    Some(before) => merge_json(before, value, key)?,
                    None => drop(merged.insert(key.clone(), value.clone())),
                }
            }
            Ok(())
        }
        (Value::Object(_), _) | (_, Value::Object(_)) => Err(key),
        (before, _) if before.is_array() != added.is_array() => Err(key),
        (before, _) => {
            *before = added.clone();
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn payload(json: Value) -> PayloadHeader {
        PayloadHeader { meta_data: Some(json), ..PayloadHeader::default() }
    }

    fn meta_data(signed: Value, added: Value) -> Result<Value, String> {
        let augment = Augment { signed: payload(signed), added: payload(added) };
        merge(0, &augment).map(|merged| merged.meta_data.unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn meta_data_is_merged_as_the_reference_tool_merges_it() {
        // What the reference tool 3.9.0 shows for the same two files.
        assert_eq!(
            meta_data(
                json!({"l": [1, 2], "o": {"x": 1, "y": [1]}, "s": "a", "k": 1, "mix": {"a": 1}}),
                json!({"l": [3], "o": {"y": [2], "z": null}, "s": "b", "n": 1}),
            ),
            Ok(
                json!({"k": 1, "l": [3], "mix": {"a": 1}, "n": 1, "o": {"x": 1, "y": [2], "z": null}, "s": "b"})
            )
        );
        assert_eq!(meta_data(json!({"s": "a"}), json!({"s": 1})), Ok(json!({"s": 1})));
        assert_eq!(meta_data(json!({"s": "a"}), json!({"s": null})), Ok(json!({"s": null})));
        for (signed, added) in [
            (json!({"mix": {"a": 1}}), json!({"mix": 1})),
            (json!({"mix": {"a": 1}}), json!({"mix": null})),
            (json!({"mix": "s"}), json!({"mix": {"a": 1}})),
            (json!({"mix": [1]}), json!({"mix": "x"})),
            (json!({"mix": [1]}), json!({"mix": null})),
            (json!({"mix": 1}), json!({"mix": [1]})),
            (json!({"mix": [1]}), json!({"mix": {}})),
            (json!({"o": {"mix": 1}}), json!({"o": {"mix": {}}})),
        ] {
            assert_eq!(
                meta_data(signed, added).unwrap_err(),
                "header-augment.tar/headers/0000/meta-data: 'mix': contradiction: expected the kind of value that \
                 the signed header has"
            );
        }
    }

    #[test]
    fn lists_and_texts_do_not_mix() {
        let one = |text: &str| TypeInfoValue::One(text.into());
        let provides = |value| PayloadHeader {
            provides: BTreeMap::from([("a".to_owned(), value)]),
            ..PayloadHeader::default()
        };
        let merged = |signed, added| merge(3, &Augment { signed: provides(signed), added: provides(added) });
        assert_eq!(merged(one("x"), one("y")).unwrap().provides["a"], one("y"));
        assert_eq!(
            merged(one("x"), TypeInfoValue::Many(Vec::new())).unwrap_err().to_string(),
            "header-augment.tar/headers/0003/type-info: 'a': contradiction: expected the kind of value that the \
             signed provide has"
        );
    }
}

//! JSON objects whose keys come from outside: no key twice, and no more of them than the limits grant.

use super::limits::{MAX_KEYS, MAX_LIST};
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

/// An object, or null for an empty one.
pub(super) fn map<'de, D, V>(deserializer: D) -> Result<BTreeMap<String, V>, D::Error>
where
    D: Deserializer<'de>,
    V: Deserialize<'de>,
{
    struct Map<V>(PhantomData<V>);
    impl<'de, V: Deserialize<'de>> Visitor<'de> for Map<V> {
        type Value = BTreeMap<String, V>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Ok(BTreeMap::new())
        }

        fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
            let mut map = BTreeMap::new();
            while let Some((key, value)) = access.next_entry::<String, V>()? {
                if map.len() == MAX_KEYS {
                    return Err(A::Error::custom(format_args!(
                        "expected at most {MAX_KEYS} keys, found more"
                    )));
                }
                if map.contains_key(&key) {
                    return Err(A::Error::custom("a key is there twice"));
                }
                map.insert(key, value);
            }
            Ok(map)
        }
    }
    deserializer.deserialize_any(Map(PhantomData))
}

/// A list, or null for an empty one.
pub(super) fn list<'de, D, V>(deserializer: D) -> Result<Vec<V>, D::Error>
where
    D: Deserializer<'de>,
    V: Deserialize<'de>,
{
    Ok(Option::<Bounded<V>>::deserialize(deserializer)?.map(|list| list.0).unwrap_or_default())
}

/// A list, or null for none.
pub(super) fn optional_list<'de, D, V>(deserializer: D) -> Result<Option<Vec<V>>, D::Error>
where
    D: Deserializer<'de>,
    V: Deserialize<'de>,
{
    Ok(Option::<Bounded<V>>::deserialize(deserializer)?.map(|list| list.0))
}

/// A list of at most [`MAX_LIST`] values.
struct Bounded<V>(Vec<V>);

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Bounded<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List<V>(PhantomData<V>);
        impl<'de, V: Deserialize<'de>> Visitor<'de> for List<V> {
            type Value = Bounded<V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
                let mut list = Vec::new();
                while let Some(value) = access.next_element()? {
                    if list.len() == MAX_LIST {
                        return Err(A::Error::custom(format_args!(
                            "expected at most {MAX_LIST} values, found more"
                        )));
                    }
                    list.push(value);
                }
                Ok(Bounded(list))
            }
        }
        deserializer.deserialize_seq(List(PhantomData))
    }
}

/// One text or a list of them, as a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct OneOrMany(pub(super) Vec<String>);

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Texts;
        impl<'de> Visitor<'de> for Texts {
            type Value = OneOrMany;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a list of texts")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<OneOrMany, E> {
                Ok(OneOrMany(vec![text.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<OneOrMany, A::Error> {
                let mut list = Vec::new();
                while let Some(text) = access.next_element::<String>()? {
                    if list.len() == MAX_LIST {
                        return Err(A::Error::custom(format_args!(
                            "expected at most {MAX_LIST} values, found more"
                        )));
                    }
                    list.push(text);
                }
                Ok(OneOrMany(list))
            }
        }
        deserializer.deserialize_any(Texts)
    }
}

/// A text, or anything else that a place may hold where only texts count.
pub(super) enum MaybeText {
    Text(String),
    Other,
}

impl<'de> Deserialize<'de> for MaybeText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = MaybeText;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<MaybeText, E> {
                Ok(MaybeText::Text(text.to_owned()))
            }

            fn visit_bool<E: Error>(self, _: bool) -> Result<MaybeText, E> {
                Ok(MaybeText::Other)
            }

            fn visit_i64<E: Error>(self, _: i64) -> Result<MaybeText, E> {
                Ok(MaybeText::Other)
            }

            fn visit_u64<E: Error>(self, _: u64) -> Result<MaybeText, E> {
                Ok(MaybeText::Other)
            }

            fn visit_f64<E: Error>(self, _: f64) -> Result<MaybeText, E> {
                Ok(MaybeText::Other)
            }

            fn visit_unit<E: Error>(self) -> Result<MaybeText, E> {
                Ok(MaybeText::Other)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<MaybeText, A::Error> {
                while access.next_element::<IgnoredAny>()?.is_some() {}
                Ok(MaybeText::Other)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<MaybeText, A::Error> {
                while access.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(MaybeText::Other)
            }
        }
        deserializer.deserialize_any(Any)
    }
}

//! The documents of a header archive, changed.

use serde_json::{Map, Value};
use std::collections::BTreeMap;

use super::archive::{HEADER_INFO, HeaderFiles, META_DATA, SCRIPTS, TYPE_INFO};
use super::{CHECKSUM_PROVIDES, Changes, NewContent};
use crate::digest::to_hex;
use crate::error::{Defect, Entry, Error};
use crate::header::TypeInfoValue;
use crate::rewrite::split::Member;
use crate::tar::writer::Member as NewMember;
use crate::write::json::push_value;

/// The key of what a payload clears.
const CLEARS: &str = "clears_artifact_provides";

/// Changes header-info where it has to.
pub(super) fn change_info(files: &mut HeaderFiles, changes: &Changes<'_>) -> Result<(), Error> {
    let mut info = files.json(HEADER_INFO)?;
    let before = info.clone();
    if let Some(provides) = info.get_mut("artifact_provides").and_then(Value::as_object_mut) {
        if let Some(name) = &changes.artifact_name {
            provides.insert("artifact_name".into(), name.as_str().into());
        }
        if let Some(group) = &changes.provides_group {
            let group = Some(Value::from(group.as_str())).filter(|_| !group.is_empty());
            set(provides, "artifact_group", group);
        }
    }
    if let Some(depends) = info.get_mut("artifact_depends").and_then(Value::as_object_mut) {
        for (key, list) in
            [("artifact_name", &changes.depends_names), ("artifact_group", &changes.depends_groups)]
        {
            if let Some(list) = list {
                set(depends, key, texts(list));
            }
        }
        // The order in which they are written from the start.
        arrange(depends, &["artifact_name", "device_type", "artifact_group"]);
    }
    put_changed(files, HEADER_INFO, &before, &info)
}

/// In format version 2 only the name can change.
pub(super) fn change_version_2(files: &mut HeaderFiles, changes: &Changes<'_>) -> Result<(), Error> {
    let mut info = files.json(HEADER_INFO)?;
    let before = info.clone();
    if let (Some(name), Some(info)) = (&changes.artifact_name, info.as_object_mut()) {
        info.insert("artifact_name".into(), name.as_str().into());
    }
    put_changed(files, HEADER_INFO, &before, &info)
}

/// Replaces provides and depends of the first payload.
pub(super) fn change_values(files: &mut HeaderFiles, changes: &Changes<'_>) -> Result<(), Error> {
    edit_type_info(files, |info| {
        for (key, values) in values(changes) {
            if let Some(values) = values {
                set(info, key, object(values));
            }
        }
    })
}

/// Takes out provides and depends that are to be replaced.
pub(super) fn remove_values(files: &mut HeaderFiles, changes: &Changes<'_>) -> Result<(), Error> {
    edit_type_info(files, |info| {
        for (key, values) in values(changes) {
            if values.is_some() {
                set(info, key, None);
            }
        }
    })
}

/// Has the provides with the checksum of the content follow it: those that hold the old one, or `all` of them.
pub(super) fn change_checksum(files: &mut HeaderFiles, content: &NewContent, all: bool) -> Result<(), Error> {
    let before = to_hex(&content.before);
    edit_type_info(files, |info| {
        let Some(provides) = info.get_mut("artifact_provides").and_then(Value::as_object_mut) else { return };
        for key in CHECKSUM_PROVIDES {
            match provides.get_mut(key) {
                Some(value) if all || *value == before.as_str() => *value = to_hex(&content.after).into(),
                _ => {}
            }
        }
    })
}

type Values = BTreeMap<String, TypeInfoValue>;

fn values<'c>(changes: &'c Changes<'_>) -> [(&'static str, Option<&'c Values>); 2] {
    [("artifact_depends", changes.depends.as_ref()), ("artifact_provides", changes.provides.as_ref())]
}

/// Whether the first payload says what it clears.
pub(super) fn has_clears(files: &HeaderFiles) -> Result<bool, Error> {
    Ok(files.json(TYPE_INFO)?.get(CLEARS).is_some())
}

/// Changes what the first payload clears. Gives the patterns that were to be taken away and are not there.
pub(super) fn change_clears(files: &mut HeaderFiles, changes: &Changes<'_>) -> Result<Vec<String>, Error> {
    let mut not_found: Vec<String> = Vec::new();
    edit_type_info(files, |info| {
        let mut clears: Vec<Value> = match info.get(CLEARS) {
            Some(Value::Array(clears)) => clears.clone(),
            _ => Vec::new(),
        };
        for pattern in &changes.add_clears {
            if !clears.iter().any(|known| known == pattern.as_str()) {
                clears.push(pattern.as_str().into());
            }
        }
        for pattern in &changes.remove_clears {
            let is_there = clears.iter().any(|known| known == pattern.as_str());
            if !is_there && !not_found.contains(pattern) {
                not_found.push(pattern.clone());
            }
        }
        clears.retain(|known| !changes.remove_clears.iter().any(|gone| known == gone.as_str()));
        // A list that has become empty stays: without one a device takes all provides away.
        if info.contains_key(CLEARS) || !clears.is_empty() {
            info.insert(CLEARS.into(), clears.into());
        }
    })?;
    Ok(not_found)
}

fn edit_type_info(files: &mut HeaderFiles, edit: impl FnOnce(&mut Map<String, Value>)) -> Result<(), Error> {
    let mut info = files.json(TYPE_INFO)?;
    let before = info.clone();
    if let Some(info) = info.as_object_mut() {
        edit(info);
        arrange(info, &["type", "artifact_depends", "artifact_provides", CLEARS]);
    }
    put_changed(files, TYPE_INFO, &before, &info)
}

/// Whether the first payload has meta-data.
pub(super) fn has_meta_data(files: &HeaderFiles) -> bool {
    files.get(META_DATA).is_some_and(|text| !text.is_empty())
}

/// Replaces the meta-data of the first payload. Of no object, or an empty one, nothing is left.
pub(super) fn change_meta_data(files: &mut HeaderFiles, value: &Value) -> Result<(), Error> {
    let mut text = String::new();
    if value.as_object().is_some_and(|object| !object.is_empty()) {
        push_value(&mut text, value);
    }
    if files.get(META_DATA).is_some() {
        return files.put(META_DATA, text.into_bytes());
    }
    let type_info = files.members.iter().position(|member| member.name == TYPE_INFO);
    match type_info {
        Some(at) if !text.is_empty() => files.insert_like(at + 1, META_DATA, text.into_bytes(), at),
        _ => Ok(()),
    }
}

/// Adds state scripts among those that are there, in the order of their names.
pub(super) fn add_scripts(files: &mut HeaderFiles, changes: &Changes<'_>) -> Result<(), Error> {
    for input in &changes.add_scripts {
        let script = &input.script;
        let name = format!("{SCRIPTS}{}", script.name);
        if files.get(&name).is_some() {
            return Err(Error::new(Defect::Duplicate, Entry::Script).named(script.name.as_bytes()));
        }
        let size = script.contents.len() as u64;
        let header = NewMember { name: &name, size, mode: script.mode, modified: input.modified };
        let raw = header.to_header()?;
        let is_script = |member: &Member| member.name.starts_with(SCRIPTS) && !member.is_directory;
        let behind_all = || files.members.iter().rposition(is_script).map_or(1, |last| last + 1);
        let before = files.members.iter().position(|member| is_script(member) && member.name > name);
        let at = before.unwrap_or_else(behind_all);
        files.insert(at, Member { raw, name, is_directory: false, contents: script.contents.clone() });
    }
    Ok(())
}

/// What an object of texts and lists is in JSON; `None` if it is empty.
fn object(values: &Values) -> Option<Value> {
    let value = |value: &TypeInfoValue| match value {
        TypeInfoValue::One(text) => Value::from(text.as_str()),
        TypeInfoValue::Many(texts) => Value::from(texts.as_slice()),
    };
    let object: Map<_, _> = values.iter().map(|(key, it)| (key.clone(), value(it))).collect();
    Some(Value::Object(object)).filter(|_| !values.is_empty())
}

/// The texts that are not empty; `None` if there is none.
fn texts(list: &[String]) -> Option<Value> {
    let texts: Vec<&str> = list.iter().map(String::as_str).filter(|text| !text.is_empty()).collect();
    if texts.is_empty() { None } else { Some(Value::from(texts)) }
}

/// Sets or removes a member of an object.
fn set(object: &mut Map<String, Value>, key: &str, value: Option<Value>) {
    match value {
        Some(value) => {
            object.insert(key.into(), value);
        }
        None => {
            object.shift_remove(key);
        }
    }
}

/// Brings the members with these keys into this order, behind any others.
fn arrange(object: &mut Map<String, Value>, order: &[&str]) {
    for key in order {
        if let Some((key, value)) = object.shift_remove_entry(*key) {
            object.insert(key, value);
        }
    }
}

/// Puts a document that has become different in the place of the old one.
fn put_changed(files: &mut HeaderFiles, name: &str, before: &Value, after: &Value) -> Result<(), Error> {
    if before == after {
        return Ok(());
    }
    files.put(name, text_of(after).into_bytes())
}

/// Minified, in the order of its members, with the escapes of the reference tool. These only occur inside of strings.
fn text_of(value: &Value) -> String {
    let mut text = String::new();
    for character in value.to_string().chars() {
        match character {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                text.push_str(&format!("\\u{:04x}", u32::from(character)));
            }
            other => text.push(other),
        }
    }
    text
}

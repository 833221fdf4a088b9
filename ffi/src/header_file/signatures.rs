//! The functions of a header beside those of the source: same names, same types, none on one side only. What cbindgen
//! would write can be read here, and the header stays a text for people: it has an order, prose and names of its own.
//! (mender-device uses this file, too.)

use std::collections::{BTreeMap, BTreeSet};
use std::format;
use std::fs;
use std::path::Path;
use std::string::{String, ToString};
use std::vec::Vec;

/// Functions by name, as C would declare them.
type Functions = BTreeMap<String, String>;

/// What stands above a function that C can call. (In two pieces, so that this is none.)
const EXPORTED: &str = concat!("#[unsafe", "(no_mangle)]");

/// Text without comments and what is for a preprocessor, each run of white space one space.
fn bare(text: &str) -> String {
    let mut kept = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("/*") {
        kept.push_str(&rest[..start]);
        rest = rest[start..].find("*/").map_or("", |end| &rest[start + end + 2..]);
    }
    kept.push_str(rest);
    let is_kept = |line: &&str| {
        !line.trim_start().starts_with("//") && (!line.starts_with('#') || line.starts_with(EXPORTED))
    };
    let lines = kept.lines().filter(is_kept);
    lines.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ")
}

/// A parameter or result of C without its name: `const char *path` → `const char *`.
fn c_type(declared: &str, has_name: bool) -> String {
    let declared = declared.trim();
    let kept = if has_name && declared != "void" {
        declared.trim_end_matches(|c: char| c.is_alphanumeric() || c == '_').trim_end()
    } else {
        declared
    };
    kept.replace(" *", "*")
}

/// What the header declares.
pub(crate) fn declared(header: &str) -> Functions {
    let header = bare(header);
    let mut functions = Functions::new();
    for statement in header.split([';', '{', '}']) {
        let Some((before, parameters)) = statement.trim().split_once('(') else { continue };
        let name_at = before.rfind([' ', '*']).map_or(0, |at| at + 1);
        let name = &before[name_at..];
        let Some(parameters) = parameters.strip_suffix(')').filter(|_| name.starts_with("mar_")) else {
            continue;
        };
        let parameters: Vec<_> = parameters.split(',').map(|one| c_type(one, true)).collect();
        let result = c_type(&before[..name_at], false);
        functions.insert(name.to_string(), format!("{result} ({})", parameters.join(", ")));
    }
    functions
}

/// A Rust type as C writes it; structures by what their documentation says that they are.
fn in_c(rust: &str, names: &BTreeMap<String, String>) -> String {
    let rust = rust.trim();
    for (pointer, constant) in [("*const ", "const "), ("*mut ", "")] {
        if let Some(target) = rust.strip_prefix(pointer) {
            return format!("{constant}{}*", in_c(target, names));
        }
    }
    let base = match rust {
        "c_char" => "char",
        "c_int" => "int",
        "c_void" => "void",
        "u8" => "uint8_t",
        "u32" => "uint32_t",
        "u64" => "uint64_t",
        "usize" => "size_t",
        other => names.get(other).map_or(other, String::as_str),
    };
    base.to_string()
}

/// `pub struct Name` below a line of documentation that says which one of the header it is.
fn structures(source: &str) -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    let mut last = None;
    for line in source.lines() {
        if let Some(said) = line.strip_prefix("/// `") {
            last = said.split_once('`').map(|(name, _)| name).filter(|name| name.contains("mar_"));
        } else if let Some(declared) = line.strip_prefix("pub struct ") {
            let end = declared.find(|c: char| !c.is_alphanumeric()).unwrap_or(declared.len());
            if let Some(name) = last.take() {
                names.insert(declared[..end].to_string(), name.to_string());
            }
        }
    }
    names
}

fn sources(folder: &Path, into: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(fs::read_to_string(path).unwrap());
        }
    }
}

/// What the source below `folder` exports.
pub(crate) fn exported(folder: &Path) -> Functions {
    let mut texts = Vec::new();
    sources(folder, &mut texts);
    let mut everywhere = BTreeMap::new();
    for text in &texts {
        everywhere.extend(structures(text));
    }
    let mut functions = Functions::new();
    for text in &texts {
        // Names mean what they mean in their own file first.
        let mut names = everywhere.clone();
        names.extend(structures(text));
        for function in bare(text).split(EXPORTED).skip(1) {
            let (_, signature) = function.split_once(" fn ").unwrap();
            let (name, rest) = signature.split_once('(').unwrap();
            let (parameters, rest) = rest.split_once(')').unwrap();
            let result = rest.split('{').next().unwrap().trim().strip_prefix("->").unwrap_or("c_void");
            let mut types: Vec<_> = parameters
                .split(',')
                .filter_map(|one| one.split_once(':'))
                .map(|(_, of)| in_c(of, &names))
                .collect();
            if types.is_empty() {
                types.push("void".to_string());
            }
            functions.insert(name.to_string(), format!("{} ({})", in_c(result, &names), types.join(", ")));
        }
    }
    functions
}

/// Fails where the two differ, and says where.
pub(crate) fn compare(header: &str, folder: &Path) {
    let (declared, exported) = (declared(header), exported(folder));
    assert!(declared.len() > 10, "{declared:?}");
    let names: BTreeSet<_> = declared.keys().chain(exported.keys()).collect();
    let differing: Vec<_> = names
        .into_iter()
        .map(|name| (name, declared.get(name), exported.get(name)))
        .filter(|(_, declared, exported)| declared != exported)
        .collect();
    assert!(differing.is_empty(), "name, header, source: {differing:#?}");
}

#[test]
fn differences_are_seen() {
    let header = "/* int mar_no(void); */\nint mar_a(const char *path,\n    size_t len);\nvoid mar_b(void);";
    let found = declared(header);
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(found["mar_a"], "int (const char*, size_t)");
    assert_eq!(found["mar_b"], "void (void)");
}

//! What was found, for programs; the schema is `docs/inspect.schema.json`.

use super::found::{Found, FoundConf, FoundPart};
use serde_json::{Value, json};

pub(super) fn document(found: &Found) -> String {
    let parts: Vec<Value> = found.parts.iter().map(part).collect();
    let table = found.scheme.as_ref().map(|scheme| {
        json!({
            "scheme": scheme,
            "sector_size_bytes": found.sector_len_bytes,
            "problem": found.table_problem,
        })
    });
    let document = json!({
        "name": found.name,
        "size_bytes": found.len_bytes,
        "in_artifact": found.in_artifact,
        "partition_table": table,
        "parts": parts,
    });
    format!("{document:#}\n")
}

fn part(part: &FoundPart) -> Value {
    json!({
        "partition": part.number,
        "label": part.label,
        "type": part.kind,
        "offset_bytes": part.offset,
        "size_bytes": part.len_bytes,
        "content": part.content,
        "content_size_bytes": part.content_len_bytes,
        "block_size_bytes": part.block_len_bytes,
        "free_bytes": part.free_bytes,
        "artifact_info": part.artifact_info,
        "configurations": part.confs.iter().map(conf).collect::<Vec<_>>(),
        "problem": part.problem,
    })
}

fn conf(conf: &FoundConf) -> Value {
    json!({
        "path": conf.path,
        "server_url": conf.server_url,
        "keys": conf.keys,
        "problem": conf.problem,
    })
}

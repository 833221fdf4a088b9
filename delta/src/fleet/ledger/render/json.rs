//! A report as JSON; keys are only ever added.

use crate::fleet::ledger::figures::Figures;
use crate::fleet::ledger::report::{Kinds, Report, Row};
use serde_json::{Map, Value, json};

/// All rows, apart by kind, with the total and the days.
#[must_use]
pub fn json(report: &Report) -> Value {
    json!({
        "v": 1,
        "tenant": report.tenant,
        "by": report.query.by.name(),
        "since": report.query.since.map(|day| day.to_string()),
        "until": report.query.until.map(|day| day.to_string()),
        "total": kinds(&report.total),
        "rows": report.rows.iter().map(row).collect::<Vec<_>>(),
        "days": report.days.iter().map(row).collect::<Vec<_>>(),
    })
}

fn row(row: &Row) -> Value {
    let mut value = json!({ "name": row.name });
    if let (Value::Object(value), Value::Object(kinds)) = (&mut value, kinds(&row.kinds)) {
        value.extend(kinds);
    }
    value
}

fn kinds(kinds: &Kinds) -> Value {
    let mut value = Map::new();
    value.insert("all".to_owned(), figures(&kinds.all()));
    for (kind, of_kind) in kinds.named() {
        if of_kind != Figures::default() {
            value.insert(kind.to_owned(), figures(&of_kind));
        }
    }
    Value::Object(value)
}

fn figures(figures: &Figures) -> Value {
    Value::Object(figures.named().map(|(name, number)| (name.to_owned(), number.into())).collect())
}

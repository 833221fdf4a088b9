//! What a Mender server has to be told so that it accepts a device that it has not seen: the body of
//! `POST /api/management/v2/devauth/devices`.

use super::record::Record;
use serde_json::json;

/// The body for a device, as one line with its line end.
pub(crate) fn line(record: &Record) -> String {
    format!("{}\n", json!({"identity_data": record.identity_json(), "pubkey": record.public_key}))
}

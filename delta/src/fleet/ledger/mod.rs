//! What devices really downloaded: an append-only ledger of events, and reports of it.
//!
//! * [`record`]: one event as it comes from outside; [`refusal`]: why one is not taken.
//! * [`open`]: a ledger, in an SQLite file or in PostgreSQL; what is done with it is done for one tenant.
//! * [`import`]: events from JSON lines and from S3 server access logs.
//! * [`report`]: sums by device, deployment, tenant or day; [`render`]: as text, JSON, CSV and as a page.
//!
//! docs/ledger.md says what each figure means. Sums are kept beside the events and change in the same transaction, so that a
//! report does not read the events; [`check`] proves that they are what the events say.

mod append;
mod backend;
pub mod check;
pub mod error;
mod event;
pub mod figures;
pub mod import;
pub mod open;
mod postgres;
mod ranges;
pub mod record;
pub mod refusal;
pub mod render;
pub mod report;
mod sqlite;
mod tally;
mod time;

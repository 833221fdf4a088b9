//! `mar_catalog_*`, `mar_engine_*` and `mar_job_*`: what a server links. Skins over `mender_delta::fleet`, whose JSON goes
//! through as it is.

pub mod catalog;
pub mod engine;
pub mod job;
mod options;
pub mod progress;
mod question;
mod refusal;
pub mod unfinished;

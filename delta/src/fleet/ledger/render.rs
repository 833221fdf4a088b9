//! Reports for people and programs. Same report, same bytes.

mod chart;
mod csv;
mod html;
mod json;
mod size;
mod text;

pub use csv::csv;
pub use html::html;
pub use json::json;
pub use text::text;

//! Delta or full image: for one device that asks, and for a whole fleet before anyone does.
//!
//! * [`policy`]: what a tenant wants and is granted.
//! * [`reason`]: why a device gets the full image.
//! * [`insight`]: what others know: earlier failures, jobs under way, estimates.
//! * [`single`]: the answer for one device.
//! * [`fleet`]: which deltas are worth making, most bytes saved first ([`fleet_plan`]); [`input`] reads what a fleet reports.

mod csv;
pub mod fleet;
pub mod fleet_plan;
pub mod input;
pub mod insight;
pub mod policy;
pub mod reason;
pub mod single;
mod sum;

#[cfg(test)]
mod tests;

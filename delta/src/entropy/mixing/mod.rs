//! Context mixing: operations, differences and literals as binary decisions, each predicted from what the device
//! already knows, most of all from the bytes of the base around the position.
//!
//! Several adaptive predictions are added in the logistic domain with learned weights, after the manner of Matt
//! Mahoney's PAQ ("Adaptive weighing of context models for lossless data compression", 2005). All arithmetic is
//! in integers, so that every machine decodes the same. One code serves both directions: see [`coder::BitCoder`].

#![allow(
    clippy::cast_possible_truncation,
    reason = "contexts and hashes are cut on purpose; lengths are not cast"
)]

mod aarch64;
pub mod alignment;
pub mod architecture;
mod bytes;
mod candidates;
pub mod coder;
mod decision;
mod logistic;
pub mod model;
mod moves;
mod numbers;
mod slots;
mod words;
mod x86_64;

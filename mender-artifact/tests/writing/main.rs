//! Tests of the writing half from outside: what is written, signed and signed again.

#![cfg(feature = "std")]

// `cfg(test)` is always true here; it tells the lints that these are tests.
#[cfg(test)]
mod augmented;
#[cfg(test)]
mod members;
#[cfg(test)]
mod own_reader;
#[cfg(test)]
mod plans;
#[cfg(test)]
mod reference_tool;
#[cfg(test)]
mod resign;
#[cfg(test)]
mod version_2;

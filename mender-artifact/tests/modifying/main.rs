//! Tests of rewriting from outside: what stands before the payload changes as asked, everything else not at all.

#![cfg(feature = "std")]

// `cfg(test)` is always true here; it tells the lints that these are tests.
#[cfg(test)]
mod artifacts;
#[cfg(test)]
mod augmented;
#[cfg(test)]
mod carrying;
#[cfg(test)]
mod changes;
#[cfg(test)]
mod compression;
#[cfg(test)]
mod content;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod seekable;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod sharing;
#[cfg(test)]
mod signatures;
#[cfg(test)]
mod version_2;

//! Placeholder opening line.

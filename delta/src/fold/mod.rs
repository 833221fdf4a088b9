//! Compressed content: differences are taken of the plain content, and the device packs it again, bit for bit.

pub mod codec;

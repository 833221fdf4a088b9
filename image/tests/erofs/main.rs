//! Images made by mkfs.erofs, read and compared with the tree that they were made of; and the same images damaged.

#![cfg(unix)]

#[cfg(test)]
mod damage;
#[cfg(test)]
mod made_image;
#[cfg(test)]
mod variants;

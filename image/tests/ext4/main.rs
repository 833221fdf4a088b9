//! Images made by e2fsprogs, read and compared with the tree that they were made of and with what debugfs and
//! dumpe2fs say; and the same images damaged.

#![cfg(unix)]

#[cfg(test)]
mod damage;
#[cfg(test)]
mod hand_made;
#[cfg(test)]
mod made_image;
#[cfg(test)]
mod read_file;
#[cfg(test)]
mod tree;
#[cfg(test)]
mod variants;

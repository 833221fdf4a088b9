//! Partition tables made by sfdisk and sgdisk, read and compared with what sfdisk says; and the same tables damaged.

#[cfg(test)]
mod damage;
#[cfg(test)]
mod made_disk;
#[cfg(test)]
mod variants;

//! FAT file systems made by mkfs.vfat and mtools, read; changed here, and read by mtools and checked by fsck.vfat;
//! and damaged.

#[cfg(test)]
mod changes;
#[cfg(test)]
mod damage;
#[cfg(test)]
mod made_volume;
#[cfg(test)]
mod reading;

//! Flags of `write module-image` for what is put beside a payload that is signed.

use clap::Args;
use std::path::PathBuf;

/// The augmented header. No signature covers it, nor the files that it brings.
#[derive(Debug, Args)]
pub(crate) struct AugmentArgs {
    /// Name of the Update Module that takes the place of --type, in a header that no signature covers
    #[arg(long, value_name = "TYPE")]
    pub(crate) augment_type: Option<String>,

    /// What the device provides after the update, in that header; repeatable
    #[arg(long, value_name = "KEY:VALUE")]
    pub(crate) augment_provides: Vec<String>,

    /// What the device must provide, in that header; repeatable
    #[arg(long, value_name = "KEY:VALUE")]
    pub(crate) augment_depends: Vec<String>,

    /// JSON object that is merged into that of --meta-data, in that header
    #[arg(long, value_name = "FILE")]
    pub(crate) augment_meta_data: Option<PathBuf>,

    /// Payload file that no signature covers, - for standard input; repeatable
    #[arg(long, value_name = "FILE")]
    pub(crate) augment_file: Vec<PathBuf>,
}

impl AugmentArgs {
    /// A flag that is given, if any.
    pub(crate) fn given(&self) -> Option<&'static str> {
        let flags = [
            ("--augment-type", self.augment_type.is_some()),
            ("--augment-provides", !self.augment_provides.is_empty()),
            ("--augment-depends", !self.augment_depends.is_empty()),
            ("--augment-meta-data", self.augment_meta_data.is_some()),
            ("--augment-file", !self.augment_file.is_empty()),
        ];
        flags.into_iter().find(|(_, given)| *given).map(|(flag, _)| flag)
    }
}

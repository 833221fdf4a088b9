//! `provision`: keys and certificates for devices, and images that carry them.

#[cfg(feature = "held-keys")]
use super::key::HeldKeyArgs;
use clap::{Args, Subcommand};
use std::net::IpAddr;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct ProvisionArgs {
    #[command(subcommand)]
    pub(crate) action: ProvisionAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ProvisionAction {
    /// Make the key and the certificate of a certificate authority
    Ca(CaArgs),
    /// Make the key and the certificate of a server, such as a gateway
    Server(ServerArgs),
    /// Make the key and the certificate of one device, and print its line of a manifest
    Device(DeviceArgs),
    /// Make images for many devices, each with a key and a certificate of its own
    Bulk(BulkArgs),
    /// Print serial numbers for the list of revoked certificates of a gateway
    Revoke(RevokeArgs),
}

/// The authority that issues a certificate.
#[derive(Debug, Args)]
pub(crate) struct IssuerArgs {
    /// Certificate (PEM) of the authority that issues; certificates behind it lead to the root
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: PathBuf,

    /// Private key (PEM: RSA or ECDSA P-256) of the authority
    #[arg(long, value_name = "FILE", group = "key_source")]
    pub(crate) ca_key: Option<PathBuf>,

    /// File with the passphrase of the authority's key [default: MENDER_ARTIFACT_KEY_PASSPHRASE]
    #[arg(long, value_name = "FILE", requires = "ca_key")]
    pub(crate) ca_key_passphrase_file: Option<PathBuf>,

    #[cfg(feature = "held-keys")]
    #[command(flatten)]
    pub(crate) held: HeldKeyArgs,
}

/// `provision ca`.
#[derive(Debug, Args)]
pub(crate) struct CaArgs {
    /// Name of the authority, such as "/C=NO/O=My Organization/CN=My CA"
    #[arg(long, value_name = "NAME")]
    pub(crate) subject: String,

    /// How long the certificate is valid
    #[arg(long, value_name = "DAYS", default_value_t = 7300, value_parser = days())]
    pub(crate) days: u32,

    /// File with the passphrase that the key is encrypted with [default: MENDER_ARTIFACT_KEY_PASSPHRASE; not encrypted
    /// without either]
    #[arg(long, value_name = "FILE")]
    pub(crate) key_passphrase_file: Option<PathBuf>,

    /// Where the private key goes
    #[arg(long, value_name = "FILE", default_value = "ca-private.key")]
    pub(crate) key_out: PathBuf,

    /// Where the certificate goes
    #[arg(long, value_name = "FILE", default_value = "ca-cert.pem")]
    pub(crate) cert_out: PathBuf,
}

/// `provision server`.
#[derive(Debug, Args)]
pub(crate) struct ServerArgs {
    #[command(flatten)]
    pub(crate) issuer: IssuerArgs,

    /// Host name that clients reach the server by; repeatable, *.example.com stands for all below it
    #[arg(long, value_name = "NAME", required_unless_present = "ip")]
    pub(crate) dns: Vec<String>,

    /// Address that clients reach the server by; repeatable
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) ip: Vec<IpAddr>,

    /// Name of the server [default: /CN= and the first of --dns, --ip]
    #[arg(long, value_name = "NAME")]
    pub(crate) subject: Option<String>,

    /// How long the certificate is valid [default: 730]
    #[arg(long, value_name = "DAYS", value_parser = days())]
    pub(crate) days: Option<u32>,

    /// Where the private key goes
    #[arg(long, value_name = "FILE", default_value = "server-private.key")]
    pub(crate) key_out: PathBuf,

    /// Where the certificate goes
    #[arg(long, value_name = "FILE", default_value = "server-cert.pem")]
    pub(crate) cert_out: PathBuf,
}

/// What the certificates of devices have in common.
#[derive(Debug, Args)]
pub(crate) struct DeviceCertificateArgs {
    /// Name of the device; {device} stands for what it is called
    #[arg(long, value_name = "NAME", default_value = "/CN={device}")]
    pub(crate) subject: String,

    /// How long the certificate is valid [default: 3650]
    #[arg(long, value_name = "DAYS", value_parser = days())]
    pub(crate) days: Option<u32>,
}

/// `provision device`.
#[derive(Debug, Args)]
pub(crate) struct DeviceArgs {
    #[command(flatten)]
    pub(crate) issuer: IssuerArgs,

    /// What the device is called
    #[arg(long, value_name = "NAME")]
    pub(crate) device: String,

    /// What the device tells the server about who it is; repeatable
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) identity: Vec<String>,

    #[command(flatten)]
    pub(crate) certificate: DeviceCertificateArgs,

    /// Where the private key goes
    #[arg(long, value_name = "FILE", default_value = "device-private.key")]
    pub(crate) key_out: PathBuf,

    /// Where the certificate goes
    #[arg(long, value_name = "FILE", default_value = "device-cert.pem")]
    pub(crate) cert_out: PathBuf,
}

/// `provision bulk`.
#[derive(Debug, Args)]
pub(crate) struct BulkArgs {
    #[command(flatten)]
    pub(crate) issuer: IssuerArgs,

    /// Image that those of all devices are copies of
    #[arg(long, value_name = "IMAGE")]
    pub(crate) template: PathBuf,

    /// Table (CSV with a line of headings): a column device, the others are identity attributes; - is standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) devices: PathBuf,

    /// Column with the names of the devices, which is an identity attribute, too [default: device, which is none]
    #[arg(long, value_name = "HEADING")]
    pub(crate) id_column: Option<String>,

    /// Folder for images, certificates and manifest; what is finished in it is not made again
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out: PathBuf,

    /// Images that are made at the same time [default: one for each processor]
    #[arg(short, long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) jobs: Option<u16>,

    #[command(flatten)]
    pub(crate) certificate: DeviceCertificateArgs,

    /// Where the private key goes in the image
    #[arg(long, value_name = "PATH", default_value = "/data/mender/mender-cert-private.pem")]
    pub(crate) key_path: String,

    /// Where the certificate goes in the image
    #[arg(long, value_name = "PATH", default_value = "/data/mender/mender-cert.pem")]
    pub(crate) cert_path: String,

    /// Partition by number or label, from whose root the paths count then [default: by path, as Mender mounts them]
    #[arg(long, value_name = "PARTITION")]
    pub(crate) partition: Option<String>,

    /// Keep the private keys, in the folder keys, too
    #[arg(long)]
    pub(crate) keep_keys: bool,

    /// Go on where images that were made have been taken away
    #[arg(long)]
    pub(crate) allow_missing: bool,
}

/// `provision revoke`.
#[derive(Debug, Args)]
pub(crate) struct RevokeArgs {
    /// Device in the manifest
    #[arg(value_name = "DEVICE", required_unless_present = "cert", requires = "manifest")]
    pub(crate) device: Vec<String>,

    /// Manifest (JSON lines) that provision bulk or provision device wrote
    #[arg(long, value_name = "FILE")]
    pub(crate) manifest: Option<PathBuf>,

    /// Certificate (PEM); of several in the file the first; repeatable
    #[arg(long, value_name = "FILE")]
    pub(crate) cert: Vec<PathBuf>,

    /// List to add the serial numbers to, instead of printing them; those in it are kept
    #[arg(long, value_name = "FILE")]
    pub(crate) blacklist: Option<PathBuf>,
}

/// A century at most.
fn days() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=36_525)
}

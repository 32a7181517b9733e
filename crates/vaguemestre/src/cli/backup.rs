//! The words of `backup`, `restore`, `restore-box`, `verify`, `export` and `upgrade`.

use std::path::PathBuf;

use clap::Args;
use mssante::Address;

use crate::{config::MasterKeyPlace, export::Format};

/// `backup`.
#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// Where the backups are (made with mode 0700 if absent): another disk, better another machine. The daemon writes there.
    #[arg(value_name = "DIR", required_unless_present_any = ["follow", "receive"])]
    pub(crate) dir: Option<PathBuf>,
    /// Backups that are kept there; older ones are removed.
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) keep: u16,
    /// Stay, and keep a copy in DIR that is at most some seconds behind; `-` writes it to the standard output, for
    /// `ssh SECOND vaguemestre backup --receive DIR`.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["dir", "receive", "keep"])]
    pub(crate) follow: Option<PathBuf>,
    /// Stay, and keep in DIR what comes over the standard input.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["dir", "keep"])]
    pub(crate) receive: Option<PathBuf>,
    /// Seconds between two looks at what became durable: what is lost at most with the first place, beside what is on its way.
    #[arg(long, value_name = "SECONDS", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=10))]
    pub(crate) interval: u8,
}

/// `restore`.
#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// The directory that `backup` was given.
    #[arg(long, value_name = "DIR")]
    pub(crate) from: PathBuf,
    /// Which backup; the latest if left out.
    #[arg(long, value_name = "N")]
    pub(crate) id: Option<u32>,
    /// The directory of the restored store: absent or empty, or with nothing but the key file that --keys names.
    #[arg(long, value_name = "DIR")]
    pub(crate) to: PathBuf,
    /// The key file as it is today (STORE/keys), or its latest own backup.
    #[arg(long, value_name = "FILE")]
    pub(crate) keys: PathBuf,
    /// The master key of the time of the backup, if `keys rotate` gave the store to another since: a file, or credential:NAME.
    #[arg(long, value_name = "PLACE", value_parser = super::keys::place)]
    pub(crate) earlier_master: Option<MasterKeyPlace>,
    /// The configuration: it names the master key.
    #[arg(long, value_name = "FILE", default_value = super::CONFIG)]
    pub(crate) config: PathBuf,
}

/// `verify`.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// Compare every file of a backup with its checksum instead; needs neither daemon nor keys.
    #[arg(long, value_name = "DIR")]
    pub(crate) backup: Option<PathBuf>,
    /// Which backup; the latest if left out.
    #[arg(long, value_name = "N", requires = "backup")]
    pub(crate) id: Option<u32>,
}

/// `export`.
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// The account's login or MSSanté address.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) account: Address,
    /// One box; all boxes of the account if left out.
    #[arg(long = "box", value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// mbox: one file a box. eml: one file a message.
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Format,
    /// A new or empty directory. The daemon writes there, readable by its user only: what is exported is not sealed any more.
    #[arg(long, value_name = "DIR")]
    pub(crate) to: PathBuf,
}

/// `restore-box`.
#[derive(Debug, Args)]
pub(crate) struct RestoreBox {
    /// The directory that `backup` was given, or one that followed.
    #[arg(long, value_name = "DIR")]
    pub(crate) from: PathBuf,
    /// Which backup; the latest if left out.
    #[arg(long, value_name = "N")]
    pub(crate) id: Option<u32>,
    /// The account's login or MSSanté address.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) account: Address,
    /// The box in the backup, for instance INBOX.
    #[arg(long = "box", value_name = "NAME")]
    pub(crate) name: String,
    /// The box that gets the messages (made if absent); the one of the same name if left out.
    #[arg(long, value_name = "NAME")]
    pub(crate) into: Option<String>,
}

/// `upgrade`.
#[derive(Debug, Args)]
pub(crate) struct Upgrade {
    /// Say what opening the store would change, and change nothing.
    #[arg(long, required = true)]
    pub(crate) check: bool,
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = super::CONFIG)]
    pub(crate) config: PathBuf,
}

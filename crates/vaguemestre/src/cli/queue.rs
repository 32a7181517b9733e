//! The words of `queue`.

use clap::{Args, Subcommand};
use mssante::Domain;
use store::Lane;

use crate::config::units::duration;

/// `queue`.
#[derive(Debug, Args)]
pub(crate) struct Queue {
    #[command(subcommand)]
    pub(crate) action: QueueAction,
}

/// What to do with the outgoing queue. Patients' numbers in addresses are never shown whole. What changes something is traced with your
/// name.
#[derive(Debug, Subcommand)]
pub(crate) enum QueueAction {
    /// List what waits: one line a recipient.
    List(Filter),
    /// Show all that is known of one recipient in the queue.
    Show {
        /// The number that `list` shows.
        id: u64,
    },
    /// Show how much waits, for whom, and since when.
    Stats,
    /// Try again now: the wait that a failed attempt left is cut short.
    Retry(Which),
    /// Keep back, until `release`: nothing is sent, nothing expires, senders are told nothing. With --domain or --via alone, what will
    /// come as well.
    Hold(Which),
    /// Keep back no longer.
    Release(Which),
    /// Give up: out of the queue, and each sender gets a report.
    Bounce(Which),
    /// Remove recipients from the queue for good. Senders are told nothing: tell them yourself.
    Remove(Which),
}

/// Which recipients: those that all of it is true of.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Filter {
    /// Only recipients in this domain of another operator.
    #[arg(long, value_name = "DOMAIN", group = "next-hop")]
    pub(crate) domain: Option<Domain>,
    /// Only what leaves by `smart-host`, or by `connector:NAME`.
    #[arg(long, value_name = "WAY", group = "next-hop", value_parser = way)]
    pub(crate) via: Option<Lane>,
    /// Only recipients of the message with this identifier.
    #[arg(long, value_name = "ID")]
    pub(crate) message: Option<String>,
    /// Only what was accepted at least so long ago, for instance "2h".
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    pub(crate) older: Option<u64>,
    /// Only what is kept back.
    #[arg(long)]
    pub(crate) held: bool,
}

/// Which recipients a change is for.
#[derive(Debug, Clone, Args)]
#[command(group(clap::ArgGroup::new("which").required(true).multiple(true)))]
pub(crate) struct Which {
    /// The numbers that `list` shows.
    #[arg(group = "which", value_name = "ID", conflicts_with_all = ["domain", "via", "message", "older", "held", "all"])]
    pub(crate) ids: Vec<u64>,
    /// Every recipient in this domain of another operator.
    #[arg(long, value_name = "DOMAIN", groups = ["which", "next-hop"])]
    pub(crate) domain: Option<Domain>,
    /// Everything that leaves by `smart-host`, or by `connector:NAME`.
    #[arg(long, value_name = "WAY", groups = ["which", "next-hop"], value_parser = way)]
    pub(crate) via: Option<Lane>,
    /// Every recipient of the message with this identifier.
    #[arg(long, value_name = "ID", group = "which")]
    pub(crate) message: Option<String>,
    /// What was accepted at least so long ago, for instance "2h".
    #[arg(long, value_name = "TIME", group = "which", value_parser = seconds)]
    pub(crate) older: Option<u64>,
    /// What is kept back.
    #[arg(long, group = "which")]
    pub(crate) held: bool,
    /// Everything.
    #[arg(long, group = "which", conflicts_with_all = ["domain", "via", "message", "older", "held"])]
    pub(crate) all: bool,
}

fn way(text: &str) -> Result<Lane, String> {
    match text.split_once(':') {
        None if text == "smart-host" => Ok(Lane::SmartHost),
        Some(("connector", name)) if !name.is_empty() => Ok(Lane::Connector(name.to_owned())),
        _ => Err("write smart-host, or connector:NAME".to_owned()),
    }
}

fn seconds(text: &str) -> Result<u64, String> {
    let read = duration(text).map(|duration| duration.as_secs());
    read.ok_or_else(|| "write a number and its unit, for instance 30min, 2h or 3d".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn a_change_names_numbers_or_says_which_and_never_both() {
        let parse =
            |words: &str| Cli::try_parse_from(format!("vaguemestre queue {words}").split_whitespace());
        for good in [
            "list",
            "list --older 2h --held",
            "stats",
            "retry 1",
            "retry 1 2 3",
            "retry --all",
            "hold --domain x.mssante.fr",
            "release --via smart-host",
            "bounce --domain x.mssante.fr --older 2d",
            "remove --message 0000000000000000000000000 --held",
            "remove 1 2",
        ] {
            assert!(parse(good).is_ok(), "{good}: {:?}", parse(good).err());
        }
        for bad in [
            "retry",
            "hold",
            "bounce",
            "retry 1 --all",
            "remove 1 --older 2h",
            "retry --domain x.mssante.fr --all",
            "list --domain x.mssante.fr --via smart-host",
            "hold --via elsewhere",
            "list --older tomorrow",
            "remove x",
            "show",
            "show 1 2",
        ] {
            assert_eq!(parse(bad).unwrap_err().exit_code(), 2, "{bad}");
        }
    }

    #[test]
    fn ways_are_read() {
        assert_eq!(way("smart-host"), Ok(Lane::SmartHost));
        assert_eq!(way("connector:clinique"), Ok(Lane::Connector("clinique".into())));
        assert!(way("connector:").is_err() && way("chu.fr").is_err());
    }
}

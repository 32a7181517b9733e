//! The words of `queue`.

use clap::{Args, Subcommand};
use mssante::Domain;

/// `queue`.
#[derive(Debug, Args)]
pub(crate) struct Queue {
    #[command(subcommand)]
    pub(crate) action: QueueAction,
}

/// What to do with the outgoing queue. Patients' numbers in addresses are never shown whole.
#[derive(Debug, Subcommand)]
pub(crate) enum QueueAction {
    /// List what waits: one line a recipient.
    List {
        /// Only recipients in this domain.
        #[arg(long, value_name = "DOMAIN")]
        domain: Option<Domain>,
        /// Only recipients of the message with this identifier.
        #[arg(long, value_name = "ID")]
        message: Option<String>,
    },
    /// Show all that is known of one recipient in the queue.
    Show {
        /// The number that `list` shows.
        id: u64,
    },
    /// Try again now: the wait that a failed attempt left is cut short.
    #[command(group(clap::ArgGroup::new("which").required(true)))]
    Retry {
        /// The numbers that `list` shows.
        #[arg(group = "which", value_name = "ID")]
        ids: Vec<u64>,
        /// Every recipient in this domain.
        #[arg(long, value_name = "DOMAIN", group = "which")]
        domain: Option<Domain>,
        /// Everything.
        #[arg(long, group = "which")]
        all: bool,
    },
    /// Remove recipients from the queue for good. The sender is told nothing: tell them yourself. Traced with your name.
    Remove {
        /// The numbers that `list` shows.
        #[arg(required = true, value_name = "ID")]
        ids: Vec<u64>,
    },
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::cli::Cli;

    #[test]
    fn a_retry_names_numbers_or_a_domain_or_all_and_never_two_of_them() {
        let parse =
            |words: &str| Cli::try_parse_from(format!("vaguemestre queue {words}").split_whitespace());
        for good in
            ["retry 1", "retry 1 2 3", "retry --all", "retry --domain x.mssante.fr", "remove 1 2", "list"]
        {
            assert!(parse(good).is_ok(), "{good}");
        }
        for bad in [
            "retry",
            "retry 1 --all",
            "retry --domain x.mssante.fr --all",
            "remove",
            "remove x",
            "show",
            "show 1 2",
        ] {
            assert_eq!(parse(bad).unwrap_err().exit_code(), 2, "{bad}");
        }
    }
}

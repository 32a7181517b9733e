//! `trust` and `crl`: what may be typed about the trust space.
//!
//! Only words and types. Must never read a file.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use mssante::Domain;

/// `trust`.
#[derive(Debug, Args)]
pub(crate) struct Trust {
    #[command(subcommand)]
    pub(crate) action: TrustAction,
}

/// What to do with the trust space.
#[derive(Debug, Subcommand)]
pub(crate) enum TrustAction {
    /// The white list in force, the revocation lists, what is fetched, the authorities, the alarms.
    Status,
    /// The rows of a domain: the operators that may speak for it; exit code 1 if it has none.
    Show {
        /// The domain, exactly as in addresses.
        #[arg(value_parser = domain)]
        domain: Domain,
    },
    /// Examine a white list in FILE as this configuration would, without a daemon; exit code 1 if it would be refused.
    Check {
        /// The list.
        file: PathBuf,
        /// Judge as of this time, for instance 2025-03-01 or 2025-03-01T12:00:00Z; now if left out.
        #[arg(long, value_name = "TIME", value_parser = time)]
        at: Option<Timestamp>,
    },
    /// Look at the files of the trust space now, and fetch what is fetched; both are done regularly anyway. Tells what changed.
    /// Exit code 1 while an alarm holds after it.
    Refresh,
    /// Accept one more signer of white lists, durably, without a change of the configuration: the agency's contractor changes.
    /// Shows first which list that would let in and what it would change, and asks for the whole name again.
    AcceptSigner(AcceptSigner),
}

/// `trust accept-signer`.
#[derive(Debug, Args)]
pub(crate) struct AcceptSigner {
    /// The signer's whole name, as the agency announced it: CN=…,OU=…,O=…,ST=…,C=FR.
    pub(crate) name: String,
    /// The whole name once more, in place of typing it when asked.
    #[arg(long, value_name = "NAME")]
    pub(crate) confirm: Option<String>,
}

/// `crl`.
#[derive(Debug, Args)]
pub(crate) struct Crl {
    #[command(subcommand)]
    pub(crate) action: CrlAction,
}

/// What to do with revocation lists.
#[derive(Debug, Subcommand)]
pub(crate) enum CrlAction {
    /// Take a revocation list from FILE, DER or PEM, which the daemon must be able to read; for sites that fetch nothing. It
    /// is judged like any other, and kept.
    Import {
        /// The list.
        file: PathBuf,
    },
}

fn domain(text: &str) -> Result<Domain, String> {
    Domain::parse(text).map_err(|error| error.to_string())
}

/// An instant, or the start of a day, UTC.
fn time(text: &str) -> Result<Timestamp, String> {
    let day = || text.parse::<Date>().and_then(|day| day.to_zoned(TimeZone::UTC)).map(|day| day.timestamp());
    text.parse()
        .or_else(|_| day())
        .map_err(|_| "write a day (2025-03-01) or an instant (2025-03-01T12:00:00Z)".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command, Remote};

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn a_list_is_checked_as_of_a_day_or_an_instant() {
        let at = |text: &str| match parse(&format!("vaguemestre trust check list.xml --at {text}"))
            .unwrap()
            .command
        {
            Command::Trust(Remote { what: Trust { action: TrustAction::Check { at, .. } }, .. }) => {
                at.unwrap()
            }
            _ => panic!(),
        };
        assert_eq!(at("2025-03-01"), at("2025-03-01T00:00:00Z"));
        assert_eq!(at("2025-03-01T12:00:00Z").as_second() - at("2025-03-01").as_second(), 43_200);
        assert!(parse("vaguemestre trust check list.xml --at tomorrow").is_err());
        assert!(parse("vaguemestre trust show a..b").is_err());
    }
}

//! The command line: what may be typed, and the exit codes that scripts rely on.
//!
//! Only words and types; what a command does is in `run`. Must never read a file.

mod backup;
mod connector;
mod keys;
mod queue;
mod retention;
mod trust;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use mssante::{Address, BoxType, State};

use crate::config::units;

pub(crate) use backup::{Backup, Export, Restore, RestoreBox, Upgrade, Verify};
pub(crate) use connector::{Connector, ConnectorAction};
pub(crate) use keys::{KeyPlace, Keys};
pub(crate) use queue::{Filter, Queue, QueueAction, Which as WhichQueued};
pub(crate) use retention::{Clock, ClockAction, Retention, RetentionAction};
pub(crate) use trust::{AcceptSigner, Crl, CrlAction, Trust, TrustAction};

/// Where the configuration is when `--config` is not given.
pub(crate) const CONFIG: &str = "/etc/vaguemestre/vaguemestre.toml";

const EXIT_CODES: &str = "Exit codes:
  0  done
  1  refused or failed; the message says what to do (also: `trust refresh` while an alarm holds, `trust show` and
     `trust check` of what is not listed or would be refused)
  2  wrong usage of the command line
  3  the daemon cannot be reached over its control socket
  4  the configuration is wrong
  5  the daemon refused this user: not an administrator";

/// Vaguemestre, an MSSanté mail server.
#[derive(Debug, Parser)]
#[command(name = "vaguemestre", version, after_help = EXIT_CODES, disable_help_subcommand = true)]
pub(crate) struct Cli {
    /// Print JSON instead of text (errors too).
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Everything the program does.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the server until SIGTERM or SIGINT; a second signal ends at once.
    Serve(Config),
    /// Read the configuration, the certificate and the master key, and say what is wrong with them.
    CheckConfig(Config),
    /// Make the demonstration world of two operators, run it, send a report from one to the other and show how to connect.
    Demo(Demo),
    /// The master key, and the file of the days' keys.
    #[command(subcommand)]
    Keys(Keys),
    /// The store (offline: the daemon must not run).
    #[command(subcommand)]
    Store(Store),
    /// The accounts of the running daemon.
    Account(Remote<Account>),
    /// The application passwords of an account (S-7.3).
    AppPassword(Remote<AppPassword>),
    /// Hospitals' own servers (S-3.10).
    Connector(Remote<Connector>),
    /// What happened to the message, or because of the command, that has this identifier.
    Trace(Remote<Trace>),
    /// The trust space: which other operators are believed, and why.
    Trust(Remote<Trust>),
    /// The authorities' revocation lists.
    Crl(Remote<Crl>),
    /// What waits to leave for other operators.
    Queue(Remote<Queue>),
    /// How long messages and traces are kept, and the proof of it.
    Retention(Remote<Retention>),
    /// The clock that retention rests on.
    Clock(Remote<Clock>),
    /// Back the store up, while it runs or not: only what changed is written. Never the keys: `keys backup` is for those.
    Backup(Remote<Backup>),
    /// Make a whole store of a backup and the key file of today, and prove it (offline).
    Restore(Restore),
    /// Bring back what is missing of one box, into the running service.
    RestoreBox(Remote<RestoreBox>),
    /// Prove that the store agrees with itself: references, seals, counters; exit code 1 if it does not.
    Verify(Remote<Verify>),
    /// What opening the store with this program would change (offline).
    Upgrade(Upgrade),
    /// Write messages to files that other programs read; exit code 1 if some could not be read.
    Export(Remote<Export>),
    /// How the running daemon fares.
    Status(Remote<Status>),
}

/// The configuration file.
#[derive(Debug, Args)]
pub(crate) struct Config {
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = CONFIG)]
    pub(crate) config: PathBuf,
}

/// A command carried out by the running daemon.
#[derive(Debug, Args)]
pub(crate) struct Remote<T: Args> {
    /// The daemon's configuration file: it names the control socket.
    #[arg(long, value_name = "FILE", default_value = CONFIG, global = true)]
    pub(crate) config: PathBuf,
    /// The control socket itself, for administrators who may not read the configuration.
    #[arg(long, value_name = "PATH", global = true, conflicts_with = "config")]
    pub(crate) socket: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) what: T,
}

/// `demo`.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Where the world is made, and found again by the next run.
    #[arg(long, value_name = "DIR", default_value = "var")]
    pub(crate) dir: PathBuf,
    /// Make the world and its configuration, run nothing (with --json: where they are).
    #[arg(long)]
    pub(crate) prepare_only: bool,
    /// Add N to every port of both operators (nord's are 5870, 4650, 1430, 9930, 2525, 9090, sud's one more each): several
    /// demonstrations on one machine, without overlap if their offsets are multiples of 26.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(..=55_000))]
    pub(crate) port_offset: u16,
}

/// `store`.
#[derive(Debug, Subcommand)]
pub(crate) enum Store {
    /// Make the empty store that the configuration names; its directory must not exist or be empty.
    Create(Config),
    /// Open a store whose log of commits is damaged without what the log no longer says: messages that were acknowledged may
    /// be lost. `restore` from a backup brings more back; try that first.
    AcceptLoss(Config),
}

/// `account`.
#[derive(Debug, Args)]
pub(crate) struct Account {
    #[command(subcommand)]
    pub(crate) action: AccountAction,
}

/// What to do with accounts.
#[derive(Debug, Subcommand)]
pub(crate) enum AccountAction {
    /// Create an account; what each type must carry is checked (S-1.2).
    Add(Box<NewAccount>),
    /// List all accounts.
    List,
    /// Show one account.
    Show {
        /// Its login or MSSanté address.
        address: Address,
    },
    /// Give an account a quota of its own (M-12), or take it back; without it `mailbox_bytes` and `mailbox_messages` of the configuration hold.
    #[command(group = clap::ArgGroup::new("quota").required(true).multiple(true).args(["bytes", "messages"]))]
    Quota {
        /// Its login or MSSanté address.
        address: Address,
        /// What its messages may weigh together, for instance 20GB, or usual.
        #[arg(long, value_name = "SIZE", value_parser = bytes)]
        bytes: Option<Limit>,
        /// How many messages it may have in all its boxes, or usual.
        #[arg(long, value_name = "NUMBER", value_parser = messages)]
        messages: Option<Limit>,
    },
    /// Remove an account with its messages; its addresses are never given again (S-1.3).
    Remove {
        /// Its login or MSSanté address.
        address: Address,
    },
}

/// One of the two limits of a quota, as it is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    /// What the configuration says.
    Usual,
    /// This.
    Own(u64),
}

fn limit(text: &str, read: impl Fn(&str) -> Option<u64>, write: &str) -> Result<Limit, String> {
    match text {
        "usual" => Ok(Limit::Usual),
        text => read(text).map(Limit::Own).ok_or_else(|| format!("write {write}, or usual")),
    }
}

fn bytes(text: &str) -> Result<Limit, String> {
    limit(text, units::size, "a size such as 500MB or 20GB")
}

fn messages(text: &str) -> Result<Limit, String> {
    limit(text, |text| text.parse().ok(), "a number")
}

/// `account add`.
#[derive(Debug, Args)]
pub(crate) struct NewAccount {
    /// MED, PER, INT, ORG or APP.
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) box_type: BoxType,
    /// The login address.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) login: Address,
    /// The MSSanté address; without one the account has MED's rights (S-1.4).
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) mssante: Option<Address>,
    /// Last name, or the name of the service.
    #[arg(long)]
    pub(crate) last_name: String,
    /// First name; generic for ORG and APP.
    #[arg(long)]
    pub(crate) first_name: String,
    /// Région.
    #[arg(long)]
    pub(crate) region: String,
    /// Profession.
    #[arg(long)]
    pub(crate) profession: String,
    /// National identifier: RPPS.
    #[arg(long, value_name = "NUMBER", conflicts_with = "adeli")]
    pub(crate) rpps: Option<String>,
    /// National identifier: ADELI.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) adeli: Option<String>,
    /// Structure: geographic FINESS.
    #[arg(long, value_name = "NUMBER", conflicts_with_all = ["siret", "siren"])]
    pub(crate) finess: Option<String>,
    /// Structure without a FINESS: SIRET.
    #[arg(long, value_name = "NUMBER", conflicts_with = "siren")]
    pub(crate) siret: Option<String>,
    /// Structure without a FINESS: SIREN.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) siren: Option<String>,
    /// Local identifier given by the structure's head (INT).
    #[arg(long, value_name = "TEXT")]
    pub(crate) local_id: Option<String>,
    /// Responsible person (ORG, APP): name.
    #[arg(long, value_name = "NAME", requires_all = ["responsible_profession", "responsible_rpps"])]
    pub(crate) responsible_name: Option<String>,
    /// Responsible person: profession.
    #[arg(long, value_name = "PROFESSION", requires = "responsible_name")]
    pub(crate) responsible_profession: Option<String>,
    /// Responsible person: RPPS.
    #[arg(long, value_name = "NUMBER", requires = "responsible_name")]
    pub(crate) responsible_rpps: Option<String>,
    /// What the box is for (ORG, APP).
    #[arg(long, value_name = "TEXT")]
    pub(crate) description: Option<String>,
    /// Where replies to an APP box go.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) return_address: Option<Address>,
    /// A login account of an ORG or APP box (S-1.7); repeat for several.
    #[arg(long = "opener", value_name = "ADDRESS")]
    pub(crate) openers: Vec<Address>,
    /// The account's state.
    #[arg(long, default_value = "valide")]
    pub(crate) state: State,
}

/// `app-password`.
#[derive(Debug, Args)]
pub(crate) struct AppPassword {
    #[command(subcommand)]
    pub(crate) action: AppPasswordAction,
}

/// What to do with application passwords.
#[derive(Debug, Subcommand)]
pub(crate) enum AppPasswordAction {
    /// Make one; it is shown once and never again. The box receives a notice.
    Create {
        /// The account's login or MSSanté address.
        address: Address,
        /// The device it is for, for instance "Thunderbird du bureau".
        #[arg(long)]
        name: String,
    },
    /// List them, without their secrets.
    List {
        /// The account's login or MSSanté address.
        address: Address,
    },
    /// Revoke one: sessions that rest on it end within five seconds (S-1.5).
    Revoke {
        /// The account's login or MSSanté address.
        address: Address,
        /// The number that `list` shows.
        id: u64,
    },
}

/// `trace`.
#[derive(Debug, Args)]
pub(crate) struct Trace {
    /// The identifier that the `250` reply to a message ended with, or that a command printed.
    #[arg(required_unless_present = "of", conflicts_with = "of")]
    pub(crate) id: Option<String>,
    /// What a person did, or was done in a box, on a day: a login or MSSanté address.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) of: Option<Address>,
    /// The day of `--of`, in UTC; today if none is given.
    #[arg(long, value_name = "YYYY-MM-DD", requires = "of")]
    pub(crate) day: Option<jiff::civil::Date>,
}

/// `status`.
#[derive(Debug, Args)]
pub(crate) struct Status {}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn serve_has_a_default_configuration() {
        let Command::Serve(Config { config }) = parse("vaguemestre serve").unwrap().command else { panic!() };
        assert_eq!(config, PathBuf::from(CONFIG));
    }

    #[test]
    fn json_may_stand_after_the_command() {
        assert!(parse("vaguemestre account list --json").unwrap().json);
    }

    #[test]
    fn remote_commands_take_a_socket_or_a_configuration() {
        let cli = parse("vaguemestre app-password revoke a@chu-nord.fr 3 --socket /run/x").unwrap();
        let Command::AppPassword(remote) = cli.command else { panic!() };
        assert_eq!(remote.socket, Some(PathBuf::from("/run/x")));
        assert!(parse("vaguemestre status --socket /run/x --config /etc/x").is_err());
    }

    #[test]
    fn one_structure_identifier_and_one_national_one() {
        let base = "vaguemestre account add --type PER --login a@x.fr --last-name A --first-name B --region R \
                    --profession P";
        assert!(parse(base).is_ok());
        assert!(parse(&format!("{base} --rpps 1 --adeli 2")).is_err());
        assert!(parse(&format!("{base} --finess 1 --siren 2")).is_err());
        assert!(parse(&format!("{base} --responsible-name N")).is_err());
    }

    #[test]
    fn a_quota_is_a_size_a_number_or_as_usual() {
        let quota =
            |rest: &str| match parse(&format!("vaguemestre account quota a@x.fr {rest}")).ok()?.command {
                Command::Account(Remote {
                    what: Account { action: AccountAction::Quota { bytes, messages, .. } },
                    ..
                }) => Some((bytes, messages)),
                _ => None,
            };
        assert_eq!(quota("--bytes 20GB"), Some((Some(Limit::Own(20_000_000_000)), None)));
        assert_eq!(quota("--bytes usual --messages 7"), Some((Some(Limit::Usual), Some(Limit::Own(7)))));
        for wrong in ["", "--bytes 20", "--messages many", "--messages -1"] {
            assert_eq!(quota(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn usage_errors_exit_with_2() {
        assert_eq!(parse("vaguemestre sevre").unwrap_err().exit_code(), 2);
        assert_eq!(parse("vaguemestre demo --port-offset 60000").unwrap_err().exit_code(), 2);
    }
}

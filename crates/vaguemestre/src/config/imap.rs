//! What the IMAP service offers and how much of it one session gets (`[imap]`): extensions switched off for all, for an account
//! or for a client that stumbles over them, and bounds that an operator may move.
//!
//! May use the readers of `values`, and `imap` for the names of extensions. Must never know what is done with them.

use std::time::Duration;

use imap::capability::{Extension, Extensions, Offer};

use super::{keys::nearest, pass::Pass, raw::Value};

/// The `[imap]` section.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Imap {
    /// What is offered to whom.
    pub(crate) offer: Offer,
    /// Sessions at once of one person.
    pub(crate) sessions_per_account: usize,
    /// Commands a second of one session, before it is slowed down.
    pub(crate) commands_per_second: u32,
    /// Time for TLS and login together.
    pub(crate) login_time: Duration,
    /// Silence that ends a session.
    pub(crate) idle_timeout: Duration,
    /// Pause between two signs of life during IDLE.
    pub(crate) keep_alive: Duration,
}

/// The shortest silence that may end a session (RFC 3501 §5.4).
const IDLE_LEAST: Duration = Duration::from_secs(30 * 60);

impl Pass<'_> {
    pub(super) fn imap(&mut self) -> Imap {
        let most = Duration::from_secs(24 * 3600);
        Imap {
            offer: Offer {
                without: self.extensions_off(),
                accounts: self.extensions_off_for("accounts", "account"),
                clients: self.extensions_off_for("quirks", "client"),
            },
            sessions_per_account: self.count("imap", "sessions_per_account", 1, 100_000),
            commands_per_second: u32::try_from(self.count("imap", "commands_per_second", 10, 1_000_000))
                .unwrap_or(u32::MAX),
            login_time: self.at_least("login_time", Duration::from_secs(1), most),
            idle_timeout: self.at_least("idle_timeout", IDLE_LEAST, most),
            keep_alive: self.at_least("keep_alive", Duration::from_secs(1), most),
        }
    }

    fn at_least(&mut self, name: &'static str, least: Duration, most: Duration) -> Duration {
        let duration = self.duration("imap", name, most);
        if duration < least && self.line("imap", name).is_some() {
            let line = self.line("imap", name);
            let write = format!("a duration of at least {} s", least.as_secs());
            self.push("imap", name, line, "it is too short".to_owned(), write);
        }
        duration
    }

    fn extensions_off(&mut self) -> Extensions {
        let names = self.texts("imap", "without");
        self.known("without", &names)
    }

    /// `[{ account = "…", without = ["…"] }]`, with `who` for `account`.
    fn extensions_off_for(&mut self, name: &'static str, who: &'static str) -> Vec<(String, Extensions)> {
        let item = self.item("imap", name);
        let write = format!("a list such as [{{ {who} = \"…\", without = [\"IDLE\"] }}], or [] for none");
        let Value::List(list) = &item.value else { return self.wrong(&item, &write) };
        let Some(entries) = list.iter().map(|entry| for_one(entry, who)).collect::<Option<Vec<_>>>() else {
            return self.wrong(&item, &write);
        };
        entries.into_iter().map(|(of, names)| (of, self.known(name, &names))).collect()
    }

    fn known(&mut self, key: &'static str, names: &[String]) -> Extensions {
        let mut off = Extensions::NONE;
        for name in names {
            match Extension::parse(name) {
                Some(extension) => off = off.with(extension),
                None => {
                    let upper = name.to_ascii_uppercase();
                    let meant = nearest(&upper, Extension::names()).map(|meant| format!("{meant}; "));
                    let all: Vec<_> = Extension::names().collect();
                    let write = format!("{}one of {}", meant.unwrap_or_default(), all.join(", "));
                    let line = self.line("imap", key);
                    self.push("imap", key, line, format!("{name:?} is no extension known here"), write);
                }
            }
        }
        off
    }
}

fn for_one(entry: &Value, who: &str) -> Option<(String, Vec<String>)> {
    let Value::Table(entries) = entry else { return None };
    let (mut of, mut without) = (None, None);
    for (key, value) in entries {
        match value {
            Value::Text(text) if key == who && !text.trim().is_empty() => of = Some(text.trim().to_owned()),
            Value::List(list) if key == "without" => {
                without = Some(list.iter().map(text).collect::<Option<_>>()?);
            }
            _ => return None,
        }
    }
    Some((of?, without?))
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::{REQUIRED, faults, read};

    fn imap(lines: &str) -> Imap {
        read(&format!("{REQUIRED}[imap]\n{lines}\n")).unwrap().imap
    }

    #[test]
    fn extensions_are_taken_from_all_from_an_account_and_from_a_client() {
        let offer = imap(
            "without = [\"idle\"]\n\
             accounts = [{ account = \"logiciel@chu-nord.fr\", without = [\"MOVE\", \"UIDPLUS\"] }]\n\
             [[imap.quirks]]\nclient = \"Old Mail\"\nwithout = [\"ID\"]",
        )
        .offer;
        assert_eq!(offer.without, Extensions::NONE.with(Extension::Idle));
        let both = Extensions::NONE.with(Extension::Move).with(Extension::UidPlus);
        assert_eq!(offer.accounts, [("logiciel@chu-nord.fr".to_owned(), both)]);
        assert_eq!(offer.clients, [("Old Mail".to_owned(), Extensions::NONE.with(Extension::Id))]);
    }

    #[test]
    fn an_unknown_extension_is_named_with_those_that_are_known() {
        let text = faults(&format!("{REQUIRED}[imap]\nwithout = [\"IDEL\"]\n"));
        assert!(
            text.contains("[imap] without: \"IDEL\" is no extension known here. Write IDLE; one of "),
            "{text}"
        );
        assert!(text.contains("UIDPLUS"), "{text}");
        for wrong in [
            r#"quirks = [{ client = "x" }]"#,
            r#"quirks = [{ account = "x", without = ["IDLE"] }]"#,
            r#"accounts = ["x"]"#,
            r#"accounts = [{ account = "x", without = ["XYZZY"] }]"#,
        ] {
            assert!(read(&format!("{REQUIRED}[imap]\n{wrong}\n")).is_err(), "{wrong}");
        }
    }

    #[test]
    fn silence_is_borne_for_half_an_hour_at_least() {
        let text = faults(&format!("{REQUIRED}[imap]\nidle_timeout = \"29 min\"\n"));
        assert!(
            text.contains("[imap] idle_timeout: it is too short. Write a duration of at least 1800 s"),
            "{text}"
        );
        let usual = imap("");
        let room = ::imap::Settings::default();
        assert_eq!(usual.idle_timeout, room.idle_timeout);
        assert_eq!(usual.keep_alive, room.keep_alive);
        assert_eq!(usual.login_time, room.pre_auth_timeout);
        assert_eq!(usual.sessions_per_account, room.sessions_per_account);
        assert_eq!(usual.commands_per_second, room.commands_per_second);
    }
}

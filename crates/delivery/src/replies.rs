//! Refusals of this room as values, with their reason and what people read; English first, then French (I-8).
//!
//! May use: `mssante`'s refusals, SMTP replies. Must never touch: any decision. Logs get the reason and a masked recipient,
//! the sender alone gets the texts.

use std::{fmt, time::Duration};

use mssante::{Address, route::Refusal};
use pki::Distrust;
use smtp::Reply;
use store::TraceId;

mod store_errors;

/// Why something is refused, for good (5xx) or for now (4xx).
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Denial {
    /// SMTP reply code.
    pub code: u16,
    /// Enhanced status code (RFC 3463).
    pub status: &'static str,
    /// Stable machine name of the reason.
    pub reason: &'static str,
    /// The recipient that it is about, if one.
    pub recipient: Option<Box<Address>>,
    /// For people, in English.
    pub en: String,
    /// For people, in French, without accents.
    pub fr: String,
    /// More facts for the trace, name and value: what a peer presented, which address it wrote.
    pub facts: Vec<(&'static str, String)>,
}

impl Denial {
    pub(crate) fn new(
        code: u16,
        status: &'static str,
        reason: &'static str,
        en: impl Into<String>,
        fr: impl Into<String>,
    ) -> Self {
        Self { code, status, reason, recipient: None, en: en.into(), fr: fr.into(), facts: Vec::new() }
    }

    fn about(mut self, recipient: &Address) -> Self {
        self.recipient = Some(Box::new(recipient.clone()));
        self
    }

    /// The same, saying which address of which field it is about.
    pub(crate) fn within(mut self, field: &str, address: &Address) -> Self {
        self.en = format!("{field} <{address}>: {}", self.en);
        self.fr = format!("{field} <{address}> : {}", self.fr);
        self.facts.push(("from", address.to_string()));
        self
    }

    /// What the client is told.
    pub(crate) fn reply(&self) -> Reply {
        Reply::new(self.code, self.status, [self.en.as_str(), self.fr.as_str()])
    }

    /// The same, with the name under which an administrator finds the trace.
    pub(crate) fn traced_reply(&self, id: TraceId) -> Reply {
        Reply::new(self.code, self.status, [&self.en, &self.fr, &format!("trace {id}")])
    }
}

// The texts may name a patient's address: they are the sender's alone (M-11).
impl fmt::Debug for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Denial({} {} {} {:?})", self.code, self.status, self.reason, self.recipient)
    }
}

impl From<Refusal> for Denial {
    fn from(refusal: Refusal) -> Self {
        let Refusal { code, status, reason, recipient, en, fr } = refusal;
        Self {
            code,
            status,
            reason: reason.as_str(),
            recipient: recipient.map(Box::new),
            en,
            fr,
            facts: Vec::new(),
        }
    }
}

/// What an address looks like in a reply.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(254).collect()
}

pub(crate) fn busy() -> Denial {
    Denial::new(
        452,
        "4.3.1",
        "busy",
        "this server is overloaded: try again later",
        "ce serveur est surcharge : reessayez plus tard",
    )
}

pub(crate) fn login_denied() -> Denial {
    Denial::new(
        535,
        "5.7.8",
        "login-denied",
        "wrong user name or application password: check both, or make a new application password",
        "identifiant ou mot de passe applicatif faux : verifiez les deux, ou creez un mot de passe applicatif",
    )
}

pub(crate) fn login_throttled(wait: Duration) -> Denial {
    let minutes = wait.as_secs().div_ceil(60).max(1);
    Denial::new(
        454,
        "4.7.0",
        "login-throttled",
        format!("too many failed logins: wait {minutes} minutes, then check the application password"),
        format!(
            "trop d'echecs de connexion : attendez {minutes} minutes, puis verifiez le mot de passe applicatif"
        ),
    )
}

pub(crate) fn login_unavailable() -> Denial {
    Denial::new(
        454,
        "4.7.0",
        "login-unavailable",
        "logins are not possible just now: try again later",
        "connexion impossible pour l'instant : reessayez plus tard",
    )
}

pub(crate) fn login_first() -> Denial {
    Denial::new(530, "5.7.0", "login-first", "log in first", "connectez-vous d'abord")
}

pub(crate) fn sender_state(state: mssante::State) -> Denial {
    Denial::new(
        550,
        "5.7.1",
        "sender-state",
        format!("this account may not send while it is {state}: ask your administrator"),
        format!("ce compte ne peut pas envoyer tant qu'il est {state} : voyez votre administrateur"),
    )
}

pub(crate) fn bad_sender(text: &str, error: mssante::AddressError) -> Denial {
    Denial::new(
        553,
        "5.1.7",
        "bad-sender",
        format!("<{}>: {error}", shown(text)),
        format!("<{}> n'est pas une adresse d'expediteur valide", shown(text)),
    )
}

pub(crate) fn bad_recipient(text: &str, error: mssante::AddressError) -> Denial {
    Denial::new(
        553,
        "5.1.3",
        "bad-recipient",
        format!("<{}>: {error}", shown(text)),
        format!("<{}> n'est pas une adresse valide", shown(text)),
    )
}

/// `field` is `MAIL FROM` or the name of a header field.
pub(crate) fn not_own(field: &str, address: &str, own: &Address) -> Denial {
    let address = shown(address);
    Denial::new(
        550,
        "5.7.1",
        "not-own-address",
        format!("{field}: <{address}> is not an address of this account: write <{own}>"),
        format!("{field} : <{address}> n'est pas une adresse de ce compte : mettez <{own}>"),
    )
}

pub(crate) fn utf8_needed() -> Denial {
    Denial::new(
        553,
        "5.6.7",
        "smtputf8-needed",
        "this address is not ASCII: a mail program that knows SMTPUTF8 is needed",
        "cette adresse n'est pas en ASCII : il faut un logiciel qui connait SMTPUTF8",
    )
}

pub(crate) fn too_large(limit: u64) -> Denial {
    let limit = limit / 1_000_000;
    Denial::new(
        552,
        "5.3.4",
        "too-large",
        format!("a message has at most {limit} MB: send less at once"),
        format!("un message fait au plus {limit} Mo : envoyez-en moins a la fois"),
    )
}

pub(crate) fn attachments_too_large(limit: u64) -> Denial {
    let limit = limit / 1_000_000;
    Denial::new(
        552,
        "5.3.4",
        "attachments-too-large",
        format!("all attachments of a message have at most {limit} MB: send them in several messages"),
        format!(
            "les pieces jointes d'un message font au plus {limit} Mo : envoyez-les en plusieurs messages"
        ),
    )
}

pub(crate) fn header_too_large(limit: usize) -> Denial {
    let limit = limit / 1024;
    Denial::new(
        552,
        "5.3.4",
        "header-too-large",
        format!(
            "the header of a message has at most {limit} KiB: write to fewer people or shorten its fields"
        ),
        format!(
            "l'en-tete d'un message fait au plus {limit} Kio : moins de destinataires ou des champs plus courts"
        ),
    )
}

/// Mail between operators is stopped: no list says who may get it (M-1).
pub(crate) fn not_relaying(to: &Address, why: &Distrust) -> Denial {
    let (en, fr) = match why {
        Distrust::ListTooOld { .. } => {
            ("the MSSante white list here is too old", "la liste blanche MSSante d'ici est trop ancienne")
        }
        _ => ("no MSSante white list is in force here", "aucune liste blanche MSSante n'est en vigueur ici"),
    };
    let denial = Denial::new(
        451,
        "4.7.0",
        why.reason(),
        format!(
            "<{to}> is at another operator and {en}: try again later, this server's operator has an alarm"
        ),
        format!("<{to}> est chez un autre operateur et {fr} : reessayez plus tard, l'exploitant est alerte"),
    );
    denial.about(to)
}

/// An MSSanté address of ours that no account has, or one that takes no mail.
pub(crate) fn unknown_here(to: &Address) -> Denial {
    let denial = Denial::new(
        550,
        "5.1.1",
        "unknown-recipient",
        format!("<{to}>: no such box here: check the address"),
        format!("<{to}> : cette boite n'existe pas ici : verifiez l'adresse"),
    );
    denial.about(to)
}

/// A box that has as much as it may have (M-12).
pub(crate) fn mailbox_full(to: &Address) -> Denial {
    let denial = Denial::new(
        452,
        "4.2.2",
        "mailbox-full",
        format!("<{to}>: this box is full: try again later, and tell its holder by another way"),
        format!("<{to}> : cette boite est pleine : reessayez plus tard et prevenez son titulaire autrement"),
    );
    denial.about(to)
}

/// A login address: it exchanges with accounts of this operator only (S-1.1).
pub(crate) fn login_address(to: &Address) -> Denial {
    let denial = Denial::new(
        550,
        "5.7.1",
        "login-address",
        format!(
            "<{to}> is a login address, which exchanges within its operator only: write to an MSSante address"
        ),
        format!(
            "<{to}> est une adresse de connexion, interne a son operateur : ecrivez a une adresse MSSante"
        ),
    );
    denial.about(to)
}

/// Another operator's recipient on the relay service (M-2).
pub(crate) fn no_onward_relay(to: &Address) -> Denial {
    let denial = Denial::new(
        550,
        "5.7.1",
        "no-onward-relay",
        format!(
            "<{to}> is not of this operator, and nothing is relayed onward: deliver it to its own operator"
        ),
        format!("<{to}> n'est pas de cet operateur, qui ne relaie pas : remettez-le a son propre operateur"),
    );
    denial.about(to)
}

/// `field` is a name that may appear once, `count` how often it does.
pub(crate) fn wrong_count(field: &str, count: usize) -> Denial {
    let (en, fr) = match count {
        0 => (format!("no {field} field: add one"), format!("aucun champ {field} : ajoutez-en un")),
        _ => (
            format!("{count} {field} fields: exactly one is allowed"),
            format!("{count} champs {field} : un seul est permis"),
        ),
    };
    Denial::new(550, "5.6.0", "field-count", en, fr)
}

pub(crate) fn unreadable(field: &str) -> Denial {
    Denial::new(
        550,
        "5.6.0",
        "field-unreadable",
        format!("no address can be read in the {field} field: write it as name <address>"),
        format!("aucune adresse lisible dans le champ {field} : ecrivez nom <adresse>"),
    )
}

pub(crate) fn header_nul() -> Denial {
    Denial::new(
        550,
        "5.6.0",
        "header-nul",
        "the header holds a NUL character, which no mail has: correct the program that wrote it",
        "l'en-tete contient un caractere NUL, interdit dans un courrier : corrigez le logiciel qui l'a ecrit",
    )
}

/// A header that a program further on would cut into other fields than we do.
pub(crate) fn header_lines() -> Denial {
    Denial::new(
        550,
        "5.6.0",
        "header-line-end",
        "a line of the header ends with CR or LF alone: correct the program that wrote it, lines end with CR LF",
        "une ligne de l'en-tete se termine par CR ou LF seul : corrigez le logiciel, les lignes finissent par CR LF",
    )
}

pub(crate) fn loops(count: usize) -> Denial {
    Denial::new(
        554,
        "5.4.6",
        "loop",
        format!("{count} Received fields: this message runs in circles, look for a forwarding rule"),
        format!("{count} champs Received : ce message tourne en rond, cherchez une regle de transfert"),
    )
}

#[cfg(test)]
pub(crate) mod tests {
    use mssante::{AddressError, State};
    use store::{Limit, StoreError};

    use super::*;
    use crate::samples::{DOCTOR, address};

    pub(crate) fn all() -> Vec<Denial> {
        let to = address(DOCTOR);
        vec![
            busy(),
            login_denied(),
            login_throttled(Duration::from_secs(61)),
            login_unavailable(),
            login_first(),
            sender_state(State::Suspendu),
            bad_sender("\u{e9}@", AddressError::EmptyLocal),
            bad_recipient("a b@chu.fr", AddressError::BadLocal),
            not_own("From", "x@example.org", &to),
            utf8_needed(),
            too_large(90_000_000),
            attachments_too_large(60_000_000),
            header_too_large(256 * 1024),
            unknown_here(&to),
            mailbox_full(&to),
            login_address(&to),
            no_onward_relay(&to),
            no_onward_relay(&to).within("From", &to),
            not_relaying(&to, &Distrust::NoList),
            not_relaying(&to, &Distrust::ListTooOld { age: jiff::SignedDuration::from_hours(400) }),
            wrong_count("From", 0),
            wrong_count("Subject", 2),
            unreadable("Sender"),
            header_nul(),
            header_lines(),
            loops(51),
            StoreError::ClockBehind.into(),
            StoreError::Full.into(),
            StoreError::Limit(Limit::Queue).into(),
            StoreError::Limit(Limit::QueueLane).into(),
            StoreError::Limit(Limit::QueueSender).into(),
            StoreError::Damaged("engine/000012.sst".into()).into(),
            StoreError::NotFound.into(),
            StoreError::Corrupt("here").into(),
        ]
    }

    #[test]
    fn each_denial_reads_well_in_two_languages() {
        for denial in all() {
            let class = denial.code / 100;
            assert!(denial.status.starts_with(&format!("{class}.")), "{denial:?}");
            assert!(
                (4..=5).contains(&class) && !denial.en.is_empty() && denial.en != denial.fr,
                "{denial:?}"
            );
            let foreign = denial.reason == "bad-sender";
            assert!(foreign || (denial.en.is_ascii() && denial.fr.is_ascii()), "{denial:?}");
            let reply = denial.reply();
            assert_eq!((reply.code(), reply.status(), reply.lines().len()), (denial.code, denial.status, 2));
        }
        assert!(login_throttled(Duration::from_secs(61)).en.contains("2 minutes"));
        assert!(attachments_too_large(60_000_000).en.contains("60 MB"));
    }

    #[test]
    fn a_store_that_cannot_now_never_refuses_for_good() {
        assert_eq!(
            (Denial::from(StoreError::Busy).code, Denial::from(StoreError::Busy).status),
            (452, "4.3.1")
        );
        let full = Denial::from(StoreError::Full);
        assert_eq!((full.code, full.status, full.reason), (452, "4.3.1", "disk-full"));
        let failures = [
            StoreError::ClockBehind,
            StoreError::NotFound,
            StoreError::Engine("000012.sst".into()),
            StoreError::Damaged("000012.sst".into()),
        ];
        for error in failures {
            let denial = Denial::from(error);
            assert_eq!((denial.code, denial.status), (451, "4.3.0"));
            assert!(!denial.en.contains("000012"), "what is inside stays inside");
        }
    }

    #[test]
    fn a_traced_reply_ends_with_the_name_of_its_trace() {
        let id = TraceId::new(jiff::Timestamp::UNIX_EPOCH);
        let reply = busy().traced_reply(id);
        assert_eq!(reply.lines().last(), Some(&format!("trace {id}")));
    }

    #[test]
    fn debug_shows_no_patient() {
        let denial = not_relaying(&address("269054958815780@patient.mssante.fr"), &Distrust::NoList);
        assert!(denial.en.contains("269054958815780") && !format!("{denial:?}").contains("2690"));
    }
}

//! The part for people: French, then English; which message, what happened, and what to do next. The French half is for the person who
//! wrote it: what was answered and found, in technical words, stands in the English half.
//!
//! May use: the report, the original's subject. Must never touch: the rest of the original; a subject may not leave this part for the
//! header of the report (M-7).

use jiff::{Timestamp, tz::TimeZone};

use super::{
    Action, Diagnostic, MAX_EXPLAINED, MAX_REPORTED, MAX_SUBJECT, MAX_TEXT, Outcome, Report, line,
    message_id, word,
};
use crate::Header;

/// Under which name reports come.
pub(super) const FROM: &str = "Messagerie MSSanté (Mail Delivery System)";

/// The subject: what happened, never what the message was about. The two texts of a failure are those that
/// patients' operator knows as bounces (B.4.6).
pub(super) fn subject(recipients: &[Outcome<'_>]) -> &'static str {
    match worst(recipients) {
        Action::Failed => "Message non distribué / Undelivered Mail Returned to Sender",
        Action::Delayed => "Message retardé, toujours en cours d'envoi / Delayed Mail (still being retried)",
        Action::Delivered | Action::Relayed => "Message distribué / Successful Mail Delivery Report",
    }
}

fn worst(recipients: &[Outcome<'_>]) -> Action {
    let any = |action| recipients.iter().any(|outcome| outcome.action == action);
    [Action::Failed, Action::Delayed].into_iter().find(|action| any(*action)).unwrap_or(Action::Delivered)
}

/// What of the original comes with the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attached {
    Header,
    Whole,
}

/// One language's words.
struct Words {
    opening: fn(host: &str, date: &str, subject: &str) -> String,
    subject: fn(subject: &str) -> String,
    no_subject: &'static str,
    /// What the message is called by programs, if this half tells.
    id: Option<fn(id: &str) -> String>,
    heading: fn(Action) -> &'static str,
    until: fn(date: &str) -> String,
    /// Before the answer of a host, and before a finding of this one, if this half tells them.
    technical: Option<(&'static str, &'static str)>,
    others: fn(count: usize) -> String,
    untold: fn(count: usize) -> String,
    closing: fn(Attached) -> &'static str,
    explained: for<'a> fn(&Outcome<'a>) -> &'a str,
    /// A day and a time, without the zone.
    date: &'static str,
    /// The zone of a city.
    city: fn(city: &str) -> String,
}

const FRENCH: Words = Words {
    opening: |host, date, subject| {
        format!(
            "Ceci est un avis automatique du service de messagerie {host}.\r\n\
             Il concerne votre message du {date},\r\n{subject}"
        )
    },
    subject: |subject| format!("objet : « {subject} »"),
    no_subject: "sans objet.",
    id: None,
    heading: |action| match action {
        Action::Failed => "N'a pas pu être remis, et n'est plus essayé :",
        Action::Delayed => "N'est pas encore remis (ne le renvoyez pas) :",
        Action::Delivered => "A été déposé dans la boîte de :",
        Action::Relayed => "A été remis à l'opérateur de (qui peut ne pas envoyer d'autre avis) :",
    },
    until: |date| {
        format!(
            "Votre message attend ; de nouveaux essais ont lieu jusqu'au {date}. Vous n'avez rien à faire."
        )
    },
    technical: None,
    others: |count| format!("... et {count} autres, listés dans la partie technique de cet avis."),
    untold: |count| format!("... et {count} autres, que cet avis ne peut pas lister."),
    closing: |attached| match attached {
        Attached::Header => "L'en-tête de votre message est joint ; son contenu ne l'est pas.",
        Attached::Whole => "Votre message est joint en entier, comme votre logiciel l'a demandé.",
    },
    explained: |outcome| outcome.fr,
    date: "%d/%m/%Y à %H:%M",
    city: |city| format!("(heure de {city})"),
};

const ENGLISH: Words = Words {
    opening: |host, date, subject| {
        format!(
            "This is an automatic notice of the mail service {host}.\r\n\
             It is about your message of {date},\r\n{subject}"
        )
    },
    subject: |subject| format!("subject: \"{subject}\""),
    no_subject: "without a subject.",
    id: Some(|id| format!("Its identifier is <{id}>.\r\n")),
    heading: |action| match action {
        Action::Failed => "Could not be delivered, and is no longer tried:",
        Action::Delayed => "Is not delivered yet (do not send it again):",
        Action::Delivered => "Was put in the box of:",
        Action::Relayed => "Was handed to the operator of (which may send no further notice):",
    },
    until: |date| {
        format!("Your message waits; it is tried again until {date}. There is nothing for you to do.")
    },
    technical: Some(("Answer of", "Finding of this server:")),
    others: |count| format!("... and {count} others, listed in the technical part of this notice."),
    untold: |count| format!("... and {count} others, which this notice cannot list."),
    closing: |attached| match attached {
        Attached::Header => "The header of your message is attached; its content is not.",
        Attached::Whole => "Your whole message is attached, as your mail program asked.",
    },
    explained: |outcome| outcome.en,
    date: "%d/%m/%Y at %H:%M",
    city: |city| format!("({city} time)"),
};

/// The whole text.
pub(super) fn part(report: &Report<'_>, attached: Attached) -> String {
    let id = message_id(report.original);
    let about = about(report.original);
    let mut text = String::new();
    for (at, words) in [FRENCH, ENGLISH].iter().enumerate() {
        if at > 0 {
            text.push_str("\r\n* * *\r\n\r\n");
        }
        let date = shown(report.arrival, report.zone, words);
        let about = about.as_deref().map_or_else(|| words.no_subject.to_owned(), words.subject);
        text.push_str(&(words.opening)(&word(report.hostname), &date, &about));
        text.push_str("\r\n");
        text.extend(words.id.zip(id.as_deref()).map(|(told, id)| told(id)));
        recipients(&mut text, report, words);
        text.push_str(&format!("\r\n{}\r\n", (words.closing)(attached)));
    }
    text
}

/// The subject as it was written, on one line; what goes beyond [`MAX_SUBJECT`] is cut, and the cut shows.
fn about(original: &[u8]) -> Option<String> {
    let whole = line(&Header::parse(original).subject()?, MAX_TEXT);
    let cut = line(&whole, MAX_SUBJECT);
    let dots = if cut.len() < whole.len() { " [...]" } else { "" };
    (!cut.is_empty()).then(|| format!("{cut}{dots}"))
}

fn recipients(text: &mut String, report: &Report<'_>, words: &Words) {
    let recipients = report.recipients;
    let mut left = MAX_EXPLAINED;
    for action in [Action::Failed, Action::Delayed, Action::Delivered, Action::Relayed] {
        let told = recipients.iter().take(MAX_REPORTED).filter(|outcome| outcome.action == action);
        let mut told = told.take(left).peekable();
        if told.peek().is_some() {
            text.push_str(&format!("\r\n{}\r\n", (words.heading)(action)));
        }
        for outcome in told {
            left -= 1;
            explained(text, outcome, report.zone, words);
        }
    }
    let listed = recipients.len().min(MAX_REPORTED);
    if listed > MAX_EXPLAINED {
        text.push_str(&format!("\r\n{}\r\n", (words.others)(listed - MAX_EXPLAINED)));
    }
    if recipients.len() > MAX_REPORTED {
        text.push_str(&format!("\r\n{}\r\n", (words.untold)(recipients.len() - MAX_REPORTED)));
    }
}

fn explained(text: &mut String, outcome: &Outcome<'_>, zone: &TimeZone, words: &Words) {
    text.push_str(&format!("\r\n  <{}>\r\n", word(outcome.recipient)));
    let why = line((words.explained)(outcome), MAX_TEXT);
    if !why.is_empty() {
        text.push_str(&format!("    {why}\r\n"));
    }
    if let Some(until) = outcome.retry_until {
        text.push_str(&format!("    {}\r\n", (words.until)(&shown(until, zone, words))));
    }
    let Some((answer, finding)) = words.technical else { return };
    match (outcome.diagnostic, outcome.remote) {
        (Some(Diagnostic::Smtp(reply)), Some(remote)) => {
            text.push_str(&format!("    {answer} {}: {}\r\n", word(remote), line(reply, MAX_TEXT)));
        }
        (Some(Diagnostic::Smtp(said) | Diagnostic::Local(said)), _) => {
            text.push_str(&format!("    {finding} {}\r\n", line(said, MAX_TEXT)));
        }
        (None, _) => {}
    }
}

/// An instant as people of that zone tell it, by the name of its city: an offset means nothing to them.
fn shown(at: Timestamp, zone: &TimeZone, words: &Words) -> String {
    let at = at.to_zoned(zone.clone());
    let name = match zone.iana_name().and_then(|name| name.rsplit_once('/')) {
        Some((region, city)) if region != "Etc" => (words.city)(&city.replace('_', " ")),
        _ if at.offset().is_zero() => "UTC".to_owned(),
        _ => at.strftime("UTC%:z").to_string(),
    };
    format!("{} {name}", at.strftime(words.date))
}

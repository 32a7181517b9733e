//! The part for people: French, then English; what happened, and what to do next.
//!
//! May use: nothing but the report. Must never touch: the subject of the message reported on (M-7).

use jiff::Timestamp;

use super::{
    Action, Diagnostic, MAX_EXPLAINED, MAX_REPORTED, MAX_TEXT, Outcome, Report, line, message_id, word,
};

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

/// One language's words.
struct Words {
    opening: fn(host: &str, date: &str, id: &str) -> String,
    heading: fn(Action) -> &'static str,
    until: fn(date: &str) -> String,
    remote: &'static str,
    others: fn(count: usize) -> String,
    untold: fn(count: usize) -> String,
    closing: &'static str,
    explained: for<'a> fn(&Outcome<'a>) -> &'a str,
    date: &'static str,
}

const FRENCH: Words = Words {
    opening: |host, date, id| {
        format!(
            "Ceci est un avis automatique du service de messagerie {host}.\r\n\
             Il concerne votre message du {date}{}.",
            if id.is_empty() { String::new() } else { format!(",\r\nidentifiant <{id}>") }
        )
    },
    heading: |action| match action {
        Action::Failed => "N'a pas pu être remis, et n'est plus essayé :",
        Action::Delayed => "N'est pas encore remis ; le service continue d'essayer, ne le renvoyez pas :",
        Action::Delivered => "A été déposé dans la boîte de :",
        Action::Relayed => "A été remis à l'opérateur de (qui peut ne pas envoyer d'autre avis) :",
    },
    until: |date| format!("essais jusqu'au {date}"),
    remote: "réponse de",
    others: |count| format!("... et {count} autres, listés dans la partie technique de cet avis."),
    untold: |count| format!("... et {count} autres, que cet avis ne peut pas lister."),
    closing: "L'en-tête de votre message est joint ; son contenu ne l'est pas.",
    explained: |outcome| outcome.fr,
    date: "%d/%m/%Y à %H:%M UTC",
};

const ENGLISH: Words = Words {
    opening: |host, date, id| {
        format!(
            "This is an automatic notice of the mail service {host}.\r\n\
             It is about your message of {date}{}.",
            if id.is_empty() { String::new() } else { format!(",\r\nidentifier <{id}>") }
        )
    },
    heading: |action| match action {
        Action::Failed => "Could not be delivered, and is no longer tried:",
        Action::Delayed => "Is not delivered yet; the service goes on trying, do not send it again:",
        Action::Delivered => "Was put in the box of:",
        Action::Relayed => "Was handed to the operator of (which may send no further notice):",
    },
    until: |date| format!("tried until {date}"),
    remote: "answer of",
    others: |count| format!("... and {count} others, listed in the technical part of this notice."),
    untold: |count| format!("... and {count} others, which this notice cannot list."),
    closing: "The header of your message is attached; its content is not.",
    explained: |outcome| outcome.en,
    date: "%Y-%m-%d at %H:%M UTC",
};

/// The whole text.
pub(super) fn part(report: &Report<'_>) -> String {
    let id = message_id(report.original).unwrap_or_default();
    let mut text = String::new();
    for (at, words) in [FRENCH, ENGLISH].iter().enumerate() {
        if at > 0 {
            text.push_str("\r\n* * *\r\n\r\n");
        }
        let date = shown(report.arrival, words);
        text.push_str(&(words.opening)(&word(report.hostname), &date, &id));
        text.push_str("\r\n");
        recipients(&mut text, report.recipients, words);
        text.push_str(&format!("\r\n{}\r\n", words.closing));
    }
    text
}

fn recipients(text: &mut String, recipients: &[Outcome<'_>], words: &Words) {
    let mut left = MAX_EXPLAINED;
    for action in [Action::Failed, Action::Delayed, Action::Delivered, Action::Relayed] {
        let told = recipients.iter().take(MAX_REPORTED).filter(|outcome| outcome.action == action);
        let mut told = told.take(left).peekable();
        if told.peek().is_some() {
            text.push_str(&format!("\r\n{}\r\n", (words.heading)(action)));
        }
        for outcome in told {
            left -= 1;
            explained(text, outcome, words);
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

fn explained(text: &mut String, outcome: &Outcome<'_>, words: &Words) {
    text.push_str(&format!("\r\n  <{}>\r\n", word(outcome.recipient)));
    let why = line((words.explained)(outcome), MAX_TEXT);
    if !why.is_empty() {
        text.push_str(&format!("    {why}\r\n"));
    }
    if let Some(until) = outcome.retry_until {
        text.push_str(&format!("    {}\r\n", (words.until)(&shown(until, words))));
    }
    match (outcome.diagnostic, outcome.remote) {
        (Some(Diagnostic::Smtp(reply)), Some(remote)) => {
            text.push_str(&format!("    {} {}: {}\r\n", words.remote, word(remote), line(reply, MAX_TEXT)));
        }
        (Some(Diagnostic::Smtp(said) | Diagnostic::Local(said)), _) => {
            text.push_str(&format!("    {}\r\n", line(said, MAX_TEXT)));
        }
        (None, _) => {}
    }
}

fn shown(at: Timestamp, words: &Words) -> String {
    at.strftime(words.date).to_string()
}

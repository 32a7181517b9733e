//! What a report says to people about one recipient, in English and in French: what happened, and what to do.
//!
//! May use: the attempt and the verdict. Must never touch: anything else; what peers wrote is quoted as their words.

use message::report::Action as Fate;
use smtp::client::Stage;

use super::{
    attempt::{Attempt, Fault, What},
    settle::Settled,
    verdict::End,
};

/// What one recipient's part of a report is made of.
pub(super) struct Text {
    /// Enhanced status code of the report.
    pub(super) status: String,
    /// The peer's words, or ours.
    pub(super) diagnostic: String,
    pub(super) en: String,
    pub(super) fr: String,
}

/// The texts about one entry.
pub(super) fn of(settled: &Settled) -> Text {
    let Settled { entry, attempt, verdict } = settled;
    let host = attempt.host.as_deref().unwrap_or("the next server");
    let (en, fr) = match (verdict.told, verdict.end) {
        (Some(Fate::Relayed | Fate::Delivered), _) => (
            format!(
                "{host} has taken the message; it sends no confirmation of its own, so this is the last one."
            ),
            format!(
                "{host} a pris le message en charge ; ce serveur n'envoie pas de confirmation, celle-ci est la dernière."
            ),
        ),
        (Some(Fate::Delayed), _) => delayed(attempt, entry.expires),
        (_, End::Expired) => expired(attempt),
        _ => failed(attempt, host),
    };
    Text { status: status(attempt, verdict.end), diagnostic: diagnostic(attempt), en, fr }
}

fn status(attempt: &Attempt, end: End) -> String {
    // RFC 3463 §3.5: delivery time expired
    if end == End::Expired { "5.4.7".to_owned() } else { attempt.status() }
}

fn diagnostic(attempt: &Attempt) -> String {
    match &attempt.what {
        What::Relayed { reply, .. } | What::Refused { reply, .. } => reply.to_string(),
        What::Trouble(fault) | What::Distrusted(fault) | What::Hopeless(fault) => {
            format!("{}: {}", fault.reason, fault.text)
        }
    }
}

fn delayed(attempt: &Attempt, expires: jiff::Timestamp) -> (String, String) {
    let why = diagnostic(attempt);
    (
        format!(
            "Not delivered yet: {why}. It is tried again by itself until {expires}; there is nothing to do."
        ),
        format!(
            "Pas encore remis : {why}. De nouveaux essais ont lieu jusqu'au {expires} ; il n'y a rien à faire."
        ),
    )
}

fn expired(attempt: &Attempt) -> (String, String) {
    let why = diagnostic(attempt);
    (
        format!(
            "The time to deliver it is over; the last attempt ended so: {why}. Reach the recipient in another way, or send it again later."
        ),
        format!(
            "Le délai de remise est écoulé ; le dernier essai s'est terminé ainsi : {why}. Joignez le destinataire autrement, ou renvoyez le message plus tard."
        ),
    )
}

fn failed(attempt: &Attempt, host: &str) -> (String, String) {
    match &attempt.what {
        What::Refused { reply, stage: Stage::Offer } => {
            let line = |at: usize| reply.lines().get(at).cloned().unwrap_or_default();
            (line(0), line(1))
        }
        What::Refused { .. } | What::Relayed { .. } => (
            "The recipient's operator refuses it, for the reason below. Correct what it names, then send the message again.".to_owned(),
            "L'opérateur du destinataire le refuse, pour la raison ci-dessous. Corrigez ce qu'elle indique, puis renvoyez le message.".to_owned(),
        ),
        What::Distrusted(fault) => (
            format!("Nothing was sent: {host}, the server of the recipient's operator, fails the check \"{}\". {}. That operator must put it right; then send the message again.", fault.reason, fault.text),
            format!("Rien n'a été envoyé : {host}, serveur de l'opérateur du destinataire, échoue au contrôle « {} » ({}). Cet opérateur doit y remédier ; renvoyez ensuite le message.", fault.reason, check(fault)),
        ),
        What::Trouble(fault) | What::Hopeless(fault) => (
            format!("It cannot be delivered: {}.", fault.text),
            format!("Il ne peut pas être remis (« {} ») : vérifiez l'adresse du destinataire.", fault.reason),
        ),
    }
}

/// The check in French.
fn check(fault: &Fault) -> &str {
    match (&fault.french, fault.reason) {
        (Some(french), _) => french,
        (None, "no-tls") => "il ne propose pas TLS, et rien n'est envoyé en clair",
        (None, "tls-injection") => "du texte en clair a été inséré avant TLS",
        (None, _) => "la négociation TLS échoue",
    }
}

//! What a report says to people about one recipient, in English and in French: what happened, and what to do. French is for a doctor:
//! the recipient's domain, no host, no code, no error; those are the diagnostic's and the English text's.
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
    let domain = entry.recipient.domain().as_str();
    let cause = cause(attempt, domain);
    let (en, fr) = match (verdict.told, verdict.end) {
        (Some(Fate::Relayed | Fate::Delivered), _) => (
            format!(
                "The server of {domain} has taken the message; it sends no confirmation of its own, so this is the last one."
            ),
            format!(
                "Le serveur de {domain} a pris le message en charge ; il n'envoie pas de confirmation, celle-ci est la dernière."
            ),
        ),
        // until when stands in the report, for every delay
        (Some(Fate::Delayed), _) => cause,
        (_, End::Expired) => (
            format!(
                "The time to deliver it is over. {} Reach the recipient in another way, or send it again later.",
                cause.0
            ),
            format!(
                "Le délai de remise est écoulé. {} Joignez le destinataire autrement, ou renvoyez le message plus tard.",
                cause.1
            ),
        ),
        _ => failed(attempt, cause),
    };
    Text {
        status: status(attempt, verdict.end),
        diagnostic: diagnostic(attempt),
        en: detailed(attempt, en),
        fr,
    }
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

/// The English text, with what an administrator who reads French needs of a failed check.
fn detailed(attempt: &Attempt, en: String) -> String {
    match &attempt.what {
        What::Trouble(Fault { french: Some(french), .. })
        | What::Distrusted(Fault { french: Some(french), .. }) => {
            format!("{en} For the administrator, in French: {french}.")
        }
        _ => en,
    }
}

/// What stands in the way, in a sentence of each language.
fn cause(attempt: &Attempt, domain: &str) -> (String, String) {
    match &attempt.what {
        What::Refused { reply, stage } if refuses_us(reply, *stage) => (
            "The recipient's operator refuses the identity of our operator.".to_owned(),
            "L'opérateur du destinataire refuse l'identité de notre opérateur.".to_owned(),
        ),
        What::Refused { .. } | What::Relayed { .. } => (
            format!("The server of {domain} does not take the message."),
            format!("Le serveur de {domain} n'accepte pas le message."),
        ),
        What::Distrusted(fault) => distrusted(fault),
        What::Hopeless(fault) if fault.reason == GIVEN_BACK => (
            "The administrator of our service gave up its delivery.".to_owned(),
            "L'administrateur de notre service a renoncé à sa remise.".to_owned(),
        ),
        What::Hopeless(_) => (
            format!("The domain {domain} takes no mail."),
            format!("Le domaine {domain} ne reçoit pas de courrier."),
        ),
        What::Trouble(fault) => troubled(fault, domain),
    }
}

fn distrusted(fault: &Fault) -> (String, String) {
    let (en, fr) = match fault.reason {
        "no-tls" | "tls-injection" | "tls-handshake" => {
            ("offers no secure connection that can be used", "n'offre pas de liaison sûre")
        }
        "domain-unlisted" => {
            ("is not in the white list of MSSanté", "n'est pas dans la liste blanche MSSanté")
        }
        "no-certificate" => ("presents no certificate", "ne présente pas de certificat"),
        _ => (
            "presents a certificate that cannot be accepted",
            "présente un certificat qui ne peut pas être accepté",
        ),
    };
    let reason = fault.reason;
    (
        format!("The recipient's operator {en} (check \"{reason}\"). Nothing was sent to it."),
        format!("L'opérateur du destinataire {fr} (contrôle « {reason} »). Rien ne lui a été envoyé."),
    )
}

fn troubled(fault: &Fault, domain: &str) -> (String, String) {
    match fault.reason {
        // our own copies of what the trust space publishes
        "no-list" | "list-too-old" | "revocation-unknown" | "revocation-stale" => (
            format!("Our server cannot check the operator of {domain} at the moment."),
            format!("Notre service ne peut pas vérifier l'opérateur de {domain} pour l'instant."),
        ),
        "unreadable" => (
            "Our server cannot read the message at the moment.".to_owned(),
            "Notre service ne peut pas relire le message pour l'instant.".to_owned(),
        ),
        "dns" | "no-address" | "bad-host-name" | "mx-is-self" => (
            format!("The server of {domain} cannot be found at the moment."),
            format!("Le serveur de {domain} est introuvable pour l'instant."),
        ),
        "refused" | "protocol" => (
            format!("The server of {domain} takes no message at the moment."),
            format!("Le serveur de {domain} n'accepte pas de message pour l'instant."),
        ),
        _ => (
            format!("The server of {domain} does not answer at the moment."),
            format!("Le serveur de {domain} ne répond pas pour l'instant."),
        ),
    }
}

/// A cause that is final, and what to do about it.
fn failed(attempt: &Attempt, (en, fr): (String, String)) -> (String, String) {
    let (todo, faire) = match &attempt.what {
        What::Refused { reply, stage } if refuses_us(reply, *stage) => NOT_YOURS,
        What::Distrusted(_) => NOT_YOURS,
        What::Hopeless(fault) if fault.reason == GIVEN_BACK => NOT_YOURS,
        What::Refused { reply, .. } => correction(reply.status()),
        What::Hopeless(_) | What::Relayed { .. } | What::Trouble(_) => {
            ("Check the recipient's address.", "Vérifiez l'adresse du destinataire.")
        }
    };
    (format!("{en} {todo}"), format!("{fr} {faire}"))
}

/// The reason of what an administrator gave back.
const GIVEN_BACK: &str = "given-back";

/// What no sender can correct.
const NOT_YOURS: (&str, &str) = (
    "It is not your fault. Tell the recipient in another way, or your administrator.",
    "Ce n'est pas votre faute. Prévenez le destinataire par un autre moyen, ou votre administrateur.",
);

/// What to do about a refusal, by the subject of its status (RFC 3463 §3).
fn correction(status: &str) -> (&'static str, &'static str) {
    match status {
        "5.3.4" | "5.2.3" => {
            ("It is too large: send less at once.", "Il est trop volumineux : envoyez-en moins à la fois.")
        }
        "5.2.2" => (
            "The recipient's box is full: reach them in another way.",
            "La boîte du destinataire est pleine : joignez-le autrement.",
        ),
        _ if status.starts_with("5.1.") => (
            "Check the recipient's address, then send it again.",
            "Vérifiez l'adresse du destinataire, puis renvoyez le message.",
        ),
        _ if status.starts_with("5.6.") => (
            "Its form does not suit that server: show this notice to your administrator.",
            "Sa forme ne convient pas à ce serveur : montrez cet avis à votre administrateur.",
        ),
        _ => (
            "Its reason follows; show this notice to your administrator if it is not clear.",
            "Sa raison est citée plus bas ; si elle n'est pas claire, montrez cet avis à votre administrateur.",
        ),
    }
}

/// Whether a peer refuses our certificate, or what it may speak for: any status of security in answer to MAIL, and at any later stage
/// those that `docs/refusals.md` gives a certificate (a peer may judge us again).
fn refuses_us(reply: &smtp::Reply, stage: Stage) -> bool {
    let identity = ["5.7.4", "5.7.5", "5.7.8", "5.7.14"].contains(&reply.status());
    stage != Stage::Offer && (identity || (stage == Stage::Mail && reply.status().starts_with("5.7.")))
}

#[cfg(test)]
mod tests {
    use std::io;

    use pki::Distrust;
    use smtp::{Reply, client::Error};

    use super::*;

    const DOMAIN: &str = "clinique-sud.mssante.fr";

    fn told(what: What) -> (String, String) {
        let attempt = Attempt { host: Some("127.0.0.1".into()), ..Attempt::nowhere(what) };
        let (en, fr) = failed(&attempt, cause(&attempt, DOMAIN));
        (detailed(&attempt, en), fr)
    }

    #[test]
    fn a_server_that_is_away_is_named_by_its_domain_and_without_its_error() {
        let away = Error::Connect(io::Error::from_raw_os_error(111));
        let attempt = Attempt { host: Some("127.0.0.1".into()), ..Attempt::nowhere(What::from(&away)) };
        let (_, fr) = cause(&attempt, DOMAIN);
        assert_eq!(fr, "Le serveur de clinique-sud.mssante.fr ne répond pas pour l'instant.");
        assert!(diagnostic(&attempt).contains("no-connection"), "programs and administrators read it");
    }

    #[test]
    fn a_failed_check_is_plain_first_and_its_detail_is_the_administrator_s() {
        let name = mssante::dn::DistinguishedName::parse("CN=smtp.sud.fr,O=Sud,C=FR").unwrap();
        let domain = mssante::Domain::parse(DOMAIN).unwrap();
        let (en, fr) = told(What::from(&Distrust::OtherName { name, domain }));
        assert_eq!(
            fr,
            "L'opérateur du destinataire présente un certificat qui ne peut pas être accepté (contrôle « other-name »). \
             Rien ne lui a été envoyé. Ce n'est pas votre faute. Prévenez le destinataire par un autre moyen, ou votre administrateur."
        );
        assert!(en.contains("CN=smtp.sud.fr") && en.contains("liste blanche MSSanté"), "{en}");
    }

    #[test]
    fn a_refusal_of_our_certificate_asks_nothing_of_the_doctor() {
        for (status, stage, ours) in [
            ("5.7.4", Stage::Mail, true),
            ("5.7.5", Stage::Mail, true),
            ("5.7.8", Stage::Recipient, true),
            ("5.7.14", Stage::End, true),
            ("5.7.1", Stage::Mail, true),
            ("5.7.1", Stage::Recipient, false),
            ("5.1.1", Stage::Recipient, false),
            ("5.7.4", Stage::Offer, false),
        ] {
            let (en, fr) = told(What::Refused { reply: Reply::new(550, status, ["no"]), stage });
            assert_eq!(
                fr.contains("refuse l'identité de notre opérateur. Ce n'est pas votre faute."),
                ours,
                "{fr}"
            );
            assert_eq!(en.contains("It is not your fault."), ours, "{en}");
            assert!(!fr.contains("5.7") && (!ours || !fr.contains("renvoyez")), "{fr}");
        }
    }

    #[test]
    fn other_refusals_say_what_to_do() {
        for (status, words) in [
            ("5.1.1", "Vérifiez l'adresse"),
            ("5.2.2", "est pleine"),
            ("5.3.4", "trop volumineux"),
            ("5.6.7", "administrateur"),
            ("5.7.1", "citée plus bas"),
        ] {
            let reply = Reply::new(550, status, ["no"]);
            let (_, fr) = told(What::Refused { reply, stage: Stage::Recipient });
            assert!(fr.contains(words) && !fr.contains(status), "{fr}");
        }
    }
}

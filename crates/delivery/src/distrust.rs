//! Why another operator is not trusted, as a refusal that its engineer can act on (M-2): which check failed, in two languages.
//!
//! May use: `pki`'s verdicts. Must never touch: any decision. The English sentence is `pki`'s own.

use jiff::Timestamp;
use pki::Distrust;

use crate::replies::Denial;

/// The refusal of a peer, or of what it may not say. It starts with the stable name of the check, by which `docs/refusals.md` lists it.
pub(crate) fn denial(distrust: &Distrust) -> Denial {
    let reason = distrust.reason();
    let (code, status) = codes(distrust);
    let fr = french(distrust);
    Denial::new(code, status, reason, format!("{reason}: {distrust}"), ascii(&format!("{reason} : {fr}")))
}

/// Reply code and enhanced status code (RFC 3463 §3.8, RFC 5248). What may pass by itself is a 4xx (M-1, M-4).
pub(crate) fn codes(distrust: &Distrust) -> (u16, &'static str) {
    match distrust {
        Distrust::NoCertificate => (550, "5.7.4"),
        Distrust::Malformed(_) | Distrust::BadSignature(_) | Distrust::BadChain(_) => (550, "5.7.5"),
        Distrust::NotYetValid { .. }
        | Distrust::Expired { .. }
        | Distrust::WrongUsage { .. }
        | Distrust::Revoked { .. } => (550, "5.7.8"),
        Distrust::TestCertificate
        | Distrust::UnknownAuthority { .. }
        | Distrust::NotListed { .. }
        | Distrust::OtherName { .. } => (550, "5.7.14"),
        Distrust::NotListedFor { .. } | Distrust::DomainUnlisted { .. } => (550, "5.7.1"),
        Distrust::RevocationUnknown { .. } | Distrust::RevocationStale { .. } => (451, "4.7.5"),
        Distrust::NoList | Distrust::ListTooOld { .. } => (451, "4.7.0"),
    }
}

/// The same in French, for reports; a day as French writes it.
pub(crate) fn french(distrust: &Distrust) -> String {
    match distrust {
        Distrust::NoCertificate => {
            "aucun certificat présenté : présentez le certificat opérateur que la liste blanche nomme".into()
        }
        Distrust::Malformed(what) => {
            format!("certificat illisible ({what}) : présentez une chaîne X.509 saine, la vôtre d'abord")
        }
        Distrust::TestCertificate => {
            "certificat de la hiérarchie TEST de l'IGC-Santé : présentez un certificat de production".into()
        }
        Distrust::UnknownAuthority { issuer } => format!(
            "l'émetteur \"{issuer}\" ne mène pas a une autorité reconnue ici : \
             présentez un certificat IGC-Santé avec sa chaîne"
        ),
        Distrust::NotYetValid { from } => {
            format!(
                "un certificat de la chaîne n'est pas valable avant le {} : présentez-en un valable",
                short(*from)
            )
        }
        Distrust::Expired { at } => {
            format!("un certificat a expiré le {} : présentez son successeur", short(*at))
        }
        Distrust::WrongUsage { needed } => {
            format!("il n'est pas fait pour cet usage ({needed} manque) : présentez-en un qui l'est")
        }
        Distrust::BadSignature(what) => {
            format!(
                "une signature de la chaîne n'est pas celle de son émetteur ({what}) : présentez la chaîne émise"
            )
        }
        Distrust::BadChain(what) => {
            format!("la chaîne enfreint une règle de la RFC 5280 ({what}) : présentez la chaîne émise")
        }
        Distrust::Revoked { serial, at } => {
            format!(
                "le certificat de numéro {serial} a été révoqué le {} : présentez son successeur",
                short(*at)
            )
        }
        Distrust::NotListed { name } => {
            format!("le sujet \"{name}\" n'est pas dans la liste blanche MSSanté : faites-le inscrire")
        }
        Distrust::NotListedFor { name, domain } => format!(
            "la liste blanche MSSanté ne laisse pas le sujet \"{name}\" parler pour {domain} : \
             prenez un certificat qui y est inscrit"
        ),
        Distrust::OtherName { name, domain } => format!(
            "le sujet \"{name}\" a un nom commun que la liste blanche MSSanté connaît pour {domain}, \
             mais le reste diffère : le sujet entier doit être celui de la liste"
        ),
        Distrust::DomainUnlisted { domain } => {
            format!("le domaine {domain} n'est pas dans la liste blanche MSSanté : rien à échanger")
        }
        Distrust::RevocationUnknown { .. }
        | Distrust::RevocationStale { .. }
        | Distrust::NoList
        | Distrust::ListTooOld { .. } => later(&ours(distrust)),
    }
}

/// What is missing here.
fn ours(distrust: &Distrust) -> String {
    match distrust {
        Distrust::RevocationUnknown { issuer } => {
            format!("aucune liste de révocation de \"{issuer}\" n'est connue ici pour l'instant")
        }
        Distrust::RevocationStale { issuer, next_update } => format!(
            "la liste de révocation de \"{issuer}\" connue ici était à renouveler le {}",
            short(*next_update)
        ),
        Distrust::ListTooOld { age } => format!(
            "la liste blanche MSSanté d'ici a été vérifiée il y a {} heures, c'est trop",
            age.as_hours()
        ),
        _ => "aucune liste blanche MSSanté n'est en vigueur ici pour l'instant".into(),
    }
}

/// What is ours to mend.
fn later(what: &str) -> String {
    format!("{what} : réessayez plus tard")
}

/// A date for people.
fn short(at: Timestamp) -> String {
    at.strftime("%d/%m/%Y à %H:%M UTC").to_string()
}

/// French for an SMTP reply, which is ASCII: letters without their accents, `?` for what is no letter of French.
fn ascii(text: &str) -> String {
    let plain = |c: char| match c {
        'à' | 'â' => 'a',
        'ç' => 'c',
        'é' | 'è' | 'ê' | 'ë' => 'e',
        'î' | 'ï' => 'i',
        'ô' => 'o',
        'ù' | 'û' => 'u',
        'É' => 'E',
        '«' | '»' => '"',
        c if c.is_ascii() => c,
        _ => '?',
    };
    text.chars().map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_loses_the_accents_that_a_report_keeps() {
        let expired = Distrust::Expired { at: Timestamp::UNIX_EPOCH };
        assert_eq!(
            french(&expired),
            "un certificat a expiré le 01/01/1970 à 00:00 UTC : présentez son successeur"
        );
        assert_eq!(
            denial(&expired).fr,
            "expired : un certificat a expire le 01/01/1970 a 00:00 UTC : presentez son successeur"
        );
        assert!(denial(&Distrust::NoList).fr.is_ascii() && french(&Distrust::NoList).contains("réessayez"));
        assert_eq!(ascii("çà É « 李 »"), "ca E \" ? \"");
    }
}

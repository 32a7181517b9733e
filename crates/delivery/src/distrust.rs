//! Why another operator is not trusted, as a refusal that its engineer can act on (M-2): which check failed, in two languages.
//!
//! May use: `pki`'s verdicts. Must never touch: any decision. The English sentence is `pki`'s own.

use pki::Distrust;

use crate::replies::Denial;

/// The refusal of a peer, or of what it may not say. It starts with the stable name of the check, by which `docs/refusals.md` lists it.
pub(crate) fn denial(distrust: &Distrust) -> Denial {
    let reason = distrust.reason();
    let (code, status) = codes(distrust);
    let fr = french(distrust);
    Denial::new(code, status, reason, format!("{reason}: {distrust}"), format!("{reason} : {fr}"))
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

/// The same in French, without accents.
pub(crate) fn french(distrust: &Distrust) -> String {
    match distrust {
        Distrust::NoCertificate => {
            "aucun certificat presente : presentez le certificat operateur que la liste blanche nomme".into()
        }
        Distrust::Malformed(what) => {
            format!("certificat illisible ({what}) : presentez une chaine X.509 saine, le votre d'abord")
        }
        Distrust::TestCertificate => {
            "certificat de la hierarchie TEST de l'IGC-Sante : presentez un certificat de production".into()
        }
        Distrust::UnknownAuthority { issuer } => format!(
            "l'emetteur \"{issuer}\" ne mene pas a une autorite reconnue ici : \
             presentez un certificat IGC-Sante avec sa chaine"
        ),
        Distrust::NotYetValid { from } => {
            format!("un certificat de la chaine n'est pas valable avant le {from} : presentez-en un valable")
        }
        Distrust::Expired { at } => format!("un certificat a expire le {at} : presentez son successeur"),
        Distrust::WrongUsage { needed } => {
            format!("il n'est pas fait pour cet usage ({needed} manque) : presentez-en un qui l'est")
        }
        Distrust::BadSignature(what) => {
            format!(
                "une signature de la chaine n'est pas celle de son emetteur ({what}) : presentez la chaine emise"
            )
        }
        Distrust::BadChain(what) => {
            format!("la chaine enfreint une regle de la RFC 5280 ({what}) : presentez la chaine emise")
        }
        Distrust::Revoked { serial, at } => {
            format!("le certificat de numero {serial} a ete revoque le {at} : presentez son successeur")
        }
        Distrust::NotListed { name } => {
            format!("le sujet \"{name}\" n'est pas dans la liste blanche MSSante : faites-le inscrire")
        }
        Distrust::NotListedFor { name, domain } => format!(
            "la liste blanche MSSante ne laisse pas le sujet \"{name}\" parler pour {domain} : \
             prenez un certificat qui y est inscrit"
        ),
        Distrust::OtherName { name, domain } => format!(
            "le sujet \"{name}\" a un nom commun que la liste blanche MSSante connait pour {domain}, \
             mais le reste differe : le sujet entier doit etre celui de la liste"
        ),
        Distrust::DomainUnlisted { domain } => {
            format!("le domaine {domain} n'est pas dans la liste blanche MSSante : rien a echanger")
        }
        Distrust::RevocationUnknown { issuer } => {
            later(&format!("aucune liste de revocation de \"{issuer}\" n'est connue ici pour l'instant"))
        }
        Distrust::RevocationStale { issuer, next_update } => later(&format!(
            "la liste de revocation de \"{issuer}\" connue ici etait a renouveler le {next_update}"
        )),
        Distrust::NoList => later("aucune liste blanche MSSante n'est en vigueur ici pour l'instant"),
        Distrust::ListTooOld { age } => later(&format!(
            "la liste blanche MSSante d'ici a ete verifiee il y a {} heures, c'est trop",
            age.as_hours()
        )),
    }
}

/// What is ours to mend.
fn later(what: &str) -> String {
    format!("{what} : reessayez plus tard")
}

//! Refusals of connectors as values, with what the hospital's engineer reads; English first, then French (I-8).
//!
//! May use: denials. Must never touch: any decision.

use mssante::Address;
use pki::PinFault;

use crate::replies::Denial;

/// A wrong name or password, or one that is not offered: all look alike (M-5).
pub(crate) fn login_denied() -> Denial {
    Denial::new(
        535,
        "5.7.8",
        "connector-login",
        "wrong connector or password: log in with the connector's name, and the password that was made for it",
        "connecteur ou mot de passe faux : utilisez le nom du connecteur et le mot de passe cree pour lui",
    )
}

/// Nothing makes the client known.
pub(crate) fn login_first(presents: bool) -> Denial {
    let (en, fr) = if presents {
        (
            "log in with AUTH, or present the connector's certificate",
            "utilisez AUTH, ou presentez le certificat du connecteur",
        )
    } else {
        ("log in with AUTH first", "utilisez d'abord AUTH")
    };
    Denial::new(530, "5.7.0", "connector-unknown", en, fr)
}

/// Another user of this machine.
pub(crate) fn not_admitted() -> Denial {
    Denial::new(
        550,
        "5.7.1",
        "connector-user",
        "this user of the machine may not use the connector's socket: have [[connectors]] users name it",
        "cet utilisateur de la machine n'a pas acces a ce connecteur : ajoutez-le a [[connectors]] users",
    )
}

/// What it presented is not what was agreed on.
pub(crate) fn not_pinned(fault: &PinFault) -> Denial {
    let (status, fr) = match fault {
        PinFault::NoCertificate => {
            ("5.7.4", "aucun certificat presente : presentez celui convenu pour ce connecteur")
        }
        PinFault::Malformed => ("5.7.5", "certificat illisible : presentez un certificat X.509 correct"),
        PinFault::NotPinned { .. } => ("5.7.8", "ce certificat n'est pas celui convenu pour ce connecteur"),
    };
    Denial::new(550, status, fault.reason(), format!("{}: {fault}", fault.reason()), fr)
}

/// An address that is no account's that the connector speaks for: unknown, of another structure, in another domain.
pub(crate) fn not_spoken_for(field: &str, address: &Address, connector: &str) -> Denial {
    let mut denial = Denial::new(
        550,
        "5.7.1",
        "not-of-connector",
        format!(
            "{field} <{address}> is no account that connector {connector} speaks for: have it created in its structure"
        ),
        format!(
            "{field} <{address}> n'est pas un compte du connecteur {connector} : faites-le creer dans sa structure"
        ),
    );
    denial.facts.push(("from", address.to_string()));
    denial
}

/// A report of the hospital's server where no account was named for those.
pub(crate) fn no_account_for_reports(address: &Address) -> Denial {
    let mut denial = Denial::new(
        550,
        "5.7.1",
        "connector-report",
        format!(
            "reports from <{address}> have no account here: name one in [[connectors]] reports, or refuse mail instead of bouncing it"
        ),
        format!("les avis de <{address}> n'ont pas de compte ici : nommez-en un dans [[connectors]] reports"),
    );
    denial.facts.push(("from", address.to_string()));
    denial
}

/// One recipient more than there are ways for one message.
pub(crate) fn too_many_servers(to: &Address) -> Denial {
    let mut denial = Denial::new(
        452,
        "4.5.3",
        "too-many-servers",
        format!("<{to}> is at one hospital's server too many for one message: send it to the others apart"),
        format!(
            "<{to}> : trop de serveurs d'etablissements pour un seul message, envoyez-le aux autres a part"
        ),
    );
    denial.recipient = Some(Box::new(to.clone()));
    denial
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::samples::{DOCTOR, address};

    pub(crate) fn all() -> Vec<Denial> {
        let pin = |digit: &str| format!("sha256:{}", digit.repeat(64)).parse().unwrap();
        let faults = [
            PinFault::NoCertificate,
            PinFault::Malformed,
            PinFault::NotPinned { certificate: pin("a"), key: pin("b") },
        ];
        let mut all: Vec<Denial> = faults.iter().map(not_pinned).collect();
        all.extend([
            login_denied(),
            login_first(true),
            login_first(false),
            not_admitted(),
            not_spoken_for("From", &address(DOCTOR), "chu"),
            no_account_for_reports(&address(DOCTOR)),
            too_many_servers(&address(DOCTOR)),
        ]);
        all
    }

    #[test]
    fn each_reads_in_two_languages_and_fits_in_a_line() {
        for denial in all() {
            assert!(
                denial.status.starts_with(&format!("{}.", denial.code / 100)) && denial.en != denial.fr,
                "{denial:?}"
            );
            for text in [&denial.en, &denial.fr] {
                assert!(text.is_ascii() && text.len() < 480, "{text}");
            }
        }
    }
}

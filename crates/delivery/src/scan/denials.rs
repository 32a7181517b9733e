//! Refusals of what was found, or could not be looked for.
//!
//! May use: plain values. Must never touch: any decision.

use crate::replies::Denial;

pub(super) fn infected(signature: &str) -> Denial {
    let mut denial = Denial::new(
        550,
        "5.7.1",
        "infected",
        format!(
            "the antivirus found {signature} in this message, nothing was delivered: remove the infected file, have your computer checked"
        ),
        format!(
            "l'antivirus a trouve {signature} dans ce message, rien n'a ete remis : retirez le fichier infecte, faites verifier votre poste"
        ),
    );
    denial.facts.push(("signature", signature.to_owned()));
    denial
}

pub(super) fn not_scanned() -> Denial {
    Denial::new(
        451,
        "4.7.1",
        "not-scanned",
        "the antivirus of this server does not answer, nothing was taken: try again later",
        "l'antivirus de ce serveur ne repond pas, rien n'a ete pris : reessayez plus tard",
    )
}

pub(super) fn too_large_to_scan(most: u64) -> Denial {
    let most = most / 1_000_000;
    Denial::new(
        552,
        "5.3.4",
        "too-large-to-scan",
        format!("the antivirus looks at messages of at most {most} MB: send less at once"),
        format!("l'antivirus examine des messages de {most} Mo au plus : envoyez-en moins a la fois"),
    )
}

/// One of each.
#[cfg(test)]
pub(crate) fn all() -> Vec<Denial> {
    vec![infected("Eicar-Test"), not_scanned(), too_large_to_scan(100_000_000)]
}

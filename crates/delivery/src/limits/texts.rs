//! What is said to somebody who has done an hour's worth. Texts only; English first, then French, as in `replies`.

use std::time::Duration;

use super::{Class, What};
use crate::replies::Denial;

/// The refusal for this bound; in `wait` there is something left again.
pub(crate) fn denial(class: Class, what: What, wait: Duration) -> Denial {
    if class == Class::All {
        return crowded();
    }
    let minutes = wait.as_secs().div_ceil(60).clamp(1, 60 * 24);
    match what {
        What::Messages => Denial::new(
            450,
            "4.7.1",
            "too-many-messages",
            format!("too many messages in an hour: send the next one in {minutes} minutes"),
            format!("trop de messages en une heure : envoyez le suivant dans {minutes} minutes"),
        ),
        What::Recipients => Denial::new(
            452,
            "4.5.3",
            "too-many-recipients",
            format!("too many recipients in an hour: write to the others in {minutes} minutes"),
            format!("trop de destinataires en une heure : ecrivez aux autres dans {minutes} minutes"),
        ),
        What::Bytes => Denial::new(
            450,
            "4.7.1",
            "too-much-content",
            format!("too much was sent in an hour: send the rest in {minutes} minutes"),
            format!("trop de donnees en une heure : envoyez la suite dans {minutes} minutes"),
        ),
        What::Refusals => Denial::new(
            421,
            "4.7.0",
            "too-many-refusals",
            format!(
                "too many recipients that do not exist: check your address list, and come back in {minutes} minutes"
            ),
            format!(
                "trop de destinataires qui n'existent pas : verifiez votre carnet d'adresses et revenez dans {minutes} minutes"
            ),
        ),
    }
}

fn crowded() -> Denial {
    Denial::new(
        451,
        "4.3.2",
        "crowded",
        "this server gets more mail than it may take: try again in a few minutes",
        "ce serveur recoit plus de courrier qu'il n'en peut prendre : reessayez dans quelques minutes",
    )
}

/// One of each.
#[cfg(test)]
pub(crate) fn all() -> Vec<Denial> {
    let wait = Duration::from_secs(61);
    let each = What::ALL.iter().map(|what| denial(Class::Person, *what, wait));
    each.chain([denial(Class::All, What::Messages, wait)]).collect()
}

//! What is said when the store cannot keep a message, or not now. The client is told nothing of what is inside.

use store::{Limit, StoreError};

use super::{Denial, busy};

impl From<StoreError> for Denial {
    fn from(error: StoreError) -> Self {
        // The client is told nothing of what is inside: without this line nobody would know.
        if matches!(error, StoreError::ClockBehind | StoreError::Corrupt(_) | StoreError::Engine(_)) {
            tracing::error!(%error, "the store failed a message");
        }
        match error {
            StoreError::Busy => busy(),
            StoreError::Full => Self::new(
                452,
                "4.3.1",
                "disk-full",
                "this server is short of disk space: try again later, its operator has an alarm",
                "ce serveur manque de place : reessayez plus tard, l'exploitant est alerte",
            ),
            StoreError::Damaged(_) => Self::new(
                451,
                "4.3.0",
                "store-damaged",
                "a file of this server is damaged, nothing was sent: try again later, its operator has an alarm",
                "un fichier de ce serveur est abime, rien n'a ete envoye : reessayez plus tard, l'exploitant est alerte",
            ),
            StoreError::ClockBehind => Self::new(
                451,
                "4.3.0",
                "clock-behind",
                "the clock of this server is wrong: try again later, its operator has an alarm",
                "l'horloge de ce serveur est fausse : reessayez plus tard, l'exploitant est alerte",
            ),
            StoreError::NotFound | StoreError::Conflict(_) => Self::new(
                451,
                "4.3.0",
                "changed-meanwhile",
                "an account of this message has just changed: send it again",
                "un compte de ce message vient de changer : envoyez-le de nouveau",
            ),
            StoreError::Limit(limit @ (Limit::Queue | Limit::QueueLane | Limit::QueueSender)) => {
                queue_full(limit)
            }
            _ => Self::new(
                451,
                "4.3.0",
                "store-error",
                "local error, nothing was sent: try again later",
                "erreur locale, rien n'a ete envoye : reessayez plus tard",
            ),
        }
    }
}

/// As much waits for other operators as may.
fn queue_full(limit: Limit) -> Denial {
    match limit {
        Limit::QueueLane => Denial::new(
            452,
            "4.4.5",
            "domain-queue-full",
            "too many messages wait for this recipient's operator already: try again later",
            "trop de messages attendent deja l'operateur de ce destinataire : reessayez plus tard",
        ),
        Limit::QueueSender => Denial::new(
            452,
            "4.3.1",
            "sender-queue-full",
            "too many of your messages wait for other operators: send no more until some have left",
            "trop de vos messages attendent d'autres operateurs : n'en envoyez plus avant que certains soient partis",
        ),
        _ => Denial::new(
            452,
            "4.3.1",
            "queue-full",
            "too many messages wait here for other operators: try again later, the operator has an alarm",
            "trop de messages attendent ici d'autres operateurs : reessayez plus tard, l'exploitant est alerte",
        ),
    }
}

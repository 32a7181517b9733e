//! What goes to a peer, and what becomes of each recipient.

use super::Stage;
use crate::{Notify, Reply, Ret};

/// The envelope of a message on its way out. `R` is what the caller holds for a recipient: a value that proves that it may be sent
/// there, for instance; its text is an addr-spec.
#[derive(Debug, Clone)]
pub struct Outgoing<R> {
    /// The reverse-path as the text of an addr-spec; `None` is the null path `<>`.
    pub from: Option<String>,
    /// Whether the header or an address holds UTF-8 (RFC 6531).
    pub smtputf8: bool,
    /// What of the message a failure report returns (RFC 3461 §4.3).
    pub ret: Option<Ret>,
    /// The sender's own name for this message (RFC 3461 §4.4), decoded.
    pub envid: Option<String>,
    /// It may only go to a peer that offers REQUIRETLS (RFC 8689).
    pub require_tls: bool,
    /// To whom.
    pub recipients: Vec<Recipient<R>>,
}

/// One recipient.
#[derive(Debug, Clone)]
pub struct Recipient<R> {
    /// Its address, behind the caller's proof.
    pub to: R,
    /// When reports are wanted (RFC 3461 §4.1).
    pub notify: Option<Notify>,
    /// The address that the sender gave, as `type;address`, decoded (RFC 3461 §4.2).
    pub original: Option<String>,
}

/// What became of one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecipientOutcome {
    /// The peer has the message for this recipient and said so.
    Delivered(Reply),
    /// The peer refused, for now (4xx) or for good (5xx); or we did, since the peer's offer does not do ([`Stage::Offer`]).
    Refused {
        /// With which words.
        reply: Reply,
        /// At which step.
        stage: Stage,
    },
}

impl RecipientOutcome {
    /// The reply that decided.
    pub fn reply(&self) -> &Reply {
        match self {
            RecipientOutcome::Delivered(reply) | RecipientOutcome::Refused { reply, .. } => reply,
        }
    }

    /// Whether another attempt makes no sense.
    pub fn is_permanent(&self) -> bool {
        matches!(self, RecipientOutcome::Refused { reply, .. } if reply.code() >= 500)
    }
}

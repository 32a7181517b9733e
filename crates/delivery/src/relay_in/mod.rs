//! What comes from other operators (M-2, M-12): the policy of the relay listener. Only a trusted peer is heard, it speaks for its own
//! domains only, and to boxes of ours only. All is decided before the 250: nothing is bounced later.
//!
//! Way of a message: MAIL → `peer` (certificate, white list) → RCPT → `recipients` → header → `header` → last byte → `keep`, one commit.
//!
//! May use: the pieces that both ways in share, beside it. Must never touch: the queue of what leaves, but for the reports of delivery
//! that a sender asked for.

mod header;
mod keep;
mod peer;
mod policy;
mod recipients;

pub use self::{
    peer::RelayPeer,
    policy::{RelayEnvelope, RelayIncoming, RelayPolicy},
};

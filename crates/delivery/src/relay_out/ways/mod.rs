//! The ways by which mail leaves, each with its own next hop and its own proof that the next hop is the right one: from a lane to a
//! connection, and from a connection to the right to name a recipient.
//!
//! May use: `hops`, `smtp::client`, `pki`. Must never touch: the queue. What a way demands is said in its own file alone; nothing ever
//! goes another way than its entry says.

use std::net::IpAddr;

use mssante::Address;
use pki::{TrustedPeer, TrustedRecipient};
use smtp::client::Transport;
use store::Lane;

use super::{
    Shared,
    attempt::{Attempt, Fault, What},
};

mod peers;

/// Why the next hop of a connection may have mail: one variant a way.
pub(super) enum Proof {
    /// Another operator, listed for the domain (M-2).
    Peer(TrustedPeer),
}

/// A connection to the right next hop.
pub(super) struct Line {
    pub(super) transport: Transport<Proof>,
    pub(super) host: String,
    pub(super) address: IpAddr,
    /// Messages over it.
    pub(super) sent: usize,
}

/// A recipient behind the proof that this next hop may receive for it.
pub(super) struct Proven {
    text: String,
    _proof: RecipientProof,
}

/// One variant a way.
enum RecipientProof {
    /// The list lets this operator receive for the recipient's domain (M-2).
    Peer(#[expect(dead_code, reason = "a proof is held, not read")] TrustedRecipient),
}

impl AsRef<str> for Proven {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

/// Whether anything may be sent there at this moment, connected or not.
pub(super) fn is_open(lane: &Lane, shared: &Shared) -> Result<(), Attempt> {
    match lane {
        Lane::Peers(domain) => {
            peers::listed(domain, shared).map_err(|distrust| Attempt::nowhere(What::from(&distrust)))
        }
        Lane::SmartHost | Lane::Connector(_) => Err(unknown(lane)),
    }
}

/// Connects to the next hop, or says why not.
pub(super) async fn reach(lane: &Lane, shared: &Shared) -> Result<Line, Attempt> {
    match lane {
        Lane::Peers(domain) => peers::reach(domain, shared).await,
        Lane::SmartHost | Lane::Connector(_) => Err(unknown(lane)),
    }
}

/// Proves, at this moment, that the next hop may receive for this recipient.
pub(super) fn prove(next: &Proof, recipient: &Address, shared: &Shared) -> Result<Proven, What> {
    match next {
        Proof::Peer(peer) => {
            let proof = peers::prove(peer, recipient, shared)?;
            Ok(Proven { text: proof.address().to_string(), _proof: RecipientProof::Peer(proof) })
        }
    }
}

/// A way that was configured when the message was accepted, and is not any more.
fn unknown(lane: &Lane) -> Attempt {
    let text =
        format!("{lane} is not configured: configure it again, or remove what waits for it from the queue");
    Attempt::nowhere(What::Trouble(Fault::new("no-way", "4.3.5", text)))
}

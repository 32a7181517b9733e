//! The ways by which mail leaves, each with its own next hop and its own proof that the next hop is the right one: from a lane to a
//! connection, and from a connection to the right to name a recipient.
//!
//! May use: `hops`, `smtp::client`, `pki`. Must never touch: the queue. What a way demands is said in its own file alone; nothing ever
//! goes another way than its entry says.

use std::net::IpAddr;

use mssante::Address;
use pki::{ConnectorPeer, SmartHostPeer, TrustedPeer, TrustedRecipient};
use smtp::client::Transport;
use store::Lane;

use super::{
    Shared,
    attempt::{Attempt, Fault, What},
};

mod peers;
mod servers;

use self::servers::Known;

/// Why the next hop of a connection may have mail: one variant a way.
pub(super) enum Proof {
    /// Another operator, listed for the domain (M-2).
    Peer(TrustedPeer),
    /// A hospital's own server (S-3.10): what waits in its lane is for it.
    Connector(#[expect(dead_code, reason = "a proof is held, not read")] Known<ConnectorPeer>),
    /// The ordinary smart host (S-3.3), which takes mail for everybody.
    SmartHost(#[expect(dead_code, reason = "a proof is held, not read")] Known<SmartHostPeer>),
}

/// A connection to the right next hop.
pub(super) struct Line {
    pub(super) transport: Transport<Proof>,
    pub(super) host: String,
    /// None for a socket of this machine.
    pub(super) address: Option<IpAddr>,
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
    /// The server is the one that was agreed on, and nothing else waits in its lane.
    Server,
}

impl AsRef<str> for Proven {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

/// Whether anything may be sent there at this moment, connected or not.
pub(super) fn is_open(lane: &Lane, shared: &Shared) -> Result<(), What> {
    let configured = match lane {
        Lane::Peers(domain) => {
            return peers::listed(domain, shared).map_err(|distrust| What::from(&distrust));
        }
        Lane::SmartHost => shared.settings.smart_host.is_some(),
        Lane::Connector(name) => shared.settings.servers.contains_key(name),
    };
    if configured { Ok(()) } else { Err(unknown(lane)) }
}

/// Connects to the next hop, or says why not.
pub(super) async fn reach(lane: &Lane, shared: &Shared) -> Result<Line, Attempt> {
    match lane {
        Lane::Peers(domain) => peers::reach(domain, shared).await,
        Lane::SmartHost => match &shared.settings.smart_host {
            Some(host) => servers::reach_smart_host(host, shared).await,
            None => Err(Attempt::nowhere(unknown(lane))),
        },
        Lane::Connector(name) => match shared.settings.servers.get(name) {
            Some(server) => servers::reach_connector(name, server, shared).await,
            None => Err(Attempt::nowhere(unknown(lane))),
        },
    }
}

/// Proves, at this moment, that the next hop may receive for this recipient.
pub(super) fn prove(next: &Proof, recipient: &Address, shared: &Shared) -> Result<Proven, What> {
    match next {
        Proof::Peer(peer) => {
            let proof = peers::prove(peer, recipient, shared)?;
            Ok(Proven { text: proof.address().to_string(), _proof: RecipientProof::Peer(proof) })
        }
        Proof::Connector(_) | Proof::SmartHost(_) => {
            Ok(Proven { text: recipient.to_string(), _proof: RecipientProof::Server })
        }
    }
}

/// A way that was configured when the message was accepted, and is not any more.
fn unknown(lane: &Lane) -> What {
    let text =
        format!("{lane} is not configured: configure it again, or remove what waits for it from the queue");
    What::Trouble(Fault::new("no-way", "4.3.5", text))
}

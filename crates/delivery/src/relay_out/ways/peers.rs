//! Other operators: from a domain to a connection whose peer is trusted for it: hosts in turn, addresses in turn, and after each handshake the judgement
//! of M-2. Nothing ever falls back to clear text or to an unlisted peer.
//!
//! May use: `hops`, `smtp::client`, `pki`. Must never touch: the queue.

use std::net::SocketAddr;

use mssante::{Address, Domain};
use pki::{Distrust, Role, TrustedPeer, TrustedRecipient};
use smtp::client;
use tokio::time::Instant;

use super::{Line, Proof};
use crate::relay_out::{
    Shared,
    attempt::{Attempt, What},
    hops::{self, Host},
};

/// Connects to the first host of `domain`, which is listed, that is there and may speak for it; otherwise says why not.
pub(super) async fn reach(domain: &Domain, shared: &Shared) -> Result<Line, Attempt> {
    let Shared { settings, names, .. } = shared;
    let hosts = hops::hosts(domain, settings, names.as_ref()).await.map_err(Attempt::nowhere)?;
    let mut left = settings.addresses;
    let mut failed = None;
    for host in hosts {
        let found = match hops::addresses(&host, settings, names.as_ref()).await {
            Ok(found) => found,
            Err(what) => {
                failed = Some(milder(failed, Attempt { host: Some(host.name), ..Attempt::nowhere(what) }));
                continue;
            }
        };
        for address in found {
            let Some(fewer) = left.checked_sub(1) else { break };
            let connected = match shared.shunned.verdict(address, Instant::now()) {
                Some(what) => Err(what),
                None => {
                    left = fewer;
                    connect(domain, &host, address, shared).await
                }
            };
            match connected {
                Ok(line) => return Ok(line),
                Err(what) => {
                    let (host, address) = (Some(host.name.clone()), Some(address.ip()));
                    failed = Some(milder(failed, Attempt { host, address, ..Attempt::nowhere(what) }));
                }
            }
        }
    }
    let none = || Attempt::nowhere(What::from(&client::Error::HostName(domain.to_string())));
    Err(failed.unwrap_or_else(none))
}

/// Whether anything may be sent at all, and to this domain.
pub(super) fn listed(domain: &Domain, shared: &Shared) -> Result<(), Distrust> {
    let trust = shared.trust.current();
    trust.relaying(shared.clock.now())?;
    match trust.list() {
        Some(list) if list.contains(domain) => Ok(()),
        _ => Err(Distrust::DomainUnlisted { domain: domain.clone() }),
    }
}

/// Whether this peer may receive for this recipient (M-2): asked of the list in force, each time.
pub(super) fn prove(
    peer: &TrustedPeer,
    recipient: &Address,
    shared: &Shared,
) -> Result<TrustedRecipient, What> {
    let trust = shared.trust.current();
    trust.recipient(peer, recipient, shared.clock.now()).map_err(|distrust| What::from(&distrust))
}

/// As long as one host is only away, the message waits for it: that another one failed its check is not the domain's last word.
fn milder(before: Option<Attempt>, now: Attempt) -> Attempt {
    match (before, &now.what) {
        (Some(before), What::Distrusted(_)) => before,
        _ => now,
    }
}

async fn connect(domain: &Domain, host: &Host, address: SocketAddr, shared: &Shared) -> Result<Line, What> {
    let Shared { settings, trust, clock, tls, statistics, .. } = shared;
    let connecting = client::connect(address, &host.name, tls.clone(), &settings.client);
    let greeted = match connecting.await {
        Ok(greeted) => greeted,
        Err(error) => {
            statistics.unreached();
            let what = What::from(&error);
            if matches!(error, client::Error::Timeout { .. }) {
                shared.shunned.add(address, &what, Instant::now());
            }
            return Err(what);
        }
    };
    let (trust, now) = (trust.current(), clock.now());
    let judged = trust.peer(greeted.certificates(), Role::Server, now).and_then(|peer| {
        trust.speaks_for(&peer, domain, now)?;
        Ok(peer)
    });
    match judged {
        Ok(peer) => {
            statistics.reached();
            let transport = greeted.trusted(Proof::Peer(peer));
            Ok(Line { transport, host: host.name.clone(), address: Some(address.ip()), sent: 0 })
        }
        Err(distrust) => {
            statistics.unreached();
            tracing::warn!(%domain, host = %host.name, %address, reason = distrust.reason(), %distrust, "a next hop is not trusted");
            greeted.quit().await;
            Err(What::from(&distrust))
        }
    }
}

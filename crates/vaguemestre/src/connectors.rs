//! The listeners of hospitals' own servers (S-3.10): addresses, with the bounds of every other listener, and sockets of this machine,
//! whose visitors the kernel names.
//!
//! Supervision only: what a session does is the rooms' affair.

use std::{future::Future, net::SocketAddr, sync::Arc, time::Duration};

use delivery::{Visitor, limits::Rate};
use tokio::{
    net::{TcpListener, UnixStream},
    task::JoinSet,
    time,
};
use tracing::{debug, error, info, warn};

use crate::{
    config::{Connector, Place, Service, Settings, TlsMode},
    exit::Failure,
    listeners::{self, Door, Peers},
    rooms::{self, Session},
    sockets::Socket,
};

/// How long accepting rests when the system has no descriptor or memory for one more connection.
const EXHAUSTED_REST: Duration = Duration::from_millis(100);

/// One place where a connector hands mail over.
pub(crate) struct Ear {
    /// Whose: a place in the configuration's list.
    pub(crate) connector: usize,
    pub(crate) at: At,
}

/// What is listened on.
pub(crate) enum At {
    Address(Arc<Door>, TcpListener),
    Socket(Socket),
}

impl Ear {
    /// Its door, if it is an address.
    pub(crate) fn door(&self) -> Option<&Arc<Door>> {
        match &self.at {
            At::Address(door, _) => Some(door),
            At::Socket(_) => None,
        }
    }
}

/// Listens wherever the connectors are to be heard.
///
/// # Errors
/// What is in the way, and what to do about it.
pub(crate) fn listen(settings: &Settings) -> Result<Vec<Ear>, Failure> {
    let limit = settings.limits.relay_sessions;
    // a hospital comes from one address: what bounds it is the door
    let rate = Rate::new(settings.limits.connections_per_minute, Duration::from_secs(60));
    let peers = Peers::new(limit, rate);
    let mut ears = Vec::new();
    for (connector, of) in settings.connectors.iter().enumerate() {
        for place in &of.listen {
            let at = match place {
                Place::Address(address) => address_of(of, *address, settings, &peers)?,
                Place::Socket(path) => {
                    // who may use it is said by the visitor's credentials
                    let socket = Socket::bind("the connector's socket", path, 0o666)
                        .map_err(|error| Failure::failed(error.to_string()))?;
                    info!(connector = of.name, socket = %socket.path().display(), "listening");
                    At::Socket(socket)
                }
            };
            ears.push(Ear { connector, at });
        }
    }
    Ok(ears)
}

fn address_of(
    connector: &Connector,
    address: SocketAddr,
    settings: &Settings,
    peers: &Arc<Peers>,
) -> Result<At, Failure> {
    let listener =
        listeners::bind(Service::Connector, address).map_err(|error| Failure::failed(error.to_string()))?;
    let refusal = match connector.tls {
        TlsMode::Implicit => String::new(),
        _ => rooms::refusal(Service::Connector, &settings.operator.hostname),
    };
    let address = listener.local_addr().unwrap_or(address);
    info!(connector = connector.name, %address, "listening");
    let door =
        Door::new(Service::Connector, address, settings.limits.relay_sessions, Arc::clone(peers), refusal);
    Ok(At::Address(door, listener))
}

/// Accepts on a socket until `closing` resolves, then waits for the sessions that are open. Visitors over the bound wait in the
/// backlog.
pub(crate) async fn accept(
    socket: Socket,
    limit: usize,
    closing: impl Future<Output = ()>,
    serve: impl Fn(UnixStream, Visitor) -> Session,
) {
    let mut sessions = JoinSet::new();
    let mut closing = std::pin::pin!(closing);
    loop {
        tokio::select! {
            biased;
            () = &mut closing => break,
            Some(ended) = sessions.join_next(), if !sessions.is_empty() => report(ended),
            accepted = socket.listener.accept(), if sessions.len() < limit => match accepted {
                Ok((stream, _)) => match stream.peer_cred() {
                    Ok(who) => {
                        let session = serve(stream, Visitor { uid: who.uid(), gid: who.gid() });
                        sessions.spawn(session);
                    }
                    Err(error) => debug!(%error, "a visitor went before it was known"),
                },
                Err(error) => {
                    warn!(%error, "a connector's socket cannot accept for the moment");
                    time::sleep(EXHAUSTED_REST).await;
                }
            },
        }
    }
    drop(socket);
    while let Some(ended) = sessions.join_next().await {
        report(ended);
    }
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        error!(%error, "a session broke; its connection is closed, the others go on");
    }
}

//! Servers that were agreed on beforehand: hospitals' own, known by a pin (S-3.10), and the ordinary smart host (S-3.3). Each is at one
//! place. Without TLS a server is of this machine, as the configuration has it, or it is not spoken to.
//!
//! May use: `hops` to look a name up, `smtp::client`, `pki`. Must never touch: the queue, the white list.

use std::{
    net::{IpAddr, SocketAddr},
    path::Path,
    sync::Arc,
};

use pki::{ConnectorPeer, SmartHostPeer};
use smtp::client::{self, Greeted, Security};
use tokio::{
    net::UnixStream,
    time::{Instant, timeout},
};
use tokio_rustls::rustls::ClientConfig;

use super::{Line, Proof};
use crate::relay_out::{
    Shared,
    attempt::{Attempt, Fault, What},
    hops::{self, Host},
    settings::{ConnectorServer, Server, ServerPlace, SmartHost},
};

/// Why a hospital's own server, or the smart host, is the right one.
pub(crate) enum Known<P> {
    /// By what it presents.
    Presented(P),
    /// By where it is: on this machine.
    Here,
}

/// Connects to the hospital's own server of this connector.
pub(super) async fn reach_connector(
    name: &str,
    server: &ConnectorServer,
    shared: &Shared,
) -> Result<Line, Attempt> {
    let judge = |greeted: &Greeted| -> Result<Known<ConnectorPeer>, What> {
        let judged = server.pins.peer(greeted.certificates());
        judged.map(Known::Presented).map_err(|fault| {
            let text = format!("the server of connector {name}: {fault}");
            What::Distrusted(Fault::new("server-not-pinned", "5.7.5", text))
        })
    };
    let (greeted, known, at) = reach(&server.at, &shared.tls, judge, shared).await?;
    Ok(line(greeted.trusted(Proof::Connector(known)), at))
}

/// Connects to the smart host, and logs in if that is wanted.
pub(super) async fn reach_smart_host(host: &SmartHost, shared: &Shared) -> Result<Line, Attempt> {
    let judge = |greeted: &Greeted| -> Result<Known<SmartHostPeer>, What> {
        let judged = host.trust.peer(greeted.certificates(), shared.clock.now());
        judged.map(Known::Presented).map_err(|distrust| {
            What::Distrusted(Fault::new("smart-host-not-trusted", "5.7.5", distrust.to_string()))
        })
    };
    let (greeted, known, at) = reach(&host.at, &host.tls, judge, shared).await?;
    let mut transport = greeted.trusted(Proof::SmartHost(known));
    if let Some(login) = &host.login
        && let Err(error) = transport.log_in(login).await
    {
        let text = format!("the login at the smart host failed: {error}");
        let what = What::Trouble(Fault::new("smart-host-login", "4.7.8", text));
        return Err(Attempt { host: Some(at.0), address: at.1, ..Attempt::nowhere(what) });
    }
    Ok(line(transport, at))
}

/// The name and address of a server.
type At = (String, Option<IpAddr>);

fn line(transport: client::Transport<Proof>, (host, address): At) -> Line {
    Line { transport, host, address, sent: 0 }
}

/// Connects, and has what the server presents judged; a server of this machine presents nothing.
async fn reach<P>(
    server: &Server,
    tls: &Arc<ClientConfig>,
    judge: impl Fn(&Greeted) -> Result<Known<P>, What>,
    shared: &Shared,
) -> Result<(Greeted, Known<P>, At), Attempt> {
    let settings = client::Settings {
        protocol: server.protocol,
        security: server.security,
        ..shared.settings.client.clone()
    };
    let (greeted, at) = match &server.place {
        ServerPlace::Socket(path) => {
            let at = (format!("unix:{}", path.display()), None);
            match to_socket(path, tls, &settings).await {
                Ok(greeted) => (greeted, at),
                Err(error) => {
                    shared.statistics.unreached();
                    return Err(Attempt { host: Some(at.0), ..Attempt::nowhere(What::from(&error)) });
                }
            }
        }
        ServerPlace::Name { host, port } => to_name(host, *port, tls, &settings, shared).await?,
    };
    let judged = if server.security == Security::Clear { Ok(Known::Here) } else { judge(&greeted) };
    match judged {
        Ok(known) => {
            shared.statistics.reached();
            Ok((greeted, known, at))
        }
        Err(what) => {
            shared.statistics.unreached();
            let attempt = Attempt { host: Some(at.0), address: at.1, ..Attempt::nowhere(what) };
            tracing::warn!(host = ?attempt.host, reason = attempt.reason(), said = attempt.told(), "a server is not the one agreed on");
            greeted.quit().await;
            Err(attempt)
        }
    }
}

async fn to_socket(
    path: &Path,
    tls: &Arc<ClientConfig>,
    settings: &client::Settings,
) -> Result<Greeted, client::Error> {
    let stage = client::Stage::Connect;
    let connecting = timeout(settings.timeouts.connect, UnixStream::connect(path));
    let stream =
        connecting.await.map_err(|_| client::Error::Timeout { stage })?.map_err(client::Error::Connect)?;
    client::connect_on(stream, "localhost", Arc::clone(tls), settings).await
}

/// Tries each address of the name, in turn.
async fn to_name(
    host: &str,
    port: u16,
    tls: &Arc<ClientConfig>,
    settings: &client::Settings,
    shared: &Shared,
) -> Result<(Greeted, At), Attempt> {
    let found = hops::addresses(&Host::fixed(host, port), &shared.settings, shared.names.as_ref()).await;
    let of = |address: Option<SocketAddr>, what| Attempt {
        host: Some(host.to_owned()),
        address: address.map(|address| address.ip()),
        ..Attempt::nowhere(what)
    };
    let addresses = found.map_err(|what| of(None, what))?;
    let mut failed = None;
    for address in addresses.into_iter().take(shared.settings.addresses) {
        if let Some(what) = shared.shunned.verdict(address, Instant::now()) {
            failed = Some(of(Some(address), what));
            continue;
        }
        match client::connect(address, host, Arc::clone(tls), settings).await {
            Ok(greeted) => return Ok((greeted, (host.to_owned(), Some(address.ip())))),
            Err(error) => {
                shared.statistics.unreached();
                let what = What::from(&error);
                if matches!(error, client::Error::Timeout { .. }) {
                    shared.shunned.add(address, &what, Instant::now());
                }
                failed = Some(of(Some(address), what));
            }
        }
    }
    let none = || of(None, What::from(&client::Error::HostName(host.to_owned())));
    Err(failed.unwrap_or_else(none))
}

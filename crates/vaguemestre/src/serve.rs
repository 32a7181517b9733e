//! `serve`: opens the store, puts the rooms behind their listeners, and takes them down gracefully.
//!
//! Supervision only: what a session does is the rooms' affair.

use std::{
    future::{self, Future},
    io,
    sync::Arc,
    time::Duration,
};

use delivery::limits::Rate;
use jiff::Timestamp;
use pki::ServerTls;
use rustix::process::{Resource, Rlimit, geteuid, getrlimit, setrlimit};
use store::{Clock, Kind, Store, SystemClock};
use tokio::{
    net::TcpListener,
    runtime::{Builder, Runtime},
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
    time,
};
use tracing::{error, info, warn};

use crate::{
    config::{Limits, Network, Service, Settings},
    connectors::{self, At, Ear},
    control::{
        office::{Certificate, Chores, House, Office},
        peer, server,
    },
    exit::Failure,
    keeper,
    listeners::{self, Door, Peers, Reception},
    logs, metrics,
    opening::{certificate, exposed_figures, open_store, signer},
    postmaster,
    rooms::{self, Foundations, Keys, Rooms},
    trust::{self, Bell, Certificates, Courier, Warden},
    works::Works,
};

/// What a shutdown adds to the configured grace, for sessions that say their last line at its very end.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// How long sessions that are cut may take to go: what they do on the disk ends by itself.
const CUT: Duration = Duration::from_secs(5);

/// Descriptors for everything that is not a session, the store's files above all.
const STORE_FILES: u64 = 1024;

/// How often our own certificates' files are looked at where there is no trust space.
const CERTIFICATES_INTERVAL: Duration = Duration::from_secs(60);

/// Threads for what blocks: the store bounds its readers and writers below it, and each thread keeps some memory.
const BLOCKING_THREADS: usize = 32;

/// Runs the daemon until it is told to end.
///
/// # Errors
/// What keeps it from starting, or a second signal.
pub(crate) fn run(settings: &Settings) -> Result<(), Failure> {
    logs::start(settings.log);
    let runtime =
        runtime().map_err(|error| Failure::failed(format!("the runtime cannot be started: {error}")))?;
    let (store, served) = serve(settings, &runtime)?;
    // What still runs after the grace, or at a second signal, is cut, and lets go of the store.
    runtime.shutdown_timeout(CUT);
    // However it ended: an engine left open may abort the process on its way out.
    let closed =
        store.close().map_err(|error| Failure::failed(format!("the store did not close well: {error}")));
    served.and(closed)?;
    info!("ended");
    Ok(())
}

/// Each session takes a descriptor: the soft limit of most systems (1024) is far below what the hard one allows.
fn raise_open_files(settings: &Settings) {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    let limit = if raised.is_ok() { maximum } else { current };
    let needed = settings.listeners.all().map(|(service, _)| sessions(service, &settings.limits));
    let connectors = settings.connectors.iter().flat_map(|connector| &connector.listen).count();
    let needed = needed.sum::<usize>() + connectors * settings.limits.relay_sessions;
    let needed = u64::try_from(needed).unwrap_or(u64::MAX).saturating_add(STORE_FILES);
    if limit.is_some_and(|limit| limit < needed) {
        warn!(
            ?limit,
            needed, "the open files limit is below [limits]: raise it (LimitNOFILE), or lower [limits]"
        );
    }
}

/// One worker a core: sessions wait for the network, and what blocks has its own threads.
pub(crate) fn runtime() -> io::Result<Runtime> {
    Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS)
        .thread_name("vaguemestre")
        .build()
}

/// Opens the store and serves it; gives it back to be closed, and how serving ended.
fn serve(settings: &Settings, runtime: &Runtime) -> Result<(Store, Result<(), Failure>), Failure> {
    raise_open_files(settings);
    let _entered = runtime.enter();
    let mut signals =
        Signals::new().map_err(|error| Failure::failed(format!("signals cannot be caught: {error}")))?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let keys = Keys { access: certificate(&settings.tls)?, relay: trust::relay_certificate(settings)? };
    let signer = signer(settings)?.map(Arc::new);
    warn_of_certificates(settings, &keys, clock.now());
    for exposed in exposed_figures(settings) {
        warn!("{exposed}");
    }
    let space = trust::open(settings, clock.now())?;
    let domains = settings.operator.mssante_domains.clone();
    let own = keys.relay.clone();
    let warden = Warden::new(space, Arc::clone(&clock), move || own.name(), domains);
    let warden = Arc::new(warden.keeping(certificates(settings, &keys)));
    warden.tell(&warden.status(clock.now()).alarms);
    let store = open_store(settings, &clock, None)?;
    let foundations = Foundations { store: store.clone(), clock, warden, signer };
    let served = runtime.block_on(serve_store(settings, &keys, &foundations, &mut signals));
    Ok((store, served))
}

/// Our certificates, each once, with who sees it.
fn certificates(settings: &Settings, keys: &Keys) -> Certificates {
    let relay = settings.trust.is_some().then(|| ("other operators", keys.relay.clone()));
    std::iter::once(("mail clients", keys.access.clone())).chain(relay).collect()
}

/// Mail that is in the boxes is still worth more with a certificate that clients warn of than not at all.
fn warn_of_certificates(settings: &Settings, keys: &Keys, now: Timestamp) {
    if settings.trust.is_some()
        && let Err(error) = keys.relay.check_relay()
    {
        error!(%error, "other operators will refuse our certificate");
    }
    let same = settings.relay.certificate == settings.tls.certificate;
    let relay = (settings.trust.is_some() && !same).then_some(&keys.relay);
    for tls in std::iter::once(&keys.access).chain(relay) {
        let certificate = tls.describe();
        let subject = &certificate.subject;
        if let Err(error) = tls.check_dates(now) {
            warn!(subject, %error, "the certificate is outside its dates: peers will refuse or warn");
        } else if certificate.expires_soon(now) {
            warn!(
                subject,
                days_left = certificate.days_left(now),
                "the certificate ends soon: order the next one"
            );
        }
    }
}

/// Mail is served without them, and the other operators' words go nowhere.
async fn warn_of_postmasters(settings: &Settings, store: &Store) -> Result<(), Failure> {
    let domains = settings.operator.mssante_domains.clone();
    let missing = store.read(move |reader| postmaster::missing(reader, &domains)).await;
    for alarm in missing.map_err(|error| Failure::failed(format!("the store cannot be read: {error}")))? {
        warn!("{alarm}");
    }
    Ok(())
}

async fn serve_store(
    settings: &Settings,
    keys: &Keys,
    foundations: &Foundations,
    signals: &mut Signals,
) -> Result<(), Failure> {
    let Foundations { store, clock, warden, .. } = foundations;
    let control =
        server::bind(&settings.control.socket).map_err(|error| Failure::failed(error.to_string()))?;
    let listening = listen(settings)?;
    let ears = connectors::listen(settings)?;
    let doors = listening.iter().map(|(door, _)| door).chain(ears.iter().filter_map(Ear::door));
    let house = house(settings, keys, clock.now(), doors.map(Arc::clone).collect());
    let courier = courier(settings, keys, foundations)?;
    let bell = courier.as_ref().map(|(_, bell)| bell.clone());
    let outbound = rooms::outbound(settings, foundations, keys)?;
    let bouncer = outbound.bouncer();
    let rooms = Rooms::new(settings, foundations, &house, outbound.statistics());
    let closing = watch::Sender::new(false);
    let mut works = Works::default();
    works.begin("the relay", outbound.run(rooms.smtp_bell()));
    let trust = warden.space().current();
    for (door, listener) in listening {
        let serve = rooms.host(door.service, keys, settings.tls.highest_version, &trust);
        let tell = rooms.turn_away(door.service, keys, settings.tls.highest_version);
        let name = format!("the listener {} on {}", door.service.key(), door.address);
        let reception = Reception { proxies: proxies(settings, door.service), door, serve, tell };
        works.begin(name, listeners::accept(reception, listener, until_closed(&closing)));
    }
    for ear in ears {
        listen_to(ear, settings, keys, &rooms, &closing, &mut works);
    }
    let office = office(settings, foundations, house, bell, bouncer);
    warn_of_postmasters(settings, store).await?;
    info!(
        version = env!("CARGO_PKG_VERSION"),
        operator = settings.operator.name,
        demonstration = store.kind() == Kind::Demonstration,
        "ready"
    );
    // Asked of the system, not of the socket file: a directory that others may write could hold theirs by now.
    let own = geteuid().as_raw();
    let administrators = peer::administrators(&settings.control.administrators, own);
    let fallen = tokio::select! {
        () = server::serve(&control, administrators, office) => None,
        () = watch_over(settings, foundations) => None,
        () = fetch(courier, foundations) => None,
        () = keeper::watch(store.clone(), settings.retention.clone()) => None,
        () = signals.next() => None,
        text = works.fallen() => Some(text),
    };
    if let Some(text) = &fallen {
        error!("{text}");
    }
    info!(grace_seconds = settings.grace.as_secs(), "ending: no new sessions, open ones are told");
    // Without its socket the daemon is gone for `status`, which would only wait for one that is ending.
    drop(control);
    closing.send_replace(true);
    rooms.ring_out();
    wind_down(settings.grace + LAST_WORDS, works, signals).await?;
    fallen.map_or(Ok(()), |text| Err(Failure::failed(text)))
}

/// Who may say for whom he connects to this service.
fn proxies(settings: &Settings, service: Service) -> Arc<[Network]> {
    match service {
        Service::Metrics => Arc::default(),
        _ => settings.listeners.proxy_from.clone().into(),
    }
}

/// What answers administrators.
fn office(
    settings: &Settings,
    foundations: &Foundations,
    house: Arc<House>,
    courier: Option<Bell>,
    bouncer: delivery::Bouncer,
) -> Arc<Office> {
    let Foundations { store, clock, warden, .. } = foundations.clone();
    let (operator, connectors) = (settings.operator.clone(), settings.connectors.clone());
    let chores = Chores::default();
    Arc::new(Office { store, clock, operator, house, warden, courier, chores, connectors, bouncer })
}

/// What an administrator may ask about.
fn house(settings: &Settings, keys: &Keys, started: Timestamp, doors: Vec<Arc<Door>>) -> Arc<House> {
    Arc::new(House {
        started,
        doors,
        certificate: described(&keys.access),
        relay_certificate: settings.trust.is_some().then(|| described(&keys.relay)),
    })
}

/// Resolves when nobody is let in any more.
fn until_closed(closing: &watch::Sender<bool>) -> impl Future<Output = ()> + Send + use<> {
    let mut closed = closing.subscribe();
    async move { drop(closed.wait_for(|closed| *closed).await) }
}

/// Has a connector's mail heard at one place.
fn listen_to(
    ear: Ear,
    settings: &Settings,
    keys: &Keys,
    rooms: &Rooms,
    closing: &watch::Sender<bool>,
    works: &mut Works,
) {
    let closed = until_closed(closing);
    match ear.at {
        At::Address(door, listener) => {
            let serve = rooms.connector(ear.connector, keys);
            let name = format!("a connector's listener on {}", door.address);
            let reception = Reception { proxies: Arc::default(), door, serve, tell: None::<rooms::Tell> };
            works.begin(name, listeners::accept(reception, listener, closed));
        }
        At::Socket(socket) => {
            let host = rooms.connector_socket(ear.connector, keys);
            let name = format!("a connector's listener on {}", socket.path().display());
            works.begin(name, connectors::accept(socket, settings.limits.relay_sessions, closed, host));
        }
    }
}

/// Looks after the trust space, if there is one; never ends by itself.
async fn watch_over(settings: &Settings, foundations: &Foundations) {
    let Foundations { store, clock, warden, .. } = foundations;
    // our own certificates are looked at in any case
    let interval = settings.trust.as_ref().map_or(CERTIFICATES_INTERVAL, |trust| trust.refresh);
    let changed = |refreshed| trust::trace_change(store, clock.as_ref(), refreshed);
    Arc::clone(warden).watch(interval, changed).await;
}

/// Fetches what the trust space rests on, if anything is fetched; never ends by itself.
async fn fetch(courier: Option<(Courier, Bell)>, foundations: &Foundations) {
    let Foundations { store, clock, .. } = foundations;
    match courier {
        // its own bell is kept, so that it does not end while the daemon runs
        Some((courier, bell)) => {
            courier.run(|refreshed| trust::trace_change(store, clock.as_ref(), refreshed)).await;
            drop(bell);
        }
        None => future::pending().await,
    }
}

fn courier(
    settings: &Settings,
    keys: &Keys,
    foundations: &Foundations,
) -> Result<Option<(Courier, Bell)>, Failure> {
    let Foundations { clock, warden, .. } = foundations;
    match &settings.trust {
        Some(trust) => Courier::new(warden, Arc::clone(clock), trust.fetching.clone(), keys.relay.clone()),
        None => Ok(None),
    }
}

fn described(certificate: &ServerTls) -> Certificate {
    let certificate = certificate.clone();
    Box::new(move || certificate.describe())
}

async fn wind_down(bound: Duration, mut works: Works, signals: &mut Signals) -> Result<(), Failure> {
    tokio::select! {
        ended = time::timeout(bound, works.all_ended()) => {
            if ended.is_err() {
                warn!("some sessions did not end in time and are cut");
            }
        }
        () = signals.next() => {
            return Err(Failure::failed("ended at once by a second signal; what was told 250 is kept"));
        }
    }
    Ok(())
}

/// Sessions at once on one address of `service`.
fn sessions(service: Service, limits: &Limits) -> usize {
    match service {
        Service::Submission | Service::SubmissionTls => limits.submission_sessions,
        Service::Imap | Service::ImapTls | Service::ImapPlain => limits.imap_sessions,
        Service::Relay | Service::Connector => limits.relay_sessions,
        Service::Metrics => metrics::CONNECTIONS,
    }
}

fn listen(settings: &Settings) -> Result<Vec<(Arc<Door>, TcpListener)>, Failure> {
    let limits = &settings.limits;
    let rate = Rate::new(limits.connections_per_minute, Duration::from_secs(60));
    let readers = Peers::new(limits.imap_sessions_per_peer, rate);
    let others = Peers::new(limits.sessions_per_peer, rate);
    let mut listening = Vec::new();
    for (service, address) in settings.listeners.all() {
        let listener =
            listeners::bind(service, address).map_err(|error| Failure::failed(error.to_string()))?;
        let limit = sessions(service, &settings.limits);
        let refusal = rooms::refusal(service, &settings.operator.hostname);
        let address = listener.local_addr().unwrap_or(address);
        info!(service = service.key(), %address, "listening");
        let peers = if service.is_imap() { &readers } else { &others };
        listening.push((Door::new(service, address, limit, Arc::clone(peers), refusal), listener));
    }
    Ok(listening)
}

/// SIGTERM and SIGINT: the first ends gracefully, the second at once.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

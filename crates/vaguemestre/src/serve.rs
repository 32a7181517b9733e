//! `serve`: opens the store, puts the rooms behind their listeners, and takes them down gracefully.
//!
//! Supervision only: what a session does is the rooms' affair.

use std::{io, sync::Arc, time::Duration};

use rustix::process::{Resource, Rlimit, geteuid, getrlimit, setrlimit};
use store::{Clock, Kind, MasterKey, OpenError, OpenOptions, Store, SystemClock};
use tokio::{
    net::TcpListener,
    runtime::{Builder, Runtime},
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
    task::JoinSet,
    time,
};
use tokio_rustls::TlsAcceptor;
use tracing::{info, warn};

use crate::{
    config::{Limits, Service, Settings, Tls, TlsVersion},
    control::{
        office::{House, Office},
        peer, server,
    },
    exit::Failure,
    listeners::{self, Door, Peers},
    logs,
    rooms::{self, Rooms},
};

/// What a shutdown adds to the configured grace, for sessions that say their last line at its very end.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// How long sessions that are cut may take to go: what they do on the disk ends by itself.
const CUT: Duration = Duration::from_secs(5);

/// Descriptors for everything that is not a session, the store's files above all.
const STORE_FILES: u64 = 1024;

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
    let Limits { submission_sessions, imap_sessions, .. } = settings.limits;
    let needed = settings.listeners.all().map(|(service, _)| match service {
        Service::Submission | Service::SubmissionTls => submission_sessions,
        Service::Imap | Service::ImapTls => imap_sessions,
    });
    let needed = u64::try_from(needed.sum::<usize>()).unwrap_or(u64::MAX).saturating_add(STORE_FILES);
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

/// The certificate and key of the listeners.
///
/// # Errors
/// What is wrong with the files, and where they are.
pub(crate) fn certificate(tls: &Tls) -> Result<pki::ServerTls, Failure> {
    pki::ServerTls::load(&tls.certificate, &tls.key)
        .map_err(|error| Failure::failed(format!("[tls]: {error}")))
}

/// Opens the store and serves it; gives it back to be closed, and how serving ended.
fn serve(settings: &Settings, runtime: &Runtime) -> Result<(Store, Result<(), Failure>), Failure> {
    raise_open_files(settings);
    let _entered = runtime.enter();
    let mut signals =
        Signals::new().map_err(|error| Failure::failed(format!("signals cannot be caught: {error}")))?;
    let tls = certificate(&settings.tls)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    if let Err(error) = tls.check_dates(clock.now()) {
        // Mail that is in the boxes is still worth more with a warning in the clients than not at all.
        warn!(%error, "the certificate is outside its dates: clients will refuse or warn");
    } else if tls.describe().expires_soon(clock.now()) {
        let days = tls.describe().days_left(clock.now());
        warn!(days_left = days, "the certificate ends soon: order the next one");
    }
    let store = open_store(settings, &clock, None)?;
    let served = runtime.block_on(serve_store(settings, &tls, &store, &clock, &mut signals));
    Ok((store, served))
}

async fn serve_store(
    settings: &Settings,
    tls: &pki::ServerTls,
    store: &Store,
    clock: &Arc<dyn Clock>,
    signals: &mut Signals,
) -> Result<(), Failure> {
    let control =
        server::bind(&settings.control.socket).map_err(|error| Failure::failed(error.to_string()))?;
    let listening = listen(settings)?;
    let rooms = Arc::new(Rooms::new(settings, store, clock));
    let closing = watch::Sender::new(false);
    let mut doors = JoinSet::new();
    let mut known = Vec::new();
    for (door, listener) in listening {
        known.push(Arc::clone(&door));
        let acceptor = TlsAcceptor::from(tls.access_config(highest(settings.tls.highest_version)));
        let (rooms, service) = (Arc::clone(&rooms), door.service);
        let mut closed = closing.subscribe();
        doors.spawn(listeners::accept(
            door,
            listener,
            async move { drop(closed.wait_for(|closed| *closed).await) },
            move |stream| rooms.session(service, stream, acceptor.clone()),
        ));
    }
    let office = Arc::new(office(settings, tls, store, clock, known));
    info!(
        version = env!("CARGO_PKG_VERSION"),
        operator = settings.operator.name,
        demonstration = store.kind() == Kind::Demonstration,
        "ready"
    );
    // Asked of the system, not of the socket file: a directory that others may write could hold theirs by now.
    let own = geteuid().as_raw();
    let administrators = peer::administrators(&settings.control.administrators, own);
    tokio::select! {
        () = server::serve(&control, administrators, office) => {}
        () = signals.next() => {}
    }
    info!(grace_seconds = settings.grace.as_secs(), "ending: no new sessions, open ones are told");
    // Without its socket the daemon is gone for `status`, which would only wait for one that is ending.
    drop(control);
    closing.send_replace(true);
    rooms.ring_out();
    wind_down(settings.grace + LAST_WORDS, doors, signals).await
}

async fn wind_down(bound: Duration, mut doors: JoinSet<()>, signals: &mut Signals) -> Result<(), Failure> {
    let all_closed = async { while doors.join_next().await.is_some() {} };
    tokio::select! {
        ended = time::timeout(bound, all_closed) => {
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

/// Opens the store that the settings name, or makes it if `create` says of which kind.
///
/// # Errors
/// What is wrong with the key or the store; a demonstration that would be reachable from another machine.
pub(crate) fn open_store(
    settings: &Settings,
    clock: &Arc<dyn Clock>,
    create: Option<Kind>,
) -> Result<Store, Failure> {
    let failed = |error: String| Failure::failed(format!("[store]: {error}"));
    let master = MasterKey::load(&settings.store.master_key).map_err(|error| failed(error.to_string()))?;
    let store = Store::open(OpenOptions {
        dir: settings.store.directory.clone(),
        master,
        clock: Arc::clone(clock),
        settings: store_settings(settings),
        create,
    })
    .map_err(|error| match error {
        OpenError::Absent(_) => failed(format!("{error}; `vaguemestre store create` makes one")),
        error => failed(error.to_string()),
    })?;
    let Err(refused) = refuse_public_demonstration(store.kind(), settings) else { return Ok(store) };
    // An engine left open may abort the process on its way out, and hide the refusal.
    store.close().map_err(|error| failed(error.to_string()))?;
    Err(refused)
}

/// The store's limits under these settings: it keeps whatever the services announce that they take.
fn store_settings(settings: &Settings) -> store::Settings {
    let usual = store::Settings::default();
    let body_bytes = usual.body_bytes.max(rooms::encoded(settings.limits.attachments));
    store::Settings { memory: settings.store.memory, body_bytes, ..usual }
}

/// A demonstration's passwords are known to everyone: it is never reachable from another machine.
fn refuse_public_demonstration(kind: Kind, settings: &Settings) -> Result<(), Failure> {
    let public = settings.listeners.all().find(|(_, address)| !address.ip().to_canonical().is_loopback());
    match (kind, public) {
        (Kind::Demonstration, Some((service, address))) => Err(Failure::failed(format!(
            "[listeners] {}: {address} is not a loopback address, and {} is a demonstration store: listen on 127.0.0.1 \
             or ::1, or make a real store with `vaguemestre store create`",
            service.key(),
            settings.store.directory.display(),
        ))),
        _ => Ok(()),
    }
}

fn listen(settings: &Settings) -> Result<Vec<(Arc<Door>, TcpListener)>, Failure> {
    let peers = Peers::new(settings.limits.sessions_per_peer);
    let mut listening = Vec::new();
    for (service, address) in settings.listeners.all() {
        let listener =
            listeners::bind(service, address).map_err(|error| Failure::failed(error.to_string()))?;
        let limit = match service {
            Service::Submission | Service::SubmissionTls => settings.limits.submission_sessions,
            Service::Imap | Service::ImapTls => settings.limits.imap_sessions,
        };
        let refusal = rooms::refusal(service, &settings.operator.hostname);
        let address = listener.local_addr().unwrap_or(address);
        info!(service = service.key(), %address, "listening");
        listening.push((Door::new(service, address, limit, Arc::clone(&peers), refusal), listener));
    }
    Ok(listening)
}

fn office(
    settings: &Settings,
    tls: &pki::ServerTls,
    store: &Store,
    clock: &Arc<dyn Clock>,
    doors: Vec<Arc<Door>>,
) -> Office {
    Office {
        store: store.clone(),
        clock: Arc::clone(clock),
        operator: settings.operator.clone(),
        house: House { started: clock.now(), doors, certificate: tls.describe() },
    }
}

fn highest(version: TlsVersion) -> pki::TlsVersion {
    match version {
        TlsVersion::V1_2 => pki::TlsVersion::V1_2,
        TlsVersion::V1_3 => pki::TlsVersion::V1_3,
    }
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config;

    fn sample() -> Settings {
        let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/vaguemestre.toml"));
        config::load(path).unwrap()
    }

    fn in_dir(dir: &Path) -> Settings {
        let mut settings = sample();
        settings.store.directory = dir.join("store");
        settings.store.master_key = dir.join("master.key");
        drop(MasterKey::create(&settings.store.master_key).unwrap());
        settings
    }

    #[test]
    fn a_store_that_is_refused_is_closed_when_that_is_told() {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let dir = tempfile::tempdir().unwrap();
        let settings = in_dir(dir.path());
        for _ in 0..10 {
            let refused = open_store(&settings, &clock, Some(Kind::Demonstration)).err().unwrap();
            assert!(format!("{refused:?}").contains("not a loopback address"), "{refused:?}");
        }
    }

    #[test]
    fn the_store_keeps_the_largest_message_that_is_announced() {
        let dir = tempfile::tempdir().unwrap();
        let mut settings = in_dir(dir.path());
        settings.limits.attachments = 1_000_000_000;
        assert!(store_settings(&settings).body_bytes >= rooms::encoded(settings.limits.attachments));
        settings.limits.attachments = 60_000_000;
        assert_eq!(store_settings(&settings).body_bytes, store::Settings::default().body_bytes);
    }

    #[test]
    fn a_demonstration_listens_on_loopback_only() {
        let public = sample();
        assert!(refuse_public_demonstration(Kind::Production, &public).is_ok());
        let error = refuse_public_demonstration(Kind::Demonstration, &public).unwrap_err();
        assert!(format!("{error:?}").contains("0.0.0.0:587 is not a loopback address"), "{error:?}");
        let mut local = public;
        local.listeners = config::Listeners {
            submission: vec!["127.0.0.1:5870".parse().unwrap()],
            submission_tls: vec!["[::1]:4650".parse().unwrap()],
            imap: vec!["[::ffff:127.0.0.1]:1430".parse().unwrap()],
            imap_tls: Vec::new(),
        };
        assert!(refuse_public_demonstration(Kind::Demonstration, &local).is_ok());
        local.listeners.imap_tls = vec!["[::]:9930".parse().unwrap()];
        assert!(refuse_public_demonstration(Kind::Demonstration, &local).is_err());
    }
}

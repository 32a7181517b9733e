//! What the demonstration keeps between its runs: authority, master key, store with five accounts, configuration.
//!
//! Made once, found again after. Opens the store itself, before the daemon runs. Must never touch a store that is not a
//! demonstration's.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::Timestamp;
use mssante::State;
use store::{
    Action, Clock, Kind, MasterKey, OpenOptions, Outcome, Store, StoreError, SystemClock, Trace, TraceId,
};

use super::{
    daemon,
    people::{self, LOGIN_DOMAINS, MSSANTE_DOMAIN, PASSWORD, Person},
};
use crate::{exit::Failure, serve};

/// The server's name in the demonstration.
const HOSTNAME: &str = "mail.chu-nord.fr";

/// The names that the demonstration's certificate carries: what clients on this machine may write.
const CERTIFIED: [&str; 3] = ["localhost", "127.0.0.1", HOSTNAME];

/// The operator's files in the PKI.
const OPERATOR: &str = "nord";

/// The name of each demonstration password.
const DEVICE: &str = "demonstration";

/// The ports of one demonstration.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ports {
    pub(super) submission: u16,
    pub(super) submission_tls: u16,
    pub(super) imap: u16,
    pub(super) imap_tls: u16,
}

/// A world on disk.
#[derive(Debug)]
pub(super) struct World {
    dir: PathBuf,
    ports: Ports,
}

impl World {
    fn new(dir: &Path, offset: u16) -> Self {
        let ports = Ports {
            submission: 5870 + offset,
            submission_tls: 4650 + offset,
            imap: 1430 + offset,
            imap_tls: 9930 + offset,
        };
        Self { dir: dir.to_owned(), ports }
    }

    /// The authority to trust, PEM.
    pub(super) fn ca(&self) -> PathBuf {
        self.dir.join("pki/ca.pem")
    }

    /// The daemon's configuration.
    pub(super) fn config(&self) -> PathBuf {
        self.dir.join("nord/vaguemestre.toml")
    }

    /// The daemon's control socket.
    pub(super) fn socket(&self) -> PathBuf {
        self.dir.join("nord/control.sock")
    }

    /// The daemon's log.
    pub(super) fn log(&self) -> PathBuf {
        self.dir.join("nord/log/vaguemestre.log")
    }

    pub(super) fn ports(&self) -> Ports {
        self.ports
    }
}

/// Makes what is missing of the world in `dir`; its ports are the usual ones plus `offset`.
///
/// # Errors
/// What could not be made; a world whose daemon runs is left alone.
pub(super) fn prepare(dir: &Path, offset: u16) -> Result<World, Failure> {
    let world = World::new(dir, offset);
    if let Some(process) = daemon::running(&world.socket()) {
        return Err(Failure::failed(format!(
            "the demonstration in {} runs already (process {process}): end it (Ctrl-C there, or `kill {process}`), or \
             use another --dir and --port-offset",
            dir.display()
        )));
    }
    let failed = |what: &str, error: &dyn std::fmt::Display| {
        Failure::failed(format!("demonstration: {what}: {error}"))
    };
    let nord = dir.join("nord");
    fs::create_dir_all(&nord).map_err(|error| failed("the directory cannot be made", &error))?;
    let now = Timestamp::now();
    let operator = demo_pki::Operator {
        id: OPERATOR.to_owned(),
        hostnames: CERTIFIED.map(str::to_owned).to_vec(),
        subject: demo_pki::Name::server(HOSTNAME, "1990000001", "CENTRE HOSPITALIER NORD", "Nord (59)"),
    };
    let pki = demo_pki::World::create(&dir.join("pki"), &[operator], &[], now)
        .map_err(|error| failed("certificates", &error))?;
    let key = nord.join("master.key");
    if !key.exists() {
        MasterKey::create(&key).map_err(|error| failed("master key", &error))?;
    }
    // The store first: one that is no demonstration's is refused with its configuration untouched.
    furnish(&nord.join("store"), &key)?;
    fs::write(world.config(), configuration(&world, &pki))
        .map_err(|error| failed("configuration", &error))?;
    Ok(world)
}

/// Opens the store, gives it the accounts that it lacks, and closes it for the daemon.
fn furnish(dir: &Path, key: &Path) -> Result<(), Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::failed(format!("demonstration: store: {error}"));
    let runtime = serve::runtime().map_err(|error| failed(&error))?;
    let _entered = runtime.enter();
    let store = Store::open(OpenOptions {
        dir: dir.to_owned(),
        master: MasterKey::load(key).map_err(|error| failed(&error))?,
        clock: Arc::new(SystemClock),
        settings: store::Settings::default(),
        create: Some(Kind::Demonstration),
    })
    .map_err(|error| failed(&error))?;
    let filled = match store.kind() {
        Kind::Demonstration => runtime.block_on(admit_all(&store)).map_err(|error| failed(&error)),
        Kind::Production => {
            let text = format!("{} holds a store that is no demonstration: use another --dir", dir.display());
            Err(Failure::failed(text))
        }
    };
    // However it ended: an engine left open may abort the process on its way out.
    filled.and(store.close().map_err(|error| failed(&error)))
}

async fn admit_all(store: &Store) -> Result<(), StoreError> {
    for person in people::all() {
        admit(store, person).await?;
    }
    Ok(())
}

async fn admit(store: &Store, person: Person) -> Result<(), StoreError> {
    let login = person.profile.login.clone();
    let openers = person.openers;
    let (account, openers) = store
        .read(move |reader| {
            let found = reader.account_by_address(&login)?;
            let openers = openers.iter().map(|opener| reader.account_by_address(&people::address(opener)));
            Ok((found, openers.collect::<Result<Vec<_>, _>>()?))
        })
        .await?;
    let account = match account {
        Some(account) => account,
        None => {
            let openers = openers.into_iter().flatten().map(|opener| opener.id).collect();
            store.create_account(person.profile, State::Valide, openers, trace(Action::AccountCreate)).await?
        }
    };
    let id = account.id;
    let has_password = !store.read(move |reader| reader.credentials(id)).await?.is_empty();
    if account.profile.box_type.is_person() && !has_password {
        let secret = PASSWORD.as_bytes();
        store.create_password(id, DEVICE.to_owned(), secret, trace(Action::PasswordCreate)).await?;
    }
    Ok(())
}

fn trace(action: Action) -> Trace {
    let at = SystemClock.now();
    Trace {
        id: TraceId::new(at),
        at,
        action,
        person: None,
        acting_as: None,
        peer: None,
        outcome: Outcome::Done,
        detail: vec![("administrator".to_owned(), "demonstration".to_owned())],
    }
}

fn configuration(world: &World, pki: &demo_pki::World) -> String {
    let Ports { submission, submission_tls, imap, imap_tls } = world.ports;
    let [first, second] = LOGIN_DOMAINS;
    // Beside each other in one directory, so that the world can be moved: paths relative to this file.
    let relative = |path: &Path| {
        let name = path.strip_prefix(&world.dir).unwrap_or(path);
        format!("../{}", name.display())
    };
    let (chain, key) = (relative(&pki.chain(OPERATOR)), relative(&pki.key(OPERATOR)));
    format!(
        r#"# Made by `vaguemestre demo` at each of its runs: changes are lost. config/vaguemestre.toml explains the keys.
[operator]
name = "Centre hospitalier Nord (démonstration)"
hostname = "{HOSTNAME}"
mssante_domains = ["{MSSANTE_DOMAIN}"]
login_domains = ["{first}", "{second}"]
[tls]
certificate = "{chain}"
key = "{key}"
[store]
directory = "store"
master_key = "master.key"
[listeners]
submission = ["127.0.0.1:{submission}"]
submission_tls = ["127.0.0.1:{submission_tls}"]
imap = ["127.0.0.1:{imap}"]
imap_tls = ["127.0.0.1:{imap_tls}"]
[control]
socket = "control.sock"
[limits]
submission_sessions = 200
imap_sessions = 1000
[shutdown]
grace = "10 s"
"#
    )
}

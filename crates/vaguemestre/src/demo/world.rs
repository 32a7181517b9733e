//! What the demonstration keeps between its runs: one PKI for all, and for each operator master key, store with six
//! accounts, configuration.
//!
//! Made once, found again after; a world that an earlier version made gets what it lacks. Must never touch a store that is
//! not a demonstration's.

use std::{
    fs,
    path::{Path, PathBuf},
};

use demo_pki::Row;
use jiff::Timestamp;
use serde_json::{Value, json};
use store::MasterKey;

use super::{
    accounts, configuration, daemon,
    operators::{OPERATORS, Operator, Ports},
};
use crate::exit::Failure;

/// The names that every certificate of the demonstration carries: what clients on this machine may write.
const CERTIFIED: [&str; 2] = ["localhost", "127.0.0.1"];

/// A world on disk.
#[derive(Debug)]
pub(super) struct World {
    dir: PathBuf,
    offset: u16,
}

/// One operator's part of a world.
#[derive(Debug, Clone)]
pub(super) struct Site {
    pub(super) operator: &'static Operator,
    pub(super) ports: Ports,
    dir: PathBuf,
    /// The authority to trust, PEM.
    pub(super) ca: PathBuf,
}

impl World {
    /// The authority to trust, PEM.
    pub(super) fn ca(&self) -> PathBuf {
        self.dir.join("pki/ca.pem")
    }

    /// The part of `operator`.
    pub(super) fn site(&self, operator: &'static Operator) -> Site {
        Site { operator, ports: operator.ports(self.offset), dir: self.dir.join(operator.id), ca: self.ca() }
    }

    /// Every operator's part.
    pub(super) fn sites(&self) -> impl Iterator<Item = Site> {
        OPERATORS.iter().map(|operator| self.site(operator))
    }

    /// Where everything is, for scripts. `config` is the first operator's.
    pub(super) fn facts(&self) -> Value {
        let site = |site: Site| {
            let facts = json!({ "config": site.config(), "socket": site.socket(), "log": site.log() });
            (site.operator.id.to_owned(), facts)
        };
        let config = self.sites().next().map(|site| site.config());
        let operators: serde_json::Map<_, _> = self.sites().map(site).collect();
        json!({ "config": config, "ca": self.ca(), "operators": operators })
    }
}

impl Site {
    /// The daemon's configuration.
    pub(super) fn config(&self) -> PathBuf {
        self.dir.join("vaguemestre.toml")
    }

    /// The daemon's control socket.
    pub(super) fn socket(&self) -> PathBuf {
        self.dir.join("control.sock")
    }

    /// The daemon's log.
    pub(super) fn log(&self) -> PathBuf {
        self.dir.join("log/vaguemestre.log")
    }
}

/// Makes what is missing of the world in `dir`; its ports are the usual ones plus `offset`.
///
/// # Errors
/// What could not be made; a world of which a daemon runs is left alone.
pub(super) fn prepare(dir: &Path, offset: u16) -> Result<World, Failure> {
    let world = World { dir: dir.to_owned(), offset };
    if let Some(process) = world.sites().find_map(|site| daemon::running(&site.socket())) {
        return Err(Failure::failed(format!(
            "the demonstration in {} runs already (process {process}): end it (Ctrl-C there, or `kill {process}`), or \
             use another --dir and --port-offset",
            dir.display()
        )));
    }
    fs::create_dir_all(dir).map_err(|error| failed("the directory cannot be made", &error))?;
    let pki = pki(&dir.join("pki"), Timestamp::now()).map_err(|error| failed("certificates", &error))?;
    for site in world.sites() {
        let others: Vec<_> = world.sites().filter(|other| other.operator.id != site.operator.id).collect();
        settle(&site, &others, &pki)?;
    }
    Ok(world)
}

/// One authority for all, a certificate for each operator, and the white list that names both.
fn pki(dir: &Path, now: Timestamp) -> Result<demo_pki::World, demo_pki::DemoPkiError> {
    let operators = OPERATORS.map(|operator| {
        let names = CERTIFIED.into_iter().chain([operator.hostname]);
        demo_pki::Operator {
            id: operator.id.to_owned(),
            hostnames: names.map(str::to_owned).collect(),
            subject: operator.subject(),
        }
    });
    let rows = OPERATORS.map(|operator| Row::new(operator.mssante_domain, &operator.subject(), now));
    demo_pki::World::create(dir, &operators, &rows, now)
}

/// Makes what is missing of one operator's part.
fn settle(site: &Site, others: &[Site], pki: &demo_pki::World) -> Result<(), Failure> {
    fs::create_dir_all(&site.dir).map_err(|error| failed("the directory cannot be made", &error))?;
    let key = site.dir.join("master.key");
    if !key.exists() {
        MasterKey::create(&key).map_err(|error| failed("master key", &error))?;
    }
    // The store first: one that is no demonstration's is refused with its configuration untouched.
    accounts::furnish(&site.dir.join("store"), &key, site.operator.people().into())?;
    fs::write(site.config(), configuration::text(site, others, pki))
        .map_err(|error| failed("configuration", &error))
}

fn failed(what: &str, error: &dyn std::fmt::Display) -> Failure {
    Failure::failed(format!("demonstration: {what}: {error}"))
}

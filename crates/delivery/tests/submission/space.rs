//! A trust space for the stories: authorities of its own, a white list that it signs, made once in a process.

use std::{fs::File, path::Path, sync::OnceLock};

use demo_pki::{Row, SIGNING_POLICY};
use jiff::Timestamp;
use pki::{TrustSettings, TrustSpace};
use tempfile::TempDir;

/// The names of the operators of the list.
pub(crate) const NORD: &str = "CN=mail.chu-nord.fr,OU=1590000000,O=CHU NORD,ST=Nord (59),C=FR";
pub(crate) const SUD: &str = "CN=mail.clinique-sud.fr,OU=1830000000,O=CLINIQUE SUD,ST=Var (83),C=FR";

/// A living trust space and what it is read from.
pub(crate) struct Space {
    pub(crate) trust: TrustSpace,
    pki: demo_pki::World,
    _dir: TempDir,
}

impl Space {
    /// Lists these domains, all but ours as those of `sud`; `now` is the stories' time.
    pub(crate) fn open(domains: &[&str], now: Timestamp) -> Self {
        let dir = tempfile::tempdir().unwrap();
        copy(made(now).path(), dir.path());
        let pki = demo_pki::World::open(dir.path(), now).unwrap();
        pki.publish(&rows(domains, now), now).unwrap();
        seen(&pki.list(), now);
        let settings = TrustSettings {
            authorities: Some(pki.authorities()),
            signers: vec![pki.signer().subject.to_string().parse().unwrap()],
            signer_policies: vec![SIGNING_POLICY.to_owned()],
            ..TrustSettings::new(&pki.ca(), &pki.crls(), &pki.list(), &dir.path().join("state"))
        };
        let trust = TrustSpace::open(settings, now).unwrap();
        trust.current().relaying(now).unwrap_or_else(|why| panic!("{why}: {:?}", trust.status(now)));
        Self { trust, pki, _dir: dir }
    }

    /// Publishes another list and has it taken.
    pub(crate) fn list(&self, domains: &[&str], now: Timestamp) {
        self.pki.publish(&rows(domains, now), now).unwrap();
        seen(&self.pki.list(), now);
        let refreshed = self.trust.refresh(now);
        assert!(refreshed.changed, "{refreshed:?}");
    }
}

fn rows(domains: &[&str], now: Timestamp) -> Vec<Row> {
    let owner = |domain: &str| if domain.starts_with("chu-nord") { NORD } else { SUD };
    domains.iter().map(|domain| Row::new(domain, owner(domain), now)).collect()
}

/// The keys are the slow part: one process makes them once.
fn made(now: Timestamp) -> &'static TempDir {
    static MADE: OnceLock<TempDir> = OnceLock::new();
    MADE.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        demo_pki::World::create(dir.path(), &[], &rows(&["chu-nord.mssante.fr"], now), now).unwrap();
        dir
    })
}

/// The list was last confirmed at the stories' time, not at the machine's.
fn seen(list: &Path, now: Timestamp) {
    File::options().append(true).open(list).unwrap().set_modified(now.into()).unwrap();
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let there = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &there);
        } else {
            std::fs::copy(entry.path(), there).unwrap();
        }
    }
}

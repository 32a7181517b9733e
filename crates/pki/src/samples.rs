//! A small trust space for the tests of this crate: the demonstration's authorities, with keys shared where they may be.

use std::{fs, sync::Arc};

use demo_pki::{Hierarchy, Key, Leaf, Name, Serial, Space};
use jiff::{SignedDuration, Timestamp};
use mssante::whitelist::{Row, WhiteList};
use rustls_pki_types::CertificateDer;

use crate::{
    Authorities, CrlFile, Environment, Revocations, Trust,
    path::Judge,
    peer::{ListInForce, Parts},
};

pub(crate) type Chain = Vec<CertificateDer<'static>>;

pub(crate) const HOST: &str = "smtp.sud.invalid";
pub(crate) const DOMAIN: &str = "clinique-sud.mssante.fr";
pub(crate) const GRACE: SignedDuration = SignedDuration::from_hours(4);
pub(crate) const STOP: SignedDuration = SignedDuration::from_hours(15 * 24);

pub(crate) fn now() -> Timestamp {
    "2026-11-21T09:30:00Z".parse().unwrap()
}

pub(crate) fn hours(count: i64) -> SignedDuration {
    SignedDuration::from_hours(count)
}

/// Authorities and what they issue.
pub(crate) struct Sample {
    pub(crate) hierarchy: Hierarchy,
    /// Of every leaf: keys are what takes time.
    pub(crate) key: Key,
    pub(crate) authorities: Arc<Authorities>,
}

impl Sample {
    pub(crate) fn new(space: Space) -> Self {
        let hierarchy = Hierarchy::new(space, now()).unwrap();
        let authorities = Arc::new(trusted(&hierarchy.root.certificate_pem(), &hierarchy.authorities_pem()));
        Self { key: Key::generate().unwrap(), hierarchy, authorities }
    }

    pub(crate) fn demo() -> Self {
        Self::new(Space::Demonstration)
    }

    /// The operator's certificate to be, good and listed.
    pub(crate) fn leaf(&self) -> Leaf {
        Leaf::server(subject(), &[HOST], now()).with_key(&self.key)
    }

    pub(crate) fn issue(&self, leaf: &Leaf) -> (Chain, Serial) {
        let issued = self.hierarchy.organisations.issue(leaf).unwrap();
        (issued.chain.into_iter().map(CertificateDer::from).collect(), issued.serial)
    }

    pub(crate) fn chain(&self) -> Chain {
        self.issue(&self.leaf()).0
    }

    /// The first lists of all authorities, made an hour ago, good for a day; ORGANISATIONS revokes `revoked`.
    pub(crate) fn lists(&self, revoked: &[Serial]) -> Vec<CrlFile> {
        let Hierarchy { root, organisations, personnes } = &self.hierarchy;
        let (this, next) = (now() - hours(1), now() + hours(23));
        [(root, &[][..]), (organisations, revoked), (personnes, &[][..])]
            .iter()
            .map(|(authority, revoked)| file(authority.crl(revoked, 1, this, next).unwrap()))
            .collect()
    }

    pub(crate) fn revocations(&self, files: &[CrlFile]) -> Revocations {
        Revocations::none().update(files, &self.authorities, now()).0
    }

    /// What is trusted in production when nothing was revoked and the operator is listed.
    pub(crate) fn trust(&self) -> Trust {
        Trust::new(self.parts(&self.lists(&[]), Some(list(&[(DOMAIN, &subject().to_string())]))))
    }

    pub(crate) fn parts(&self, files: &[CrlFile], list: Option<WhiteList>) -> Parts {
        Parts {
            environment: Environment::Production,
            authorities: Arc::clone(&self.authorities),
            revocations: Arc::new(self.revocations(files)),
            crl_grace: GRACE,
            list: list.map(|list| ListInForce { list: Arc::new(list), checked: now() }),
            stop_after: STOP,
        }
    }

    pub(crate) fn judge<'a>(&'a self, revocations: &'a Revocations) -> Judge<'a> {
        Judge {
            environment: Environment::Production,
            authorities: &self.authorities,
            revocations,
            crl_grace: GRACE,
            as_of: false,
        }
    }
}

pub(crate) fn subject() -> Name {
    Name::server(HOST, "1590000001", "CLINIQUE DU SUD", "Rhône (69)")
}

pub(crate) fn file(bytes: Vec<u8>) -> CrlFile {
    CrlFile { name: "offered.crl".to_owned(), bytes }
}

/// Authorities, read from files as in real life.
pub(crate) fn trusted(roots: &str, issuing: &str) -> Authorities {
    let dir = tempfile::tempdir().unwrap();
    let (roots_file, issuing_file) = (dir.path().join("roots.pem"), dir.path().join("issuing.pem"));
    fs::write(&roots_file, roots).unwrap();
    fs::write(&issuing_file, issuing).unwrap();
    Authorities::load(&roots_file, Some(&issuing_file)).unwrap()
}

pub(crate) fn list(rows: &[(&str, &str)]) -> WhiteList {
    let row = |(domain, dn): &(&str, &str)| Row {
        domain: (*domain).to_owned(),
        description: String::new(),
        dn: (*dn).to_owned(),
        responsible: String::new(),
        support: String::new(),
        updated: now(),
    };
    let (list, faults) = WhiteList::build(now(), rows.iter().map(row).collect()).unwrap();
    assert_eq!(faults, []);
    list
}

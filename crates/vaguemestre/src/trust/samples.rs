//! A configuration with a trust space of its own, for tests: certificates, lists and a master key in a temporary directory.

use std::{fs, sync::Arc};

use demo_pki::{Name, Operator, Row, World};
use jiff::Timestamp;
use store::{Clock, MasterKey, SystemClock};
use tempfile::TempDir;

use super::{Settings, Warden, open, relay_certificate};
use crate::config;

pub(crate) struct Scene {
    pub(crate) dir: TempDir,
    pub(crate) pki: World,
    pub(crate) settings: Settings,
}

pub(crate) const NORD: &str = "chu-nord.mssante.fr";
pub(crate) const SUD: &str = "clinique-sud.mssante.fr";

fn subject() -> Name {
    Name::server("mail.chu-nord.fr", "1590000014", "CENTRE HOSPITALIER NORD", "Nord (59)")
}

pub(crate) fn row(domain: &str) -> Row {
    Row::new(domain, &subject(), Timestamp::now())
}

impl Scene {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let nord =
            Operator { id: "nord".into(), hostnames: vec!["mail.chu-nord.fr".into()], subject: subject() };
        let pki = World::create(&dir.path().join("pki"), &[nord], &[row(NORD)], Timestamp::now()).unwrap();
        let text = format!(
            r#"
[operator]
name = "Centre hospitalier Nord"
hostname = "mail.chu-nord.fr"
mssante_domains = ["{NORD}"]
login_domains = ["chu-nord.fr"]
[tls]
certificate = "pki/nord.pem"
key = "pki/nord.key"
[store]
master_key = "master.key"
[trust]
roots = "pki/ca.pem"
authorities = "pki/authorities.pem"
crls = "pki/crl"
crl_fetch = "off"
list = "pki/listeblanche.xml"
signers = ["{}"]
state = "trust"
"#,
            pki.signer().subject
        );
        drop(MasterKey::create(&dir.path().join("master.key")).unwrap());
        let file = dir.path().join("vaguemestre.toml");
        fs::write(&file, text).unwrap();
        let settings = config::load(&file).unwrap();
        Self { dir, pki, settings }
    }

    pub(crate) fn warden(&self) -> Warden {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let space = open(&self.settings, clock.now()).unwrap();
        let own = relay_certificate(&self.settings).unwrap();
        Warden::new(space, clock, move || own.name(), self.settings.operator.mssante_domains.clone())
    }
}

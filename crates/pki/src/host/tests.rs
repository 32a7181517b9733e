//! Which hosts of a white list are spoken to: handshakes in memory, against certificates of the demonstration.

use std::{fs, io::Read as _};

use demo_pki::{Hierarchy, Issued, Leaf, Name, Space, Tier};
use jiff::SignedDuration;
use rustls::{ClientConnection, ServerConfig, ServerConnection};
use rustls_pki_types::PrivateKeyDer;

use super::*;

const HOST: &str = "espacedeconfiance.demonstration.invalid";

struct Scene {
    dir: tempfile::TempDir,
    hierarchy: Hierarchy,
}

fn hour() -> SignedDuration {
    SignedDuration::from_hours(1)
}

impl Scene {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let now = Timestamp::now();
        let hierarchy = Hierarchy::new(Space::Demonstration, now).unwrap();
        fs::write(dir.path().join("root.pem"), hierarchy.root.certificate_pem()).unwrap();
        fs::write(dir.path().join("issuing.pem"), hierarchy.authorities_pem()).unwrap();
        fs::create_dir(dir.path().join("crl")).unwrap();
        Self { dir, hierarchy }
    }

    fn revoke(&self, revoked: &[&Issued]) {
        for tier in Tier::ALL {
            let revoked: Vec<_> = revoked.iter().map(|issued| issued.serial.clone()).collect();
            let now = Timestamp::now();
            let crl = self.hierarchy.tier(tier).crl(&revoked, 1, now - hour(), now + hour()).unwrap();
            fs::write(self.dir.path().join("crl").join(tier.id()), crl).unwrap();
        }
    }

    fn space(&self) -> TrustSpace {
        let at = |name: &str| self.dir.path().join(name);
        let mut settings = TrustSettings::new(&at("root.pem"), &at("crl"), &at("none.xml"), &at("state"));
        settings.authorities = Some(at("issuing.pem"));
        TrustSpace::open(settings, Timestamp::now()).unwrap()
    }

    fn leaf(&self) -> Leaf {
        Leaf::server(Name::server(HOST, "1990000001", "AGENCE", "Paris (75)"), &[HOST], Timestamp::now())
    }

    fn issue(&self, leaf: &Leaf) -> Issued {
        self.hierarchy.organisations.issue(leaf).unwrap()
    }
}

/// Whether the client goes on with a host that shows this chain, and what it says if not.
fn greets(space: &TrustSpace, anchors: Option<&Path>, issued: &Issued, links: usize) -> Result<(), String> {
    let chain = issued.chain.iter().take(links).map(|der| CertificateDer::from(der.clone())).collect();
    let key = PrivateKeyDer::try_from(issued.key.to_der().unwrap()).unwrap();
    let server = ServerConfig::builder_with_provider(Arc::new(provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let mut server = ServerConnection::new(Arc::new(server)).unwrap();
    let name = ServerName::try_from(HOST).unwrap();
    let mut client = ClientConnection::new(list_client(space, anchors).unwrap(), name).unwrap();
    loop {
        let (mut up, mut down) = (Vec::new(), Vec::new());
        while client.wants_write() {
            client.write_tls(&mut up).unwrap();
        }
        let mut rest = up.as_slice();
        while !rest.is_empty() {
            server.read_tls(&mut rest).unwrap();
            server.process_new_packets().map_err(|error| error.to_string())?;
        }
        while server.wants_write() {
            server.write_tls(&mut down).unwrap();
        }
        let mut rest = down.as_slice();
        while !rest.is_empty() {
            client.read_tls(&mut rest.by_ref()).unwrap();
            client.process_new_packets().map_err(|error| match error {
                Error::InvalidCertificate(CertificateError::Other(other)) => other.0.to_string(),
                error => error.to_string(),
            })?;
        }
        if !client.is_handshaking() && !server.is_handshaking() {
            return Ok(());
        }
    }
}

#[test]
fn a_host_of_the_trust_spaces_own_authorities_is_greeted_with_or_without_its_chain() {
    let scene = Scene::new();
    let good = scene.issue(&scene.leaf());
    // nothing is known of revocations yet: the list's own signature is what counts
    let space = scene.space();
    assert_eq!(greets(&space, None, &good, 2), Ok(()));
    assert_eq!(greets(&space, None, &good, 1), Ok(()), "the authorities are known here");
}

#[test]
fn another_host_is_not() {
    let scene = Scene::new();
    let revoked = scene.issue(&scene.leaf());
    scene.revoke(&[&revoked]);
    let space = scene.space();
    let now = Timestamp::now();
    let foreign = Hierarchy::new(Space::Foreign, now).unwrap().organisations.issue(&scene.leaf()).unwrap();
    let test = Hierarchy::new(Space::Test, now).unwrap().organisations.issue(&scene.leaf()).unwrap();
    let other_name = Leaf { names: vec!["autre.invalid".to_owned()], ..scene.leaf() };
    let client = Leaf { usage: demo_pki::Usage::Client, ..scene.leaf() };
    for (issued, says) in [
        (revoked, "was revoked on"),
        (foreign, "does not lead to an authority trusted here"),
        (test, "TEST hierarchy"),
        (scene.issue(&scene.leaf().lasting(now - hour() * 2, now - hour())), "expired on"),
        (scene.issue(&client), "serverAuth"),
        (scene.issue(&other_name), "does not bear the host's name"),
    ] {
        let said = greets(&space, None, &issued, 2).unwrap_err();
        assert!(said.contains(says), "{says}: {said}");
    }
}

#[test]
fn anchors_of_its_own_take_the_place_of_the_trust_spaces() {
    let scene = Scene::new();
    let space = scene.space();
    let other = Hierarchy::new(Space::Foreign, Timestamp::now()).unwrap();
    let anchors = scene.dir.path().join("web.pem");
    fs::write(&anchors, other.root.certificate_pem()).unwrap();
    let theirs = other.organisations.issue(&scene.leaf()).unwrap();
    assert_eq!(greets(&space, Some(&anchors), &theirs, 2), Ok(()));
    assert!(greets(&space, Some(&anchors), &scene.issue(&scene.leaf()), 2).is_err());
    assert!(list_client(&space, Some(Path::new("/does/not/exist.pem"))).is_err());
}

//! Operators that a story makes: a certificate of the demonstration's authorities or of others, right or with one flaw, and
//! their rows in the white list. The daemons see the change at their next look, or at once after [`World::refresh`].

use std::path::PathBuf;
use std::sync::OnceLock;

use demo_pki::{Hierarchy, Issued, Key, Leaf, Name, Row, Space, TEST_POLICY, Tier, Usage};
use jiff::{SignedDuration, Timestamp};

use super::{Site, World, run};

/// An operator: what it shows, and the key that it really has.
#[derive(Clone)]
pub struct Peer {
    pub domain: String,
    pub host: String,
    pub issued: Issued,
    pub key: Key,
}

/// The one thing that is wrong with an operator. But for what it says, its certificate is good and its name is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    None,
    Expired,
    NotYetValid,
    Revoked,
    /// Another authority's.
    Foreign,
    /// Another authority's that has the names of ours.
    Impostor,
    /// The TEST hierarchy's.
    Test,
    /// Our authority's, but with the policy of the TEST hierarchy.
    TestPolicy,
    /// The white list names somebody else for its domain.
    Unlisted,
    /// The white list has the same CN in another whole name.
    OtherName,
    /// It has not the key of the certificate that it shows.
    OtherKey,
    /// Its certificate is for a server only.
    ServerOnly,
    /// Its certificate is for a client only.
    ClientOnly,
}

const SHORT: SignedDuration = SignedDuration::from_hours(1);
const LONG: SignedDuration = SignedDuration::from_hours(24 * 30);

impl World {
    /// The world's authorities and lists, with their keys.
    pub fn pki(&self) -> demo_pki::World {
        demo_pki::World::open(&self.dir().join("pki"), Timestamp::now()).unwrap()
    }

    /// Makes an operator `mail.DOMAIN` and lists it, but for its flaw.
    pub fn operator(&self, domain: &str, flaw: Flaw) -> Peer {
        let peer = self.credentials(domain, flaw);
        match flaw {
            Flaw::Unlisted => {
                let other = subject("un.autre.fr", "1990000099", "UN AUTRE");
                self.list(domain, &other.to_string());
            }
            Flaw::OtherName => {
                self.list(domain, &subject(&peer.host, "1990000099", "UN AUTRE").to_string());
            }
            _ => self.list(domain, &peer.issued.subject.to_string()),
        }
        if flaw == Flaw::Revoked {
            self.revoke(&peer);
        }
        peer
    }

    /// Makes the certificate alone: nothing is listed, nothing is revoked.
    pub fn credentials(&self, domain: &str, flaw: Flaw) -> Peer {
        let now = Timestamp::now();
        let host = format!("mail.{domain}");
        let leaf = Leaf::server(subject(&host, "1990000003", "OPERATEUR TIERS"), &[&host, "localhost"], now);
        let leaf = match flaw {
            Flaw::Expired => leaf.lasting(now - LONG, now - SHORT),
            Flaw::NotYetValid => leaf.lasting(now + SHORT, now + LONG),
            Flaw::TestPolicy => Leaf { policy: Some(TEST_POLICY.to_owned()), ..leaf },
            Flaw::ServerOnly => Leaf { usage: Usage::Server, ..leaf },
            Flaw::ClientOnly => Leaf { usage: Usage::Client, ..leaf },
            _ => leaf,
        };
        let issued = self.issue(&leaf.with_key(shared_key()), flaw);
        let key = if flaw == Flaw::OtherKey { Key::generate().unwrap() } else { issued.key.clone() };
        Peer { domain: domain.to_owned(), host, issued, key }
    }

    fn issue(&self, leaf: &Leaf, flaw: Flaw) -> Issued {
        let other =
            |space| Hierarchy::new(space, Timestamp::now()).unwrap().organisations.issue(leaf).unwrap();
        match flaw {
            Flaw::Foreign => other(Space::Foreign),
            Flaw::Impostor => other(Space::Impostor),
            Flaw::Test => other(Space::Test),
            _ => self.pki().hierarchy().organisations.issue(leaf).unwrap(),
        }
    }

    /// Adds a row to the white list and signs it again.
    pub fn list(&self, domain: &str, dn: &str) {
        self.list_all(&[domain], dn);
    }

    /// The same for many domains of one operator.
    pub fn list_all(&self, domains: &[&str], dn: &str) {
        let pki = self.pki();
        let mut rows = pki.rows().unwrap();
        rows.extend(domains.iter().map(|domain| Row::new(domain, dn, Timestamp::now())));
        pki.publish(&rows, Timestamp::now()).unwrap();
    }

    /// Takes every row of `domain` from the white list and signs it again.
    pub fn unlist(&self, domain: &str) {
        let pki = self.pki();
        let mut rows = pki.rows().unwrap();
        rows.retain(|row| row.domain != domain);
        pki.publish(&rows, Timestamp::now()).unwrap();
    }

    /// Puts the peer's certificate on the revocation list of the demonstration's authority.
    pub fn revoke(&self, peer: &Peer) {
        self.pki().revoke(Tier::Organisations, &peer.issued.serial, Timestamp::now()).unwrap();
    }

    /// Has the daemon of `site` read its lists again, now; gives what it says. It ends well unless an alarm holds.
    pub fn refresh(&self, site: Site) -> String {
        let (text, good) = run(&mut self.command_at(site, &["trust", "refresh"]));
        assert_eq!(good, !text.contains("ALARM"), "{text}");
        text
    }

    /// Writes the peer's chain and key beside the world, for a program that reads files.
    pub fn files_of(&self, peer: &Peer) -> (PathBuf, PathBuf) {
        let (chain, key) = (self.dir().join("peer.pem"), self.dir().join("peer.key"));
        std::fs::write(&chain, peer.issued.chain_pem()).unwrap();
        std::fs::write(&key, peer.key.to_pem().unwrap()).unwrap();
        (chain, key)
    }
}

fn subject(host: &str, structure: &str, organisation: &str) -> Name {
    Name::server(host, structure, organisation, "Rhône (69)")
}

/// One key for all peers of a story: making one is the slow part.
fn shared_key() -> &'static Key {
    static KEY: OnceLock<Key> = OnceLock::new();
    KEY.get_or_init(|| Key::generate().unwrap())
}

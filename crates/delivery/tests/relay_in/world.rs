//! A trust space of three operators around the house: its PKI, its white list, and peers that say MAIL, RCPT and DATA.

use std::{fs, path::Path, sync::OnceLock};

use delivery::{RelayEnvelope, RelayPeer, RelayPolicy, Settings};
use demo_pki::{Hierarchy, Issued, Key, Leaf, Name, Row, SIGNING_POLICY, Space};
use jiff::{SignedDuration, Timestamp};
use mssante::dn::DistinguishedName;
use pki::{TrustSettings, TrustSpace};
use smtp::{Accepted, Connection, MailFrom, Policy, Reply, Service, TlsInfo};
use store::{Clock, Durable};

pub(crate) use crate::house::*;

pub(crate) const SENDER: &str = "medecin.trois@clinique-sud.mssante.fr";
/// Another of the same operator's domains.
pub(crate) const SENDER_LABO: &str = "labo@labo-sud.apicrypt.org";
/// Another operator's.
pub(crate) const STRANGER: &str = "medecin.quatre@chu-est.mssante.fr";

pub(crate) type Answer = Result<Accepted<Durable>, Reply>;

pub(crate) struct World {
    pub(crate) house: House,
    pub(crate) trust: TrustSpace,
    pub(crate) pki: demo_pki::World,
    pub(crate) policy: RelayPolicy,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}, |_| {}).await
    }

    pub(crate) async fn with(
        change: impl FnOnce(&mut Settings),
        trusting: impl FnOnce(&mut TrustSettings),
    ) -> Self {
        let now = Timestamp::now();
        let house = House::open(now).await;
        let dir = house.dir.path().join("pki");
        copy(prepared(), &dir);
        let pki = demo_pki::World::create(&dir, &[], &rows(now), now).unwrap();
        let state = house.dir.path().join("trust");
        fs::create_dir(&state).unwrap();
        let mut trust = TrustSettings::new(&pki.ca(), &pki.crls(), &pki.list(), &state);
        trust.authorities = Some(pki.authorities());
        trust.signers = vec![DistinguishedName::parse(&pki.signer().subject.to_string()).unwrap()];
        trust.signer_policies = vec![SIGNING_POLICY.to_owned()];
        trusting(&mut trust);
        let trust = TrustSpace::open(trust, now).unwrap();
        let mut settings = settings();
        change(&mut settings);
        let policy = RelayPolicy::new(house.store.clone(), trust.clone(), settings, house.clock.clone());
        Self { house, trust, pki, policy }
    }

    /// What sud shows: a valid certificate that the white list names for its two domains.
    pub(crate) fn sud(&self) -> Connection {
        self.showing(&self.issue(sud()))
    }

    /// What est shows: likewise, for its own domain.
    pub(crate) fn est(&self) -> Connection {
        self.showing(&self.issue(est()))
    }

    pub(crate) fn issue(&self, subject: Name) -> Issued {
        self.issue_leaf(Leaf::server(subject, &["smtp.example"], self.now()))
    }

    pub(crate) fn issue_leaf(&self, leaf: Leaf) -> Issued {
        self.pki.hierarchy().organisations.issue(&leaf.with_key(key())).unwrap()
    }

    /// What somebody shows that another hierarchy certified.
    pub(crate) fn elsewhere(&self, space: Space, subject: Name) -> Connection {
        let hierarchy = Hierarchy::new(space, self.now()).unwrap();
        let leaf = Leaf::server(subject, &["smtp.example"], self.now()).with_key(key());
        self.showing(&hierarchy.organisations.issue(&leaf).unwrap())
    }

    pub(crate) fn showing(&self, issued: &Issued) -> Connection {
        let certificates = issued.chain.iter().map(|der| der.clone().into()).collect();
        let tls =
            TlsInfo { version: "TLSv1.3".into(), cipher: "TLS_AES_256_GCM_SHA384".into(), certificates };
        Connection {
            peer: "192.0.2.25:40000".parse().unwrap(),
            local: "192.0.2.1:25".parse().unwrap(),
            tls: Some(tls),
            helo: "smtp.clinique-sud.fr".into(),
            extended: true,
            service: Service::Relay,
            session: "s1".into(),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.house.clock.now()
    }

    pub(crate) fn later(&self, by: SignedDuration) {
        self.house.clock.set(self.now() + by);
    }

    /// Signs another white list and puts it in force.
    pub(crate) fn publish(&self, rows: &[Row]) {
        self.pki.publish(rows, self.now()).unwrap();
        self.refresh();
    }

    /// Has the trust space read its files again.
    pub(crate) fn refresh(&self) {
        let refreshed = self.trust.refresh(self.now());
        assert!(refreshed.changed, "{refreshed:?}");
    }

    pub(crate) async fn known(&self, connection: &Connection) -> Result<RelayPeer, Reply> {
        self.policy.known_by_certificate(connection).await
    }

    pub(crate) async fn mail(
        &self,
        connection: &Connection,
        peer: &RelayPeer,
        from: &str,
    ) -> Result<RelayEnvelope, Reply> {
        self.policy.mail(connection, Some(peer), mail(from)).await
    }

    /// A whole transaction of a session that begins with it, the content in pieces of seven bytes up to the body and larger ones after.
    pub(crate) async fn send(
        &self,
        connection: &Connection,
        from: &str,
        to: &[&str],
        content: &[u8],
    ) -> Answer {
        let peer = self.known(connection).await?;
        let mut envelope = self.mail(connection, &peer, from).await?;
        for to in to {
            self.policy.rcpt(connection, &mut envelope, (*to).into()).await?;
        }
        self.content(connection, envelope, content).await
    }

    /// What follows RCPT.
    pub(crate) async fn content(
        &self,
        connection: &Connection,
        envelope: RelayEnvelope,
        content: &[u8],
    ) -> Answer {
        let mut incoming = self.policy.data(connection, envelope).await?;
        let (head, body) = content.split_at(content.len().min(2_000));
        for piece in head.chunks(7).chain(body.chunks(32_768)) {
            self.policy.chunk(&mut incoming, piece).await?;
        }
        self.policy.finish(incoming).await
    }

    pub(crate) async fn end(self) {
        let Self { house, policy, .. } = self;
        drop(policy);
        house.end().await;
    }
}

pub(crate) fn sud() -> Name {
    Name::server("smtp.clinique-sud.fr", "1590000001", "Clinique Sud", "Nord (59)")
}

pub(crate) fn est() -> Name {
    Name::server("smtp.chu-est.fr", "1570000002", "CHU Est", "Moselle (57)")
}

/// The white list at first: sud for two domains, one of them outside mssante.fr (M-9), est and the house for one each.
pub(crate) fn rows(now: Timestamp) -> Vec<Row> {
    let house = Name::server("mail.chu-nord.fr", "1590000003", "CHU Nord", "Nord (59)");
    vec![
        Row::new("clinique-sud.mssante.fr", &sud(), now),
        Row::new("labo-sud.apicrypt.org", &sud(), now),
        Row::new("chu-est.mssante.fr", &est(), now),
        Row::new("chu-nord.mssante.fr", &house, now),
    ]
}

/// MAIL FROM as a peer says it; the empty text is the null reverse-path.
pub(crate) fn mail(from: &str) -> MailFrom {
    let path = (!from.is_empty()).then(|| from.to_owned());
    MailFrom { path, body: smtp::Body::EightBit, ..MailFrom::default() }
}

/// A letter from sud's doctor as its relay hands it over, CRLF lines.
pub(crate) fn letter(fields: &str, body: &str) -> Vec<u8> {
    let fields = fields.replace('\n', "\r\n");
    format!(
        "Received: by smtp.clinique-sud.fr id 1; Sat, 21 Nov 2026 11:00:01 +0100\r\nFrom: Dr Trois <{SENDER}>\r\nTo: {DOCTOR}\r\n\
         Date: Sat, 21 Nov 2026 11:00:00 +0100\r\nMessage-ID: <lettre@poste>\r\n{fields}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// Code, enhanced status and whole text of a refusal.
pub(crate) fn refused<T>(answer: Result<T, Reply>) -> (u16, String, String) {
    let Err(reply) = answer else { panic!("this was accepted") };
    (reply.code(), reply.status().to_owned(), reply.lines().join(" / "))
}

/// The name of the trace that a refusal's text ends with.
pub(crate) fn trace_of(text: &str) -> &str {
    text.rsplit_once("trace ").unwrap().1
}

/// One key for everybody: keys take long to make, and who holds which is no question here.
fn key() -> &'static Key {
    static KEY: OnceLock<Key> = OnceLock::new();
    KEY.get_or_init(|| Key::from_pem(&fs::read_to_string(prepared().join("leaf.key")).unwrap()).unwrap())
}

/// The PKI that the tests copy: made once and kept between runs, since its keys take long.
fn prepared() -> &'static Path {
    let dir = Path::new(concat!(env!("CARGO_TARGET_TMPDIR"), "/relay-in-pki"));
    static DONE: OnceLock<()> = OnceLock::new();
    DONE.get_or_init(|| {
        fs::create_dir_all(dir).unwrap();
        // tests run beside each other, in processes of their own
        let lock = fs::File::create(dir.join("lock")).unwrap();
        lock.lock().unwrap();
        let now = Timestamp::now();
        demo_pki::World::create(dir, &[], &rows(now), now).unwrap();
        if !dir.join("leaf.key").exists() {
            fs::write(dir.join("leaf.key"), Key::generate().unwrap().to_pem().unwrap()).unwrap();
        }
    });
    dir
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

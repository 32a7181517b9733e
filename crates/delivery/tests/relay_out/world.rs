//! An operator with a queue, its trust space on disk, and a relay that a test starts and stops.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, sync::Arc, time::Duration};

use delivery::{NameError, Names, Relay, RelaySettings, RelayStatistics, Route};
use demo_pki::{Hierarchy, Issued, Key, Leaf, Name, Operator, Row, Tier};
use jiff::{SignedDuration, Timestamp};
use mssante::{Address, BoxType, Domain, NationalId, Profile, Rpps, State, dn::DistinguishedName};
use pki::{ServerTls, TrustSettings, TrustSpace};
use smtp::Stop;
use store::{
    Account, Action, BodyKind, Clock, Delivery, Kind, ManualClock, MasterKey, Notify, OpenOptions, Outcome,
    Outgoing, OutgoingRecipient, Priority, Queued, Ret, Store, Trace, TraceId, Variant, Way,
};
use tempfile::TempDir;
use tokio::{sync::watch, task::JoinHandle};

pub(crate) const DOCTOR: &str = "medecin.un@chu-nord.mssante.fr";
pub(crate) const SUD: &str = "clinique-sud.mssante.fr";
pub(crate) const EST: &str = "cabinet-est.mssante.fr";

/// A letter without header and body mattering.
pub(crate) const LETTER: &str = "From: medecin.un@chu-nord.mssante.fr\r\nSubject: essai\r\nMessage-ID: <lettre@nord>\r\n\r\n.un\r\ndeux\r\n";

pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) trust: TrustSpace,
    pub(crate) pki: demo_pki::World,
    pub(crate) settings: RelaySettings,
    pub(crate) doctor: Account,
    nord: ServerTls,
    key: Key,
    dir: TempDir,
}

/// A message that a test queues.
#[derive(Default, Clone)]
pub(crate) struct Letter {
    pub(crate) to: Vec<String>,
    pub(crate) content: String,
    pub(crate) notify: Option<Notify>,
    pub(crate) null_path: bool,
    pub(crate) whole: bool,
    pub(crate) lifetime: Option<SignedDuration>,
}

impl Letter {
    pub(crate) fn to(to: &[&str]) -> Self {
        let to = to.iter().map(|to| (*to).to_owned()).collect();
        Letter { to, content: LETTER.to_owned(), ..Letter::default() }
    }
}

impl World {
    pub(crate) async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        // the store keeps microseconds, certificates seconds
        let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap();
        let clock = Arc::new(ManualClock::new(now));
        let master = MasterKey::create(&dir.path().join("master.key")).unwrap();
        let store = opened(dir.path(), master, clock.clone());
        let pki = pki(&dir.path().join("pki"), now);
        let trust = TrustSpace::open(trust_settings(&pki, dir.path()), now).unwrap();
        let nord = ServerTls::load(&pki.chain("nord"), &pki.key("nord")).unwrap();
        let doctor = store.create_account(profile(), State::Valide, Vec::new(), trace(now)).await.unwrap();
        let key = Key::from_pem(&fs::read_to_string(pki.key("sud")).unwrap()).unwrap();
        World { store, clock, trust, pki, settings: settings(), doctor, nord, key, dir }
    }

    /// The same after the store was closed, something was done to its engine's directory, and it was opened again.
    pub(crate) fn opened_again(self, change: impl FnOnce(&Path)) -> Self {
        let World { store, clock, trust, pki, settings, doctor, nord, key, dir } = self;
        store.close().unwrap();
        change(&dir.path().join("store").join("engine"));
        let master = MasterKey::load(&dir.path().join("master.key")).unwrap();
        let store = opened(dir.path(), master, clock.clone());
        World { store, clock, trust, pki, settings, doctor, nord, key, dir }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// What an operator of the demonstration presents.
    pub(crate) fn tls(&self, id: &str) -> ServerTls {
        ServerTls::load(&self.pki.chain(id), &self.pki.key(id)).unwrap()
    }

    /// What somebody presents whose certificate is made as `change` says, by this hierarchy or the demonstration's.
    pub(crate) fn made(
        &self,
        by: Option<&Hierarchy>,
        change: impl FnOnce(Leaf) -> Leaf,
    ) -> (ServerTls, Issued) {
        let leaf =
            change(Leaf::server(operator("sud").subject, &["127.0.0.1"], self.now()).with_key(&self.key));
        let issued = by.unwrap_or_else(|| self.pki.hierarchy()).organisations.issue(&leaf).unwrap();
        let (chain, key) = (self.dir.path().join("made.pem"), self.dir.path().join("made.key"));
        fs::write(&chain, issued.chain_pem()).unwrap();
        fs::write(&key, issued.key_pem().unwrap()).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        (ServerTls::load(&chain, &key).unwrap(), issued)
    }

    /// Where a domain's mail goes.
    pub(crate) fn route(&mut self, domain: &str, port: u16) {
        let route = Route { host: "127.0.0.1".to_owned(), port };
        self.settings.routes.insert(Domain::parse(domain).unwrap(), route);
    }

    /// Another list, and all files read again.
    pub(crate) fn publish(&self, rows: &[Row]) {
        self.pki.publish(rows, self.now()).unwrap();
        self.refresh();
    }

    pub(crate) fn revoke(&self, issued: &Issued) {
        self.pki.revoke(Tier::Organisations, &issued.serial, self.now()).unwrap();
        self.refresh();
    }

    pub(crate) fn refresh(&self) {
        self.trust.refresh(self.now());
    }

    pub(crate) fn relay(&self) -> Running {
        self.relay_with(Arc::new(NoNames))
    }

    pub(crate) fn relay_with(&self, names: Arc<dyn Names>) -> Running {
        self.relay_by(names, self.clock.clone())
    }

    /// One that takes the time from another clock than the store.
    pub(crate) fn relay_by(&self, names: Arc<dyn Names>, clock: Arc<dyn Clock>) -> Running {
        let (stop, stopped) = watch::channel(Stop::Run);
        let (store, trust) = (self.store.clone(), self.trust.clone());
        let relay = Relay::new(store, trust, self.nord.relay_client(), names, self.settings.clone(), clock);
        let statistics = relay.statistics();
        Running { stop, statistics, task: tokio::spawn(relay.run(stopped)) }
    }

    /// Queues a message of the doctor's.
    pub(crate) async fn send(&self, letter: Letter) -> TraceId {
        let Letter { to, content, notify, null_path, whole, lifetime } = letter;
        let (now, id) = (self.now(), TraceId::new(self.now()));
        let (header, text) = content.split_at(content.find("\r\n\r\n").unwrap() + 4);
        let mut scanner = message::Scanner::new(message::scan::Limits::default());
        scanner.feed(content.as_bytes()).unwrap();
        let scanned = scanner.finish().unwrap();
        let mut body = self.store.body();
        body.write(text.as_bytes()).await.unwrap();
        let variant = Variant {
            header: header.as_bytes().to_vec(),
            index: message::index(header.as_bytes(), &scanned),
        };
        let recipients = to.iter().map(|to| OutgoingRecipient {
            address: Address::parse(to).unwrap(),
            notify,
            original: Some(format!("rfc822;{to}")),
        });
        let outgoing = Outgoing {
            way: Way::Peers,
            reverse_path: (!null_path).then(|| Address::parse(DOCTOR).unwrap()),
            sender: Some(self.doctor.id),
            variant: 0,
            smtputf8: false,
            body: if content.is_ascii() { BodyKind::SevenBit } else { BodyKind::EightBit },
            require_tls: false,
            priority: Priority::Usual,
            envid: Some("envoi-1".to_owned()),
            ret: Some(if whole { Ret::Full } else { Ret::Headers }),
            expires: now + lifetime.unwrap_or(SignedDuration::from_hours(5 * 24)),
            recipients: recipients.collect(),
        };
        let delivery = Delivery {
            id,
            body: body.finish().await.unwrap(),
            variants: vec![variant],
            copies: Vec::new(),
            outgoing: vec![outgoing],
            traces: vec![Trace { id, action: Action::Send, ..trace(now) }],
            carried: Vec::new(),
            once: None,
            conversations: Vec::new(),
        };
        self.store.deliver(delivery).await.unwrap();
        id
    }

    /// What waits.
    pub(crate) fn queue(&self) -> Vec<Queued> {
        self.store.reader().queue_list(None, 10_000).unwrap()
    }

    /// The reports in the doctor's INBOX, long lines made whole.
    pub(crate) fn reports(&self) -> Vec<String> {
        let reader = self.store.reader();
        let inbox = reader.box_by_name(self.doctor.id, "INBOX").unwrap().unwrap();
        let whole = reader.messages(inbox.id).unwrap().into_iter().map(|entry| {
            let mut whole = reader.header(inbox.id, entry.uid).unwrap().unwrap().to_vec();
            let body = reader.body(inbox.id, entry.uid).unwrap().unwrap();
            let header = whole.len();
            while ((whole.len() - header) as u64) < body.len() {
                whole.extend_from_slice(&body.chunk((whole.len() - header) as u64).unwrap());
            }
            unfolded(&String::from_utf8(whole).unwrap())
        });
        whole.collect()
    }

    /// What happened to a message, by name, in order.
    pub(crate) fn journey(&self, id: TraceId) -> Vec<Trace> {
        self.store.reader().traces(&id).unwrap()
    }

    /// Waits until something is so.
    pub(crate) async fn until(&self, what: &str, is: impl Fn(&World) -> bool) {
        for _ in 0..12_000 {
            if is(self) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let queue = self.queue();
        panic!("never came: {what}; {} wait: {:#?}", queue.len(), queue.first());
    }

    /// Proves the store and closes it: every story ends so.
    pub(crate) async fn end(self, relay: Running) {
        relay.stop().await;
        let World { store, dir, .. } = self;
        store.prove().unwrap();
        store.close().unwrap();
        drop(dir);
    }
}

/// A relay at work.
pub(crate) struct Running {
    stop: watch::Sender<Stop>,
    pub(crate) statistics: Arc<RelayStatistics>,
    task: JoinHandle<()>,
}

impl Running {
    pub(crate) async fn stop(self) {
        self.stop.send(Stop::Stop).unwrap();
        tokio::time::timeout(Duration::from_secs(20), self.task).await.unwrap().unwrap();
    }
}

/// No DNS: every domain of a test has a route.
pub(crate) struct NoNames;

impl Names for NoNames {
    fn exchanges<'a>(&'a self, domain: &'a str) -> delivery::Lookup<'a, Vec<(u16, String)>> {
        Box::pin(async move { Err(NameError(format!("nobody knows {domain}"))) })
    }

    fn addresses<'a>(&'a self, host: &'a str) -> delivery::Lookup<'a, Vec<std::net::IpAddr>> {
        Box::pin(async move { Err(NameError(format!("nobody knows {host}"))) })
    }
}

fn opened(dir: &Path, master: MasterKey, clock: Arc<ManualClock>) -> Store {
    let (dir, settings) = (dir.join("store"), store::Settings::default());
    Store::open(OpenOptions { dir, master, clock, settings, create: Some(Kind::Production) }).unwrap()
}

fn settings() -> RelaySettings {
    RelaySettings {
        // a test moves the clock by hand: the relay looks at it often
        rescan: Duration::from_millis(20),
        settle_pause: Duration::from_millis(20),
        idle: Duration::from_millis(100),
        shun: Duration::from_millis(10),
        stop_grace: Duration::from_secs(2),
        jitter: 0,
        late_look: SignedDuration::from_secs(1),
        ..RelaySettings::new("mail.chu-nord.test")
    }
}

fn operator(id: &str) -> Operator {
    let subject =
        Name::server(&format!("relais.{id}.test"), "1750000001", &format!("Clinique {id}"), "Nord (59)");
    Operator { id: id.to_owned(), hostnames: vec!["localhost".to_owned()], subject }
}

fn unfolded(text: &str) -> String {
    text.replace("=\r\n", "").replace("\r\n ", " ").replace("\r\n\t", " ")
}

/// A row that lets the operator `id` speak for a domain.
pub(crate) fn row(domain: &str, id: &str, now: Timestamp) -> Row {
    Row::new(domain, &operator(id).subject, now)
}

/// Keys take long to make: one PKI is kept between the tests, and each works on a copy.
fn pki(dir: &Path, now: Timestamp) -> demo_pki::World {
    let operators: Vec<Operator> = ["nord", "sud", "est"].iter().map(|id| operator(id)).collect();
    let rows = [row(SUD, "sud", now), row(EST, "est", now)];
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("relay-out-pki");
    fs::create_dir_all(&kept).unwrap();
    let lock = fs::File::create(kept.join("lock")).unwrap();
    lock.lock().unwrap();
    demo_pki::World::create(&kept, &operators, &rows, now).unwrap();
    copy(&kept, dir);
    lock.unlock().unwrap();
    demo_pki::World::open(dir, now).unwrap()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let there = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &there);
        } else {
            fs::copy(entry.path(), there).unwrap();
        }
    }
}

fn trust_settings(pki: &demo_pki::World, dir: &Path) -> TrustSettings {
    let state = dir.join("trust");
    fs::create_dir(&state).unwrap();
    TrustSettings {
        authorities: Some(pki.authorities()),
        signers: vec![DistinguishedName::parse(&pki.signer().subject.to_string()).unwrap()],
        ..TrustSettings::new(&pki.ca(), &pki.crls(), &pki.list(), &state)
    }
}

fn trace(at: Timestamp) -> Trace {
    Trace {
        id: TraceId::new(at),
        at,
        action: Action::AccountCreate,
        person: None,
        acting_as: None,
        peer: None,
        outcome: Outcome::Done,
        detail: Vec::new(),
    }
}

fn profile() -> Profile {
    Profile {
        box_type: BoxType::Per,
        login: Address::parse("medecin.un@chu-nord.fr").unwrap(),
        mssante: Some(Address::parse(DOCTOR).unwrap()),
        last_name: "Un".into(),
        first_name: "Médecin".into(),
        region: "Hauts-de-France".into(),
        profession: "Médecin".into(),
        national_id: Some(NationalId::Rpps(Rpps::parse("99700218896").unwrap())),
        structure: None,
        local_id: None,
        responsible: None,
        description: None,
        return_address: None,
    }
}

//! A small operator: its accounts, a policy over its store, and a client that says MAIL, RCPT and DATA.

use std::{sync::Arc, time::Duration};

use delivery::{Settings, SubmissionPolicy};
use identity::{Authenticator, Principal};
use jiff::Timestamp;
use mssante::{Address, BoxType, Profile, State};
use smtp::{Accepted, Connection, Credentials, MailFrom, Mechanism, Policy, Reply, Service, TlsInfo};
use store::{
    Account, AccountId, Action, Durable, Kind, ManualClock, MasterKey, OpenOptions, Outcome, Queued, Store,
    Trace, TraceId,
};
use tempfile::TempDir;
use zeroize::Zeroizing;

pub(crate) use crate::house::{
    DEPARTMENT, DOCTOR, DOCTOR_LOGIN, INTERN, SECRETARY, person, settings, shared,
};
use crate::space::Space;

pub(crate) const DEPARTMENT_LOGIN: &str = "cardiologie@chu-nord.fr";
pub(crate) const SOFTWARE: &str = "noreply-labo@chu-nord.mssante.fr";
pub(crate) const PEER: &str = "medecin.trois@clinique-sud.mssante.fr";
pub(crate) const ORDINARY: &str = "quelqu.un@exemple.fr";
pub(crate) const PASSWORD: &str = "demonstration";

/// 21 November 2026, 10:00 UTC.
const NOW: i64 = 1_795_255_200;

pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) policy: SubmissionPolicy,
    space: Option<Space>,
    dir: TempDir,
}

pub(crate) type Answer = Result<Accepted<Durable>, Reply>;

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::made(change, None).await
    }

    /// In a trust space that lists these domains.
    pub(crate) async fn trusting(domains: &[&str]) -> Self {
        let space = Space::open(domains, Timestamp::from_second(NOW).unwrap());
        Self::made(|_| {}, Some(space)).await
    }

    async fn made(change: impl FnOnce(&mut Settings), space: Option<Space>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(Timestamp::from_second(NOW).unwrap()));
        let master = MasterKey::create(&dir.path().join("master.key")).unwrap();
        let store = Store::open(OpenOptions {
            dir: dir.path().join("store"),
            master,
            clock: clock.clone(),
            settings: store::Settings::default(),
            create: Some(Kind::Production),
        })
        .unwrap();
        let authentication =
            identity::Settings { denial_floor: Duration::ZERO, ..identity::Settings::default() };
        let authenticator = Arc::new(Authenticator::new(store.clone(), authentication, clock.clone()));
        let mut settings = settings();
        change(&mut settings);
        let policy = SubmissionPolicy::new(
            store.clone(),
            authenticator,
            space.as_ref().map_or_else(pki::TrustSpace::closed, |space| space.trust.clone()),
            settings,
            clock.clone(),
        );
        let world = Self { store, clock, policy, space, dir };
        world.people().await;
        world
    }

    async fn people(&self) {
        let doctor =
            self.create(person(BoxType::Per, "Un", "Médecin", DOCTOR_LOGIN, Some(DOCTOR)), &[]).await;
        let intern = person(BoxType::Int, "Deux", "Interne", "interne.deux@chu-nord.fr", Some(INTERN));
        let intern = self.create(intern, &[]).await;
        let secretary = person(BoxType::Med, "Trois", "Secrétaire", SECRETARY, None);
        let secretary = self.create(secretary, &[]).await;
        for account in [&doctor, &intern, &secretary] {
            self.store
                .create_password(account.id, "test".into(), PASSWORD.as_bytes(), self.trace())
                .await
                .unwrap();
        }
        let openers = [doctor.id, secretary.id];
        self.create(shared(BoxType::Org, DEPARTMENT_LOGIN, DEPARTMENT), &openers).await;
        self.create(shared(BoxType::App, "labo@chu-nord.fr", SOFTWARE), &openers).await;
    }

    pub(crate) async fn create(&self, profile: Profile, openers: &[AccountId]) -> Account {
        let created = self.store.create_account(profile, State::Valide, openers.to_vec(), self.trace());
        created.await.unwrap()
    }

    fn trace(&self) -> Trace {
        let at = store::Clock::now(self.clock.as_ref());
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

    pub(crate) fn now(&self) -> Timestamp {
        store::Clock::now(self.clock.as_ref())
    }

    /// Swaps the white list.
    pub(crate) fn list(&self, domains: &[&str]) {
        self.space.as_ref().unwrap().list(domains, self.now());
    }

    /// All that waits to leave, with its content, header and body.
    pub(crate) fn queued(&self) -> Vec<(Queued, Vec<u8>, Vec<u8>)> {
        let reader = self.store.reader();
        let entries = reader.queue_list(None, usize::MAX).unwrap();
        let whole = entries.into_iter().map(|entry| {
            let (header, source) = reader.queued_content(entry.id).unwrap().unwrap();
            let mut body = Vec::new();
            while (body.len() as u64) < source.len() {
                body.extend_from_slice(&source.chunk(body.len() as u64).unwrap());
            }
            (entry, header.to_vec(), body)
        });
        whole.collect()
    }

    pub(crate) async fn set_state(&self, address: &str, state: State) {
        let account = self.account(address);
        self.store.update_account(Account { state, ..account }, self.trace()).await.unwrap();
    }

    /// Allows an account so many messages in its boxes.
    pub(crate) async fn set_messages(&self, address: &str, most: u64) {
        let account = self.account(address);
        let quota = store::Quota { messages: Some(most), bytes: None };
        self.store.update_account(Account { quota, ..account }, self.trace()).await.unwrap();
    }

    pub(crate) async fn remove(&self, address: &str) {
        let account = self.account(address).id;
        self.store.remove_account(account, self.trace()).await.unwrap();
    }

    pub(crate) fn account(&self, address: &str) -> Account {
        let address = Address::parse(address).unwrap();
        self.store.reader().account_by_address(&address).unwrap().unwrap()
    }

    pub(crate) async fn try_login(&self, user: &str, password: &str) -> Result<Principal, Reply> {
        let credentials = Credentials::Plain {
            authzid: None,
            authcid: user.to_owned(),
            password: Zeroizing::new(password.as_bytes().to_vec()),
            mechanism: Mechanism::Plain,
        };
        self.policy.authenticate(&connection(), credentials).await
    }

    pub(crate) async fn login(&self, user: &str) -> Principal {
        self.try_login(user, PASSWORD).await.unwrap()
    }

    /// A whole transaction over the policy, the content in pieces of seven bytes up to the body and larger ones after.
    pub(crate) async fn send(&self, user: &str, from: &str, to: &[&str], content: &[u8]) -> Answer {
        let principal = self.login(user).await;
        self.send_as(&principal, from, to, content).await
    }

    pub(crate) async fn send_as(&self, who: &Principal, from: &str, to: &[&str], content: &[u8]) -> Answer {
        let connection = connection();
        let mut envelope = self.policy.mail(&connection, Some(who), mail(from)).await?;
        for to in to {
            self.policy.rcpt(&connection, &mut envelope, (*to).into()).await?;
        }
        let mut incoming = self.policy.data(&connection, envelope).await?;
        let (head, body) = content.split_at(content.len().min(2_000));
        for piece in head.chunks(7).chain(body.chunks(32_768)) {
            self.policy.chunk(&mut incoming, piece).await?;
        }
        self.policy.finish(incoming).await
    }

    /// Every message of an account's INBOX, header and body.
    pub(crate) fn inbox(&self, address: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
        let reader = self.store.reader();
        let inbox = reader.box_by_name(self.account(address).id, "INBOX").unwrap().unwrap();
        let entries = reader.messages(inbox.id).unwrap();
        let whole = entries.iter().map(|entry| {
            let header = reader.header(inbox.id, entry.uid).unwrap().unwrap();
            let source = reader.body(inbox.id, entry.uid).unwrap().unwrap();
            let mut body = Vec::new();
            while (body.len() as u64) < source.len() {
                body.extend_from_slice(&source.chunk(body.len() as u64).unwrap());
            }
            assert_eq!(entry.size, (header.len() + body.len()) as u64, "RFC822.SIZE is header and body");
            (header.to_vec(), body)
        });
        whole.collect()
    }

    /// How many messages wait in any INBOX.
    pub(crate) fn kept(&self) -> usize {
        [DOCTOR, INTERN, DEPARTMENT, SOFTWARE, SECRETARY].iter().map(|box_| self.inbox(box_).len()).sum()
    }

    /// Waits for all that does not make its caller wait: lone traces, the removal of unfinished bodies.
    async fn settle(&self) {
        self.store
            .subscribe(self.account(SECRETARY).id, "INBOX", true, store::Actor::default())
            .await
            .unwrap();
    }

    pub(crate) async fn traces(&self, id: &str) -> Vec<Trace> {
        self.settle().await;
        self.store.reader().traces(&id.parse().unwrap()).unwrap()
    }

    /// Proves the store and closes it: every story ends so.
    pub(crate) async fn end(self) {
        self.settle().await;
        let Self { store, policy, dir, .. } = self;
        drop(policy);
        store.prove().unwrap();
        store.close().unwrap();
        drop(dir);
    }
}

pub(crate) fn connection() -> Connection {
    Connection {
        peer: "192.0.2.7:40000".parse().unwrap(),
        local: "192.0.2.1:587".parse().unwrap(),
        tls: Some(TlsInfo {
            version: "TLSv1.3".into(),
            cipher: "TLS13_AES_256_GCM_SHA384".into(),
            ..TlsInfo::default()
        }),
        helo: "poste.chu-nord.fr".into(),
        extended: true,
        service: Service::Submission,
        session: "s1".into(),
    }
}

/// MAIL FROM as a client says it; the empty text is the null reverse-path.
pub(crate) fn mail(from: &str) -> MailFrom {
    let path = (!from.is_empty()).then(|| from.to_owned());
    MailFrom { path, body: smtp::Body::EightBit, ..MailFrom::default() }
}

/// A letter from the doctor, CRLF lines.
pub(crate) fn letter(fields: &str, body: &str) -> Vec<u8> {
    let fields = fields.replace('\n', "\r\n");
    format!(
        "From: Dr Un <{DOCTOR}>\r\nTo: {DEPARTMENT}\r\nDate: Sat, 21 Nov 2026 11:00:00 +0100\r\n\
         Message-ID: <lettre@poste>\r\n{fields}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// The name of the trace that a refusal's text ends with.
pub(crate) fn trace_of(text: &str) -> &str {
    text.rsplit_once("trace ").unwrap().1
}

/// Code, enhanced status and whole text of a refusal.
pub(crate) fn refused(answer: Answer) -> (u16, String, String) {
    let reply = answer.map(|accepted| accepted.id).unwrap_err();
    (reply.code(), reply.status().to_owned(), reply.lines().join(" / "))
}

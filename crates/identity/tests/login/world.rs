//! A store with a few accounts, an authenticator over it, and a clock that moves when told.

use std::{
    io,
    net::IpAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use identity::{Attempt, AuthError, Authenticator, Mechanism, Principal, Service, Settings};
use jiff::SignedDuration;
use mssante::{Address, BoxType, Profile, State};
use store::{
    Account, AccountId, Action, CredentialId, Kind, ManualClock, MasterKey, OpenOptions, Outcome, Store,
    Trace, TraceId,
};
use tracing_subscriber::fmt::MakeWriter;
use zeroize::Zeroizing;

pub(crate) const PASSWORD: &str = "k7wd-93pm-x0qa-7ycn-2hfe-t5rz-b8sj";

pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) authenticator: Authenticator,
    pub(crate) log: Log,
    _dir: tempfile::TempDir,
    _logging: tracing::subscriber::DefaultGuard,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Settings { denial_floor: Duration::ZERO, ..Settings::default() })
    }

    /// Refusals take as long as they do by default.
    pub(crate) fn slow() -> Self {
        Self::with(Settings::default())
    }

    fn with(settings: Settings) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new("2026-11-21T08:00:00Z".parse().unwrap()));
        let store = Store::open(OpenOptions {
            dir: dir.path().join("store"),
            master: MasterKey::create(&dir.path().join("master.key")).unwrap(),
            clock: clock.clone(),
            settings: store::Settings::default(),
            create: Some(Kind::Production),
        })
        .unwrap();
        let authenticator = Authenticator::new(store.clone(), settings, clock.clone());
        let log = Log::default();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(log.clone()).finish();
        let logging = tracing::subscriber::set_default(subscriber);
        Self { store, clock, authenticator, log, _dir: dir, _logging: logging }
    }

    /// A valid account `name@chu-nord.fr`, and `name@chu-nord.mssante.fr` unless it is a MED.
    pub(crate) async fn account(&self, name: &str, box_type: BoxType, openers: &[&Account]) -> Account {
        self.account_in(name, box_type, State::Valide, openers).await
    }

    pub(crate) async fn account_in(
        &self,
        name: &str,
        box_type: BoxType,
        state: State,
        openers: &[&Account],
    ) -> Account {
        let openers = openers.iter().map(|opener| opener.id).collect();
        let profile = profile(name, box_type);
        self.store.create_account(profile, state, openers, self.trace(Action::AccountCreate)).await.unwrap()
    }

    pub(crate) async fn password(&self, account: &Account, secret: &str) -> CredentialId {
        let trace = self.trace(Action::PasswordCreate);
        self.store.create_password(account.id, "device".into(), secret.as_bytes(), trace).await.unwrap()
    }

    /// A valid person with [`PASSWORD`].
    pub(crate) async fn person(&self, name: &str, box_type: BoxType) -> Account {
        let account = self.account(name, box_type, &[]).await;
        self.password(&account, PASSWORD).await;
        account
    }

    pub(crate) async fn change(&self, id: AccountId, change: impl FnOnce(&mut Account)) {
        let mut account = self.store.reader().account(id).unwrap().unwrap();
        change(&mut account);
        self.store.update_account(account, self.trace(Action::AccountUpdate)).await.unwrap();
    }

    pub(crate) async fn log_in(&self, user: &str) -> Result<Principal, AuthError> {
        self.attempt(user, None, PASSWORD).await
    }

    pub(crate) async fn attempt(
        &self,
        authcid: &str,
        authzid: Option<&str>,
        password: &str,
    ) -> Result<Principal, AuthError> {
        self.attempt_from([192, 0, 2, 1].into(), authcid, authzid, password).await
    }

    pub(crate) async fn attempt_from(
        &self,
        peer: IpAddr,
        authcid: &str,
        authzid: Option<&str>,
        password: &str,
    ) -> Result<Principal, AuthError> {
        let attempt = Attempt {
            authcid: authcid.into(),
            authzid: authzid.map(str::to_owned),
            password: Zeroizing::new(password.as_bytes().to_vec()),
            peer,
            service: Service::Imap,
            mechanism: Mechanism::Plain,
        };
        self.authenticator.authenticate(attempt).await
    }

    pub(crate) fn trace(&self, action: Action) -> Trace {
        let at = store::Clock::now(&*self.clock);
        Trace {
            id: TraceId::new(at),
            at,
            action,
            person: None,
            acting_as: None,
            peer: None,
            outcome: Outcome::Done,
            detail: Vec::new(),
        }
    }

    pub(crate) fn wait(&self, minutes: i64) {
        self.clock.advance(SignedDuration::from_mins(minutes));
    }

    /// The trace that the last line of the log names, once it can be read.
    pub(crate) async fn last_trace(&self) -> Trace {
        let log = self.log.text();
        let line = log.lines().last().unwrap();
        let id = line.split("trace=").nth(1).unwrap().split_whitespace().next().unwrap();
        let id: TraceId = id.parse().unwrap();
        // a trace alone is durable with the next commit: make one
        let trace = self.trace(Action::Administer);
        let box_of = self.store.reader().accounts(None, 1).unwrap()[0].id;
        self.store
            .create_box(box_of, &format!("b{}", trace.id), None, store::Actor::default())
            .await
            .unwrap();
        self.store.reader().traces(&id).unwrap().remove(0)
    }

    /// Closes the store after a full proof of it.
    pub(crate) fn end(self) {
        self.store.prove().unwrap();
        drop(self.authenticator);
        self.store.close().unwrap();
    }
}

pub(crate) fn profile(name: &str, box_type: BoxType) -> Profile {
    let address = |domain: &str| Address::parse(&format!("{name}@{domain}")).unwrap();
    Profile {
        box_type,
        login: address("chu-nord.fr"),
        mssante: (box_type != BoxType::Med).then(|| address("chu-nord.mssante.fr")),
        last_name: "Nom".into(),
        first_name: "Prénom".into(),
        region: "Occitanie".into(),
        profession: "Médecin".into(),
        national_id: None,
        structure: None,
        local_id: None,
        responsible: None,
        description: None,
        return_address: None,
    }
}

/// What was logged.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

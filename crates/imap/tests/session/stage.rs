//! A store in a temporary directory, an account in it, and clients that talk to its sessions as text.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Duration,
};

use identity::{Attempt, Authenticator, Principal};
use imap::{
    Server, Settings,
    command::{AppendArgs, AppendMessage, Command},
    completion::Completion,
    output::Output,
    session::{AppendSink, Session},
    wire::{encode, grammar},
};
use jiff::Timestamp;
use mssante::{Address, BoxType, Profile, State};
use store::{
    Account, AccountId, Action, Kind, ManualClock, MasterKey, OpenOptions, Outcome, Store, Trace, TraceId,
};
use zeroize::Zeroizing;

use crate::understood::understood;

const PASSWORD: &str = "correct horse battery staple";
const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));

/// Everything one test needs; it must [`Stage::end`].
pub(crate) struct Stage {
    pub(crate) server: Arc<Server>,
    pub(crate) person: Account,
    pub(crate) clock: Arc<ManualClock>,
    principal: Principal,
    _dir: tempfile::TempDir,
}

impl Stage {
    /// A new store with one person and the four first mailboxes.
    pub(crate) async fn new() -> Self {
        Self::with(Settings::default()).await
    }

    /// The same, where APPEND takes so many bytes.
    pub(crate) async fn with_append_bytes(append_bytes: u64) -> Self {
        Self::with(Settings { append_bytes, ..Settings::default() }).await
    }

    /// The same, with other settings.
    pub(crate) async fn with(settings: Settings) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new("2026-11-21T08:30:00Z".parse().unwrap()));
        let store = Store::open(OpenOptions {
            dir: dir.path().join("store"),
            master: MasterKey::create(&dir.path().join("master.key")).unwrap(),
            clock: clock.clone(),
            settings: store::Settings::default(),
            create: Some(Kind::Demonstration),
        })
        .unwrap();
        let person = store.create_account(profile(), State::Valide, vec![], trace(&*clock)).await.unwrap();
        store.create_password(person.id, "test".into(), PASSWORD.as_bytes(), trace(&*clock)).await.unwrap();
        let authenticator =
            Arc::new(Authenticator::new(store.clone(), identity::Settings::default(), clock.clone()));
        let principal = authenticator.authenticate(attempt()).await.unwrap();
        let server = Arc::new(Server::new(store, authenticator, clock.clone(), settings));
        Self { server, person, clock, principal, _dir: dir }
    }

    /// One more connection of that person.
    pub(crate) fn client(&self) -> Client {
        Client { session: Session::new(self.server.clone(), self.principal.clone(), PEER) }
    }

    /// An ORG box `name@chu-nord.mssante.fr` that the person opens.
    pub(crate) async fn org(&self, name: &str) -> Account {
        let address = |domain: &str| Address::parse(&format!("{name}@{domain}")).unwrap();
        let mut profile = profile();
        profile.box_type = BoxType::Org;
        profile.login = address("chu-nord.fr");
        profile.mssante = Some(address("chu-nord.mssante.fr"));
        let store = &self.server.store;
        store.create_account(profile, State::Valide, vec![self.person.id], self.trace()).await.unwrap()
    }

    /// Changes an account, as an administrator does.
    pub(crate) async fn change(&self, id: AccountId, change: impl FnOnce(&mut Account)) {
        let mut account = self.server.store.reader().account(id).unwrap().unwrap();
        change(&mut account);
        self.server.store.update_account(account, self.trace()).await.unwrap();
    }

    /// A connection of that person acting as a box.
    pub(crate) async fn client_as(&self, address: &str) -> Client {
        let attempt = Attempt { authzid: Some(address.into()), ..attempt() };
        let principal = self.server.authenticator.authenticate(attempt).await.unwrap();
        Client { session: Session::new(self.server.clone(), principal, PEER) }
    }

    /// A message delivered to the person's INBOX from outside; gives its journey.
    pub(crate) async fn deliver(&self, message: &[u8]) -> TraceId {
        self.deliver_to(self.person.id, message).await
    }

    /// A message delivered to the INBOX of an account from outside; gives its journey.
    pub(crate) async fn deliver_to(&self, account: AccountId, message: &[u8]) -> TraceId {
        let mut scanner = message::Scanner::new(message::Limits::default());
        scanner.feed(message).unwrap();
        let scanned = scanner.finish().unwrap();
        let header = scanned.header.clone();
        let mut body = self.server.store.body();
        body.write(&message[header.len()..]).await.unwrap();
        let id = TraceId::new(self.now());
        let delivery = store::Delivery {
            id,
            body: body.finish().await.unwrap(),
            carried: message::Header::parse(&header)
                .message_ids("Message-ID")
                .into_iter()
                .map(|id| (account, id))
                .collect(),
            variants: vec![store::Variant { index: message::index(&header, &scanned), header }],
            copies: vec![store::Copy { account, variant: 0 }],
            outgoing: vec![],
            traces: vec![],
            once: None,
            conversations: Vec::new(),
        };
        self.server.store.deliver(delivery).await.unwrap();
        id
    }

    /// What was traced of a journey.
    pub(crate) fn traces(&self, journey: TraceId) -> Vec<Trace> {
        self.server.store.reader().traces(&journey).unwrap()
    }

    /// The time of the test's clock.
    pub(crate) fn now(&self) -> Timestamp {
        store::Clock::now(&*self.clock)
    }

    /// Lets days pass, as a server that runs sees them pass.
    pub(crate) async fn live(&self, days: i64) {
        for _ in 0..days {
            self.clock.advance(jiff::SignedDuration::from_hours(24));
            self.server.store.keep(&store::KeepPlan::default()).await.unwrap();
        }
    }

    /// A trace for what a test does beside the session.
    pub(crate) fn trace(&self) -> Trace {
        trace(&*self.clock)
    }

    /// Closes the store and proves that it agrees with itself.
    pub(crate) fn end(&self) {
        self.server.store.clone().close().unwrap();
        self.server.store.prove().unwrap();
    }
}

/// A client behind the grammar and in front of a session: what the driver does, without a socket.
pub(crate) struct Client {
    pub(crate) session: Session,
}

impl Client {
    /// Sends a command without its tag; gives all lines of the answer with `A` for the tag.
    pub(crate) async fn say(&mut self, command: &str) -> String {
        String::from_utf8_lossy(&self.bytes(command.as_bytes()).await).into_owned()
    }

    /// Sends a command and gives the raw answer, after imap-proto understood all of it.
    pub(crate) async fn bytes(&mut self, command: &[u8]) -> Vec<u8> {
        let line = [b"A ", command].concat();
        let mut answer = Vec::new();
        let completion = match grammar::parse(&line, self.session.names()) {
            Err(refusal) => refusal.completion,
            Ok(tagged) => {
                let mut out = Output::new(&mut answer, Duration::from_secs(5));
                let completion = match tagged.command {
                    Command::Session(command) => {
                        self.session.handle(&tagged.tag, command, &mut out).await.unwrap()
                    }
                    other => panic!("{} is not for the session", other.name()),
                };
                out.flush().await.unwrap();
                completion
            }
        };
        finish(answer, &completion)
    }

    /// Appends a message, in pieces of `size` bytes.
    pub(crate) async fn append(&mut self, arguments: &str, message: &[u8], size: usize) -> String {
        self.append_all(&format!("{arguments} {{{}}}", message.len()), &[message], size).await
    }

    /// Appends messages, in pieces of `size` bytes; `head` announces the first, the others follow without more words.
    pub(crate) async fn append_all(&mut self, head: &str, messages: &[&[u8]], size: usize) -> String {
        let head = format!("A APPEND {head}\r\n");
        let (_, args) = grammar::parse_append(head.as_bytes(), self.session.names()).unwrap();
        let completion = match self.take(&args, messages, size).await {
            Ok(sink) => sink.finish().await,
            Err(completion) => completion,
        };
        let mut answer = Vec::new();
        let mut out = Output::new(&mut answer, Duration::from_secs(5));
        self.session.poll_changes(&mut out, true).await.unwrap();
        out.flush().await.unwrap();
        String::from_utf8_lossy(&finish(answer, &completion)).into_owned()
    }

    async fn take(
        &mut self,
        args: &AppendArgs,
        messages: &[&[u8]],
        size: usize,
    ) -> Result<AppendSink, Completion> {
        let mut sink = self.session.append_begin(args).await?;
        for (number, message) in messages.iter().enumerate() {
            if number > 0 {
                let size = message.len() as u64;
                sink = sink.next(&AppendMessage { size, ..args.message.clone() }).await?;
            }
            for piece in message.chunks(size) {
                sink.write(piece).await?;
            }
        }
        Ok(sink)
    }

    /// What IDLE would tell now.
    pub(crate) async fn idle(&mut self) -> String {
        self.session.idle_wait().await;
        let mut answer = Vec::new();
        let mut out = Output::new(&mut answer, Duration::from_secs(5));
        self.session.poll_changes(&mut out, true).await.unwrap();
        out.flush().await.unwrap();
        understood(&answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// How many messages INBOX has.
    pub(crate) async fn count(&mut self) -> u32 {
        let told = self.say("STATUS INBOX (MESSAGES)").await;
        let digits: String = told.chars().filter(char::is_ascii_digit).collect();
        digits.parse().unwrap()
    }
}

fn finish(mut answer: Vec<u8>, completion: &Completion) -> Vec<u8> {
    let (word, reply) = match completion {
        Completion::Ok(reply) => ("OK", reply),
        Completion::No(reply) => ("NO", reply),
        Completion::Bad(reply) => ("BAD", reply),
        Completion::Bye(text) => panic!("the session ended: {text}"),
    };
    encode::status(&mut answer, "A", word, reply);
    understood(&answer);
    answer
}

fn profile() -> Profile {
    Profile {
        box_type: BoxType::Med,
        login: Address::parse("secretariat@cabinet-nord.fr").unwrap(),
        mssante: None,
        last_name: "Petit".into(),
        first_name: "Anne".into(),
        region: "Hauts-de-France".into(),
        profession: "Secrétaire".into(),
        national_id: None,
        structure: None,
        local_id: None,
        responsible: None,
        description: None,
        return_address: None,
    }
}

fn attempt() -> Attempt {
    Attempt {
        authcid: "secretariat@cabinet-nord.fr".into(),
        authzid: None,
        password: Zeroizing::new(PASSWORD.as_bytes().to_vec()),
        peer: PEER,
        service: identity::Service::Imap,
        mechanism: identity::Mechanism::Plain,
    }
}

fn trace(clock: &dyn store::Clock) -> Trace {
    let at: Timestamp = clock.now();
    Trace {
        id: TraceId::new(at),
        at,
        action: Action::AccountCreate,
        person: None,
        acting_as: None,
        peer: None,
        outcome: Outcome::Done,
        detail: vec![],
    }
}

//! A backend that keeps nothing: everyone's password is `demonstration`.

use std::{
    mem,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use tokio::sync::watch;

use crate::{
    Settings,
    capability::{Extensions, Offer},
    command::{AppendArgs, AppendMessage, FetchItem, SelectedCommand, SessionCommand, Tag},
    completion::Completion,
    connection::backend::{Backend, Login, LoginError, Person, Sink},
    output::{Fatal, Output},
    wire::{Names, encode::Code},
};

#[derive(Clone)]
pub(super) struct FakeBackend {
    pub(super) settings: Settings,
    /// Counts changes of the open box.
    pub(super) changes: Arc<watch::Sender<u32>>,
    revoked: Arc<watch::Sender<bool>>,
    kept: Arc<Mutex<(Vec<u8>, usize)>>,
}

pub(super) struct FakePerson {
    name: String,
    offer: Offer,
    extensions: Extensions,
    changes: watch::Receiver<u32>,
    revoked: watch::Receiver<bool>,
    kept: Arc<Mutex<(Vec<u8>, usize)>>,
}

pub(super) struct FakeSink {
    message: Vec<u8>,
    /// Lengths of the messages before.
    before: Vec<u32>,
    largest: usize,
    kept: Arc<Mutex<(Vec<u8>, usize)>>,
}

impl FakeBackend {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            settings,
            changes: Arc::new(watch::Sender::new(0)),
            revoked: Arc::new(watch::Sender::new(false)),
            kept: Arc::default(),
        }
    }

    pub(super) fn revoke(&self) {
        self.revoked.send_replace(true);
    }

    /// The last message kept, and the largest piece it came in.
    pub(super) fn kept(&self) -> (Vec<u8>, usize) {
        self.kept.lock().unwrap().clone()
    }
}

impl Backend for FakeBackend {
    type Person = FakePerson;

    fn settings(&self) -> &Settings {
        &self.settings
    }

    async fn log_in(&self, login: Login) -> Result<FakePerson, LoginError> {
        if login.authcid.starts_with("throttled") {
            return Err(LoginError::Throttled(Duration::from_secs(30)));
        }
        if login.password.bytes() != b"demonstration" {
            return Err(LoginError::Denied);
        }
        let name = match login.authzid {
            Some(authzid) => format!("{authzid}*{}", login.authcid),
            None => login.authcid,
        };
        let mut changes = self.changes.subscribe();
        // The change made before login is told during the first IDLE.
        changes.mark_changed();
        if *changes.borrow() == 0 {
            changes.mark_unchanged();
        }
        let offer = self.settings.offer.clone();
        let extensions = offer.to_client(login.client.as_deref());
        Ok(FakePerson {
            name,
            offer,
            extensions,
            changes,
            revoked: self.revoked.subscribe(),
            kept: Arc::clone(&self.kept),
        })
    }
}

impl Person for FakePerson {
    type Sink = FakeSink;

    fn revoked(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut revoked = self.revoked.clone();
        async move {
            let _ = revoked.wait_for(|revoked| *revoked).await;
        }
    }

    fn extensions(&self) -> Extensions {
        self.extensions
    }

    fn meet(&mut self, client: Option<&str>) {
        self.extensions = self.offer.to_client(client);
    }

    fn names(&self) -> Names {
        Names::Utf7
    }

    async fn handle(
        &mut self,
        _tag: &Tag,
        command: SessionCommand,
        out: &mut Output<'_>,
    ) -> Result<Completion, Fatal> {
        let name = command.name();
        if matches!(&command, SessionCommand::Selected(SelectedCommand::Fetch { items, .. }) if items.contains(&FetchItem::Flags))
        {
            // More than anybody takes.
            loop {
                out.line("* 1 FETCH (FLAGS ())").await?;
            }
        }
        if name == "FETCH" {
            out.line("* 1 FETCH (BODY[] {10}").await?;
            out.body(10, |offset| async move {
                if offset == 0 { Ok(Bytes::from_static(b"half")) } else { Err("the store failed") }
            })
            .await?;
        }
        out.line(format!("* OK {} {name}", self.name)).await?;
        Ok(match name {
            "DELETE" => Completion::no_with(Code::Cannot, "this box stays"),
            "CHECK" => Completion::Bye("the box is gone".into()),
            name => Completion::ok(format!("{name} done")),
        })
    }

    async fn append_begin(&mut self, args: &AppendArgs) -> Result<FakeSink, Completion> {
        if args.mailbox.as_str() == "Nowhere" {
            return Err(Completion::no_with(Code::TryCreate, "no such mailbox"));
        }
        Ok(FakeSink { message: Vec::new(), before: Vec::new(), largest: 0, kept: Arc::clone(&self.kept) })
    }

    async fn idle_wait(&mut self) {
        if self.changes.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    async fn poll_changes(&mut self, out: &mut Output<'_>, _may_expunge: bool) -> Result<(), Fatal> {
        out.line(format!("* OK {} changed", self.name)).await
    }
}

impl Sink for FakeSink {
    async fn write(&mut self, bytes: &[u8]) -> Result<(), Completion> {
        self.largest = self.largest.max(bytes.len());
        self.message.extend_from_slice(bytes);
        if self.message.starts_with(b"full!") {
            return Err(Completion::no_with(Code::Unavailable, "the disk is full"));
        }
        Ok(())
    }

    async fn next(mut self, message: &AppendMessage) -> Result<Self, Completion> {
        self.before.push(u32::try_from(self.message.len()).unwrap());
        self.message.clear();
        if message.size == 13 {
            return Err(Completion::no_with(Code::OverQuota, "there is no room for this one"));
        }
        Ok(self)
    }

    /// The length of each message stands for its UID.
    async fn finish(mut self) -> Completion {
        self.before.push(u32::try_from(self.message.len()).unwrap());
        let uids = mem::take(&mut self.before);
        *self.kept.lock().unwrap() = (mem::take(&mut self.message), self.largest);
        Completion::ok_with(Code::AppendUid { validity: 1, uids }, "APPEND done")
    }
}

//! The session of one logged-in person: which mailbox is open, what each command does.
//! May use the store and the principal. Must never touch the socket but through `Output`.
//!
//! RFC 3501 §3 as types: a [`SessionCommand`] needs a login, a [`SelectedCommand`] needs the `View` of a mailbox
//! too. The session reads and writes as `principal.acting_as()`, or in a mailbox of another box as that box (see
//! [`boxes`]); traces name `principal.person()` (S-1.7).

use std::{
    collections::BTreeSet,
    net::IpAddr,
    sync::{Arc, Mutex},
};

use identity::Principal;
use store::{Account, AccountId, BoxId, Entry, ModSeq, Reader, Store, StoreError, Uid, UidRuns};
use tokio::sync::watch;

use self::{
    boxes::Lent,
    commands::{fetch::Since, search::Search, store::How},
    enabled::Enabled,
    halt::Halt,
    tell::untagged_ok,
    view::{Renumber, View},
};
use crate::{
    Server,
    capability::{Extension, Extensions},
    command::{AppendArgs, Messages, Numbering, SearchKey, SelectedCommand, SessionCommand, StatusItem, Tag},
    completion::Completion,
    output::{Fatal, Output},
    wire::{Names, encode::Code},
};

pub use self::commands::append::AppendSink;

mod boxes;
mod commands;
mod enabled;
mod flags;
mod halt;
mod search;
mod tell;
mod trace;
mod view;

/// The state of a logged-in connection.
pub struct Session {
    server: Arc<Server>,
    principal: Principal,
    peer: IpAddr,
    /// What this client is offered.
    extensions: Extensions,
    /// What it enabled.
    enabled: Enabled,
    selected: Option<Selected>,
    /// Boxes of others that were entered: each is traced once.
    entered: Mutex<BTreeSet<AccountId>>,
    /// Whose mailbox is open, if it is another's.
    lent: watch::Sender<Option<Arc<Account>>>,
}

/// An open mailbox and the sign that it changed.
struct Selected {
    /// Whose mailbox it is.
    account: AccountId,
    view: View,
    changes: watch::Receiver<ModSeq>,
    /// Held while it is another's.
    _lent: Option<Lent>,
}

impl Session {
    /// A session with no mailbox open.
    pub fn new(server: Arc<Server>, principal: Principal, peer: IpAddr) -> Self {
        let enabled = Enabled::default();
        let (extensions, lent, entered) = (Extensions::NONE, watch::Sender::new(None), Mutex::default());
        let mut session =
            Self { server, principal, peer, extensions, enabled, selected: None, entered, lent };
        session.meet(None);
        session
    }

    /// The client gave its name (RFC 2971), or gives none: what it is offered follows from it.
    pub fn meet(&mut self, client: Option<&str>) {
        let profile = &self.principal.acting_as().profile;
        let login = profile.login.to_string();
        let mssante = profile.mssante.as_ref().map(ToString::to_string);
        let addresses = std::iter::once(login.as_str()).chain(mssante.as_deref());
        self.extensions = self.server.settings.offer.to_account(addresses, client);
    }

    /// What this client is offered.
    pub fn extensions(&self) -> Extensions {
        self.extensions
    }

    /// Whether this client is offered an extension.
    fn offers(&self, extension: Extension) -> bool {
        self.extensions.has(extension)
    }

    /// How mailbox names are written in this session, both ways.
    pub fn names(&self) -> Names {
        self.enabled.names()
    }

    /// A command was used that asks for mod-sequences from now on (RFC 7162 §3.1).
    fn enable_condstore(&mut self) {
        self.enabled.condstore = true;
    }

    /// Does one command: untagged responses go to `out` (including changes others made, where RFC 3501 §5.2 and §7.4.1
    /// let them), the tagged one is the result.
    pub async fn handle(
        &mut self,
        tag: &Tag,
        command: SessionCommand,
        out: &mut Output<'_>,
    ) -> Result<Completion, Fatal> {
        let renumber = renumbering(&command);
        // On the heap: what a session holds while it waits for a command must stay small.
        let completion = match Box::pin(self.dispatch(tag, command, out)).await {
            Ok(completion) | Err(Halt::Completion(completion)) => completion,
            Err(Halt::Fatal(fatal)) => return Err(fatal),
        };
        self.poll(out, renumber).await?;
        Ok(completion)
    }

    /// Checks an APPEND before its message is asked for; an error is its completion.
    pub async fn append_begin(&mut self, args: &AppendArgs) -> Result<AppendSink, Completion> {
        commands::append::begin(self, args).await
    }

    /// Resolves when the selected mailbox changed since the last look; never if none is selected. Cancel-safe.
    pub async fn idle_wait(&mut self) {
        commands::idle::wait(self.selected.as_mut()).await;
    }

    /// Tells what others changed in the selected mailbox, EXPUNGE included if `may_expunge`.
    pub async fn poll_changes(&mut self, out: &mut Output<'_>, may_expunge: bool) -> Result<(), Fatal> {
        self.poll(out, if may_expunge { Renumber::Allowed } else { Renumber::Forbidden }).await
    }

    async fn dispatch(
        &mut self,
        tag: &Tag,
        command: SessionCommand,
        out: &mut Output<'_>,
    ) -> Result<Completion, Halt> {
        match command {
            SessionCommand::Noop => Ok(commands::noop::noop()),
            SessionCommand::Enable(words) => commands::enable::enable(self, &words, out).await,
            SessionCommand::Namespace => commands::namespace::namespace(self, out).await,
            SessionCommand::Select { mailbox, params } => {
                commands::select::open(self, &mailbox, params, false, out).await
            }
            SessionCommand::Examine { mailbox, params } => {
                commands::select::open(self, &mailbox, params, true, out).await
            }
            SessionCommand::Create { mailbox, written, special_use } => {
                commands::create::create(self, &mailbox, written.as_deref(), &special_use, out).await
            }
            SessionCommand::Delete(name) => commands::delete::delete(self, &name).await,
            SessionCommand::Rename { from, to } => commands::rename::rename(self, &from, &to, out).await,
            SessionCommand::Subscribe(name) => commands::subscribe::subscribe(self, &name).await,
            SessionCommand::Unsubscribe(name) => commands::subscribe::unsubscribe(self, &name).await,
            SessionCommand::List(args) => {
                if args.returns.as_ref().is_some_and(|returns| asks_mod_sequence(&returns.status)) {
                    self.mod_sequences_wanted(out).await?;
                }
                commands::list::list(self, args, out).await
            }
            SessionCommand::Lsub { reference, pattern } => {
                commands::lsub::lsub(self, &reference, &pattern, out).await
            }
            SessionCommand::Status { mailbox, items } => {
                if asks_mod_sequence(&items) {
                    self.mod_sequences_wanted(out).await?;
                }
                commands::status::status(self, &mailbox, &items, out).await
            }
            SessionCommand::GetQuota(root) => commands::quota::get(self, &root, out).await,
            SessionCommand::GetQuotaRoot(name) => commands::quota::get_root(self, &name, out).await,
            SessionCommand::SetQuota => Ok(commands::quota::set()),
            SessionCommand::MyRights(name) => commands::acl::my_rights(self, &name, out).await,
            SessionCommand::Acl { command, mailbox } => {
                commands::acl::administer(self, command, &mailbox).await
            }
            SessionCommand::Selected(command) => self.dispatch_selected(tag, command, out).await,
        }
    }

    async fn dispatch_selected(
        &mut self,
        tag: &Tag,
        command: SelectedCommand,
        out: &mut Output<'_>,
    ) -> Result<Completion, Halt> {
        match command {
            SelectedCommand::Check => self.view().map(|_| commands::noop::check()),
            SelectedCommand::Close => commands::close::close(self).await,
            SelectedCommand::Unselect => commands::close::unselect(self),
            SelectedCommand::Expunge(set) => commands::expunge::expunge(self, set.as_ref(), out).await,
            SelectedCommand::Search { numbering, returns, key } => {
                let search = Search { tag, numbering, returns, key: &key };
                commands::search::search(self, search, out).await
            }
            SelectedCommand::Fetch { messages, items, changed_since, vanished } => {
                let since = changed_since.map(|modseq| Since { modseq: ModSeq::new(modseq), vanished });
                commands::fetch::fetch(self, &messages, items, since, out).await
            }
            SelectedCommand::Store { messages, unchanged_since, mode, silent, flags } => {
                let change = flags::change(mode, &flags)?;
                let how = How { silent, unless_after: unchanged_since.map(ModSeq::new) };
                commands::store::store(self, &messages, change, how, out).await
            }
            SelectedCommand::Copy { messages, to } => commands::copy::copy(self, &messages, &to).await,
            SelectedCommand::Move { messages, to } => commands::move_::move_(self, &messages, &to, out).await,
        }
    }

    /// Tells what changed, if the store says that something did.
    async fn poll(&mut self, out: &mut Output<'_>, renumber: Renumber) -> Result<(), Fatal> {
        self.sync().await;
        self.tell_updates(renumber, out).await
    }

    /// Tells what was taken in.
    async fn tell_updates(&mut self, renumber: Renumber, out: &mut Output<'_>) -> Result<(), Fatal> {
        let Some(selected) = self.selected.as_mut() else { return Ok(()) };
        let updates = selected.view.updates(renumber, tell::removal(self.enabled));
        tell::updates(&updates, self.enabled, out).await
    }

    /// Tells that this client removed messages, together with all that others did, and the mod-sequence up to which it then
    /// knows everything; none if it did not ask for such (RFC 7162 §3.2.7).
    async fn tell_removed(&mut self, gone: &[Uid], out: &mut Output<'_>) -> Result<Option<Code>, Halt> {
        self.sync().await;
        self.view_mut()?.removed(gone);
        self.tell_updates(Renumber::Allowed, out).await?;
        let told = self.enabled.qresync && !gone.is_empty();
        Ok(if told { Some(Code::HighestModSeq(self.view()?.synced().get())) } else { None })
    }

    /// A command was used that asks for mod-sequences from now on; the first of them is told up to where they are known
    /// (RFC 7162 §3.1).
    async fn mod_sequences_wanted(&mut self, out: &mut Output<'_>) -> Result<(), Fatal> {
        if self.enabled.condstore {
            return Ok(());
        }
        self.enable_condstore();
        let Some(selected) = &self.selected else { return Ok(()) };
        untagged_ok(Code::HighestModSeq(selected.view.synced().get()), "Mod-sequences from now on", out).await
    }

    /// Takes in what the store committed since the last look. A mailbox that was deleted meanwhile is one whose
    /// messages are all gone (RFC 2180 §3.3); other failures wait for the next look.
    async fn sync(&mut self) {
        let Some(selected) = self.selected.as_mut() else { return };
        if *selected.changes.borrow_and_update() <= selected.view.synced() {
            return;
        }
        let (mailbox, since) = (selected.view.mailbox(), selected.view.synced());
        match self.server.store.look(move |reader| reader.changes(mailbox, since)).await {
            Ok(changes) => selected.view.take_in(changes),
            Err(StoreError::NotFound) => selected.view.lose_all(),
            Err(error) => tracing::warn!(%error, "changes of an open mailbox could not be read"),
        }
    }

    fn store(&self) -> &Store {
        &self.server.store
    }

    /// The box acted as (S-1.7).
    fn account(&self) -> AccountId {
        self.principal.acting_as().id
    }

    /// The open mailbox; BAD without one (RFC 3501 §3.3).
    fn view(&self) -> Result<&View, Halt> {
        self.selected.as_ref().map(|selected| &selected.view).ok_or_else(nothing_selected)
    }

    fn view_mut(&mut self) -> Result<&mut View, Halt> {
        self.selected.as_mut().map(|selected| &mut selected.view).ok_or_else(nothing_selected)
    }

    /// The open mailbox, if it may be changed (RFC 3501 §6.3.2).
    fn writable_view(&self) -> Result<&View, Halt> {
        let view = self.view()?;
        if view.is_read_only() {
            let text = "The mailbox was opened read-only by EXAMINE: SELECT it to change it";
            return Err(Completion::no_with(Code::ReadOnly, text).into());
        }
        Ok(view)
    }

    /// The UIDs a command is about.
    fn resolve(&self, messages: &Messages) -> Result<UidRuns, Halt> {
        self.view()?.resolve(messages).map_err(|missing| {
            Completion::bad(format!("There is no message {}: see the last EXISTS", missing.0)).into()
        })
    }

    /// Reads on the store's blocking pool.
    async fn read<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Reader<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.store().read(look).await
    }

    /// Reads a little, on this thread if it lies in memory.
    async fn look<T: Send + 'static>(
        &self,
        look: impl Fn(&Reader<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.store().look(look).await
    }

    /// Opens a mailbox of an account; what was open before is closed without expunging (RFC 3501 §6.3.1).
    async fn open(
        &mut self,
        account: AccountId,
        view: View,
        changes: watch::Receiver<ModSeq>,
    ) -> Result<(), Halt> {
        self.selected = None;
        let lent = self.lend(account).await?;
        self.selected = Some(Selected { account, view, changes, _lent: lent });
        Ok(())
    }

    /// Whose the open mailbox is; BAD without one.
    fn selected_account(&self) -> Result<AccountId, Halt> {
        self.selected.as_ref().map(|selected| selected.account).ok_or_else(nothing_selected)
    }

    fn selected_box(&self) -> Option<BoxId> {
        self.selected.as_ref().map(|selected| selected.view.mailbox())
    }
}

/// RFC 7162 §3.1: STATUS with this item, alone or within LIST (RFC 5819), asks for mod-sequences from then on.
fn asks_mod_sequence(items: &[StatusItem]) -> bool {
    items.contains(&StatusItem::HighestModSeq)
}

fn nothing_selected() -> Halt {
    Completion::bad("No mailbox is selected: SELECT one first").into()
}

/// RFC 3501 §7.4.1: no EXPUNGE during FETCH, STORE and SEARCH; the UID commands are others, but for a UID SEARCH that asks for
/// sequence numbers (RFC 7162 §3.2.10.2).
fn renumbering(command: &SessionCommand) -> Renumber {
    let by_sequence = match command {
        SessionCommand::Selected(
            SelectedCommand::Fetch { messages, .. } | SelectedCommand::Store { messages, .. },
        ) => messages.numbering == Numbering::Sequence,
        SessionCommand::Selected(SelectedCommand::Search { numbering, key, .. }) => {
            let numbered = |key: &SearchKey| matches!(key, SearchKey::Sequence(set) if !set.is_saved());
            *numbering == Numbering::Sequence || key.any(&numbered)
        }
        _ => false,
    };
    if by_sequence { Renumber::Forbidden } else { Renumber::Allowed }
}

/// Messages read in one visit to the store.
const BATCH: usize = 256;

/// The entries of these ascending UIDs that are still there.
fn entries(reader: &Reader<'_>, mailbox: BoxId, uids: &[Uid]) -> Result<Vec<Entry>, StoreError> {
    let mut found = Vec::with_capacity(uids.len());
    reader.listed(mailbox, uids, &mut |listing| {
        found.push(listing.entry()?);
        Ok(true)
    })?;
    Ok(found)
}

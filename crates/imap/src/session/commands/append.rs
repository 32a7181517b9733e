//! APPEND (RFC 3501 §6.3.11, RFC 4315 §3), of one message or of several that are kept all or not at all (RFC 3502): each
//! streams into the store as it arrives (I-3), and one commit puts them in the mailbox. One that the account or the person sent
//! or received before keeps the day of its first reception (S-4.3).
//! May write messages. Must never hold a body, nor take a message whose header or structure exceeds the limits.

use std::sync::Arc;

use identity::Principal;
use message::{Header, IndexRecord, Limits, ScanError, Scanner};
use store::{
    APPENDED_AT_ONCE, AccountId, Action, BodyWriter, BoxId, Flags, Incoming, Reader, SealedBody, Store,
    StoreError, Trace, TraceId,
};

use crate::{
    Server,
    capability::Extension,
    command::{AppendArgs, AppendMessage, StoreMode},
    completion::Completion,
    session::{
        Session, flags,
        halt::{Halt, answer, create_it_first},
        trace::detail,
    },
    wire::encode::Code,
};

/// Message-IDs of one message that are looked up; there should be one.
const MESSAGE_IDS: usize = 4;

/// Bytes that messages which wait for the last one may hold in memory: their headers, and bodies while there is room.
const HELD_BYTES: usize = 2 << 20;

/// Takes the messages of an APPEND piece by piece; dropped unfinished, nothing is kept.
pub struct AppendSink {
    server: Arc<Server>,
    mailbox: BoxId,
    /// Whose mailbox it is, if it is another's: the right to it is asked again before anything is kept (S-1.5).
    lent: Option<(Principal, AccountId)>,
    /// For whom a message may have been carried before: whose mailbox it is, and the person.
    carried_for: Vec<AccountId>,
    /// A trace of who does this, for each message to make its own of.
    trace: Trace,
    /// Whether the client may send UTF-8 in headers (RFC 6855 §3).
    utf8: bool,
    /// Whether the client is told the new UIDs (RFC 4315).
    tells_uids: bool,
    arriving: Arriving,
    /// Whole messages that wait for the last one.
    waiting: Vec<(Incoming, Option<Trace>)>,
    /// What those hold in memory, in bytes.
    held: usize,
}

/// A message on its way in.
struct Arriving {
    flags: Flags,
    internal_date: i64,
    trace: Trace,
    /// Whether its literal may hold zero bytes (RFC 3516 §4.4).
    binary: bool,
    scanner: Scanner,
    /// None until the header is complete, which says under which day the message is filed.
    body: Option<BodyWriter>,
    /// Bytes seen so far.
    seen: usize,
}

/// Checks what can be checked before the first message is asked for.
pub(in crate::session) async fn begin(
    session: &Session,
    args: &AppendArgs,
) -> Result<AppendSink, Completion> {
    match prepare(session, args).await {
        Ok(sink) => Ok(sink),
        Err(Halt::Completion(completion)) => Err(completion),
        Err(Halt::Fatal(fatal)) => Err(Completion::no(fatal.to_string())),
    }
}

async fn prepare(session: &Session, args: &AppendArgs) -> Result<AppendSink, Halt> {
    let Some(target) = session.find_box(args.mailbox.as_str()).await? else {
        return Err(create_it_first().into());
    };
    session.store().takes_mail()?;
    let trace = session.new_trace(target.account, Action::Append, vec![]);
    let (server, utf8) = (session.server.clone(), session.enabled.utf8);
    let mut carried_for = vec![target.account, session.principal.person().id];
    carried_for.dedup();
    let lent = (target.account != session.account()).then(|| (session.principal.clone(), target.account));
    let arriving = Arriving::new(&server, target.id, &trace, utf8, &args.message)?;
    Ok(AppendSink {
        server,
        mailbox: target.id,
        lent,
        carried_for,
        trace,
        utf8,
        tells_uids: session.offers(Extension::UidPlus),
        arriving,
        waiting: Vec::new(),
        held: 0,
    })
}

impl Arriving {
    fn new(
        server: &Server,
        mailbox: BoxId,
        trace: &Trace,
        utf8: bool,
        args: &AppendMessage,
    ) -> Result<Self, Completion> {
        let most = server.settings.append_bytes;
        if args.size > most {
            let text =
                format!("The message is larger than the {most} bytes that are accepted: shorten or split it");
            return Err(Completion::no_with(Code::TooBig, text));
        }
        if args.size == 0 {
            let text = "There is nothing in the message: append one with a header";
            return Err(Completion::no_with(Code::Cannot, text));
        }
        if args.utf8 && !utf8 {
            return Err(Completion::bad("APPEND: UTF8 (...) needs ENABLE UTF8=ACCEPT first"));
        }
        let flags = flags::change(StoreMode::Replace, &args.flags).map_err(|error| answer(&error))?.flags;
        let now = server.clock.now();
        let details = vec![detail("mailbox", mailbox), detail("bytes", args.size)];
        Ok(Self {
            flags,
            internal_date: args.internal_date.unwrap_or(now).as_second(),
            trace: Trace { id: TraceId::new(now), at: now, detail: details, ..trace.clone() },
            binary: args.binary,
            scanner: Scanner::new(Limits::default()),
            body: None,
            seen: 0,
        })
    }

    async fn write(
        &mut self,
        store: &Store,
        carried_for: &[AccountId],
        bytes: &[u8],
    ) -> Result<(), Completion> {
        if memchr::memchr(0, bytes).is_some() {
            return Err(self.no_nul());
        }
        self.scanner.feed(bytes).map_err(|error| refused(&error))?;
        let started = self.body.is_some();
        if !started && let Some(header) = self.scanner.header() {
            self.body = Some(open_body(store, carried_for, header).await?);
        }
        let rest = if started { bytes } else { self.body_in(bytes) };
        self.seen += bytes.len();
        match &mut self.body {
            Some(body) => body.write(rest).await.map_err(|error| answer(&error)),
            None => Ok(()),
        }
    }

    /// RFC 3501 §4.3: a literal of rev1 cannot hold it, so the message could never be fetched. Who sent it as a literal8 is told
    /// as RFC 3516 §4.4 says: nothing is re-encoded here, for bytes that change break signatures.
    fn no_nul(&self) -> Completion {
        let code = if self.binary { Code::UnknownCte } else { Code::Cannot };
        Completion::no_with(code, "The message holds a NUL byte: encode that part in base64")
    }

    /// What of these bytes comes after the header, which they complete.
    fn body_in<'b>(&self, bytes: &'b [u8]) -> &'b [u8] {
        let Some(header) = self.scanner.header() else { return &[] };
        header.len().checked_sub(self.seen).and_then(|start| bytes.get(start..)).unwrap_or_default()
    }

    /// All bytes came. `room` is for its body in memory: one that is longer waits on the disk.
    async fn finish(
        self,
        store: &Store,
        carried_for: &[AccountId],
        room: usize,
    ) -> Result<(Incoming, Option<Trace>), Completion> {
        let scanned = self.scanner.finish().map_err(|error| refused(&error))?;
        let index = message::index(&scanned.header, &scanned);
        let body = match self.body {
            Some(body) => body,
            None => open_body(store, carried_for, &scanned.header).await?,
        };
        let fits = self.seen <= room;
        let body = if fits { body.finish().await } else { body.finish_written().await };
        let body: SealedBody = body.map_err(|error| answer(&error))?;
        let (flags, internal_date) = (self.flags, self.internal_date);
        let incoming = Incoming { body, header: scanned.header, index, flags, internal_date };
        Ok((incoming, Some(self.trace)))
    }
}

impl AppendSink {
    /// Takes the next bytes of the message. After an error the rest is read and dropped, and that is the completion.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), Completion> {
        self.arriving.write(&self.server.store, &self.carried_for, bytes).await
    }

    /// All bytes of the message came, and another one is announced: checks what can be checked before it is asked for. After
    /// an error nothing of the command is kept, and that is the completion.
    pub async fn next(mut self, args: &AppendMessage) -> Result<Self, Completion> {
        if self.waiting.len() + 1 >= APPENDED_AT_ONCE {
            let text = format!("Nothing was kept: append at most {APPENDED_AT_ONCE} messages at once");
            return Err(Completion::no_with(Code::Limit, text));
        }
        self.ask_again().await?;
        let next = Arriving::new(&self.server, self.mailbox, &self.trace, self.utf8, args)?;
        let arrived = std::mem::replace(&mut self.arriving, next);
        let (bytes, room) = (arrived.seen, HELD_BYTES.saturating_sub(self.held));
        let (incoming, trace) = arrived.finish(&self.server.store, &self.carried_for, room).await?;
        let body = if bytes <= room { bytes } else { 0 };
        self.held += body + incoming.header.len() + weight(&incoming.index);
        if self.held > 2 * HELD_BYTES {
            let text = "Nothing was kept: the headers of these messages are too long to be appended at once";
            return Err(Completion::no_with(Code::Limit, text));
        }
        self.waiting.push((incoming, trace));
        Ok(self)
    }

    /// `NO [NOPERM]` if the right to another's box ended while the message came.
    async fn ask_again(&self) -> Result<(), Completion> {
        let Some((principal, account)) = self.lent.clone() else { return Ok(()) };
        let may = self.server.store.read(move |reader| principal.may_open(reader, account)).await;
        if may.map_err(|error| answer(&error))? {
            return Ok(());
        }
        Err(Completion::no_with(Code::NoPerm, "Nothing was kept: the right to this box has ended"))
    }

    /// All bytes came and the command was well-formed: commits.
    pub async fn finish(self) -> Completion {
        match self.commit().await {
            Ok(completion) | Err(completion) => completion,
        }
    }

    async fn commit(mut self) -> Result<Completion, Completion> {
        self.ask_again().await?;
        let store = &self.server.store;
        // The last one waits for nothing.
        self.waiting.push(self.arriving.finish(store, &self.carried_for, usize::MAX).await?);
        let appended = store.append_all(self.mailbox, self.waiting).await.map_err(|error| match error {
            // It was deleted while the message came.
            StoreError::NotFound => create_it_first(),
            error => answer(&error),
        })?;
        if !self.tells_uids {
            return Ok(Completion::ok("APPEND completed"));
        }
        let uids = appended.uids.into_iter().map(store::Uid::get).collect();
        let code = Code::AppendUid { validity: appended.uid_validity.get(), uids };
        Ok(Completion::ok_with(code, "APPEND completed"))
    }
}

fn weight(index: &IndexRecord) -> usize {
    let parts = index.parts.iter().map(|part| size_of_val(part) + 2 * part.path.len() + part.charset.len());
    index.envelope.len() + index.body.len() + index.bodystructure.len() + parts.sum::<usize>()
}

/// The body of a message with this header: of the day of its first reception, if one of these accounts sent or received it
/// before.
async fn open_body(
    store: &Store,
    carried_for: &[AccountId],
    header: &[u8],
) -> Result<BodyWriter, Completion> {
    let mut ids = Header::parse(header).message_ids("Message-ID");
    ids.truncate(MESSAGE_IDS);
    if ids.is_empty() {
        return Ok(store.body());
    }
    let carried_for = carried_for.to_vec();
    let first = move |reader: &Reader<'_>| {
        let each = carried_for.iter().flat_map(|account| ids.iter().map(move |id| (*account, id)));
        let days: store::Result<Vec<_>> =
            each.map(|(account, id)| reader.first_reception(account, id)).collect();
        Ok(days?.into_iter().flatten().min())
    };
    match store.read(first).await.map_err(|error| answer(&error))? {
        Some(day) => store.body_of(day).map_err(|error| answer(&error)),
        None => Ok(store.body()),
    }
}

fn refused(error: &ScanError) -> Completion {
    Completion::no_with(Code::Limit, format!("The message is not accepted: {error}"))
}

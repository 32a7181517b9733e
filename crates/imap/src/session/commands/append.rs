//! APPEND (RFC 3501 §6.3.11, RFC 4315 §3): the message streams into the store as it arrives (I-3). One that the account
//! sent or received before keeps the day of its first reception (S-4.3).
//! May write one message. Must never hold its body, nor take one whose header or structure exceeds the limits.

use std::sync::Arc;

use message::{Header, Limits, ScanError, Scanner};
use store::{AccountId, Action, BodyWriter, BoxId, Flags, Incoming, Reader, Store, Trace};

use crate::{
    Server,
    command::{AppendArgs, StoreMode},
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

/// Takes the message of an APPEND piece by piece; dropped unfinished, nothing is kept.
pub struct AppendSink {
    server: Arc<Server>,
    mailbox: BoxId,
    /// Whose mailbox it is.
    account: AccountId,
    flags: Flags,
    internal_date: i64,
    trace: Trace,
    scanner: Scanner,
    /// None until the header is complete, which says under which day the message is filed.
    body: Option<BodyWriter>,
    /// Bytes seen so far.
    seen: usize,
}

/// Checks what can be checked before the message is asked for.
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
    let most = session.server.settings.append_bytes;
    if args.size > most {
        let text =
            format!("The message is larger than the {most} bytes that are accepted: shorten or split it");
        return Err(Completion::no_with(Code::TooBig, text).into());
    }
    if args.size == 0 {
        return Err(Completion::no_with(
            Code::Cannot,
            "There is nothing in the message: append one with a header",
        )
        .into());
    }
    let Some(target) = session.find_box(args.mailbox.as_str()).await? else {
        return Err(create_it_first().into());
    };
    session.store().takes_mail()?;
    let now = session.server.clock.now();
    let trace =
        session.new_trace(Action::Append, vec![detail("mailbox", target.id), detail("bytes", args.size)]);
    Ok(AppendSink {
        server: session.server.clone(),
        mailbox: target.id,
        account: target.account,
        flags: flags::change(StoreMode::Replace, &args.flags)?.flags,
        internal_date: args.internal_date.unwrap_or(now).as_second(),
        trace,
        scanner: Scanner::new(Limits::default()),
        body: None,
        seen: 0,
    })
}

impl AppendSink {
    /// Takes the next bytes of the message. After an error the rest is read and dropped, and that is the completion.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), Completion> {
        if memchr::memchr(0, bytes).is_some() {
            // RFC 3501 §4.3: a literal of rev1 cannot hold it, so the message could never be fetched.
            return Err(Completion::no_with(
                Code::Cannot,
                "The message holds a NUL byte: encode that part in base64",
            ));
        }
        self.scanner.feed(bytes).map_err(|error| refused(&error))?;
        let started = self.body.is_some();
        if !started && let Some(header) = self.scanner.header() {
            self.body = Some(open_body(&self.server.store, self.account, header).await?);
        }
        let rest = if started { bytes } else { self.body_in(bytes) };
        self.seen += bytes.len();
        match &mut self.body {
            Some(body) => body.write(rest).await.map_err(|error| answer(&error)),
            None => Ok(()),
        }
    }

    /// What of these bytes comes after the header, which they complete.
    fn body_in<'b>(&self, bytes: &'b [u8]) -> &'b [u8] {
        let Some(header) = self.scanner.header() else { return &[] };
        header.len().checked_sub(self.seen).and_then(|start| bytes.get(start..)).unwrap_or_default()
    }

    /// All bytes came and the command was well-formed: commits.
    pub async fn finish(self) -> Completion {
        match self.commit().await {
            Ok(completion) | Err(completion) => completion,
        }
    }

    async fn commit(self) -> Result<Completion, Completion> {
        let scanned = self.scanner.finish().map_err(|error| refused(&error))?;
        let index = message::index(&scanned.header, &scanned);
        let body = match self.body {
            Some(body) => body,
            None => open_body(&self.server.store, self.account, &scanned.header).await?,
        };
        let body = body.finish().await.map_err(|error| answer(&error))?;
        let incoming = Incoming {
            body,
            header: scanned.header,
            index,
            flags: self.flags,
            internal_date: self.internal_date,
        };
        let appended = self
            .server
            .store
            .append(self.mailbox, incoming, Some(self.trace))
            .await
            .map_err(|error| answer(&error))?;
        let code = Code::AppendUid { validity: appended.uid_validity.get(), uid: appended.uid.get() };
        Ok(Completion::ok_with(code, "APPEND completed"))
    }
}

/// The body of a message with this header: of the day of its first reception, if the account sent or received it before.
async fn open_body(store: &Store, account: AccountId, header: &[u8]) -> Result<BodyWriter, Completion> {
    let mut ids = Header::parse(header).message_ids("Message-ID");
    ids.truncate(MESSAGE_IDS);
    if ids.is_empty() {
        return Ok(store.body());
    }
    let first = move |reader: &Reader<'_>| {
        let days: store::Result<Vec<_>> = ids.iter().map(|id| reader.first_reception(account, id)).collect();
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

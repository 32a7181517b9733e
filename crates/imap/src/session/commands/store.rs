//! STORE and UID STORE (RFC 3501 §6.4.6), UNCHANGEDSINCE (RFC 7162 §3.1.3): flags of messages.
//! May read entries and write flags. Must never set \Recent.

use store::{Entry, FlagChange, Interrupted, ModSeq, Stored, Uid, UidRuns};

use crate::{
    command::{Messages, Numbering},
    completion::Completion,
    output::Output,
    session::{Session, commands::copy, entries, halt::Halt, tell::Change},
    wire::encode::Code,
};

/// Messages of one visit to the committer's queue; it cuts them into operations of its own.
const BATCH: usize = 4096;

/// How a STORE is to be done.
#[derive(Debug, Clone, Copy)]
pub(in crate::session) struct How {
    /// The client wants no flags back.
    pub(in crate::session) silent: bool,
    /// What changed after that stays as it is.
    pub(in crate::session) unless_after: Option<ModSeq>,
}

pub(in crate::session) async fn store(
    session: &mut Session,
    messages: &Messages,
    change: FlagChange,
    how: How,
    out: &mut Output<'_>,
) -> Result<Completion, Halt> {
    let mailbox = session.writable_view()?.mailbox();
    if how.unless_after.is_some() {
        session.mod_sequences_wanted(out).await?;
    }
    let account = session.selected_account()?;
    let uids = session.resolve(messages)?;
    let mut work = Work { numbering: messages.numbering, how, missing: false, modified: UidRuns::new() };
    let mut left = uids.iter();
    loop {
        let batch: Vec<Uid> = left.by_ref().take(BATCH).collect();
        if batch.is_empty() {
            break;
        }
        let wanted = batch.len();
        let (store, actor) = (session.store(), session.actor());
        let storing = store.store_flags_unless(mailbox, batch, change.clone(), how.unless_after, actor);
        let (stored, failure) = match session.while_allowed(account, wanted, storing).await? {
            Ok(stored) => (stored, None),
            Err(Interrupted { done, error }) => (done, Some(error)),
        };
        work.missing |= failure.is_none() && stored.len() < wanted;
        work.tell(session, stored, out).await?;
        if let Some(error) = failure {
            return Err(error.into());
        }
    }
    work.completion(session)
}

/// A STORE on its way.
struct Work {
    numbering: Numbering,
    how: How,
    /// Some messages are gone.
    missing: bool,
    /// Messages that changed meanwhile and stay as they are.
    modified: UidRuns,
}

impl Work {
    /// The FETCH responses of some messages.
    async fn tell(
        &mut self,
        session: &mut Session,
        stored: Vec<Stored>,
        out: &mut Output<'_>,
    ) -> Result<(), Halt> {
        let mut modified = Vec::new();
        for stored in stored {
            match stored {
                Stored::Done { now, before } => self.tell_done(session, &now, before, out).await?,
                Stored::Modified(uid) => {
                    modified.push(uid);
                    self.modified.push(uid);
                }
            }
        }
        self.tell_modified(session, modified, out).await
    }

    /// SILENT spares the flags only if the client can know them: what somebody else changed meanwhile is told all the same
    /// (RFC 3501 §6.4.6). A new mod-sequence is told in any case to who wants them (RFC 7162 §3.1.3).
    async fn tell_done(
        &self,
        session: &mut Session,
        now: &Entry,
        before: ModSeq,
        out: &mut Output<'_>,
    ) -> Result<(), Halt> {
        let mod_sequences = session.enabled.condstore;
        let view = session.view_mut()?;
        let uid = now.uid.get();
        let foreseen = !view.is_news(uid, before);
        view.knows(uid, now.modseq);
        let Some(sequence) = view.sequence(uid) else { return Ok(()) };
        let flags = (!self.how.silent || !foreseen).then_some(&now.flags);
        let new_sequence = mod_sequences && (now.modseq != before || self.how.unless_after.is_some());
        if flags.is_some() || new_sequence {
            let change = Change { sequence, uid, flags, modseq: now.modseq };
            // RFC 7162 §3.2.4
            change.write(self.numbering == Numbering::Uid || mod_sequences, mod_sequences, out.buffer());
            out.drain().await?;
        }
        Ok(())
    }

    /// What made the condition fail is told, so that the client need not ask (RFC 7162 §3.1.3).
    async fn tell_modified(
        &self,
        session: &mut Session,
        modified: Vec<Uid>,
        out: &mut Output<'_>,
    ) -> Result<(), Halt> {
        if modified.is_empty() {
            return Ok(());
        }
        let mailbox = session.view()?.mailbox();
        let now = session.read(move |reader| entries(reader, mailbox, &modified)).await?;
        let view = session.view_mut()?;
        for entry in now {
            let uid = entry.uid.get();
            view.knows(uid, entry.modseq);
            let Some(sequence) = view.sequence(uid) else { continue };
            let change = Change { sequence, uid, flags: Some(&entry.flags), modseq: entry.modseq };
            change.write(true, true, out.buffer());
            out.drain().await?;
        }
        Ok(())
    }

    fn completion(self, session: &Session) -> Result<Completion, Halt> {
        let missing = self.missing && self.numbering == Numbering::Sequence;
        if self.modified.is_empty() {
            // RFC 2180 §4.2.1: the others were changed; the client learns why some were not.
            return Ok(if missing { copy::gone() } else { Completion::ok("STORE completed") });
        }
        let runs = match self.numbering {
            Numbering::Sequence => session.view()?.sequences(&self.modified),
            Numbering::Uid => self.modified.runs().iter().map(|(from, to)| (from.get(), to.get())).collect(),
        };
        let code = Code::Modified(runs);
        Ok(if missing {
            Completion::no_with(
                code,
                "Some of these messages changed meanwhile, others are gone: NOOP tells which",
            )
        } else {
            Completion::ok_with(code, "Some of these messages changed meanwhile and stay as they are")
        })
    }
}

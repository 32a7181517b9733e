//! SELECT (RFC 3501 §6.3.1; RFC 9051 §6.3.2) and EXAMINE (§6.3.2): a view of a mailbox opens. What RFC 7162 adds to both is
//! in `resync`.
//! May read the list of a mailbox's messages. Must never read the messages themselves.

use store::{Action, OpenBox, SystemFlag, Uid};

use super::{
    list,
    resync::{self, Missed},
};
use crate::{
    capability::Extension,
    command::{MailboxName, SelectParams},
    completion::Completion,
    output::Output,
    session::{
        Session,
        halt::{Halt, no_such_mailbox},
        tell::untagged_ok,
        trace::detail,
        view::View,
    },
    wire::encode::Code,
};

/// Keywords told in FLAGS and PERMANENTFLAGS; more may exist, `\*` says so.
const KEYWORDS_TOLD: usize = 64;

pub(in crate::session) async fn open(
    session: &mut Session,
    name: &MailboxName,
    params: SelectParams,
    read_only: bool,
    out: &mut Output<'_>,
) -> Result<Completion, Halt> {
    if params.qresync.is_some() && !session.enabled.qresync {
        return Err(Completion::bad("QRESYNC is not on yet: ENABLE QRESYNC first").into());
    }
    // RFC 3501 §6.3.1: a SELECT that fails leaves no mailbox selected.
    let was_open = session.selected.take().is_some();
    if was_open && (session.offers(Extension::CondStore) || session.enabled.rev2) {
        // RFC 7162 §3.2.11: whatever was enabled, as long as it is offered; RFC 9051 §7.1.
        untagged_ok(Code::Closed, "The mailbox before is closed", out).await?;
    }
    if params.condstore {
        session.enable_condstore();
    }
    let Some(found) = session.find_box(name.as_str()).await? else { return Err(no_such_mailbox().into()) };
    // Watched before it is read: nothing is missed in between.
    let changes = session.store().watch(found.id);
    let id = found.id;
    let known = params.qresync;
    let opened = session
        .look(move |reader| {
            let Some(opened) = reader.open_box(id)? else { return Ok(None) };
            let missed = match &known {
                Some(known) => Missed::read(reader, &opened, known)?,
                None => None,
            };
            Ok(Some((opened, missed)))
        })
        .await?;
    let Some((opened, missed)) = opened else { return Err(no_such_mailbox().into()) };

    session
        .store()
        .trace(session.new_trace(found.account, Action::Select, vec![detail("mailbox", id)]))
        .await?;
    let view = View::new(id, read_only, &opened.uids, opened.info.highest);
    tell(session, name, params.written.as_deref(), opened, &view, out).await?;
    session.open(found.account, view, changes).await?;
    if let Some(missed) = missed
        && let Err(halt) = resync::tell(session, missed, out).await
    {
        session.selected = None;
        return Err(halt);
    }
    Ok(if read_only {
        Completion::ok_with(Code::ReadOnly, "EXAMINE completed")
    } else {
        Completion::ok_with(Code::ReadWrite, "SELECT completed")
    })
}

/// The untagged responses that rev1 requires, or those of rev2 (RFC 9051 appendix E: no RECENT, no UNSEEN, but LIST).
async fn tell(
    session: &Session,
    name: &MailboxName,
    written: Option<&str>,
    opened: OpenBox,
    view: &View,
    out: &mut Output<'_>,
) -> Result<(), Halt> {
    let rev2 = session.enabled.rev2;
    let OpenBox { info, first_unseen, keywords, .. } = opened;
    let mut flags: Vec<String> = SystemFlag::ALL.iter().map(|flag| flag.as_str().to_owned()).collect();
    flags.extend(keywords.into_iter().take(KEYWORDS_TOLD));
    out.line(format!("* FLAGS ({})", flags.join(" "))).await?;
    out.line(format!("* {} EXISTS", view.len())).await?;
    if !rev2 {
        out.line("* 0 RECENT").await?;
        if let Some(first) = first_unseen.and_then(|uid: Uid| view.sequence(uid.get())) {
            untagged_ok(Code::Unseen(first), "First message not read", out).await?;
        }
    }
    let permanent = if view.is_read_only() {
        Code::PermanentFlags { flags: Vec::new(), any: false }
    } else {
        Code::PermanentFlags { flags, any: true }
    };
    untagged_ok(permanent, "Flags kept", out).await?;
    untagged_ok(Code::UidNext(info.uid_next.get()), "Next UID", out).await?;
    untagged_ok(Code::UidValidity(info.uid_validity.get()), "UIDs valid", out).await?;
    // RFC 7162 §3.1.2.1: told to everybody, so that who asks for mod-sequences later missed none.
    if session.offers(Extension::CondStore) {
        untagged_ok(Code::HighestModSeq(info.highest.get()), "Highest mod-sequence", out).await?;
    }
    if rev2 {
        list::write_named(session, name.as_str(), written, out).await?;
    }
    Ok(())
}

//! SELECT (RFC 3501 §6.3.1) and EXAMINE (§6.3.2): a view of a mailbox opens.
//! May read the list of a mailbox's messages. Must never read the messages themselves.

use store::{Action, OpenBox, SystemFlag, Uid};

use crate::{
    command::MailboxName,
    completion::Completion,
    output::Output,
    session::{
        Session,
        halt::{Halt, no_such_mailbox},
        trace::detail,
        untagged_ok,
        view::View,
    },
    wire::encode::Code,
};

/// Keywords told in FLAGS and PERMANENTFLAGS; more may exist, `\*` says so.
const KEYWORDS_TOLD: usize = 64;

pub(in crate::session) async fn open(
    session: &mut Session,
    name: &MailboxName,
    read_only: bool,
    out: &mut Output<'_>,
) -> Result<Completion, Halt> {
    // RFC 3501 §6.3.1: a SELECT that fails leaves no mailbox selected.
    session.selected = None;
    let Some(found) = session.find_box(name.as_str()).await? else { return Err(no_such_mailbox().into()) };
    // Watched before it is read: nothing is missed in between.
    let changes = session.store().watch(found.id);
    let id = found.id;
    let opened = session.read(move |reader| reader.open_box(id)).await?;
    let Some(opened) = opened else { return Err(no_such_mailbox().into()) };

    session
        .store()
        .trace(session.new_trace(found.account, Action::Select, vec![detail("mailbox", id)]))
        .await?;
    let view = View::new(id, read_only, &opened.uids, opened.info.highest);
    tell(opened, &view, out).await?;
    session.open(found.account, view, changes).await?;
    Ok(if read_only {
        Completion::ok_with(Code::ReadOnly, "EXAMINE completed")
    } else {
        Completion::ok_with(Code::ReadWrite, "SELECT completed")
    })
}

/// The untagged responses, all that rev1 requires.
async fn tell(opened: OpenBox, view: &View, out: &mut Output<'_>) -> Result<(), Halt> {
    let OpenBox { info, first_unseen, keywords, .. } = opened;
    let mut flags: Vec<String> = SystemFlag::ALL.iter().map(|flag| flag.as_str().to_owned()).collect();
    flags.extend(keywords.into_iter().take(KEYWORDS_TOLD));
    out.line(format!("* FLAGS ({})", flags.join(" "))).await?;
    out.line(format!("* {} EXISTS", view.len())).await?;
    out.line("* 0 RECENT").await?;
    if let Some(first) = first_unseen.and_then(|uid: Uid| view.sequence(uid.get())) {
        untagged_ok(Code::Unseen(first), "First message not read", out).await?;
    }
    let permanent = if view.is_read_only() {
        Code::PermanentFlags { flags: Vec::new(), any: false }
    } else {
        Code::PermanentFlags { flags, any: true }
    };
    untagged_ok(permanent, "Flags kept", out).await?;
    untagged_ok(Code::UidNext(info.uid_next.get()), "Next UID", out).await?;
    Ok(untagged_ok(Code::UidValidity(info.uid_validity.get()), "UIDs valid", out).await?)
}

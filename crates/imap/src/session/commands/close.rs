//! CLOSE (RFC 3501 §6.4.2) and UNSELECT (RFC 3691): both leave the mailbox; CLOSE expunges first, without telling, nor up to
//! which mod-sequence (RFC 7162 §3.2.8: the client would miss what others did).
//! May write to the store. Must never write EXPUNGE responses.

use crate::{
    completion::Completion,
    session::{Session, commands::expunge, halt::Halt},
};

pub(in crate::session) async fn close(session: &mut Session) -> Result<Completion, Halt> {
    let view = session.view()?;
    if !view.is_read_only() {
        expunge::remove(session, view.mailbox(), None).await?;
    }
    session.selected = None;
    Ok(Completion::ok("CLOSE completed"))
}

pub(in crate::session) fn unselect(session: &mut Session) -> Result<Completion, Halt> {
    session.view()?;
    session.selected = None;
    Ok(Completion::ok("UNSELECT completed"))
}

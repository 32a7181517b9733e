//! SEARCH and UID SEARCH (RFC 3501 §6.4.4, §7.2.5): how a key is judged is in `session::search`.
//! May read messages, visit by visit. Must never log what was looked for.

use std::sync::Arc;

use crate::{
    command::{Numbering, SearchKey},
    completion::Completion,
    output::Output,
    session::{
        Session,
        halt::Halt,
        search::{Plan, matching},
    },
};

/// Messages looked at in one visit to the store's pool, so that other sessions get their turn.
const VISIT: usize = 4096;

pub(in crate::session) async fn search(
    session: &Session,
    numbering: Numbering,
    key: &SearchKey,
    out: &mut Output<'_>,
) -> Result<Completion, Halt> {
    let view = session.view()?;
    let mailbox = view.mailbox();
    let plan = Arc::new(Plan::new(key, view));
    let candidates = plan.candidates(view);
    let mut found: Vec<u32> = Vec::new();
    let mut left = candidates.as_slice();
    while !left.is_empty() {
        let visit: Vec<(u32, u32)> = left.iter().copied().take(VISIT).collect();
        let plan = plan.clone();
        let (matches, looked) = session.read(move |reader| matching(reader, mailbox, &plan, &visit)).await?;
        left = left.get(looked.max(1)..).unwrap_or_default();
        found.extend(matches.into_iter().map(|(sequence, uid)| match numbering {
            Numbering::Sequence => sequence,
            Numbering::Uid => uid,
        }));
    }
    out.bytes(b"* SEARCH").await?;
    for number in found {
        out.bytes(format!(" {number}").as_bytes()).await?;
    }
    out.line("").await?;
    Ok(Completion::ok("SEARCH completed"))
}

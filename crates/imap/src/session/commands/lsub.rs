//! LSUB (RFC 3501 §6.3.9): the names a person subscribed to.
//! May read the mailbox records of one account. \Noselect here means "not subscribed, but something below is", as the
//! section demands for `%`.

use std::collections::BTreeSet;

use crate::{
    completion::Completion,
    output::Output,
    session::{
        Session,
        commands::list::{children, mailboxes, parents_of, write},
        halt::Halt,
    },
    wire::list::Pattern,
};

pub(in crate::session) async fn lsub(
    session: &Session,
    reference: &str,
    pattern: &str,
    out: &mut Output<'_>,
) -> Result<Completion, Halt> {
    if pattern.is_empty() {
        out.line("* LSUB (\\Noselect) \"/\" \"\"").await?;
        return Ok(Completion::ok("LSUB completed"));
    }
    let existing = mailboxes(session).await?;
    let parents = parents_of(existing.iter().map(|found| found.name.as_str()));
    let means = Pattern::new(reference, pattern);
    let subscribed: Vec<&str> =
        existing.iter().filter(|found| found.subscribed).map(|found| found.name.as_str()).collect();
    for name in subscribed.iter().filter(|name| means.matches(name)) {
        write(session, out, "LSUB", &[children(parents.contains(name))], name, "").await?;
    }
    if pattern.contains('%') {
        // Parents stand for what the pattern does not reach below them.
        let unreached = subscribed.iter().copied().filter(|name| !means.matches(name));
        let above: BTreeSet<&str> = parents_of(unreached).into_iter().collect();
        for name in above.into_iter().filter(|name| means.matches(name) && !subscribed.contains(name)) {
            write(session, out, "LSUB", &["\\Noselect", "\\HasChildren"], name, "").await?;
        }
    }
    Ok(Completion::ok("LSUB completed"))
}

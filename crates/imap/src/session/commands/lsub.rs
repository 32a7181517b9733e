//! LSUB (RFC 3501 §6.3.9): the names that are subscribed to, of the account acted as and of boxes beside it (S-1.7), those of
//! mailboxes that were deleted included (§6.3.6).
//! May read mailbox records. \Noselect here means "not subscribed, but something below is", as the section demands for `%`.

use std::collections::{BTreeSet, HashSet};

use crate::{
    capability::Extension,
    completion::Completion,
    output::Output,
    session::{
        Session,
        commands::list::{children, parents_of, write},
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
    let shelves = session.shelves().await?;
    let names = || shelves.iter().flat_map(|shelf| shelf.boxes.iter().map(move |found| (shelf, found)));
    let existing: Vec<String> = names().map(|(shelf, found)| shelf.name_of(&found.name)).collect();
    let left = shelves.iter().flat_map(|shelf| shelf.left.iter().map(|name| shelf.name_of(name)));
    let left: Vec<String> = left.collect();
    let parents = parents_of(existing.iter().map(String::as_str));
    let means = Pattern::new(reference, pattern);
    let tells_children = session.offers(Extension::Children);
    let subscribed: Vec<&str> = names()
        .zip(&existing)
        .filter(|((_, found), _)| found.subscribed)
        .map(|(_, name)| name.as_str())
        .chain(left.iter().map(String::as_str))
        .collect();
    for name in subscribed.iter().filter(|name| means.matches(name)) {
        let attributes: &[&str] = if tells_children { &[children(parents.contains(name))] } else { &[] };
        write(session, out, "LSUB", attributes, name, "").await?;
    }
    if pattern.contains('%') {
        // Parents stand for what the pattern does not reach below them.
        let known: HashSet<&str> = subscribed.iter().copied().collect();
        let unreached = subscribed.iter().copied().filter(|name| !means.matches(name));
        let above: BTreeSet<&str> = parents_of(unreached).into_iter().collect();
        for name in above.into_iter().filter(|name| means.matches(name) && !known.contains(name)) {
            write(session, out, "LSUB", &["\\Noselect", "\\HasChildren"], name, "").await?;
        }
    }
    Ok(Completion::ok("LSUB completed"))
}

//! LIST (RFC 3501 §6.3.8), with what RFC 6154 §2 brings of RFC 5258 and with the attributes of RFC 3348.
//! May read the mailbox records of one account. Must never answer \Noselect for a mailbox: parents are real ones.

use std::collections::HashSet;

use store::BoxInfo;

use crate::{
    command::{ListArgs, ListReturn, ListSelect},
    completion::Completion,
    output::Output,
    session::{Session, halt::Halt},
    wire::{encode, list::Pattern},
};

pub(in crate::session) async fn list(
    session: &Session,
    args: ListArgs,
    out: &mut Output<'_>,
) -> Result<Completion, Halt> {
    if let ([pattern], None) = (args.patterns.as_slice(), args.returns)
        && pattern.is_empty()
    {
        // RFC 3501 §6.3.8: an empty pattern asks for the hierarchy delimiter.
        out.line("* LIST (\\Noselect) \"/\" \"\"").await?;
        return Ok(Completion::ok("LIST completed"));
    }
    let existing = mailboxes(session).await?;
    let patterns: Vec<Pattern> =
        args.patterns.iter().map(|pattern| Pattern::new(&args.reference, pattern)).collect();
    let parents = parents_of(existing.iter().map(|found| found.name.as_str()));
    let parents_of_subscribed =
        parents_of(existing.iter().filter(|found| found.subscribed).map(|found| found.name.as_str()));
    for found in existing.iter().filter(|found| patterns.iter().any(|pattern| pattern.matches(&found.name))) {
        let below = args.select.recursive_match && parents_of_subscribed.contains(found.name.as_str());
        if !selects(args.select, found) && !below {
            continue;
        }
        let attributes = attributes(found, &parents, args.select, args.returns);
        let child_info = if below { " (\"CHILDINFO\" (\"SUBSCRIBED\"))" } else { "" };
        write(session, out, "LIST", &attributes, &found.name, child_info).await?;
    }
    Ok(Completion::ok("LIST completed"))
}

/// The mailboxes of the account, INBOX first, then by name.
pub(super) async fn mailboxes(session: &Session) -> Result<Vec<BoxInfo>, Halt> {
    let account = session.account();
    let mut existing = session.read(move |reader| reader.boxes(account)).await?;
    existing.sort_by(|a, b| (a.name != "INBOX", &a.name).cmp(&(b.name != "INBOX", &b.name)));
    Ok(existing)
}

/// One LIST or LSUB response.
pub(super) async fn write(
    session: &Session,
    out: &mut Output<'_>,
    word: &str,
    attributes: &[&str],
    name: &str,
    extended: &str,
) -> Result<(), Halt> {
    let buffer = out.buffer();
    buffer.extend_from_slice(format!("* {word} ").as_bytes());
    encode::list(buffer, attributes.iter().copied());
    buffer.extend_from_slice(b" \"/\" ");
    encode::mailbox(buffer, name, session.names());
    Ok(out.line(extended).await?)
}

/// Names that have one of these names below them.
pub(super) fn parents_of<'n>(names: impl Iterator<Item = &'n str>) -> HashSet<&'n str> {
    names.flat_map(|name| name.match_indices('/').filter_map(|(at, _)| name.get(..at))).collect()
}

fn selects(select: ListSelect, found: &BoxInfo) -> bool {
    (!select.subscribed || found.subscribed) && (!select.special_use || found.special_use.is_some())
}

/// Without RETURN all that is known is told but subscriptions (RFC 3501 clients do not expect those).
fn attributes(
    found: &BoxInfo,
    parents: &HashSet<&str>,
    select: ListSelect,
    returns: Option<ListReturn>,
) -> Vec<&'static str> {
    let plain = ListReturn { subscribed: false, children: true, special_use: true };
    let wanted = returns.unwrap_or(plain);
    let mut attributes = Vec::new();
    if found.subscribed && (wanted.subscribed || select.subscribed) {
        attributes.push("\\Subscribed");
    }
    if wanted.children {
        attributes.push(children(parents.contains(found.name.as_str())));
    }
    if let Some(special_use) = found.special_use
        && (wanted.special_use || select.special_use)
    {
        attributes.push(special_use.as_str());
    }
    attributes
}

/// RFC 3348 §3.
pub(super) fn children(any: bool) -> &'static str {
    if any { "\\HasChildren" } else { "\\HasNoChildren" }
}

//! LIST (RFC 3501 §6.3.8, RFC 5258, RFC 5819, RFC 6154 §2, RFC 3348): the mailboxes of the account acted as, and those of boxes
//! that the person may open beside it (S-1.7).
//! May read mailbox records and their counters. Must never answer \Noselect for a mailbox: parents are real ones; only the
//! levels above the boxes of others are none, and names that are subscribed to though their mailbox was deleted.

use std::collections::{BTreeSet, HashSet};

use store::{BOX_DEPTH, BoxInfo};

use crate::{
    capability::Extension,
    command::{ListArgs, ListReturn, ListSelect},
    completion::Completion,
    output::Output,
    session::{
        Session,
        boxes::{OTHERS, Shelf},
        commands::status,
        halt::Halt,
    },
    wire::{encode, list::Pattern},
};

pub(in crate::session) async fn list(
    session: &Session,
    args: ListArgs,
    out: &mut Output<'_>,
) -> Result<Completion, Halt> {
    let plain = args.returns.is_none() && args.select == ListSelect::default();
    if plain && matches!(args.patterns.as_slice(), [pattern] if pattern.is_empty()) {
        // RFC 3501 §6.3.8: an empty pattern asks for the hierarchy delimiter.
        out.line("* LIST (\\Noselect) \"/\" \"\"").await?;
        return Ok(Completion::ok("LIST completed"));
    }
    let patterns = args.patterns.iter().map(|pattern| Pattern::new(&args.reference, pattern)).collect();
    let extended = !plain || args.patterns.len() > 1 || session.enabled.rev2;
    let list = List { session, select: args.select, returns: args.returns, patterns, extended };
    let shelves = session.shelves().await?;
    for shelf in &shelves {
        list.levels_above(shelf, &shelves, out).await?;
        list.mailboxes(shelf, out).await?;
    }
    Ok(Completion::ok("LIST completed"))
}

/// What is asked for.
struct List<'s> {
    session: &'s Session,
    select: ListSelect,
    returns: Option<ListReturn>,
    patterns: Vec<Pattern>,
    /// Whether the client knows the attributes of RFC 5258.
    extended: bool,
}

impl List<'_> {
    fn matches(&self, name: &str) -> bool {
        self.patterns.iter().any(|pattern| pattern.matches(name))
    }

    /// The mailboxes of one account.
    async fn mailboxes(&self, shelf: &Shelf, out: &mut Output<'_>) -> Result<(), Halt> {
        let parents = parents_of(shelf.boxes.iter().map(|found| found.name.as_str()));
        let selected = shelf.boxes.iter().filter(|found| self.selects(found, shelf));
        let selected = selected.map(|found| found.name.as_str()).chain(self.left(shelf));
        let above_selected = parents_of(selected);
        for found in &shelf.boxes {
            let name = shelf.name_of(&found.name);
            let itself = self.selects(found, shelf);
            let below = self.select.recursive_match && above_selected.contains(found.name.as_str());
            if !(itself || below) || !self.matches(&name) {
                continue;
            }
            let attributes = self.attributes(found, shelf, parents.contains(found.name.as_str()));
            let child_info = if below { self.child_info() } else { String::new() };
            write(self.session, out, "LIST", &attributes, &name, &child_info).await?;
            // RFC 5819 §2: not of a mailbox that is told for what is below it alone.
            if let Some(returns) =
                self.returns.as_ref().filter(|returns| itself && !returns.status.is_empty())
            {
                if !shelf.is_own() {
                    self.session.enter(found.account).await?;
                }
                status::tell(self.session, &name, found, &returns.status, out).await?;
            }
        }
        self.names_left(shelf, &above_selected, out).await
    }

    /// Names that are selected though no mailbox has them any more: they are subscribed to still (RFC 5258 §3.1).
    fn left<'n>(&self, shelf: &'n Shelf) -> impl Iterator<Item = &'n str> + use<'n> {
        let selected = self.select.subscribed && !self.select.special_use;
        shelf.left.iter().map(String::as_str).filter(move |_| selected)
    }

    /// Those names, and such above them, where that is asked for.
    async fn names_left(
        &self,
        shelf: &Shelf,
        above_selected: &HashSet<&str>,
        out: &mut Output<'_>,
    ) -> Result<(), Halt> {
        let subscribed: BTreeSet<&str> = self.left(shelf).collect();
        let exists = |name: &str| shelf.boxes.iter().any(|found| found.name == name);
        let above = parents_of(subscribed.iter().copied());
        let above = above.into_iter().filter(|name| self.select.recursive_match && !exists(name));
        for name in above.chain(subscribed.iter().copied()).collect::<BTreeSet<_>>() {
            let full_name = shelf.name_of(name);
            if !self.matches(&full_name) {
                continue;
            }
            let mut attributes = vec!["\\NonExistent"];
            attributes.extend(subscribed.contains(name).then_some("\\Subscribed"));
            attributes.extend(self.wants_children().then_some(children(false)));
            let below = self.select.recursive_match && above_selected.contains(name);
            let child_info = if below { self.child_info() } else { String::new() };
            write(self.session, out, "LIST", &attributes, &full_name, &child_info).await?;
        }
        Ok(())
    }

    /// `Other users` before the first box beside one's own, and the level of each: names that no mailbox has.
    async fn levels_above(&self, shelf: &Shelf, all: &[Shelf], out: &mut Output<'_>) -> Result<(), Halt> {
        if shelf.is_own() {
            return Ok(());
        }
        let is_first =
            all.iter().find(|shelf| !shelf.is_own()).is_some_and(|first| first.prefix == shelf.prefix);
        if is_first {
            let below = all.iter().filter(|shelf| !shelf.is_own()).any(|shelf| self.selects_any(shelf));
            self.level(OTHERS, below, out).await?;
        }
        self.level(shelf.prefix.trim_end_matches('/'), self.selects_any(shelf), out).await
    }

    /// A level that no mailbox has: nothing selects it but what is below it.
    async fn level(&self, name: &str, selected_below: bool, out: &mut Output<'_>) -> Result<(), Halt> {
        let by_itself = !self.select.subscribed && !self.select.special_use;
        let below = self.select.recursive_match && selected_below;
        if !(by_itself || below) || !self.matches(name) {
            return Ok(());
        }
        // RFC 5258 §3: the second implies the first, but for clients that write RETURN and know RFC 3501 alone.
        let mut attributes = vec!["\\Noselect"];
        attributes.extend(self.extended.then_some("\\NonExistent"));
        attributes.extend(self.wants_children().then_some(children(true)));
        let child_info = if below { self.child_info() } else { String::new() };
        write(self.session, out, "LIST", &attributes, name, &child_info).await
    }

    fn selects_any(&self, shelf: &Shelf) -> bool {
        self.left(shelf).next().is_some() || shelf.boxes.iter().any(|found| self.selects(found, shelf))
    }

    /// What a box beside one's own is for is nothing to file one's own sent mail or drafts by: it has no special use here.
    fn selects(&self, found: &BoxInfo, shelf: &Shelf) -> bool {
        let special = shelf.is_own() && found.special_use.is_some();
        (!self.select.subscribed || found.subscribed) && (!self.select.special_use || special)
    }

    /// Without RETURN all that is known is told but subscriptions (RFC 3501 clients do not expect those).
    fn attributes(&self, found: &BoxInfo, shelf: &Shelf, has_children: bool) -> Vec<&'static str> {
        let (subscribed, special_use) = match &self.returns {
            Some(returns) => (returns.subscribed, returns.special_use),
            None => (false, self.session.offers(Extension::SpecialUse)),
        };
        let mut attributes = Vec::new();
        if found.subscribed && (subscribed || self.select.subscribed) {
            attributes.push("\\Subscribed");
        }
        if found.name.split('/').count() >= BOX_DEPTH {
            attributes.push("\\Noinferiors");
        }
        if self.wants_children() {
            attributes.push(children(has_children));
        }
        if let Some(used_for) = found.special_use.filter(|_| shelf.is_own())
            && (special_use || self.select.special_use)
        {
            attributes.push(used_for.as_str());
        }
        attributes
    }

    fn wants_children(&self) -> bool {
        self.returns.as_ref().map_or(self.session.offers(Extension::Children), |returns| returns.children)
    }

    /// RFC 5258 §3.5: by what something below was selected.
    fn child_info(&self) -> String {
        let options = [(self.select.subscribed, "SUBSCRIBED"), (self.select.special_use, "SPECIAL-USE")];
        let given: Vec<String> =
            options.iter().filter(|(given, _)| *given).map(|(_, name)| format!("\"{name}\"")).collect();
        format!(" (\"CHILDINFO\" ({}))", given.join(" "))
    }
}

/// One LIST or LSUB response; `extended` is what follows the name, its space included.
pub(super) async fn write(
    session: &Session,
    out: &mut Output<'_>,
    word: &str,
    attributes: &[&str],
    name: &str,
    extended: impl AsRef<[u8]>,
) -> Result<(), Halt> {
    let buffer = out.buffer();
    buffer.extend_from_slice(format!("* {word} ").as_bytes());
    encode::list(buffer, attributes.iter().copied());
    buffer.extend_from_slice(b" \"/\" ");
    encode::mailbox(buffer, name, session.names());
    Ok(out.line(extended).await?)
}

/// Tells a client of IMAP4rev2 under which name a mailbox is known now that it knew, or asked for, under another (RFC 9051
/// §6.3.9.7). Nothing for others.
pub(super) async fn tell_new_name(
    session: &Session,
    name: &str,
    old: &str,
    out: &mut Output<'_>,
) -> Result<(), Halt> {
    if !session.enabled.rev2 || name == old {
        return Ok(());
    }
    write_named(session, name, Some(old), out).await
}

/// A LIST response that a command other than LIST gives, with the name that the client used, if that is another.
pub(super) async fn write_named(
    session: &Session,
    name: &str,
    old: Option<&str>,
    out: &mut Output<'_>,
) -> Result<(), Halt> {
    let mut extended = Vec::new();
    if let Some(old) = old {
        extended.extend_from_slice(b" (\"OLDNAME\" (");
        encode::mailbox(&mut extended, old, session.names());
        extended.extend_from_slice(b"))");
    }
    write(session, out, "LIST", &[], name, extended).await
}

/// Names that have one of these names below them.
pub(super) fn parents_of<'n>(names: impl Iterator<Item = &'n str>) -> HashSet<&'n str> {
    names.flat_map(|name| name.match_indices('/').filter_map(|(at, _)| name.get(..at))).collect()
}

/// RFC 3348 §3.
pub(super) fn children(any: bool) -> &'static str {
    if any { "\\HasChildren" } else { "\\HasNoChildren" }
}

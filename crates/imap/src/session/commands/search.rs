//! SEARCH and UID SEARCH (RFC 3501 §6.4.4, §7.2.5; RFC 9051 §6.4.4; RFC 4731; RFC 5182; RFC 7162 §3.1.5): how a key is judged
//! is in `session::search`.
//! May read messages, visit by visit. Must never log what was looked for.

use std::sync::Arc;

use store::{ModSeq, Uid, UidRuns};

use crate::{
    command::{Numbering, SearchKey, SearchReturn, Tag},
    completion::Completion,
    output::Output,
    session::{
        Session,
        halt::Halt,
        search::{Match, Plan, matching},
    },
    wire::encode::{self, Code},
};

/// Messages looked at in one visit to the store's pool, so that other sessions get their turn.
const VISIT: usize = 4096;

/// What is asked.
pub(in crate::session) struct Search<'s> {
    pub(in crate::session) tag: &'s Tag,
    pub(in crate::session) numbering: Numbering,
    pub(in crate::session) returns: Option<SearchReturn>,
    pub(in crate::session) key: &'s SearchKey,
}

pub(in crate::session) async fn search(
    session: &mut Session,
    search: Search<'_>,
    out: &mut Output<'_>,
) -> Result<Completion, Halt> {
    session.view()?;
    let saves = search.returns.is_some_and(|returns| returns.save);
    let mod_sequences = search.key.any(&|key| matches!(key, SearchKey::ModSeq(_)));
    if mod_sequences {
        session.mod_sequences_wanted(out).await?;
    }
    let found = match find(session, search.key).await {
        Ok(found) => found,
        Err(halt) => {
            if saves {
                // RFC 5182 §2.1: what is saved of a search that failed is nothing.
                session.view_mut()?.save(UidRuns::new());
            }
            return Err(halt);
        }
    };
    // RFC 9051 §6.4.4: rev2 knows ESEARCH alone.
    let all = SearchReturn { all: true, ..SearchReturn::default() };
    match search.returns.or(session.enabled.rev2.then_some(all)) {
        Some(returns) => {
            if returns.save {
                session.view_mut()?.save(found.saved(returns));
            }
            extended(session, &search, returns, &found, mod_sequences, out).await?;
        }
        None => plain(session, search.numbering, &found, mod_sequences, out).await?,
    }
    Ok(Completion::ok("SEARCH completed"))
}

/// What matched.
#[derive(Default)]
struct Found {
    uids: UidRuns,
    /// Mod-sequences of the first and of the last, and the highest of all.
    first: ModSeq,
    last: ModSeq,
    highest: ModSeq,
}

impl Found {
    fn add(&mut self, (uid, modseq): Match) {
        if self.uids.is_empty() {
            self.first = modseq;
        }
        self.uids.push(uid);
        self.last = modseq;
        self.highest = self.highest.max(modseq);
    }

    /// What `$` stands for from now on: with MIN or MAX, and neither ALL nor COUNT beside them, only those (RFC 5182 §2.4).
    fn saved(&self, returns: SearchReturn) -> UidRuns {
        if returns.all || returns.count || !(returns.min || returns.max) {
            return self.uids.clone();
        }
        let ends = [
            returns.min.then(|| self.uids.first()).flatten(),
            returns.max.then(|| self.uids.last()).flatten(),
        ];
        UidRuns::of(ends.into_iter().flatten().map(|uid| (uid, uid)).collect())
    }

    /// The mod-sequence of an ESEARCH response: of the messages that it names (RFC 4731 §3.2), of all of them for ALL and
    /// COUNT.
    fn mod_sequence(&self, returns: SearchReturn) -> ModSeq {
        match (returns.all || returns.count, returns.min, returns.max) {
            (false, true, true) => self.first.max(self.last),
            (false, true, false) => self.first,
            (false, false, true) => self.last,
            _ => self.highest,
        }
    }
}

async fn find(session: &Session, key: &SearchKey) -> Result<Found, Halt> {
    let view = session.view()?;
    let mailbox = view.mailbox();
    let plan = Arc::new(Plan::new(key, view, session.server.clock.now().as_second()));
    let candidates = plan.candidates(view);
    let mut left = candidates.iter();
    let mut visit: Vec<Uid> = left.by_ref().take(VISIT).collect();
    let mut found = Found::default();
    let revoked = session.revoked();
    tokio::pin!(revoked);
    while !visit.is_empty() {
        let plan = plan.clone();
        let look = move |reader: &store::Reader<'_>| {
            let (matches, looked) = matching(reader, mailbox, &plan, &visit)?;
            Ok((matches, visit.split_off(looked.clamp(1, visit.len()))))
        };
        let (matches, rest) = tokio::select! {
            biased;
            // S-1.5: whoever lost the right to read does not go on reading for the length of a search.
            () = &mut revoked => return Err(rights_ended().into()),
            looked = session.read(look) => looked?,
        };
        matches.into_iter().for_each(|one| found.add(one));
        visit = rest;
        visit.extend(left.by_ref().take(VISIT - visit.len()));
    }
    Ok(found)
}

fn rights_ended() -> Completion {
    Completion::no_with(Code::NoPerm, "The right to read this mailbox ended during the search")
}

/// The numbers of these messages, first and last of each run, ascending.
fn numbers(session: &Session, numbering: Numbering, uids: &UidRuns) -> Result<Vec<(u32, u32)>, Halt> {
    Ok(match numbering {
        Numbering::Sequence => session.view()?.sequences(uids),
        Numbering::Uid => uids.runs().iter().map(|(first, last)| (first.get(), last.get())).collect(),
    })
}

/// `* SEARCH 2 5 6 (MODSEQ 917162500)`.
async fn plain(
    session: &Session,
    numbering: Numbering,
    found: &Found,
    mod_sequences: bool,
    out: &mut Output<'_>,
) -> Result<(), Halt> {
    out.bytes(b"* SEARCH").await?;
    for (first, last) in numbers(session, numbering, &found.uids)? {
        for number in first..=last {
            let buffer = out.buffer();
            buffer.push(b' ');
            encode::number(buffer, u64::from(number));
            out.drain().await?;
        }
    }
    if mod_sequences && !found.uids.is_empty() {
        let buffer = out.buffer();
        buffer.extend_from_slice(b" (MODSEQ ");
        encode::number(buffer, found.highest.get());
        buffer.push(b')');
    }
    Ok(out.line("").await?)
}

/// `* ESEARCH (TAG "a") UID MIN 2 MAX 47 ALL 2,10:15,47 COUNT 8 MODSEQ 917162500`; nothing for SAVE alone (RFC 5182 §2.1).
async fn extended(
    session: &Session,
    search: &Search<'_>,
    returns: SearchReturn,
    found: &Found,
    mod_sequences: bool,
    out: &mut Output<'_>,
) -> Result<(), Halt> {
    if !(returns.min || returns.max || returns.all || returns.count) {
        return Ok(());
    }
    let runs = numbers(session, search.numbering, &found.uids)?;
    let buffer = out.buffer();
    buffer.extend_from_slice(b"* ESEARCH (TAG ");
    encode::string(buffer, search.tag.as_str().as_bytes());
    buffer.push(b')');
    if search.numbering == Numbering::Uid {
        buffer.extend_from_slice(b" UID");
    }
    if let (Some((first, _)), Some((_, last))) = (runs.first(), runs.last()) {
        if returns.min {
            item(buffer, b" MIN ", u64::from(*first));
        }
        if returns.max {
            item(buffer, b" MAX ", u64::from(*last));
        }
        if returns.all {
            buffer.extend_from_slice(b" ALL ");
            encode::ranges(buffer, runs.iter().copied());
        }
    }
    if returns.count {
        item(buffer, b" COUNT ", u64::from(found.uids.len()));
    }
    if mod_sequences && !found.uids.is_empty() {
        item(buffer, b" MODSEQ ", found.mod_sequence(returns).get());
    }
    Ok(out.line("").await?)
}

fn item(buffer: &mut Vec<u8>, name: &[u8], number: u64) {
    buffer.extend_from_slice(name);
    encode::number(buffer, number);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(matches: &[(u32, u64)]) -> Found {
        let mut found = Found::default();
        for (uid, modseq) in matches {
            found.add((Uid::new(*uid).unwrap(), ModSeq::new(*modseq)));
        }
        found
    }

    fn returns(min: bool, max: bool, all: bool, count: bool) -> SearchReturn {
        SearchReturn { min, max, all, count, save: true }
    }

    #[test]
    fn what_is_saved_is_what_was_asked_for() {
        let found = found(&[(2, 1), (3, 1), (9, 1)]);
        let saved = |min, max, all, count| {
            found.saved(returns(min, max, all, count)).iter().map(Uid::get).collect::<Vec<_>>()
        };
        assert_eq!(saved(false, false, false, false), [2, 3, 9]);
        assert_eq!(saved(true, false, false, false), [2]);
        assert_eq!(saved(false, true, false, false), [9]);
        assert_eq!(saved(true, true, false, false), [2, 9]);
        assert_eq!(saved(true, false, true, false), [2, 3, 9]);
        assert_eq!(saved(false, true, false, true), [2, 3, 9]);
    }

    #[test]
    fn the_mod_sequence_is_that_of_the_messages_named() {
        let found = found(&[(2, 7), (3, 9), (9, 8)]);
        let told = |min, max, all, count| found.mod_sequence(returns(min, max, all, count)).get();
        assert_eq!(told(true, false, false, false), 7);
        assert_eq!(told(false, true, false, false), 8);
        assert_eq!(told(true, true, false, false), 8);
        assert_eq!(told(true, false, false, true), 9);
        assert_eq!(told(false, false, true, false), 9);
    }
}

//! SELECT and EXAMINE (RFC 3501 §6.3.1, §6.3.2) with the parameters of RFC 7162 (§3.1.8 CONDSTORE, §3.2.5 QRESYNC).

use crate::command::{Bound, MailboxName, QResync, SelectParams, SequenceSet};

use super::{
    cursor::{Cursor, Fault, Parsed},
    mailboxes, sets,
};

/// A mailbox and what is asked beside it.
pub(super) fn arguments(cursor: &mut Cursor<'_>) -> Parsed<(MailboxName, SelectParams)> {
    const A_PARAMETER: &str = "CONDSTORE or QRESYNC";
    let (mailbox, written) = mailboxes::sp_mailbox_as_written(cursor)?;
    let mut params = SelectParams { written, ..SelectParams::default() };
    if cursor.at_end() {
        return Ok((mailbox, params));
    }
    cursor.space()?;
    cursor.byte(b'(', "a parenthesised list of parameters, or the end")?;
    loop {
        let fault = cursor.expected(A_PARAMETER);
        match cursor.word(A_PARAMETER)?.as_str() {
            "CONDSTORE" => params.condstore = true,
            "QRESYNC" if params.qresync.is_none() => {
                cursor.space()?;
                params.qresync = Some(qresync(cursor)?);
            }
            _ => return Err(fault),
        }
        if cursor.take(b')') {
            return Ok((mailbox, params));
        }
        cursor.space()?;
    }
}

/// `(67890007 20050715194045000 41,43:211 (1:5 41,43:46))`: the last two may be missing.
fn qresync(cursor: &mut Cursor<'_>) -> Parsed<QResync> {
    cursor.byte(b'(', "the parameters of QRESYNC in parentheses")?;
    let fault = cursor.expected("a UIDVALIDITY");
    let uid_validity = cursor.number("a UIDVALIDITY").ok().filter(|number| *number > 0).ok_or(fault)?;
    cursor.space()?;
    let modseq = cursor.mod_sequence()?;
    let (mut known_uids, mut sequence_match) = (None, None);
    if cursor.take(b' ') {
        if cursor.peek() != Some(b'(') {
            known_uids = Some(sets::known(cursor)?);
        }
        if known_uids.is_none() || cursor.take(b' ') {
            sequence_match = Some(pairs(cursor)?);
        }
    }
    cursor.byte(b')', "a closing parenthesis")?;
    Ok(QResync { uid_validity, modseq, known_uids, sequence_match })
}

fn pairs(cursor: &mut Cursor<'_>) -> Parsed<(SequenceSet, SequenceSet)> {
    cursor.byte(b'(', "sequence numbers and their UIDs in parentheses")?;
    let sequences = sets::known(cursor)?;
    cursor.space()?;
    let uids = sets::known(cursor)?;
    cursor.byte(b')', "a closing parenthesis")?;
    if count(&sequences) != count(&uids) {
        return Err(Fault::other("QRESYNC wants as many UIDs as sequence numbers"));
    }
    Ok((sequences, uids))
}

/// How many numbers a set without `*` names, each written range by itself.
fn count(set: &SequenceSet) -> u64 {
    let length = |&(from, to): &(Bound, Bound)| match (from, to) {
        (Bound::Number(from), Bound::Number(to)) => u64::from(from.get().abs_diff(to.get())) + 1,
        _ => 0,
    };
    set.ranges().iter().map(length).sum()
}

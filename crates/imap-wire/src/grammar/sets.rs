//! `sequence-set` (RFC 3501 §9), and `$` for what the last SEARCH saved (RFC 5182 §2.1).

use std::num::NonZeroU32;

use crate::command::{Bound, SequenceSet};

use super::cursor::{Cursor, Fault, Parsed};

/// Most ranges of a set.
pub const SET_RANGES: usize = 10_000;

const A_SET: &str = "message numbers such as 1:4,7,9:*";

pub(super) fn set(cursor: &mut Cursor<'_>) -> Parsed<SequenceSet> {
    if cursor.take(b'$') {
        return Ok(SequenceSet::saved());
    }
    let mut ranges = Vec::new();
    loop {
        if ranges.len() == SET_RANGES {
            return Err(Fault::other("at most 10000 ranges in a set: split the command"));
        }
        let from = bound(cursor)?;
        let to = if cursor.take(b':') { bound(cursor)? } else { from };
        ranges.push((from, to));
        if !cursor.take(b',') {
            return Ok(SequenceSet::new(ranges));
        }
    }
}

/// A set of numbers that are known: neither `*` nor `$` (RFC 7162 §7 `known-uids`).
pub(super) fn known(cursor: &mut Cursor<'_>) -> Parsed<SequenceSet> {
    let fault = cursor.expected("numbers such as 1:4,7, without *");
    let set = set(cursor)?;
    if set.is_saved() || set.names_largest() { Err(fault) } else { Ok(set) }
}

fn bound(cursor: &mut Cursor<'_>) -> Parsed<Bound> {
    if cursor.take(b'*') {
        return Ok(Bound::Largest);
    }
    let fault = cursor.expected(A_SET);
    NonZeroU32::new(cursor.number(A_SET)?).map(Bound::Number).ok_or(fault)
}

//! Flags and STORE (RFC 3501 §2.3.2, §6.4.6) with its modifier (RFC 7162 §3.1.3).

use crate::command::{Flag, Messages, SelectedCommand, StoreMode};

use super::cursor::{Cursor, Fault, Parsed};

/// Most keywords in one command: as many as a message can carry.
pub const KEYWORDS: usize = 32;

/// Longest keyword, in bytes.
pub const KEYWORD_BYTES: usize = 64;

const A_FLAG: &str = r"a flag such as \Seen or a keyword";

pub(super) fn store(cursor: &mut Cursor<'_>, messages: Messages) -> Parsed<SelectedCommand> {
    const AN_ACTION: &str = "FLAGS, +FLAGS or -FLAGS, with or without .SILENT";
    cursor.space()?;
    let unchanged_since = if cursor.peek() == Some(b'(') { Some(unchanged_since(cursor)?) } else { None };
    let mode = match cursor.peek() {
        Some(b'+') => StoreMode::Add,
        Some(b'-') => StoreMode::Remove,
        _ => StoreMode::Replace,
    };
    if mode != StoreMode::Replace {
        cursor.skip(1);
    }
    let fault = cursor.expected(AN_ACTION);
    let silent = match cursor.word(AN_ACTION)?.as_str() {
        "FLAGS" => false,
        "FLAGS.SILENT" => true,
        _ => return Err(fault),
    };
    cursor.space()?;
    let flags = if cursor.peek() == Some(b'(') { flag_list(cursor)? } else { bare_flags(cursor)? };
    Ok(SelectedCommand::Store { messages, unchanged_since, mode, silent, flags })
}

/// `(UNCHANGEDSINCE 12345) `, the space behind it included. Zero means that it must not exist yet.
fn unchanged_since(cursor: &mut Cursor<'_>) -> Parsed<u64> {
    cursor.skip(1);
    let fault = cursor.expected("UNCHANGEDSINCE");
    if !cursor.take_word("UNCHANGEDSINCE") {
        return Err(fault);
    }
    cursor.space()?;
    let modseq = cursor.mod_sequence_or_zero()?;
    cursor.byte(b')', "a closing parenthesis")?;
    cursor.space()?;
    Ok(modseq)
}

/// `(…)`, maybe empty.
pub(super) fn flag_list(cursor: &mut Cursor<'_>) -> Parsed<Vec<Flag>> {
    cursor.byte(b'(', "a parenthesised list of flags")?;
    let mut flags = Vec::new();
    if cursor.take(b')') {
        return Ok(flags);
    }
    loop {
        add_flag(cursor, &mut flags)?;
        if cursor.take(b')') {
            return Ok(flags);
        }
        cursor.space()?;
    }
}

fn bare_flags(cursor: &mut Cursor<'_>) -> Parsed<Vec<Flag>> {
    let mut flags = Vec::new();
    loop {
        add_flag(cursor, &mut flags)?;
        if cursor.at_end() {
            return Ok(flags);
        }
        cursor.space()?;
    }
}

fn add_flag(cursor: &mut Cursor<'_>, flags: &mut Vec<Flag>) -> Parsed<()> {
    let Some(flag) = flag(cursor)? else { return Ok(()) };
    if !flags.contains(&flag) {
        flags.push(flag);
    }
    if flags.iter().filter(|flag| matches!(flag, Flag::Keyword(_))).count() > KEYWORDS {
        return Err(Fault::other("at most 32 keywords"));
    }
    Ok(())
}

/// One flag; `None` for `\Recent`, which copying clients (imapsync, offlineimap) send back though it is not theirs to set.
fn flag(cursor: &mut Cursor<'_>) -> Parsed<Option<Flag>> {
    if !cursor.take(b'\\') {
        return keyword(cursor).map(|keyword| Some(Flag::Keyword(keyword)));
    }
    let fault = Fault::other(r"the system flags are \Answered, \Deleted, \Draft, \Flagged and \Seen");
    match cursor.atom(A_FLAG)?.to_ascii_uppercase().as_slice() {
        b"ANSWERED" => Ok(Some(Flag::Answered)),
        b"DELETED" => Ok(Some(Flag::Deleted)),
        b"DRAFT" => Ok(Some(Flag::Draft)),
        b"FLAGGED" => Ok(Some(Flag::Flagged)),
        b"SEEN" => Ok(Some(Flag::Seen)),
        b"RECENT" => Ok(None),
        _ => Err(fault),
    }
}

/// A keyword; also the argument of SEARCH KEYWORD.
pub(super) fn keyword(cursor: &mut Cursor<'_>) -> Parsed<String> {
    let fault = cursor.expected(A_FLAG);
    let atom = cursor.atom(A_FLAG)?;
    if atom.len() > KEYWORD_BYTES {
        return Err(Fault::other("a keyword has at most 64 bytes"));
    }
    String::from_utf8(atom.to_vec()).map_err(|_| fault)
}

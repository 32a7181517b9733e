//! Mailbox names and the commands about whole mailboxes (RFC 3501 §6.3, RFC 5258, RFC 5819, RFC 6154).

use crate::{
    Names,
    command::{ListArgs, ListReturn, ListSelect, MailboxName, SessionCommand, SpecialUse, StatusItem},
};

use super::cursor::{Cursor, Fault, Parsed};

/// Most patterns in one LIST.
pub const LIST_PATTERNS: usize = 32;

/// Longest reference or pattern, in bytes.
const PATTERN_BYTES: usize = 1024;

const A_MAILBOX: &str = "a mailbox name";

/// A space and a mailbox name.
pub(super) fn sp_mailbox(cursor: &mut Cursor<'_>) -> Parsed<MailboxName> {
    sp_mailbox_as_written(cursor).map(|(mailbox, _)| mailbox)
}

/// The same, and the name as the client wrote it, where that is another.
pub(super) fn sp_mailbox_as_written(cursor: &mut Cursor<'_>) -> Parsed<(MailboxName, Option<String>)> {
    cursor.space()?;
    let bytes = cursor.astring(A_MAILBOX)?;
    let name = cursor.names().decode(&bytes).map_err(|error| Fault::other(error.to_string()))?;
    let mailbox = MailboxName::parse(&name).map_err(Fault::Name)?;
    // A separator at the end is a hint that children will come, no part of the name (RFC 3501 §6.3.3).
    let written = Some(name).filter(|name| name.trim_end_matches('/') != mailbox.as_str());
    Ok((mailbox, written))
}

/// CREATE, with `(USE (\Sent))` of RFC 6154 §3.
pub(super) fn create(cursor: &mut Cursor<'_>) -> Parsed<SessionCommand> {
    let (mailbox, written) = sp_mailbox_as_written(cursor)?;
    let mut special_use = Vec::new();
    if !cursor.at_end() {
        cursor.space()?;
        cursor.byte(b'(', "(USE (…)) or the end")?;
        let fault = cursor.expected("USE");
        if !cursor.take_word("USE") {
            return Err(fault);
        }
        cursor.space()?;
        cursor.byte(b'(', "a parenthesised list of special uses")?;
        list_of(cursor, |cursor| {
            let attribute = special_use_attribute(cursor)?;
            if !special_use.contains(&attribute) {
                special_use.push(attribute);
            }
            Ok(())
        })?;
        cursor.byte(b')', "a closing parenthesis")?;
    }
    Ok(SessionCommand::Create { mailbox, written, special_use })
}

fn special_use_attribute(cursor: &mut Cursor<'_>) -> Parsed<SpecialUse> {
    const A_USE: &str = r"a special use such as \Sent";
    cursor.byte(b'\\', A_USE)?;
    let fault = cursor.expected(A_USE);
    match cursor.word(A_USE)?.as_str() {
        "ALL" => Ok(SpecialUse::All),
        "ARCHIVE" => Ok(SpecialUse::Archive),
        "DRAFTS" => Ok(SpecialUse::Drafts),
        "FLAGGED" => Ok(SpecialUse::Flagged),
        "JUNK" => Ok(SpecialUse::Junk),
        "SENT" => Ok(SpecialUse::Sent),
        "TRASH" => Ok(SpecialUse::Trash),
        _ => Err(fault),
    }
}

/// What follows an opening parenthesis: items separated by spaces, maybe none, and the closing one.
pub(super) fn list_of(
    cursor: &mut Cursor<'_>,
    mut item: impl FnMut(&mut Cursor<'_>) -> Parsed<()>,
) -> Parsed<()> {
    if cursor.take(b')') {
        return Ok(());
    }
    loop {
        item(cursor)?;
        if cursor.take(b')') {
            return Ok(());
        }
        cursor.space()?;
    }
}

pub(super) fn list(cursor: &mut Cursor<'_>) -> Parsed<ListArgs> {
    let mut args = ListArgs::default();
    cursor.space()?;
    if cursor.take(b'(') {
        args.select = list_select(cursor)?;
        cursor.space()?;
    }
    args.reference = reference(cursor)?;
    cursor.space()?;
    if cursor.take(b'(') {
        list_of(cursor, |cursor| {
            if args.patterns.len() == LIST_PATTERNS {
                return Err(Fault::other("at most 32 patterns"));
            }
            args.patterns.push(pattern(cursor)?);
            Ok(())
        })?;
    } else {
        args.patterns.push(pattern(cursor)?);
    }
    if !cursor.at_end() {
        cursor.space()?;
        args.returns = Some(list_return(cursor)?);
    }
    Ok(args)
}

fn list_select(cursor: &mut Cursor<'_>) -> Parsed<ListSelect> {
    const AN_OPTION: &str = "SPECIAL-USE, SUBSCRIBED, REMOTE or RECURSIVEMATCH";
    let mut select = ListSelect::default();
    list_of(cursor, |cursor| {
        let fault = cursor.expected(AN_OPTION);
        match cursor.word(AN_OPTION)?.as_str() {
            "SPECIAL-USE" => select.special_use = true,
            "SUBSCRIBED" => select.subscribed = true,
            "REMOTE" => select.remote = true,
            "RECURSIVEMATCH" => select.recursive_match = true,
            _ => return Err(fault),
        }
        Ok(())
    })?;
    if select.recursive_match && !select.subscribed && !select.special_use {
        return Err(Fault::other("RECURSIVEMATCH needs SUBSCRIBED or SPECIAL-USE beside it"));
    }
    Ok(select)
}

fn list_return(cursor: &mut Cursor<'_>) -> Parsed<ListReturn> {
    const AN_OPTION: &str = "SPECIAL-USE, SUBSCRIBED, CHILDREN or STATUS";
    let fault = cursor.expected("RETURN or the end");
    if !cursor.take_word("RETURN") {
        return Err(fault);
    }
    cursor.space()?;
    cursor.byte(b'(', "a parenthesised list of return options")?;
    let mut returns = ListReturn::default();
    list_of(cursor, |cursor| {
        let fault = cursor.expected(AN_OPTION);
        match cursor.word(AN_OPTION)?.as_str() {
            "SPECIAL-USE" => returns.special_use = true,
            "SUBSCRIBED" => returns.subscribed = true,
            "CHILDREN" => returns.children = true,
            "STATUS" => returns.status = status_items(cursor)?,
            _ => return Err(fault),
        }
        Ok(())
    })?;
    Ok(returns)
}

pub(super) fn lsub(cursor: &mut Cursor<'_>) -> Parsed<SessionCommand> {
    cursor.space()?;
    let reference = reference(cursor)?;
    cursor.space()?;
    let pattern = pattern(cursor)?;
    Ok(SessionCommand::Lsub { reference, pattern })
}

fn reference(cursor: &mut Cursor<'_>) -> Parsed<String> {
    let bytes = cursor.astring("a reference, often \"\"")?;
    pattern_text(&bytes, cursor.names())
}

fn pattern(cursor: &mut Cursor<'_>) -> Parsed<String> {
    let bytes = cursor.pattern()?;
    pattern_text(&bytes, cursor.names())
}

fn pattern_text(bytes: &[u8], names: Names) -> Parsed<String> {
    if bytes.len() > PATTERN_BYTES {
        return Err(Fault::other("a reference or pattern has at most 1024 bytes"));
    }
    names.decode(bytes).map_err(|error| Fault::other(error.to_string()))
}

pub(super) fn status(cursor: &mut Cursor<'_>) -> Parsed<SessionCommand> {
    let mailbox = sp_mailbox(cursor)?;
    Ok(SessionCommand::Status { mailbox, items: status_items(cursor)? })
}

/// A space and a parenthesised list of items, each once: of STATUS, and of LIST RETURN (STATUS (…)).
fn status_items(cursor: &mut Cursor<'_>) -> Parsed<Vec<StatusItem>> {
    cursor.space()?;
    cursor.byte(b'(', "a parenthesised list of status items")?;
    let mut items = Vec::new();
    list_of(cursor, |cursor| {
        let item = status_item(cursor)?;
        if !items.contains(&item) {
            items.push(item);
        }
        Ok(())
    })?;
    if items.is_empty() {
        return Err(cursor.expected("at least one status item"));
    }
    Ok(items)
}

fn status_item(cursor: &mut Cursor<'_>) -> Parsed<StatusItem> {
    const AN_ITEM: &str = "a status item such as MESSAGES, UIDNEXT or UNSEEN";
    let fault = cursor.expected(AN_ITEM);
    Ok(match cursor.word(AN_ITEM)?.as_str() {
        "MESSAGES" => StatusItem::Messages,
        "RECENT" => StatusItem::Recent,
        "UIDNEXT" => StatusItem::UidNext,
        "UIDVALIDITY" => StatusItem::UidValidity,
        "UNSEEN" => StatusItem::Unseen,
        "HIGHESTMODSEQ" => StatusItem::HighestModSeq,
        "SIZE" => StatusItem::Size,
        "DELETED" => StatusItem::Deleted,
        "DELETED-STORAGE" => StatusItem::DeletedStorage,
        "APPENDLIMIT" => StatusItem::AppendLimit,
        _ => return Err(fault),
    })
}

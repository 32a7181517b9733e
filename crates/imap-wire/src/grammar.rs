//! Stage two of reading: one whole command, already framed, becomes a [`Command`] (RFC 3501 §9).
//! Written by hand; may use plain values only. Must never panic, whatever the bytes: depth and counts are bounded.
//!
//! A quirk of a real client that is accepted is named where it is.

use crate::{
    Names,
    command::{
        AclCommand, AppendArgs, AppendMessage, Command, ConnectionCommand, Messages, Numbering, Secret,
        SelectedCommand, SessionCommand, Tag, Tagged,
    },
    completion::Completion,
    encode::Code,
    framing::leading_tag,
};

use self::cursor::{Cursor, Fault, Parsed};

mod acl;
mod append;
mod cursor;
mod dates;
mod enable;
mod fetch;
mod flags;
mod mailboxes;
mod quota;
mod search;
mod search_return;
mod select;
mod sets;

pub use self::{
    enable::ENABLE_WORDS,
    fetch::{FETCH_BINARIES, FETCH_FIELDS, FETCH_ITEMS, SECTION_DEPTH},
    flags::{KEYWORD_BYTES, KEYWORDS},
    mailboxes::LIST_PATTERNS,
    quota::QUOTA_RESOURCES,
    search::{SEARCH_DEPTH, SEARCH_KEYS, SEARCH_TEXTS},
    sets::SET_RANGES,
};

/// Most pairs of ID (RFC 2971 §3.3).
pub const ID_PAIRS: usize = 30;

/// Longest value of an ID pair, in bytes (RFC 2971 §3.3).
pub const ID_VALUE_BYTES: usize = 1024;

/// A command that is not one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Its tag, if that much was legible; without one the answer is untagged.
    pub tag: Option<Tag>,
    /// BAD, or NO for an unknown charset (RFC 3501 §6.4.4) and for a new name that no mailbox can have.
    pub completion: Completion,
}

/// Reads a whole command (without its last line end), mailbox names as `names` says.
///
/// # Errors
/// What to answer instead.
pub fn parse(command: &[u8], names: Names) -> Result<Tagged, Refusal> {
    let (tag, name, mut cursor) = head(command, names)?;
    match arguments(&name, &mut cursor) {
        Ok(command) => Ok(Tagged { tag, command }),
        Err(fault) => Err(refusal(tag, &name, fault)),
    }
}

/// Reads an APPEND up to and including the announcement of its message and the CRLF after it.
///
/// # Errors
/// What to answer instead.
pub fn parse_append(head_bytes: &[u8], names: Names) -> Result<(Tag, AppendArgs), Refusal> {
    let (tag, name, mut cursor) = head(head_bytes, names)?;
    match append::append(&mut cursor) {
        Ok(args) => Ok((tag, args)),
        Err(fault) => Err(refusal(tag, &name, fault)),
    }
}

/// Reads what stands behind a message of APPEND up to and including the announcement of the next one and the CRLF after
/// it (RFC 3502). The error is the completion of the whole command.
pub fn parse_append_more(head: &[u8], before: &AppendMessage) -> Result<AppendMessage, Completion> {
    append::next(&mut Cursor::new(head, Names::default()), before).map_err(|fault| append_fault(&fault))
}

/// Reads what stands behind the last message of APPEND. The error is the completion of the whole command.
pub fn parse_append_end(rest: &[u8], last: &AppendMessage) -> Result<(), Completion> {
    append::end(&mut Cursor::new(rest, Names::default()), last).map_err(|fault| append_fault(&fault))
}

fn append_fault(fault: &Fault) -> Completion {
    Completion::bad(format!("APPEND, behind a message: {fault}"))
}

/// Tag and command word, in upper case.
fn head(command: &[u8], names: Names) -> Result<(Tag, String, Cursor<'_>), Refusal> {
    let no_tag = || Refusal {
        tag: None,
        completion: Completion::bad("a command starts with a tag and a space: a1 NOOP"),
    };
    let mut cursor = Cursor::new(command, names);
    let tag = match leading_tag(command) {
        Some(tag) => tag,
        // A tag alone, without command.
        None => {
            let tag = Tag::parse(command).ok_or_else(no_tag)?;
            return Err(Refusal {
                tag: Some(tag),
                completion: Completion::bad("a command is missing after the tag"),
            });
        }
    };
    cursor.skip(tag.as_str().len());
    let word = cursor.space().and_then(|()| cursor.word("a command"));
    match word {
        Ok(word) => Ok((tag, word, cursor)),
        Err(fault) => Err(refusal(tag, "", fault)),
    }
}

fn refusal(tag: Tag, name: &str, fault: Fault) -> Refusal {
    let completion = match fault {
        Fault::Charset => {
            Completion::no_with(Code::BadCharset, "this charset is not known: send the search in UTF-8")
        }
        // RFC 5530 §3: the command can be read, and can never be done.
        Fault::Name(error) if matches!(name, "CREATE" | "RENAME") => {
            Completion::no_with(Code::Cannot, format!("{name}: {error}"))
        }
        fault if name.is_empty() => Completion::bad(fault.to_string()),
        // The name went through `word`: letters, digits, dots and hyphens, of bounded length.
        fault => Completion::bad(format!("{name}: {fault}")),
    };
    Refusal { tag: Some(tag), completion }
}

fn arguments(name: &str, cursor: &mut Cursor<'_>) -> Parsed<Command> {
    let command = match name {
        "CAPABILITY" | "LOGOUT" | "ID" | "STARTTLS" | "AUTHENTICATE" | "LOGIN" => {
            Command::Connection(connection(name, cursor)?)
        }
        "IDLE" => Command::Idle,
        "APPEND" => return Err(cursor.expected("a message as a literal, as in {310}")),
        "UID" => Command::Session(SessionCommand::Selected(uid(cursor)?)),
        name => Command::Session(session(name, cursor)?),
    };
    cursor.end()?;
    Ok(command)
}

fn connection(name: &str, cursor: &mut Cursor<'_>) -> Parsed<ConnectionCommand> {
    Ok(match name {
        "CAPABILITY" => ConnectionCommand::Capability,
        "LOGOUT" => ConnectionCommand::Logout,
        "STARTTLS" => ConnectionCommand::StartTls,
        "ID" => ConnectionCommand::Id(id(cursor)?),
        "LOGIN" => {
            cursor.space()?;
            let user = cursor.astring_text("a user name")?;
            cursor.space()?;
            ConnectionCommand::Login { user, password: Secret::new(cursor.astring("a password")?) }
        }
        _ => {
            cursor.space()?;
            let mechanism = cursor.word("a mechanism such as PLAIN")?;
            let initial = if cursor.at_end() {
                None
            } else {
                cursor.space()?;
                Some(Secret::new(cursor.base64()?))
            };
            ConnectionCommand::Authenticate { mechanism, initial }
        }
    })
}

fn id(cursor: &mut Cursor<'_>) -> Parsed<Vec<(String, Option<String>)>> {
    cursor.space()?;
    let mut pairs = Vec::new();
    if cursor.take_nil() {
        return Ok(pairs);
    }
    cursor.byte(b'(', "NIL or a parenthesised list")?;
    while !cursor.take(b')') {
        if !pairs.is_empty() {
            cursor.space()?;
        }
        if pairs.len() == ID_PAIRS {
            return Err(Fault::other("at most 30 pairs"));
        }
        let field = cursor.string_text("a field name")?;
        cursor.space()?;
        let value = if cursor.take_nil() { None } else { Some(cursor.string_text("a value or NIL")?) };
        if field.len() > ID_VALUE_BYTES || value.as_ref().is_some_and(|value| value.len() > ID_VALUE_BYTES) {
            return Err(Fault::other("at most 1024 bytes a value"));
        }
        pairs.push((field, value));
    }
    Ok(pairs)
}

fn session(name: &str, cursor: &mut Cursor<'_>) -> Parsed<SessionCommand> {
    Ok(match name {
        "NOOP" => SessionCommand::Noop,
        "ENABLE" => SessionCommand::Enable(enable::capabilities(cursor)?),
        "NAMESPACE" => SessionCommand::Namespace,
        "SELECT" => {
            let (mailbox, params) = select::arguments(cursor)?;
            SessionCommand::Select { mailbox, params }
        }
        "EXAMINE" => {
            let (mailbox, params) = select::arguments(cursor)?;
            SessionCommand::Examine { mailbox, params }
        }
        "CREATE" => mailboxes::create(cursor)?,
        "DELETE" => SessionCommand::Delete(mailboxes::sp_mailbox(cursor)?),
        "RENAME" => SessionCommand::Rename {
            from: mailboxes::sp_mailbox(cursor)?,
            to: mailboxes::sp_mailbox(cursor)?,
        },
        "SUBSCRIBE" => SessionCommand::Subscribe(mailboxes::sp_mailbox(cursor)?),
        "UNSUBSCRIBE" => SessionCommand::Unsubscribe(mailboxes::sp_mailbox(cursor)?),
        "LIST" => SessionCommand::List(mailboxes::list(cursor)?),
        "LSUB" => mailboxes::lsub(cursor)?,
        "STATUS" => mailboxes::status(cursor)?,
        "GETQUOTA" => quota::get_quota(cursor)?,
        "GETQUOTAROOT" => quota::get_quota_root(cursor)?,
        "SETQUOTA" => quota::set_quota(cursor)?,
        "MYRIGHTS" => acl::my_rights(cursor)?,
        "GETACL" => acl::administer(AclCommand::GetAcl, cursor)?,
        "SETACL" => acl::administer(AclCommand::SetAcl, cursor)?,
        "DELETEACL" => acl::administer(AclCommand::DeleteAcl, cursor)?,
        "LISTRIGHTS" => acl::administer(AclCommand::ListRights, cursor)?,
        "CHECK" => SessionCommand::Selected(SelectedCommand::Check),
        "CLOSE" => SessionCommand::Selected(SelectedCommand::Close),
        "UNSELECT" => SessionCommand::Selected(SelectedCommand::Unselect),
        "EXPUNGE" => SessionCommand::Selected(SelectedCommand::Expunge(None)),
        name => SessionCommand::Selected(numbered(name, Numbering::Sequence, cursor)?),
    })
}

fn uid(cursor: &mut Cursor<'_>) -> Parsed<SelectedCommand> {
    cursor.space()?;
    let name = cursor.word("FETCH, SEARCH, STORE, COPY, MOVE or EXPUNGE")?;
    if name == "EXPUNGE" {
        cursor.space()?;
        return Ok(SelectedCommand::Expunge(Some(sets::set(cursor)?)));
    }
    numbered(&name, Numbering::Uid, cursor)
}

/// The commands that exist with sequence numbers and with UIDs.
fn numbered(name: &str, numbering: Numbering, cursor: &mut Cursor<'_>) -> Parsed<SelectedCommand> {
    if !matches!(name, "FETCH" | "SEARCH" | "STORE" | "COPY" | "MOVE") {
        return Err(Fault::other("this command is not known here"));
    }
    cursor.space()?;
    if name == "SEARCH" {
        let returns = search_return::options(cursor)?;
        return Ok(SelectedCommand::Search { numbering, returns, key: search::search(cursor)? });
    }
    let messages = Messages { numbering, set: sets::set(cursor)? };
    Ok(match name {
        "FETCH" => fetch::fetch(cursor, messages)?,
        "STORE" => flags::store(cursor, messages)?,
        "COPY" => SelectedCommand::Copy { messages, to: mailboxes::sp_mailbox(cursor)? },
        _ => SelectedCommand::Move { messages, to: mailboxes::sp_mailbox(cursor)? },
    })
}

#[cfg(test)]
mod resync_tests;
#[cfg(test)]
mod tests;

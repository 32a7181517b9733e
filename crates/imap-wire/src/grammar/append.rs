//! APPEND up to the announcement of a message, and what may stand between two of them (RFC 3501 §6.3.11, RFC 3502,
//! RFC 3516 §4.4, RFC 6855 §4).

use crate::command::{AppendArgs, AppendMessage};

use super::{
    cursor::{Cursor, Parsed},
    dates, flags, mailboxes,
};

const A_MESSAGE: &str = "a message as a literal, as in {310}";

/// The mailbox and what is said of the first message.
pub(super) fn append(cursor: &mut Cursor<'_>) -> Parsed<AppendArgs> {
    let mailbox = mailboxes::sp_mailbox(cursor)?;
    Ok(AppendArgs { mailbox, message: message(cursor)? })
}

/// What is said of a message that follows another one.
pub(super) fn next(cursor: &mut Cursor<'_>, before: &AppendMessage) -> Parsed<AppendMessage> {
    close(cursor, before)?;
    message(cursor)
}

/// The end of the command.
pub(super) fn end(cursor: &mut Cursor<'_>, before: &AppendMessage) -> Parsed<()> {
    close(cursor, before)?;
    cursor.end()
}

/// `UTF8 (~{310}…)` closes behind its literal.
fn close(cursor: &mut Cursor<'_>, before: &AppendMessage) -> Parsed<()> {
    if before.utf8 { cursor.byte(b')', "the parenthesis that ends UTF8 (") } else { Ok(()) }
}

fn message(cursor: &mut Cursor<'_>) -> Parsed<AppendMessage> {
    cursor.space()?;
    let mut flags = Vec::new();
    if cursor.peek() == Some(b'(') {
        flags = flags::flag_list(cursor)?;
        cursor.space()?;
    }
    let mut internal_date = None;
    if cursor.peek() == Some(b'"') {
        internal_date = Some(dates::date_time(cursor)?);
        cursor.space()?;
    }
    let utf8 = cursor.take_word("UTF8");
    if utf8 {
        cursor.space()?;
        cursor.byte(b'(', "an opening parenthesis, as in UTF8 (~{310})")?;
    }
    let binary = cursor.take(b'~');
    if utf8 && !binary {
        return Err(cursor.expected("a message as a literal of 8-bit text, as in ~{310}"));
    }
    let fault = cursor.expected(A_MESSAGE);
    let (size, _) = cursor.announcement().map_err(|_| fault)?;
    cursor.end()?;
    Ok(AppendMessage { flags, internal_date, size, binary, utf8 })
}

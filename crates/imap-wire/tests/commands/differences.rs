//! Where our grammar and imap-codec's differ on purpose. What is not listed here fails.
//! May use the types of both. Our refusals are recognised by their text, which people read too.

use imap_codec::imap_types::command::CommandBody;
use imap_wire::{
    command::{Command, ConnectionCommand, SessionCommand, Tagged},
    completion::{Completion, Reply},
};

/// Texts of refusals of what imap-codec reads, and why we refuse it.
const REFUSED: &[(&str, &str)] = &[
    (
        "this command is not known here",
        "extensions that are not offered: COMPRESS, SORT, THREAD, METADATA, SETQUOTA",
    ),
    ("a mailbox name cannot be empty", "RFC 3501 §5.1: a name names something; imap-codec takes any astring"),
    ("a mailbox name cannot hold control characters", "RFC 5198 §2 wants none in names that people read"),
    ("a mailbox name cannot have an empty level", "RFC 3501 §5.1.1: levels are names"),
    ("the mailbox name is neither modified UTF-7 nor UTF-8", "RFC 3501 §5.1.3"),
    ("the mailbox name is not modified UTF-7", "RFC 3501 §5.1.3: one spelling only"),
    (
        "the system flags are",
        "RFC 3501 §9: \\Recent cannot be set, and other flags with a backslash are reserved",
    ),
    ("this charset is not known", "RFC 3501 §6.4.4: NO [BADCHARSET]"),
    ("the text is not in the charset of the command", "RFC 3501 §6.4.4: a text is in the charset told"),
    ("expected at least one status item", "RFC 3501 §9 (status): one item at least"),
    ("ID: expected a", "RFC 2971 §3.3: text, and no blank before the parenthesis that closes"),
    ("expected the name of a quota root", "RFC 9208 §3.2: roots are names, ours are text"),
    (
        "expected a part number from 1 to 65535",
        "RFC 3501 §9 bounds no part number; no message here has so many",
    ),
    ("VANISHED goes with UID FETCH and beside CHANGEDSINCE", "RFC 7162 §3.2.6"),
    ("expected CHANGEDSINCE or VANISHED", "RFC 7162 §7: each modifier once"),
    ("STORE: expected a closing parenthesis", "RFC 7162 §7: one modifier"),
    ("UID: expected a closing parenthesis", "RFC 7162 §7: one modifier"),
    ("expected CONDSTORE or QRESYNC", "RFC 7162 §7: each parameter once"),
    ("expected numbers such as 1:4,7, without *", "RFC 7162 §7: known-uids and known-sequence-set have none"),
    ("QRESYNC wants as many UIDs as sequence numbers", "RFC 7162 §3.2.5.2"),
    (
        "expected a mod-sequence",
        "RFC 7162 §7: 63 bits, and not 0 but where a client means all (CHANGEDSINCE 0 of iPhone Mail)",
    ),
    ("expected the name of a header field", "RFC 5322 §3.6.8: no colon in it"),
];

/// Whether a command that only imap-codec reads is refused on purpose.
pub(crate) fn only_theirs(theirs: &CommandBody<'_>, completion: &Completion) -> bool {
    let (Completion::Bad(Reply { text, .. }) | Completion::No(Reply { text, .. })) = completion else {
        return false;
    };
    let listed = REFUSED.iter().any(|(refused, _)| text.contains(refused));
    listed
        || match theirs {
            // RFC 9208 §4.1.3: nobody may here; what it would set is read as words and numbers that could be set.
            CommandBody::SetQuota { .. } => true,
            // RFC 3501 §9: at least one item. imap-codec makes and reads an empty list.
            CommandBody::Fetch { .. } => text.contains("expected an item"),
            // RFC 4422 §3.1: letters, digits, hyphen and underscore. imap-codec takes any atom.
            CommandBody::Authenticate { .. } => {
                text.contains("expected a mechanism") || text.contains("expected a space")
            }
            // RFC 7613 §3: user names are text.
            CommandBody::Login { .. } => text.contains("expected a user name"),
            // The message of APPEND is never gathered: its command is read by `parse_append`.
            CommandBody::Append { .. } => text.contains("expected a message as a literal"),
            _ => false,
        }
}

/// Whether a command that imap-codec does not read is taken on purpose.
pub(crate) fn only_ours(line: &[u8], ours: &Tagged) -> bool {
    // Clients write raw UTF-8 names without quotes, and a blank at the end of a line.
    if !line.is_ascii() || line.ends_with(b" ") {
        return true;
    }
    match &ours.command {
        // Base64 is judged where it is decoded, so that a wrong one is a failed login and not a typing error.
        // RFC 2971 §3.3 allows no bare field names; imap-codec wants each field once.
        Command::Connection(ConnectionCommand::Authenticate { .. } | ConnectionCommand::Id(_)) => true,
        // RFC 5258: imap-codec knows selection options, but neither patterns in parentheses nor RETURN.
        Command::Session(SessionCommand::List(_)) => line.contains(&b'('),
        // RFC 6154 §3.
        Command::Session(SessionCommand::Create { special_use, .. }) => !special_use.is_empty(),
        _ => false,
    }
}

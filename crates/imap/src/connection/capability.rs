//! What the server says it can do (RFC 3501 §6.1.1), and no more: a client may use each word as soon as it sees it.
//! Plain text only.

use crate::completion::Completion;

/// In clear: TLS comes first (LOGINDISABLED, RFC 3501 §6.2.3).
const IN_CLEAR: &str = "IMAP4rev1 ID STARTTLS LOGINDISABLED";

/// In TLS before login. SASL-IR: RFC 4959; LITERAL-: RFC 7888; AUTH=PLAIN: RFC 4616.
const STRANGER: &str = "IMAP4rev1 SASL-IR LITERAL- ID AUTH=PLAIN";

/// After login. LITERAL+: RFC 7888; IDLE: RFC 2177; NAMESPACE: RFC 2342; CHILDREN: RFC 3348; UNSELECT: RFC 3691;
/// UIDPLUS: RFC 4315; MOVE: RFC 6851; SPECIAL-USE and CREATE-SPECIAL-USE: RFC 6154; ID: RFC 2971.
const PERSON: &str =
    "IMAP4rev1 LITERAL+ ID IDLE NAMESPACE CHILDREN UNSELECT UIDPLUS MOVE SPECIAL-USE CREATE-SPECIAL-USE";

/// Before login.
pub(super) fn of_stranger(secure: bool) -> &'static str {
    if secure { STRANGER } else { IN_CLEAR }
}

/// After login.
pub(super) fn of_person() -> &'static str {
    PERSON
}

/// The untagged answer to CAPABILITY.
pub(super) fn response(capability: &str) -> String {
    format!("* CAPABILITY {capability}")
}

/// The untagged answer to ID (RFC 2971): the name and nothing an attacker could use.
pub(super) const ID_RESPONSE: &str = "* ID (\"name\" \"Vaguemestre\")";

/// The completion of a command that needs no more words.
pub(super) fn done(name: &str) -> Completion {
    Completion::ok(format!("{name} done"))
}

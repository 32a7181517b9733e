//! ID (RFC 2971): which software this is, to know whose quirks we meet; and our own name, nothing an attacker could use.
//! May use what the client says of itself. Must never log more of it than name and version.

use std::net::IpAddr;

use tracing::info;

/// Longest piece of a client's self-description that is kept, in characters.
const CLIENT_CHARS: usize = 64;

/// The untagged answer.
pub(super) const RESPONSE: &str = "* ID (\"name\" \"Vaguemestre\")";

/// The name that the client gives itself, if it gives one. It is logged with its version.
pub(super) fn client(peer: IpAddr, fields: &[(String, Option<String>)]) -> Option<String> {
    let field = |wanted: &str| -> String {
        let found = fields.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        let value = found.and_then(|(_, value)| value.as_deref()).unwrap_or_default();
        value.chars().filter(|c| !c.is_control()).take(CLIENT_CHARS).collect()
    };
    let name = field("name");
    info!(%peer, name, version = field("version"), "IMAP client");
    (!name.is_empty()).then_some(name)
}

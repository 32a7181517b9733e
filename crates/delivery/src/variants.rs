//! The header as each class of reader gets it (S-3.5, M-6): few fields added, own addresses rewritten, every other byte kept.
//!
//! May use: header edits. Must never touch: the body.

use message::{Editor, Header};
use mssante::{Address, Profile, Rights, tag::MARK, without_tag};

use crate::{outgoing::Correspondences, results, sender::seen_by};

/// The fields whose own addresses follow the reader's rights (S-3.5).
const REWRITTEN: [&str; 4] = ["From", "Sender", "Reply-To", "Disposition-Notification-To"];

/// Fields that are the same for every class.
pub(crate) struct Additions {
    /// Name of this host.
    pub(crate) hostname: String,
    /// Whether the Return-Path is the null one, as the client gave it.
    pub(crate) null_path: bool,
    /// Value of the Received field (RFC 5321 §4.4).
    pub(crate) received: String,
    /// Value of a Date field, when the message has none (RFC 6409 §8.2).
    pub(crate) date: Option<String>,
    /// Value of a Message-ID field, brackets included, when the message has none (RFC 6409 §8.3).
    pub(crate) message_id: Option<String>,
}

/// The fields of what leaves in which local accounts appear under their MSSanté address too (S-3.5).
const READERS: [&str; 2] = ["To", "Cc"];

/// The header for readers with these rights.
pub(crate) fn variant(header: &Header, profile: &Profile, reader: Rights, additions: &Additions) -> Vec<u8> {
    let mut editor = edited(header, profile, reader, additions);
    let path = if additions.null_path { String::new() } else { seen_by(profile, reader).to_string() };
    editor.prepend("Return-Path", &format!("<{path}>"));
    editor.finish()
}

/// The same for a server that delivers to them itself, and sets Return-Path then: a hospital's own, or the smart host.
pub(crate) fn handed_on(
    header: &Header,
    profile: &Profile,
    reader: Rights,
    additions: &Additions,
) -> Vec<u8> {
    edited(header, profile, reader, additions).finish()
}

fn edited<'h>(header: &'h Header, profile: &Profile, reader: Rights, additions: &Additions) -> Editor<'h> {
    let target = seen_by(profile, reader);
    let mut editor = header.edit();
    // Set at final delivery, and only there (RFC 5321 §4.4).
    hidden(&mut editor, additions);
    editor.map_addresses(&REWRITTEN, &mut |address| rewritten(address, profile, target));
    add(&mut editor, additions);
    editor
}

/// The header that leaves for other operators: without Return-Path, which the last host sets, and without the tag (S-3.4).
pub(crate) fn relayed(
    header: &Header,
    profile: &Profile,
    correspondences: &Correspondences,
    additions: &Additions,
) -> Vec<u8> {
    let target = seen_by(profile, Rights::Full);
    let mut editor = header.edit();
    hidden(&mut editor, additions);
    editor.map_addresses(&REWRITTEN, &mut |address| rewritten(address, profile, target));
    editor.map_addresses(&READERS, &mut |address| {
        let key = Address::parse(address).ok()?.key();
        correspondences.get(&key).map(Address::to_string)
    });
    if let Some(untagged) = header.subject().and_then(|subject| without_tag(&subject)) {
        editor.cut_text("Subject", MARK, &untagged);
    }
    add(&mut editor, additions);
    editor.finish()
}

/// Drops what no copy shows: the path of another delivery, what was not verified here and says so, and readers whom the others must not know of (RFC 5322 §3.6.3), where a mail
/// program left it to the server to keep them to itself.
fn hidden(editor: &mut Editor<'_>, additions: &Additions) {
    ["Return-Path", "Bcc", "Resent-Bcc"].into_iter().for_each(|name| editor.remove(name));
    results::without_ours(editor, &additions.hostname);
}

/// What every copy gets on top.
fn add(editor: &mut Editor<'_>, additions: &Additions) {
    if let Some(id) = &additions.message_id {
        editor.prepend("Message-ID", id);
    }
    if let Some(date) = &additions.date {
        editor.prepend("Date", date);
    }
    editor.prepend("Received", &additions.received);
}

/// The own address that should stand instead of `address`; nothing when it is somebody else's or stands already.
fn rewritten(address: &str, profile: &Profile, target: &Address) -> Option<String> {
    let address = Address::parse(address).ok()?;
    (profile.owns(&address) && address != *target).then(|| target.to_string())
}

#[cfg(test)]
mod tests;

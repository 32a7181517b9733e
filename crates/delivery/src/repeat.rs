//! When a message is the one that came before, its answer having got lost (I-1).
//!
//! May use: digests. Must never touch: the store, which remembers.

use aws_lc_rs::digest;
use message::Header;
use mssante::Address;

/// The same client saying the same bytes to the same people. `who` names the client among all ways in.
pub(crate) fn fingerprint<'a>(
    who: &str,
    reverse_path: Option<&Address>,
    recipients: impl Iterator<Item = &'a Address>,
    content: &[u8],
) -> [u8; 32] {
    let mut people: Vec<String> = recipients.map(Address::key).collect();
    people.sort_unstable();
    people.dedup();
    people.insert(0, reverse_path.map(Address::key).unwrap_or_default());
    people.insert(0, who.to_owned());
    let mut context = digest::Context::new(&digest::SHA256);
    for text in people {
        context.update(&(text.len() as u64).to_be_bytes());
        context.update(text.as_bytes());
    }
    context.update(content);
    let mut fingerprint = [0; 32];
    fingerprint.copy_from_slice(context.finish().as_ref());
    fingerprint
}

/// Whether two messages with the same bytes are one message sent twice. A device that writes neither Date nor Message-ID says
/// the same again when the same happens again: each is kept, since two copies harm less than a lost alert.
pub(crate) fn is_distinct(header: &Header) -> bool {
    ["Date", "Message-ID"].iter().any(|name| header.count(name) > 0)
}

//! ENVELOPE in wire form (RFC 3501 §7.4.2), of a message or of an embedded one.
//!
//! May use: `header`, `wire`. Header text stays as it was written: encoded words are the client's to decode.

use crate::{
    header::{
        Header,
        address::{Entries, Entry, Spot},
    },
    words,
};

use super::wire::{nstring, string};

/// Most entries of one address field that an envelope lists; the header itself has them all. Keeps the record of a message
/// with a hostile header small.
pub(crate) const MAX_ENVELOPE_ADDRESSES: usize = 2000;

/// The envelope: date, subject, from, sender, reply-to, to, cc, bcc, in-reply-to, message-id.
pub(crate) fn envelope(header: &Header) -> Vec<u8> {
    let text = |name| header.values(name).next().map(words::unfold);
    let mut out = b"(".to_vec();
    nstring(&mut out, text("Date").as_deref());
    out.push(b' ');
    nstring(&mut out, text("Subject").as_deref());
    out.push(b' ');
    let from = addresses(header, "From");
    out.extend_from_slice(&from);
    for name in ["Sender", "Reply-To"] {
        out.push(b' ');
        // Absent or empty, they are the author's.
        let own = addresses(header, name);
        out.extend_from_slice(if own == b"NIL" { &from } else { &own });
    }
    for name in ["To", "Cc", "Bcc"] {
        out.push(b' ');
        out.extend_from_slice(&addresses(header, name));
    }
    for name in ["In-Reply-To", "Message-ID"] {
        out.push(b' ');
        nstring(&mut out, text(name).as_deref());
    }
    out.push(b')');
    out
}

/// The addresses of all fields of this name, or NIL if there is none.
fn addresses(header: &Header, name: &str) -> Vec<u8> {
    let mut out = b"(".to_vec();
    let mut open_group = false;
    for entry in header.values(name).flat_map(Entries::new).take(MAX_ENVELOPE_ADDRESSES) {
        match entry {
            Entry::Mailbox(spot) => mailbox(&mut out, &spot),
            Entry::GroupStart(name) => {
                out.extend_from_slice(b"(NIL NIL ");
                string(&mut out, &name);
                out.extend_from_slice(b" NIL)");
                open_group = true;
            }
            Entry::GroupEnd => {
                out.extend_from_slice(b"(NIL NIL NIL NIL)");
                open_group = false;
            }
        }
    }
    if open_group {
        out.extend_from_slice(b"(NIL NIL NIL NIL)");
    }
    if out.len() == 1 {
        return b"NIL".to_vec();
    }
    out.push(b')');
    out
}

fn mailbox(out: &mut Vec<u8>, spot: &Spot<'_>) {
    out.push(b'(');
    nstring(out, spot.name().as_deref());
    out.push(b' ');
    nstring(out, spot.route().as_deref());
    out.push(b' ');
    // NIL in these two would mean a group: what is missing is empty.
    string(out, &spot.local());
    out.push(b' ');
    string(out, &spot.domain());
    out.push(b')');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(raw: &str) -> String {
        String::from_utf8(envelope(&Header::parse(raw.as_bytes()))).unwrap()
    }

    #[test]
    fn the_example_of_the_rfc() {
        let raw = "Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\r\nFrom: Terry Gray <gray@cac.washington.edu>\r\n\
            Subject: IMAP4rev1 WG mtg summary and minutes\r\nTo: imap@cac.washington.edu\r\n\
            cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>\r\nMessage-Id: <B27397-0100000@cac.washington.edu>\r\n\r\n";
        let gray = "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\"))";
        assert_eq!(
            of(raw),
            format!(
                "(\"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\" \"IMAP4rev1 WG mtg summary and minutes\" {gray} {gray} {gray} \
                 ((NIL NIL \"imap\" \"cac.washington.edu\")) ((NIL NIL \"minutes\" \"CNRI.Reston.VA.US\")\
                 (\"John Klensin\" NIL \"KLENSIN\" \"MIT.EDU\")) NIL NIL \"<B27397-0100000@cac.washington.edu>\")"
            )
        );
    }

    #[test]
    fn groups_routes_and_what_is_missing() {
        let raw = "From: \"a \\\"b\\\"\" <@x,@y:\"c d\"@e>\r\nSender:\r\nTo: G: a@b;, undisclosed:;\r\nCc: root\r\nSubject:\r\n\r\n";
        let from = "((\"a \\\"b\\\"\" \"@x,@y\" \"c d\" \"e\"))";
        assert_eq!(
            of(raw),
            format!(
                "(NIL \"\" {from} {from} {from} ((NIL NIL \"G\" NIL)(NIL NIL \"a\" \"b\")(NIL NIL NIL NIL)\
                 (NIL NIL \"undisclosed\" NIL)(NIL NIL NIL NIL)) ((NIL NIL \"root\" \"\")) NIL NIL NIL)"
            )
        );
        let odd = of("From: \"\" <@x (c) , @y:a@b>, <a b@c>, Anne Petit, k@y ()\r\n");
        assert!(odd.starts_with(
            "(NIL NIL ((NIL \"@x,@y\" \"a\" \"b\")(NIL NIL \"a b\" \"c\")(NIL NIL \"Anne Petit\" \"\")(NIL NIL \"k\" \"y\")) "
        ), "{odd}");
        assert_eq!(of(""), "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)");
    }

    #[test]
    fn encoded_words_stay_and_eight_bits_are_literals() {
        let envelope = of("Subject: =?utf-8?Q?=C3=A9?=\r\n =?utf-8?Q?a?=\r\nFrom: é <a@b>\r\n");
        assert!(
            envelope.starts_with("(NIL \"=?utf-8?Q?=C3=A9?= =?utf-8?Q?a?=\" (({2}\r\né NIL \"a\" \"b\")) ")
        );
    }

    #[test]
    fn a_flood_of_addresses_is_cut() {
        let raw = format!("To: G:{}\r\n", "a@b,".repeat(MAX_ENVELOPE_ADDRESSES + 100));
        let envelope = of(&raw);
        assert_eq!(envelope.matches("(NIL NIL \"a\" \"b\")").count(), MAX_ENVELOPE_ADDRESSES - 1);
        assert!(envelope.contains("(NIL NIL NIL NIL)) NIL NIL NIL NIL)"));
    }
}

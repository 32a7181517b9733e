//! From a relayed message to one commit: a copy in each box, traces, fingerprint (I-1, M-6).
//!
//! May use: the store. Must never touch: any byte of the message but the fields that final delivery adds.

use jiff::Timestamp;
use message::{Header, Received, Scanned};
use mssante::Address;
use smtp::Connection;
use store::{Action, Copy, Delivered, Delivery, Durable, SealedBody, Store, Trace, TraceId, Variant};

use super::RelayEnvelope;
use crate::{
    recipients,
    record::{Copied, pair},
    repeat::{fingerprint, is_distinct},
    replies::Denial,
    settings::Settings,
    success::{self, About, Asker},
};

/// What a message comes as, once its last byte has come.
pub(super) struct Complete<'a> {
    pub(super) envelope: &'a RelayEnvelope,
    pub(super) connection: &'a Connection,
    pub(super) header: &'a Header,
    pub(super) scanned: &'a Scanned,
    /// Digest of the content as it came.
    pub(super) content: &'a [u8],
    pub(super) at: Timestamp,
}

/// Keeps the message; gives the proof and the name to tell the peer.
pub(super) async fn keep(
    message: Complete<'_>,
    body: SealedBody,
    store: &Store,
    settings: &Settings,
) -> Result<(Durable, TraceId), Denial> {
    let Complete { envelope, header, scanned, at, .. } = message;
    let copies = recipients::copies(&envelope.recipients);
    let bytes = scanned.header.len() as u64 + scanned.body_bytes;
    let final_header = kept(header, envelope.reverse_path.as_ref(), &received(&message, settings));
    let index = message::index(&final_header, scanned);
    let delivery = Delivery {
        id: envelope.id,
        body,
        variants: vec![Variant { header: final_header, index }],
        copies: copies.iter().map(|(account, ..)| Copy { account: *account, variant: 0 }).collect(),
        outgoing: vec![],
        traces: traces(&message, &copies, bytes),
        carried: carried(header, &copies),
        once: comes_once(header).then(|| identity(envelope, message.content)),
    };
    let log = |id, outcome| envelope.actor.log_served(id, outcome, "relayed", bytes, &copies);
    let about = About {
        id: envelope.id,
        at,
        header: &scanned.header,
        envid: envelope.envid.as_deref(),
        recipients: &envelope.recipients,
    };
    let asker = envelope.reverse_path.as_ref().map(Asker::Elsewhere);
    match success::keep(delivery, &about, asker, store, settings).await? {
        Delivered::New(durable, _) => {
            log(envelope.id, "delivered");
            Ok((durable, envelope.id))
        }
        Delivered::Again(durable, first) => {
            log(first, "repeated");
            store.trace(envelope.actor.repeat(first, at, envelope.id)).await?;
            Ok((durable, first))
        }
    }
}

/// The header as it is read here: Return-Path and Received on top (RFC 5321 §4.4), an older Return-Path gone, every other byte as it came.
fn kept(header: &Header, reverse_path: Option<&Address>, received: &str) -> Vec<u8> {
    let path = reverse_path.map(ToString::to_string).unwrap_or_default();
    let mut editor = header.edit();
    editor.remove("Return-Path");
    editor.prepend("Received", received);
    editor.prepend("Return-Path", &format!("<{path}>"));
    editor.finish()
}

fn received(message: &Complete<'_>, settings: &Settings) -> String {
    let Complete { envelope, connection, at, .. } = message;
    let recipient = match envelope.recipients.as_slice() {
        [only] => Some(only.address.to_string()),
        _ => None,
    };
    message::received(&Received {
        helo: &connection.helo,
        peer: Some(connection.peer.ip()),
        certificate: Some(&envelope.peer.name().to_string()),
        by: &settings.hostname,
        with: if envelope.smtputf8 { "UTF8SMTPS" } else { "ESMTPS" },
        id: &envelope.id.to_string(),
        recipient: recipient.as_deref(),
        at: *at,
    })
}

/// One trace of the message's coming, one of each reception; all name the operator.
fn traces(message: &Complete<'_>, copies: &[Copied<'_>], bytes: u64) -> Vec<Trace> {
    let Complete { envelope, at, .. } = message;
    let from = envelope.reverse_path.as_ref().map_or_else(|| "<>".to_owned(), ToString::to_string);
    let detail = vec![pair("from", &from), pair("recipients", &copies.len()), pair("bytes", &bytes)];
    let relay = envelope.actor.trace(envelope.id, *at, Action::Relay, detail);
    let receive = copies.iter().map(|(account, _, to)| Trace {
        acting_as: Some(*account),
        ..envelope.actor.trace(envelope.id, *at, Action::Receive, vec![pair("to", *to), pair("from", &from)])
    });
    std::iter::once(relay).chain(receive).collect()
}

/// The Message-ID, for everyone who gets a copy: their answers are secure (S-3.9).
fn carried(header: &Header, copies: &[Copied<'_>]) -> Vec<(store::AccountId, String)> {
    let Some(id) = header.message_ids("Message-ID").into_iter().next() else { return Vec::new() };
    copies.iter().map(|(account, ..)| (*account, id.clone())).collect()
}

/// A relay writes a Received field with a name and time of its own: two messages that are alike in that too are one.
fn comes_once(header: &Header) -> bool {
    header.received_count() > 0 || is_distinct(header)
}

/// The same operator saying the same bytes to the same people (I-1); its certificate may have been renewed meanwhile.
fn identity(envelope: &RelayEnvelope, content: &[u8]) -> [u8; 32] {
    let who = format!("operator {}", envelope.peer.name());
    let people = envelope.recipients.iter().map(|recipient| &recipient.address);
    fingerprint(&who, envelope.reverse_path.as_ref(), people, content)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn made(fields: &str, reverse_path: Option<&str>) -> String {
        let header = Header::parse(format!("{fields}\r\n").as_bytes());
        let reverse_path = reverse_path.map(|text| Address::parse(text).unwrap());
        String::from_utf8(kept(&header, reverse_path.as_ref(), "from a by b")).unwrap()
    }

    #[test]
    fn the_return_path_is_the_reverse_path_and_stands_once() {
        let fields =
            "From: a@b.fr\r\nreturn-path : <x@\r\n example.org>\r\nTo: c@d.fr\r\nReturn-Path: <y@z.fr>\r\n";
        let rest = "Received: from a by b\r\nFrom: a@b.fr\r\nTo: c@d.fr\r\n\r\n";
        assert_eq!(made(fields, Some("A.b@c.fr")), format!("Return-Path: <A.b@c.fr>\r\n{rest}"));
        assert_eq!(made(fields, None), format!("Return-Path: <>\r\n{rest}"));
    }

    #[test]
    fn a_lone_header_is_told_apart_by_what_makes_it_unlike_others() {
        let once = |fields: &str| comes_once(&Header::parse(format!("{fields}\r\n\r\n").as_bytes()));
        assert!(once("Received: x") && once("Date: x") && once("Message-ID: <a@b>"));
        assert!(!once("From: a@b.fr"), "two same alerts are two");
    }

    fn field() -> impl Strategy<Value = String> {
        let name = prop::sample::select(vec![
            "From",
            "TO",
            "Subject",
            "X-MSS-NIL",
            "X-Return-Path",
            "Received",
            "Disposition-Notification-To",
            "References",
        ]);
        let blank = prop::sample::select(vec!["", " ", "\t", "\r\n ", "\r\n\t"]);
        let value = prop::collection::vec((blank, "[!-~\u{e9}\u{a0}]{1,12}"), 0..5);
        (name, prop::sample::select(vec!["", " "]), value).prop_map(|(name, gap, words)| {
            let words: String = words.into_iter().map(|(blank, word)| format!("{blank}{word}")).collect();
            format!("{name}{gap}:{words}\r\n")
        })
    }

    proptest! {
        #[test]
        fn every_other_byte_stays(fields in prop::collection::vec(field(), 0..12), at in any::<prop::sample::Index>(), old: bool) {
            let mut with_old = fields.clone();
            if old {
                with_old.insert(at.index(fields.len() + 1), "Return-Path: <old@example.org>\r\n".to_owned());
            }
            let expected = format!("Return-Path: <a@b.fr>\r\nReceived: from a by b\r\n{}\r\n", fields.concat());
            prop_assert_eq!(made(&with_old.concat(), Some("a@b.fr")), expected);
        }
    }
}

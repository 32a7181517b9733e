//! From a relayed message to one commit: a copy in each box, entries in the queue for those who read at their hospital's own server,
//! traces, fingerprint (I-1, M-6, S-3.10).
//!
//! May use: the store. Must never touch: any byte of the message but the fields that final delivery adds.

use jiff::Timestamp;
use message::{Editor, Header, Received, Scanned, Verified};
use mssante::Address;
use smtp::Connection;
use store::{
    Action, Copy, Delivered, Delivery, Durable, Outgoing, SealedBody, Store, Trace, TraceId, Variant, Way,
};

use super::RelayEnvelope;
use crate::{
    envelope, outgoing,
    recipients::{self, Housed, Recipient},
    record::{Copied, pair},
    repeat::{fingerprint, is_distinct},
    replies::Denial,
    results,
    scan::Verdict,
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
    /// Whether an octet of it is above 127.
    pub(super) eight_bit: bool,
    /// What the antivirus says, if there is one.
    pub(super) antivirus: Option<Verdict>,
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
    let housed = recipients::housed(&envelope.recipients);
    let bytes = scanned.header.len() as u64 + scanned.body_bytes;
    let (variants, outgoing) = variants(&message, &copies, &housed, settings);
    let delivery = Delivery {
        id: envelope.id,
        body,
        variants,
        copies: copies.iter().map(|(account, ..)| Copy { account: *account, variant: 0 }).collect(),
        outgoing,
        traces: traces(&message, &copies, &housed, bytes),
        carried: carried(header, &copies, &housed),
        once: comes_once(header).then(|| identity(envelope, message.content)),
        conversations: Vec::new(),
    };
    let queued: Vec<&Recipient> = housed.iter().map(|one| one.to).collect();
    let log = |id, repeated: bool| {
        let outcome = |new| if repeated { "repeated" } else { new };
        envelope.actor.log_served(id, outcome("delivered"), "relayed", bytes, &copies);
        envelope.actor.log_queued(id, outcome("queued"), "relayed", bytes, &queued);
    };
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
            log(envelope.id, false);
            Ok((durable, envelope.id))
        }
        Delivered::Again(durable, first) => {
            log(first, true);
            store.trace(envelope.actor.repeat(first, at, envelope.id)).await?;
            Ok((durable, first))
        }
    }
}

/// The header for the boxes here, and the one for hospitals' own servers with what is queued for them (S-3.10); each only if it has a
/// reader.
fn variants(
    message: &Complete<'_>,
    copies: &[Copied<'_>],
    housed: &[Housed<'_>],
    settings: &Settings,
) -> (Vec<Variant>, Vec<Outgoing>) {
    let Complete { envelope, header, scanned, .. } = message;
    let (received, path) = (received(message, settings), envelope.reverse_path.as_ref());
    let verified = verified(message, settings);
    let ours = (settings.hostname.as_str(), verified.as_str(), received.as_str());
    let mut variants = Vec::new();
    let mut add = |header: Vec<u8>| {
        let index = message::index(&header, scanned);
        variants.push(Variant { header, index });
        variants.len() - 1
    };
    if !copies.is_empty() {
        add(kept(header, path, ours));
    }
    let mut outgoing: Vec<Outgoing> = Vec::new();
    if !housed.is_empty() {
        let variant = add(handed_on(header, ours));
        for one in housed {
            let way = Way::Connector(one.server.connector.to_string());
            let entry = outgoing::housed_entry(one);
            match outgoing.iter_mut().find(|leaves| leaves.way == way) {
                Some(leaves) => leaves.recipients.push(entry),
                None => outgoing
                    .push(Outgoing { recipients: vec![entry], ..leaving(message, way, variant, settings) }),
            }
        }
    }
    (variants, outgoing)
}

/// The header as it is read here: Return-Path, what was verified and Received on top (RFC 5321 §4.4, RFC 8601 §5), an older Return-Path
/// and what speaks in our name gone, every other byte as it came.
fn kept(header: &Header, reverse_path: Option<&Address>, ours: (&str, &str, &str)) -> Vec<u8> {
    let path = reverse_path.map(ToString::to_string).unwrap_or_default();
    let mut editor = on_top(header, ours);
    editor.prepend("Return-Path", &format!("<{path}>"));
    editor.finish()
}

/// What was verified and Received on top; what speaks in our name and the path of another delivery gone.
fn on_top<'a>(header: &'a Header, (hostname, verified, received): (&str, &str, &str)) -> Editor<'a> {
    let mut editor = header.edit();
    editor.remove("Return-Path");
    results::without_ours(&mut editor, hostname);
    editor.prepend("Received", received);
    editor.prepend(results::FIELD, verified);
    editor
}

/// The header for a server that sets Return-Path itself.
fn handed_on(header: &Header, ours: (&str, &str, &str)) -> Vec<u8> {
    on_top(header, ours).finish()
}

/// What leaves for a hospital's own server, without its recipients. Whoever sent it is told what becomes of it at its own operator.
fn leaving(message: &Complete<'_>, way: Way, variant: usize, settings: &Settings) -> Outgoing {
    let Complete { envelope, header, scanned, at, eight_bit, .. } = message;
    let bytes = scanned.header.len() as u64 + scanned.body_bytes;
    let ascii = header.raw().is_ascii() && envelope.reverse_path.as_ref().is_none_or(Address::is_ascii);
    Outgoing {
        way,
        reverse_path: envelope.reverse_path.clone(),
        sender: None,
        variant,
        smtputf8: envelope.smtputf8 && !ascii,
        body: envelope::kind(envelope.binary, *eight_bit),
        require_tls: false,
        priority: outgoing::priority(envelope.recipients.len(), bytes),
        envid: envelope.envid.clone(),
        ret: envelope.ret,
        expires: at.saturating_add(settings.queue_lifetime).unwrap_or(Timestamp::MAX),
        recipients: Vec::new(),
    }
}

/// What was judged at MAIL, at the header and at the last byte, for whoever reads the message (RFC 8601).
fn verified(message: &Complete<'_>, settings: &Settings) -> String {
    let Complete { envelope, header, .. } = message;
    let mail_from = envelope.reverse_path.as_ref().map(ToString::to_string);
    let judged = mail_from.is_some();
    let from = header.addresses("From").into_iter().next().filter(|_| judged);
    let from = from.as_ref().and_then(|from| from.address.rsplit_once('@')).map(|(_, domain)| domain);
    message::authentication_results(&Verified {
        by: &settings.hostname,
        certificate: &envelope.peer.name().to_string(),
        mail_from: mail_from.as_deref(),
        from,
    })
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

/// One trace of the message's coming, one of each reception and of each entry in the queue; all name the operator.
fn traces(message: &Complete<'_>, copies: &[Copied<'_>], housed: &[Housed<'_>], bytes: u64) -> Vec<Trace> {
    let Complete { envelope, at, .. } = message;
    let from = envelope.reverse_path.as_ref().map_or_else(|| "<>".to_owned(), ToString::to_string);
    let count = copies.len() + housed.len();
    let mut detail = vec![pair("from", &from), pair("recipients", &count), pair("bytes", &bytes)];
    detail.extend(message.antivirus.map(|verdict| pair("antivirus", verdict.told())));
    let relay = envelope.actor.trace(envelope.id, *at, Action::Relay, detail);
    let receive = copies.iter().map(|(account, _, to)| Trace {
        acting_as: Some(*account),
        ..envelope.actor.trace(envelope.id, *at, Action::Receive, vec![pair("to", *to), pair("from", &from)])
    });
    let queue = housed.iter().map(|one| Trace {
        acting_as: Some(one.account),
        ..envelope.actor.trace(
            envelope.id,
            *at,
            Action::Queue,
            vec![pair("to", &one.to.address), pair("by", &format!("connector {}", one.server.connector))],
        )
    });
    std::iter::once(relay).chain(receive).chain(queue).collect()
}

/// The Message-ID, for everyone who gets a copy: their answers are secure (S-3.9).
fn carried(header: &Header, copies: &[Copied<'_>], housed: &[Housed<'_>]) -> Vec<(store::AccountId, String)> {
    let Some(id) = header.message_ids("Message-ID").into_iter().next() else { return Vec::new() };
    let mut accounts: Vec<_> = copies.iter().map(|(account, ..)| *account).collect();
    accounts.extend(housed.iter().map(|one| one.account));
    accounts.sort_unstable();
    accounts.dedup();
    accounts.into_iter().map(|account| (account, id.clone())).collect()
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
        let ours = ("mail.nord.fr", "mail.nord.fr; x", "from a by b");
        String::from_utf8(kept(&header, reverse_path.as_ref(), ours)).unwrap()
    }

    #[test]
    fn the_return_path_is_the_reverse_path_and_stands_once() {
        let fields =
            "From: a@b.fr\r\nreturn-path : <x@\r\n example.org>\r\nTo: c@d.fr\r\nReturn-Path: <y@z.fr>\r\n";
        let rest = "Authentication-Results: mail.nord.fr; x\r\nReceived: from a by b\r\nFrom: a@b.fr\r\nTo: c@d.fr\r\n\r\n";
        assert_eq!(made(fields, Some("A.b@c.fr")), format!("Return-Path: <A.b@c.fr>\r\n{rest}"));
        assert_eq!(made(fields, None), format!("Return-Path: <>\r\n{rest}"));
    }

    #[test]
    fn what_speaks_in_our_name_is_dropped_and_what_speaks_in_another_stays() {
        let others = "Authentication-Results: mail.sud.fr; spf=pass\r\nX-MSS-NIL: 1\r\nAuthentication-Results: mail.nord.fr.example.org; x\r\n\
            ARC-Authentication-Results: i=1; mail.nord.fr; x\r\n";
        let forged = "authentication-results : (a)\r\n \"MAIL.nord.fr\" 1;\r\n\tx-mssante=pass\r\nAuthentication-Results: mail.nord.fr./1; x\r\n";
        let top = "Return-Path: <>\r\nAuthentication-Results: mail.nord.fr; x\r\nReceived: from a by b\r\n";
        assert_eq!(made(&format!("{forged}{others}"), None), format!("{top}{others}\r\n"));
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
            let expected = format!("Return-Path: <a@b.fr>\r\nAuthentication-Results: mail.nord.fr; x\r\nReceived: from a by b\r\n{}\r\n", fields.concat());
            prop_assert_eq!(made(&with_old.concat(), Some("a@b.fr")), expected);
        }
    }
}

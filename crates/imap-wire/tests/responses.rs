//! What our encoders write, as two clients' grammars read it: imap-proto's and imap-codec's, the same value as went in.

#![cfg(test)]

use imap_codec::{
    ResponseCodec,
    decode::Decoder,
    imap_types::{
        extensions::uidplus::UidElement,
        fetch::MessageDataItem,
        mailbox::Mailbox,
        response::{Code as CodecCode, Data, Response as Codec, Status},
    },
};
use imap_proto::{AttributeValue, MailboxDatum, Response as Proto};
use imap_wire::{
    Names,
    command::MailboxName,
    completion::Reply,
    encode::{self, Code},
    mutf7,
};
use jiff::Timestamp;
use proptest::prelude::*;

/// Both readings of one whole response.
fn read(response: &[u8]) -> (Proto<'_>, Codec<'_>) {
    let shown = String::from_utf8_lossy(response);
    let (rest, proto) = Proto::parse(response).unwrap_or_else(|error| panic!("{shown}: {error:?}"));
    assert!(rest.is_empty(), "{shown}");
    let (rest, codec) =
        ResponseCodec::default().decode(response).unwrap_or_else(|error| panic!("{shown}: {error:?}"));
    assert!(rest.is_empty(), "{shown}");
    (proto, codec)
}

/// A FETCH response with this item, as both read it.
fn fetched(item: &[u8], check: impl FnOnce(&AttributeValue<'_>, &MessageDataItem<'_>)) {
    let response = [b"* 1 FETCH (", item, b")\r\n"].concat();
    match read(&response) {
        (Proto::Fetch(1, proto), Codec::Data(Data::Fetch { items, .. })) => {
            check(&proto[0], &items.as_ref()[0]);
        }
        other => panic!("{other:?}"),
    }
}

/// imap-proto leaves the backslashes of quoted strings in.
fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        out.extend(if *byte == b'\\' { bytes.next() } else { Some(byte) });
    }
    out
}

/// Sets whose numbers are in order, as COPYUID has them.
fn uids() -> impl Strategy<Value = Vec<u32>> {
    prop::collection::btree_set(1_u32..60, 1..20).prop_map(|uids| uids.into_iter().collect())
}

proptest! {
    #[test]
    fn names_of_mailboxes(name in "\\PC{1,30}") {
        let Ok(mailbox) = MailboxName::parse(&name) else { return Ok(()) };
        let mut response = b"* LIST () \"/\" ".to_vec();
        encode::mailbox(&mut response, mailbox.as_str(), Names::Utf7);
        response.extend_from_slice(b"\r\n");
        let (proto, codec) = read(&response);
        let Proto::MailboxData(MailboxDatum::List(list)) = proto else { panic!("{proto:?}") };
        prop_assert_eq!(mutf7::decode(&unescaped(list.name.as_bytes())), Ok(mailbox.as_str().to_owned()));
        let theirs = match codec {
            Codec::Data(Data::List { mailbox: Mailbox::Inbox, .. }) => b"INBOX".to_vec(),
            Codec::Data(Data::List { mailbox: Mailbox::Other(name), .. }) => name.as_ref().to_vec(),
            other => panic!("{other:?}"),
        };
        prop_assert_eq!(mutf7::decode(&theirs), Ok(mailbox.as_str().to_owned()));
    }

    #[test]
    fn strings(text in prop::option::of(prop::collection::vec(1_u8..=255, 0..60))) {
        let mut item = b"ENVELOPE (NIL ".to_vec();
        encode::nstring(&mut item, text.as_deref());
        item.extend_from_slice(b" NIL NIL NIL NIL NIL NIL NIL NIL)");
        fetched(&item, |proto, codec| {
            let AttributeValue::Envelope(envelope) = proto else { panic!("{proto:?}") };
            let (theirs, plain) = (envelope.subject.as_deref(), envelope.subject.as_deref().map(unescaped));
            assert!(theirs == text.as_deref() || plain == text, "{theirs:?}");
            let MessageDataItem::Envelope(envelope) = codec else { panic!("{codec:?}") };
            assert_eq!(envelope.subject.0.as_ref().map(AsRef::as_ref), text.as_deref());
        });
    }

    #[test]
    fn internal_dates(second in -2_000_000_000_i64..100_000_000_000) {
        let at = Timestamp::from_second(second).unwrap();
        let mut item = b"INTERNALDATE ".to_vec();
        encode::internal_date(&mut item, at);
        fetched(&item, |proto, codec| {
            assert!(matches!(proto, AttributeValue::InternalDate(_)));
            let MessageDataItem::InternalDate(date) = codec else { panic!("{codec:?}") };
            assert_eq!(date.as_ref().timestamp(), second);
        });
    }

    #[test]
    fn sets_of_uids(uids in uids()) {
        let code = Code::CopyUid { validity: 7, from: uids.clone(), to: uids.clone() };
        let mut response = Vec::new();
        encode::status(&mut response, "a1", "OK", &Reply { code: Some(code), text: "done".into() });
        let (_, codec) = read(&response);
        let Codec::Status(Status::Tagged(tagged)) = codec else { panic!("{codec:?}") };
        let Some(CodecCode::CopyUid { uid_validity, source, destination }) = &tagged.body.code else { panic!() };
        prop_assert_eq!(uid_validity.get(), 7);
        let theirs = source.0.as_ref().iter().flat_map(|element| match element {
            UidElement::Single(uid) => uid.get()..=uid.get(),
            UidElement::Range(from, to) => from.get()..=to.get(),
        });
        let theirs: Vec<u32> = theirs.collect();
        prop_assert_eq!(&theirs, &uids);
        prop_assert_eq!(source, destination);
    }

    #[test]
    fn texts_are_one_line_whatever_they_hold(text: String, bad: bool) {
        let mut response = Vec::new();
        let word = if bad { "BAD" } else { "NO" };
        encode::status(&mut response, "a1", word, &Reply { code: Some(Code::Limit), text: text.into() });
        let (proto, codec) = read(&response);
        prop_assert!(matches!(proto, Proto::Done { .. }), "{:?}", proto);
        prop_assert!(matches!(codec, Codec::Status(Status::Tagged(_))), "{:?}", codec);
        prop_assert_eq!(response.iter().filter(|byte| **byte == b'\n').count(), 1);
    }
}

//! Answers as a client's own parser reads them.

use std::num::NonZeroU32;

use imap_proto::{AttributeValue, MailboxDatum, Response, ResponseCode, Status};

use super::*;
use crate::command::{Section, SequenceSet};

fn status_of(code: Code) -> Vec<u8> {
    let mut out = Vec::new();
    status(&mut out, "a1", "OK", &Reply { code: Some(code), text: "done".into() });
    out
}

fn read_code(code: Code) -> String {
    let line = status_of(code);
    let (rest, response) = Response::parse(&line).unwrap();
    assert!(rest.is_empty());
    match response {
        Response::Done { status: Status::Ok, outcome, .. } => {
            assert_eq!(outcome.information.as_deref(), Some("done"));
            format!("{:?}", outcome.code.unwrap())
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_client_reads_our_codes() {
    assert_eq!(read_code(Code::Alert), "Alert");
    assert_eq!(read_code(Code::ReadOnly), "ReadOnly");
    assert_eq!(read_code(Code::ReadWrite), "ReadWrite");
    assert_eq!(read_code(Code::TryCreate), "TryCreate");
    assert_eq!(read_code(Code::UidNext(7)), "UidNext(7)");
    assert_eq!(read_code(Code::UidValidity(8)), "UidValidity(8)");
    assert_eq!(read_code(Code::Unseen(9)), "Unseen(9)");
    assert_eq!(
        read_code(Code::PermanentFlags { flags: vec!["\\Seen".into()], any: true }),
        r#"PermanentFlags(["\\Seen", "\\*"])"#
    );
    assert!(read_code(Code::BadCharset).starts_with(r#"BadCharset(Some(["US-ASCII", "UTF-8", "ISO-8859-1""#));
    assert_eq!(read_code(Code::HighestModSeq(u64::MAX >> 1)), "HighestModSeq(9223372036854775807)");
    let line = status_of(Code::Capability("IMAP4rev1 IDLE AUTH=PLAIN".into()));
    assert!(matches!(
        Response::parse(&line).unwrap().1,
        Response::Done { outcome, .. } if matches!(&outcome.code, Some(ResponseCode::Capabilities(list)) if list.len() == 3)
    ));
}

#[test]
fn a_client_reads_the_uids_of_uidplus() {
    assert!(read_code(Code::AppendUid { validity: 38, uids: vec![3955] }).starts_with("AppendUid(38, [Uid"));
    assert_eq!(
        status_of(Code::CopyUid { validity: 1, from: vec![304, 319, 320], to: vec![3956, 3957, 3958] }),
        b"a1 OK [COPYUID 1 304,319:320 3956:3958] done\r\n"
    );
}

#[test]
fn every_code_is_one_bracketed_line() {
    for code in [
        Code::AlreadyExists,
        Code::AuthenticationFailed,
        Code::Corruption,
        Code::Cannot,
        Code::ExpungeIssued,
        Code::HasChildren,
        Code::Limit,
        Code::NonExistent,
        Code::NoPerm,
        Code::OverQuota,
        Code::PrivacyRequired,
        Code::ServerBug,
        Code::TooBig,
        Code::Unavailable,
        Code::UnknownCte,
        Code::UseAttr,
    ] {
        let line = String::from_utf8(status_of(code.clone())).unwrap();
        assert!(line.starts_with("a1 OK [") && line.ends_with("] done\r\n"), "{code:?}: {line}");
        assert!(Response::parse(line.as_bytes()).is_ok(), "{line}");
    }
}

#[test]
fn a_status_is_one_line_of_ascii_whatever_its_text() {
    let mut out = Vec::new();
    status(&mut out, "*", "NO", &Reply { code: None, text: "boîte\r\n* BYE".into() });
    assert_eq!(out, b"* NO bo?te??* BYE\r\n");
    out.clear();
    status(&mut out, "a", "OK", &Reply { code: None, text: "".into() });
    assert_eq!(out, b"a OK OK\r\n");
}

#[test]
fn a_client_reads_our_mailbox_names() {
    for name in ["INBOX", "Envoyés", "R&D", "a \"b\" \\c", "NIL", "50%", "日本"] {
        let mut line = b"* LIST (\\HasNoChildren) \"/\" ".to_vec();
        mailbox(&mut line, name, Names::Utf7);
        line.extend_from_slice(b"\r\n");
        match Response::parse(&line).unwrap().1 {
            Response::MailboxData(MailboxDatum::List(data)) => {
                let read = data.name.replace("\\\"", "\"").replace("\\\\", "\\");
                assert_eq!(mutf7::decode(read.as_bytes()).as_deref(), Ok(name));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_client_reads_sections_dates_and_flags() {
    let fetch = SectionFetch {
        name: SectionName::Body,
        section: Section { path: vec![1, 2], part: SectionPart::Text },
        peek: true,
        partial: Some(crate::command::Partial { origin: 10, length: 5 }),
    };
    let mut line = b"* 3 FETCH (FLAGS ".to_vec();
    list(&mut line, [flag_text(&Flag::Seen), flag_text(&Flag::Keyword("$Forwarded".into()))]);
    line.extend_from_slice(b" INTERNALDATE ");
    internal_date(&mut line, Timestamp::from_second(760_686_745).unwrap());
    line.push(b' ');
    section_label(&mut line, &fetch);
    line.push(b' ');
    nstring(&mut line, Some(b"h\xe9"));
    line.extend_from_slice(b")\r\n");
    let Response::Fetch(3, items) = Response::parse(&line).unwrap().1 else {
        panic!("not a FETCH");
    };
    let [
        AttributeValue::Flags(flags),
        AttributeValue::InternalDate(date),
        AttributeValue::BodySection { index, data, .. },
    ] = items.as_slice()
    else {
        panic!("{items:?}");
    };
    assert_eq!(flags.as_slice(), ["\\Seen", "$Forwarded"]);
    assert_eq!(date, " 8-Feb-1994 05:52:25 +0000");
    assert_eq!((*index, data.as_deref()), (Some(10), Some(b"h\xe9".as_slice())));
}

#[test]
fn strings_take_the_form_they_need() {
    let encoded = |encode: fn(&mut Vec<u8>, &[u8]), text: &[u8]| {
        let mut out = Vec::new();
        encode(&mut out, text);
        String::from_utf8_lossy(&out).into_owned()
    };
    assert_eq!(encoded(astring, b"abc]"), "abc]");
    assert_eq!(encoded(astring, b"nil"), "\"nil\"");
    assert_eq!(encoded(astring, b""), "\"\"");
    assert_eq!(encoded(string, b"a\"b\\"), "\"a\\\"b\\\\\"");
    assert_eq!(encoded(string, b"a\r\nb"), "{4}\r\na\r\nb");
    assert!(encoded(string, &[b'x'; QUOTED_BYTES + 1]).starts_with("{1025}\r\n"));
    let mut out = Vec::new();
    nstring(&mut out, None);
    assert_eq!(out, b"NIL");
}

#[test]
fn numbers_are_compacted_in_their_order() {
    let compact = |list: &[u32]| {
        let mut out = Vec::new();
        numbers(&mut out, list.iter().copied());
        String::from_utf8(out).unwrap()
    };
    assert_eq!(compact(&[1, 2, 3, 7, 9, 10]), "1:3,7,9:10");
    assert_eq!(compact(&[5, 4, 3, u32::MAX]), "5,4,3,4294967295");
    let set = SequenceSet::new(vec![(
        crate::command::Bound::Largest,
        crate::command::Bound::Number(NonZeroU32::MIN),
    )]);
    assert_eq!(set.resolve(4), [1..=4]);
    assert_eq!(set.resolve(0), []);
}

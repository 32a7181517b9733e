//! The scanner on messages that hurt: nesting, lies about boundaries, missing ends, limits, any chunking.

use crate::common::{fetch, record, scan, scan_in, summary};
use message::{Limits, ScanError, Scanner};
use proptest::prelude::*;

const NESTED: &str = "Subject: x\r\nContent-Type: multipart/mixed; boundary=ab\r\n\r\npreamble\r\n--ab\r\n\
    Content-Type: multipart/alternative; boundary=\"abc\"\r\n\r\n--abc\r\n\r\nplain\r\n--abc\r\nContent-Type: text/html\r\n\r\n\
    <p>\r\n\r\n--abc--\r\ninner epilogue\r\n--ab\r\nContent-Type: application/zip; name=ihe_xdm.ZIP\r\n\
    Content-Transfer-Encoding: base64\r\n\r\nQUJD\r\nREVG\r\n--ab--  \r\nepilogue\r\n--ab\r\nnot a part\r\n";

const FORWARD: &str = "Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\nContent-Type: message/rfc822\r\n\r\n\
    Subject: inner\r\nFrom: a@b\r\nContent-Type: multipart/mixed; boundary=i\r\n\r\n--i\r\n\r\none\r\n--i\r\n\r\ntwo\r\n\
    --o\r\nContent-Type: message/rfc822\r\n\r\nSubject: flat\r\n\r\nline 1\r\nline 2\r\n\r\n--o--\r\n";

#[test]
fn nested_parts_and_a_boundary_that_begins_with_another() {
    assert_eq!(
        fetch(NESTED, "1").unwrap(),
        NESTED.split("\"abc\"\r\n\r\n").nth(1).unwrap().split("\r\n--ab\r\n").next().unwrap()
    );
    assert_eq!(fetch(NESTED, "1.1").unwrap(), "plain");
    assert_eq!(fetch(NESTED, "1.1.MIME").unwrap(), "\r\n");
    assert_eq!(fetch(NESTED, "1.2").unwrap(), "<p>\r\n");
    assert_eq!(fetch(NESTED, "1.2.MIME").unwrap(), "Content-Type: text/html\r\n\r\n");
    assert_eq!(fetch(NESTED, "2").unwrap(), "QUJD\r\nREVG");
    assert_eq!(fetch(NESTED, "3"), None);
    assert_eq!(fetch(NESTED, "1.3"), None);
    assert_eq!(fetch(NESTED, "1.1.1"), None);
    assert_eq!(fetch(NESTED, "2.HEADER"), None);
    assert_eq!(fetch(NESTED, "").unwrap(), NESTED);
    assert!(fetch(NESTED, "TEXT").unwrap().starts_with("preamble"));
    let scanned = scan(NESTED.as_bytes());
    assert_eq!((scanned.attachments_decoded, scanned.xdm), (6, true));
    assert_eq!(scanned.body_lines, NESTED.matches('\n').count() as u64 - 3);
    assert!(!scanned.structure.is_degraded());
}

#[test]
fn embedded_messages_have_their_own_sections() {
    assert_eq!(fetch(FORWARD, "1.1").unwrap(), "one");
    assert_eq!(fetch(FORWARD, "1.2").unwrap(), "two");
    assert!(fetch(FORWARD, "1.HEADER").unwrap().ends_with("boundary=i\r\n\r\n"));
    assert_eq!(fetch(FORWARD, "1.TEXT").unwrap(), "--i\r\n\r\none\r\n--i\r\n\r\ntwo");
    assert_eq!(fetch(FORWARD, "1.MIME").unwrap(), "Content-Type: message/rfc822\r\n\r\n");
    assert_eq!(fetch(FORWARD, "2").unwrap(), "Subject: flat\r\n\r\nline 1\r\nline 2\r\n");
    assert_eq!(fetch(FORWARD, "2.1").unwrap(), "line 1\r\nline 2\r\n");
    assert_eq!(fetch(FORWARD, "2.1.MIME").unwrap(), "Subject: flat\r\n\r\n");
    assert_eq!(fetch(FORWARD, "2.TEXT").unwrap(), "line 1\r\nline 2\r\n");
    assert_eq!(fetch(FORWARD, "2.2"), None);
}

#[test]
fn a_message_of_one_part() {
    let raw = "Subject: x\r\n\r\nbody\r\n";
    assert_eq!(fetch(raw, "1").unwrap(), "body\r\n");
    assert_eq!(fetch(raw, "TEXT").unwrap(), "body\r\n");
    assert_eq!(fetch(raw, "1.MIME").unwrap(), "Subject: x\r\n\r\n");
    assert_eq!(fetch(raw, "HEADER").unwrap(), "Subject: x\r\n\r\n");
    assert_eq!(fetch(raw, "1.TEXT"), None);
    assert_eq!(fetch(raw, "MIME"), None);
}

#[test]
fn a_message_that_is_all_header() {
    for raw in ["Subject: x", "Subject: x\r\n", ""] {
        let scanned = scan(raw.as_bytes());
        assert_eq!(
            (scanned.header.as_slice(), scanned.body_bytes, scanned.body_lines),
            (raw.as_bytes(), 0, 0)
        );
        assert_eq!(fetch(raw, "1").unwrap(), "");
        assert_eq!(fetch(raw, "HEADER").unwrap(), raw);
    }
    let empty_header = scan(b"\r\nbody");
    assert_eq!(
        (empty_header.header.as_slice(), empty_header.body_bytes, empty_header.body_lines),
        (&b"\r\n"[..], 4, 1)
    );
}

#[test]
fn missing_ends_and_empty_parts() {
    let raw = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n--b\r\nContent-Type: text/html\r\n--b\r\n--b\r\n\r\nlast";
    assert_eq!(fetch(raw, "1").unwrap(), "");
    assert_eq!(fetch(raw, "2").unwrap(), "");
    assert_eq!(fetch(raw, "2.MIME").unwrap(), "Content-Type: text/html");
    assert_eq!(fetch(raw, "3").unwrap(), "");
    assert_eq!(fetch(raw, "4").unwrap(), "last");
    let cut_at_delimiter = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\na\r\n--b";
    assert_eq!(fetch(cut_at_delimiter, "2").unwrap(), "");
    let cut_at_close = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\na\r\n--b--";
    assert_eq!(fetch(cut_at_close, "1").unwrap(), "a");
    assert_eq!(fetch(cut_at_close, "2"), None);
}

#[test]
fn an_outer_boundary_ends_inner_multiparts() {
    let raw = "Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\nContent-Type: multipart/mixed; boundary=i\r\n\r\n--i\r\n\r\na\r\n\
        --o\r\n\r\nb\r\n--i\r\nc\r\n--o--\r\n";
    assert_eq!(fetch(raw, "1.1").unwrap(), "a");
    assert_eq!(fetch(raw, "2").unwrap(), "b\r\n--i\r\nc");
}

#[test]
fn lines_may_end_with_lf_alone() {
    let raw = "Content-Type: multipart/mixed; boundary=b\n\n--b\n\na\n\n--b\n\nb\rc\n--b--\n";
    assert_eq!(fetch(raw, "1").unwrap(), "a\n");
    assert_eq!(fetch(raw, "2").unwrap(), "b\rc");
}

#[test]
fn a_multipart_without_parts_is_text() {
    for boundary in ["", "; boundary=b", "; boundary=\"\""] {
        let raw = format!("Content-Type: multipart/mixed{boundary}\r\n\r\nhello\r\n--other\r\n");
        assert_eq!(fetch(&raw, "1").unwrap(), "hello\r\n--other\r\n");
        let record = record(&raw);
        assert_eq!(
            String::from_utf8(record.body).unwrap(),
            "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7BIT\" 16 2)"
        );
    }
}

#[test]
fn a_digest_holds_messages() {
    let raw =
        "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nSubject: in\r\n\r\ntext\r\n--b--\r\n";
    assert_eq!(fetch(raw, "1.HEADER").unwrap(), "Subject: in\r\n\r\n");
    assert_eq!(fetch(raw, "1.1").unwrap(), "text");
}

#[test]
fn an_embedded_message_without_body() {
    let raw = "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nSubject: in\r\n\r\n--b--\r\n";
    assert_eq!(fetch(raw, "1").unwrap(), "Subject: in\r\n");
    assert_eq!(fetch(raw, "1.HEADER").unwrap(), "Subject: in\r\n");
    assert_eq!(fetch(raw, "1.TEXT").unwrap(), "");
    assert_eq!(fetch(raw, "1.1").unwrap(), "");
}

#[test]
fn an_encoded_embedded_message_is_opaque() {
    let raw =
        "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nU3ViamVjdDogeA0KDQo=\r\n";
    let scanned = scan(raw.as_bytes());
    assert_eq!(scanned.attachments_decoded, 14);
    assert!(record(raw).body.starts_with(b"(\"application\" \"octet-stream\""));
}

#[test]
fn eight_bits_and_very_long_lines() {
    let long = "é--b".repeat(100_000);
    let raw = format!(
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n{long}\r\n--b \r\n\r\n--b{long}\r\n--b--\r\n"
    );
    assert_eq!(fetch(&raw, "1").unwrap(), long);
    assert_eq!(fetch(&raw, "2").unwrap(), format!("--b{long}"));
}

#[test]
fn a_header_too_long_is_refused() {
    let limits = Limits { header_bytes: 100, ..Limits::default() };
    let mut scanner = Scanner::new(limits.clone());
    assert_eq!(scanner.feed(&[b'a'; 101]), Err(ScanError::HeaderTooLong { limit: 100 }));
    let mut scanner = Scanner::new(limits);
    scanner.feed(&[b'a'; 96]).unwrap();
    assert_eq!(scanner.header(), None);
    scanner.feed(b"\r\n\r\nbody of any length").unwrap();
    assert_eq!(scanner.header().unwrap().len(), 100);
}

#[test]
fn two_thousand_parts_are_delivered() {
    let part = "--b\r\nContent-Type: application/pdf\r\n\r\nx\r\n";
    let raw = format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n{}--b--\r\n", part.repeat(2000));
    let scanned = scan(raw.as_bytes());
    assert_eq!(scanned.structure.part_count(), 1000);
    assert!(scanned.structure.is_degraded());
    assert_eq!(fetch(&raw, "998").unwrap(), "x");
    let rest = fetch(&raw, "999").unwrap();
    assert_eq!(rest.len(), part.len() * 1002 - "--b\r\n".len() + "--b--\r\n".len());
    // The swallowed rest counts whole, so no limit on attachments is evaded.
    assert_eq!(scanned.attachments_decoded, 998 + rest.len() as u64);
}

#[test]
fn deep_nesting_ends_in_an_opaque_part() {
    let mut raw = "Content-Type: message/rfc822\r\n\r\n".repeat(3000);
    let scanned = scan(raw.as_bytes());
    assert_eq!(scanned.structure.part_count(), 21);
    raw = (0..500)
        .map(|level| format!("Content-Type: multipart/mixed; boundary=b{level}\r\n\r\n--b{level}\r\n"))
        .collect();
    let scanned = scan(raw.as_bytes());
    assert_eq!(scanned.structure.part_count(), 21);
    assert!(scanned.structure.is_degraded());
    assert!(fetch(&raw, &["1"; 20].join(".")).unwrap().starts_with("--b20"));
}

#[test]
fn long_part_headers_are_read_up_to_their_bound() {
    let limits = Limits { part_header_bytes: 60, ..Limits::default() };
    let raw = format!(
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\nX: {}\r\nContent-ID: <late>\r\n\r\nbody\r\n--b--\r\n",
        "y".repeat(100)
    );
    let (record, ..) = summary(&scan_in(raw.as_bytes(), &[7], limits));
    let body = String::from_utf8(record.body).unwrap();
    assert_eq!(body, "((\"text\" \"html\" NIL NIL NIL \"7BIT\" 4 1) \"mixed\")");
}

#[test]
fn what_is_kept_of_all_parts_is_bounded() {
    let limits = Limits { kept_bytes: 220, ..Limits::default() };
    let part = format!("--b\r\nContent-Type: text/html; x={}\r\n\r\nx\r\n", "y".repeat(80));
    let message =
        "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: long enough to be too much\r\n\r\nx\r\n";
    let raw = format!(
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n{message}{}{message}--b--\r\n",
        part.repeat(3)
    );
    let scanned = scan_in(raw.as_bytes(), &[raw.len()], limits);
    assert!(scanned.structure.is_degraded());
    let body = String::from_utf8(summary(&scanned).0.body).unwrap();
    assert_eq!(body.matches("yyyy\")").count(), 1);
    assert_eq!(body.matches("\"octet-stream\" NIL").count(), 3);
    assert_eq!(body.matches("(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)").count(), 1);
    assert_eq!(body.matches("(NIL \"long enough").count(), 1);
}

fn soup() -> impl Strategy<Value = String> {
    let line = prop::sample::select(vec![
        "",
        "",
        "--a",
        "--a",
        "--a--",
        "--ab",
        "--ab--",
        "--a ",
        "-",
        "--",
        "text",
        "é\r",
        "=",
        " = ",
        "QUJD",
        "=41=\t",
        "Content-Type: multipart/mixed; boundary=a",
        "Content-Type: multipart/digest; boundary=ab",
        "Content-Type: message/rfc822",
        "Content-Type: application/pdf; name=IHE_XDM.zip",
        "Content-Transfer-Encoding: base64",
        "Content-Transfer-Encoding: quoted-printable",
        "Subject: x",
        "From: a@b, c <d@e>",
    ]);
    let ending = prop::sample::select(vec!["\r\n", "\r\n", "\r\n", "\n", "\r", ""]);
    prop::collection::vec((line, ending), 0..40)
        .prop_map(|lines| lines.into_iter().flat_map(|(line, ending)| [line, ending]).collect())
}

proptest! {
    #[test]
    fn any_chunking_gives_the_same(raw in soup(), lengths in prop::collection::vec(1usize..9, 1..6), small: bool) {
        let limits = match small {
            true => Limits { parts: 5, depth: 2, part_header_bytes: 40, kept_bytes: 90, ..Limits::default() },
            false => Limits::default(),
        };
        let whole = scan_in(raw.as_bytes(), &[raw.len()], limits.clone());
        let cut = scan_in(raw.as_bytes(), &lengths, limits);
        prop_assert_eq!(summary(&whole), summary(&cut));
        prop_assert_eq!(&whole.header, &cut.header);
    }

    #[test]
    fn what_is_found_lies_in_the_body(raw in soup()) {
        let scanned = scan(raw.as_bytes());
        let (record, bytes, ..) = summary(&scanned);
        prop_assert_eq!(scanned.header.len() as u64 + bytes, raw.len() as u64);
        prop_assert_eq!(record.size, raw.len() as u64);
        let body = &raw.as_bytes()[scanned.header.len()..];
        let newlines = body.iter().filter(|byte| **byte == b'\n').count() as u64;
        prop_assert_eq!(scanned.body_lines, newlines + u64::from(!body.is_empty() && !body.ends_with(b"\n")));
        prop_assert!(!record.parts.is_empty());
        for part in &record.parts {
            let ranges = [Some(&part.text), part.mime.as_ref(), part.header.as_ref()];
            for range in ranges.into_iter().flatten() {
                prop_assert!(range.start <= range.end && range.end <= bytes);
            }
            if let Some(mime) = &part.mime {
                prop_assert!(mime.end <= part.text.start);
            }
            if let Some(header) = &part.header {
                prop_assert!(part.text.start <= header.start && header.end <= part.text.end);
            }
        }
        let decoded = message::IndexRecord::decode(&record.encode()).unwrap();
        prop_assert_eq!(decoded, record);
    }

    #[test]
    fn listings_are_grammatical(raw in soup(), header in "((From|To|Subject|Date|Content-Type): [-a@b.<>,;:\"\\\\()=?/é ]{0,20}\r\n){0,3}") {
        let (record, ..) = summary(&scan(format!("{header}{raw}").as_bytes()));
        let response = [b"* 1 FETCH (ENVELOPE ", record.envelope.as_slice(), b" BODYSTRUCTURE ", &record.bodystructure, b")\r\n"].concat();
        let (rest, parsed) = imap_proto::Response::parse(&response).expect("a client can read it");
        prop_assert!(rest.is_empty());
        prop_assert!(matches!(parsed, imap_proto::Response::Fetch(1, attributes) if attributes.len() == 2));
    }

    #[test]
    fn arbitrary_bytes_never_panic(raw: Vec<u8>, length in 1usize..20) {
        let (record, ..) = summary(&scan_in(&raw, &[length], Limits::default()));
        let _ = message::IndexRecord::decode(&raw);
        prop_assert_eq!(record.size, raw.len() as u64);
    }
}

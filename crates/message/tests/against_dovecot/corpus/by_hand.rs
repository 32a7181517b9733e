//! Whole messages kept by hand: structures whose fault is in how their lines follow each other.

use super::{Case, case};

/// Name and message, with LF for line ends.
const MESSAGES: &[(&str, &str)] = &[
    (
        "the example of RFC 2046 §5.1.1",
        "From: Nathaniel Borenstein <nsb@bellcore.com>\nTo: Ned Freed <ned@innosoft.com>\nSubject: Sample message\n\
         MIME-Version: 1.0\nContent-type: multipart/mixed; boundary=\"simple boundary\"\n\nThis is the preamble.\n\n\
         --simple boundary\n\nimplicitly typed\n--simple boundary\nContent-type: text/plain; charset=us-ascii\n\n\
         explicitly typed\n\n--simple boundary--\n\nThis is the epilogue.\n",
    ),
    (
        "a boundary that begins with another, inside",
        "Content-Type: multipart/mixed; boundary=ab\n\n--ab\nContent-Type: multipart/mixed; boundary=abc\n\n--abc\n\none\n\
         --abc\n\ntwo\n--abc--\n--ab\n\nthree\n--ab--\n",
    ),
    (
        "a boundary that begins with another, outside",
        "Content-Type: multipart/mixed; boundary=abc\n\n--abc\nContent-Type: multipart/mixed; boundary=ab\n\n--ab\n\none\n\
         --ab\n\ntwo\n--ab--\n--abc\n\nthree\n--abc--\n",
    ),
    (
        "a boundary that ends in dashes",
        "Content-Type: multipart/mixed; boundary=\"a--\"\n\n--a--\n\none\n--a--\n\ntwo\n--a----\n",
    ),
    (
        "the same boundary within",
        "Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/mixed; boundary=a\n\n--a\n\none\n--a--\n\
         --a\n\ntwo\n--a--\n",
    ),
    (
        "never closed",
        "Content-Type: multipart/mixed; boundary=a\n\n--a\n\none\n--a\nContent-Type: text/html\n\n<p>two\n",
    ),
    (
        "closed twice",
        "Content-Type: multipart/mixed; boundary=a\n\n--a\n\none\n--a--\n\n--a\n\nnot a part\n--a--\n",
    ),
    ("closed at once", "Content-Type: multipart/mixed; boundary=a\n\npreamble\n--a--\nepilogue\n"),
    ("no delimiter", "Content-Type: multipart/mixed; boundary=a\n\nonly text\nin two lines\n"),
    ("no body under a boundary", "Content-Type: multipart/mixed; boundary=a\n\n"),
    ("an opening delimiter and nothing", "Content-Type: multipart/mixed; boundary=a\n\n--a"),
    ("an opening delimiter line and nothing", "Content-Type: multipart/mixed; boundary=a\n\n--a\n"),
    (
        "a header of a part and nothing",
        "Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: text/html\n",
    ),
    ("an empty part", "Content-Type: multipart/mixed; boundary=a\n\n--a\n--a\n\n--a\n\n\n--a--\n"),
    (
        "empty parts with fields",
        "Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: text/html\n--a\nX: y\n\n--a--\n",
    ),
    (
        "a part without a blank line",
        "Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: text/html\n<p>no blank line\n--a--\n",
    ),
    (
        "blanks behind delimiters",
        "Content-Type: multipart/mixed; boundary=a\n\n--a  \n\none\n--a\t\n\ntwo\n--a-- \n",
    ),
    (
        "text behind delimiters",
        "Content-Type: multipart/mixed; boundary=a\n\n--a x\n\none\n--ab\n\ntwo\n--a--x\n",
    ),
    (
        "blanks before delimiters",
        "Content-Type: multipart/mixed; boundary=a\n\n --a\n\none\n--a\n\ntwo\n --a--\n--a--\n",
    ),
    (
        "the outer boundary ends an inner multipart",
        "Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: multipart/mixed; boundary=i\n\n--i\n\none\n--o\n\n\
         two\n--i\nthree\n--o--\n",
    ),
    (
        "the outer boundary ends an embedded message",
        "Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: message/rfc822\n\nSubject: in\n--o\n\ntwo\n--o--\n",
    ),
    (
        "an embedded message without header",
        "Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: message/rfc822\n\n\nbody\n--o--\n",
    ),
    (
        "an embedded message without body",
        "Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: message/rfc822\n\nSubject: in\n\n--o--\n",
    ),
    (
        "an empty embedded message",
        "Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: message/rfc822\n\n--o--\n",
    ),
    (
        "messages in messages",
        "Content-Type: message/rfc822\n\nSubject: 1\nContent-Type: message/rfc822\n\nSubject: 2\nContent-Type: message/rfc822\n\n\
         Subject: 3\n\ninmost\n",
    ),
    (
        "an embedded message in base64",
        "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nU3ViamVjdDogeA0KDQo=\n",
    ),
    (
        "an embedded message in quoted-printable",
        "Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: message/rfc822\nContent-Transfer-Encoding: \
         quoted-printable\n\nSubject: caf=C3=A9\n\nx\n--o--\n",
    ),
    (
        "an embedded message in 8bit",
        "Content-Type: message/rfc822\nContent-Transfer-Encoding: 8bit\n\nSubject: été\n\nété\n",
    ),
    (
        "a digest",
        "Content-Type: multipart/digest; boundary=d\n\n--d\n\nSubject: one\n\n1\n--d\nContent-Type: text/plain\n\n2\n--d\n\
         Content-Type: message/rfc822\n\nSubject: three\n\n3\n--d--\n",
    ),
    (
        "a digest with fields but no type",
        "Content-Type: multipart/digest; boundary=d\n\n--d\nContent-ID: <a@b>\n\nSubject: one\n\n1\n--d--\n",
    ),
    (
        "a report",
        "From: <>\nSubject: Undelivered\nContent-Type: multipart/report; report-type=delivery-status;\n boundary=\"r\"\n\n--r\n\n\
         It was not delivered.\n\n--r\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; x.fr\n\n\
         Final-Recipient: rfc822; a@b.fr\nAction: failed\nStatus: 5.1.1\n\n--r\nContent-Type: text/rfc822-headers\n\n\
         Subject: hello\n\n--r--\n",
    ),
    (
        "signed",
        "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; micalg=sha-256;\n boundary=\"----=_s\"\n\n\
         ------=_s\nContent-Type: text/plain\n\nsigned\n------=_s\nContent-Type: application/pkcs7-signature; \
         name=\"smime.p7s\"\nContent-Transfer-Encoding: base64\n\nQUJD\n------=_s--\n",
    ),
    (
        "related in alternative in mixed",
        "Content-Type: multipart/mixed; boundary=1\n\n--1\nContent-Type: multipart/alternative; boundary=2\n\n--2\n\ntext\n--2\n\
         Content-Type: multipart/related; type=\"text/html\"; boundary=3\n\n--3\nContent-Type: text/html\n\n<img>\n--3\n\
         Content-Type: image/png\nContent-ID: <i@x>\nContent-Disposition: inline\nContent-Transfer-Encoding: base64\n\nQUJD\n\
         --3--\n\n--2--\n\n--1\nContent-Type: application/zip; name=\"IHE_XDM.zip\"\nContent-Disposition: attachment\n\nx\n--1--\n",
    ),
    (
        "a boundary with all its characters",
        "Content-Type: multipart/mixed; boundary=\"a'()+_,-./:=? z\"\n\n--a'()+_,-./:=? z\n\none\n--a'()+_,-./:=? z--\n",
    ),
    (
        "a boundary without quotes that needs them",
        "Content-Type: multipart/mixed; boundary=a=b:c\n\n--a=b:c\n\none\n--a=b:c--\n",
    ),
    (
        "a boundary with a blank at its end",
        "Content-Type: multipart/mixed; boundary=\"a \"\n\n--a \n\none\n--a\n\ntwo\n--a --\n",
    ),
    (
        "a boundary of 70 bytes",
        "Content-Type: multipart/mixed; boundary=aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggggggggg\n\n--aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggggggggg\n\none\n--aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggggggggg--\n",
    ),
    ("a boundary in 8 bits", "Content-Type: multipart/mixed; boundary=\"é\"\n\n--é\n\none\n--é--\n"),
    (
        "a boundary in RFC 2231 form",
        "Content-Type: multipart/mixed; boundary*=us-ascii''a\n\n--a\n\none\n--a--\n",
    ),
    (
        "a boundary in two pieces",
        "Content-Type: multipart/mixed; boundary*0=a; boundary*1=b\n\n--ab\n\none\n--ab--\n",
    ),
    (
        "two boundaries",
        "Content-Type: multipart/mixed; boundary=a; boundary=b\n\n--a\n\none\n--b\n\ntwo\n--a--\n--b--\n",
    ),
    (
        "a boundary of an odd multipart",
        "Content-Type: multipart/x-unknown; boundary=a\n\n--a\n\none\n--a--\n",
    ),
    ("a boundary in a text", "Content-Type: text/plain; boundary=a\n\n--a\n\none\n--a--\n"),
    (
        "a multipart in base64",
        "Content-Type: multipart/mixed; boundary=a\nContent-Transfer-Encoding: base64\n\n--a\n\none\n--a--\n",
    ),
    (
        "preamble and epilogue with delimiters of others",
        "Content-Type: multipart/mixed; boundary=a\n\n--b\nx\n--a\n\none\n--a--\n--b--\n",
    ),
    (
        "fields of a multipart",
        "Content-Type: multipart/mixed; boundary=a; x=y\nContent-ID: <m@x>\nContent-Disposition: inline; filename=m\nContent-Language: fr\nContent-Location: l\nContent-Description: d\nContent-MD5: z\n\n--a\n\none\n--a--\n",
    ),
    (
        "MIME fields without MIME-Version in a part that is a message",
        "MIME-Version: 1.0\nContent-Type: message/rfc822\n\nContent-Type: multipart/mixed; boundary=a\n\n--a\n\none\n--a--\n",
    ),
];

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, text) in MESSAGES {
        let text = format!("MIME-Version: 1.0\n{text}");
        cases.push(case(*name, text.replace('\n', "\r\n")));
        cases.push(case(format!("{name}, bare LF"), mixed(&text, |_| false)));
        cases.push(case(format!("{name}, every other LF bare"), mixed(&text, |number| number % 2 == 0)));
        cases.push(case(format!("{name}, some LF bare"), mixed(&text, |number| number % 5 > 1)));
    }
    cases.push(case(
        "a part in latin 1",
        b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\r\n\xe9t\xe9\r\n".to_vec(),
    ));
    cases.push(case("a line of 200 kB", [&b"Subject: x\r\n\r\n"[..], &[b'y'; 200_000], b"\r\n"].concat()));
    cases.push(case("500 parts", many_parts(500)));
    cases
}

/// The text with CRLF where `is_whole` says so of the line's number, and LF elsewhere.
fn mixed(text: &str, is_whole: fn(usize) -> bool) -> String {
    let end = |number| if is_whole(number) { "\r\n" } else { "\n" };
    text.split_terminator('\n').enumerate().map(|(number, line)| format!("{line}{}", end(number))).collect()
}

fn many_parts(count: usize) -> String {
    let parts: String = (0..count).map(|n| format!("--a\r\nContent-ID: <{n}@x>\r\n\r\n{n}\r\n")).collect();
    format!("MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n{parts}--a--\r\n")
}

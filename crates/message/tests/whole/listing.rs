//! BODY and BODYSTRUCTURE on the wire, and the stored form of a record.

use crate::common::{record, scan};
use message::{DecodeError, IndexRecord, PartKind, index};

fn listings(raw: &str) -> (String, String) {
    let record = record(raw);
    (String::from_utf8(record.body).unwrap(), String::from_utf8(record.bodystructure).unwrap())
}

#[test]
fn a_plain_text() {
    let (body, structure) = listings("Subject: x\r\n\r\nab\r\n\r\n");
    assert_eq!(body, "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7BIT\" 6 2)");
    assert_eq!(
        structure,
        "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7BIT\" 6 2 NIL NIL NIL NIL)"
    );
}

#[test]
fn all_extension_data() {
    let (body, structure) = listings(
        "Content-Type: APPLICATION/pdf;\r\n name=\"a \\\"b\\\".pdf\"; X-y=z\r\nContent-ID: <i@d>\r\nContent-Description: =?utf-8?Q?d=C3=A9?=\r\n\
         Content-Transfer-Encoding: BASE64\r\nContent-MD5: Q2hlY2s=\r\nContent-Disposition: attachment; filename=\"é.pdf\"\r\n\
         Content-Language: fr, en\r\nContent-Location: http://x/\r\n\r\nQUJD\r\n",
    );
    let common = "\"APPLICATION\" \"pdf\" (\"name\" \"a \\\"b\\\".pdf\" \"X-y\" \"z\") \"<i@d>\" \"=?utf-8?Q?d=C3=A9?=\" \"BASE64\" 6";
    assert_eq!(body, format!("({common})"));
    assert_eq!(
        structure,
        format!(
            "({common} \"Q2hlY2s=\" (\"attachment\" (\"filename\" {{6}}\r\né.pdf)) (\"fr\" \"en\") \"http://x/\")"
        )
    );
}

#[test]
fn multiparts_and_embedded_messages() {
    let (body, structure) = listings(
        "Content-Type: multipart/mixed; boundary=b\r\nContent-Language: fr\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\na\r\nb\r\n--b\r\n\
         Content-Type: message/rfc822\r\nContent-Disposition: inline\r\n\r\nSubject: in\r\nFrom: a@b\r\n\r\nx\r\n\r\n--b--\r\n",
    );
    let from = "((NIL NIL \"a\" \"b\"))";
    let envelope = format!("(NIL \"in\" {from} {from} {from} NIL NIL NIL NIL NIL)");
    let text = "\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7BIT\" 3 1";
    assert_eq!(
        body,
        format!(
            "((\"text\" \"html\" NIL NIL NIL \"7BIT\" 4 2)(\"message\" \"rfc822\" NIL NIL NIL \"7BIT\" 29 {envelope} ({text}) 4) \"mixed\")"
        )
    );
    assert_eq!(
        structure,
        format!(
            "((\"text\" \"html\" NIL NIL NIL \"7BIT\" 4 2 NIL NIL NIL NIL)(\"message\" \"rfc822\" NIL NIL NIL \"7BIT\" 29 {envelope} \
             ({text} NIL NIL NIL NIL) 4 NIL (\"inline\" NIL) NIL NIL) \"mixed\" (\"boundary\" \"b\") NIL \"fr\" NIL)"
        )
    );
}

#[test]
fn a_variant_header_changes_sizes_and_envelope_alone() {
    let scanned = scan(b"From: a@b\r\nMessage-ID: <1@x>\r\n\r\nbody\r\n");
    let variant = b"X: y\r\nFrom: longer@b\r\nMessage-ID: <1@x>\r\n\r\n";
    let (mine, theirs) = (index(&scanned.header, &scanned), index(variant, &scanned));
    assert_eq!(
        (mine.body, mine.bodystructure, mine.parts),
        (theirs.body, theirs.bodystructure, theirs.parts)
    );
    assert_eq!(theirs.size, variant.len() as u64 + 6);
    assert_eq!(theirs.header_len as usize, variant.len());
    assert_eq!(theirs.message_id.as_deref(), Some("<1@x>"));
    assert!(String::from_utf8(theirs.envelope).unwrap().contains("\"longer\" \"b\""));
}

#[test]
fn parts_say_how_to_search_them() {
    let record = record(
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\
         Content-Transfer-Encoding: quoted-printable\r\n\r\n=E9\r\n--b\r\nContent-Type: TEXT/HTML\r\n\r\n--b\r\nContent-Type: image/png\r\n\r\n",
    );
    let kinds: Vec<PartKind> = record.parts.iter().map(|part| part.kind).collect();
    assert_eq!(kinds, [PartKind::Text, PartKind::Html, PartKind::Other]);
    let first = &record.parts[0];
    assert_eq!(message::decode_part(b"=E9", first.encoding, &first.charset), "é");
}

#[test]
fn a_typical_record_is_small() {
    let raw = "Received: from a (b [192.0.2.1])\r\n\tby c with ESMTPSA id d;\r\n\tFri, 20 Nov 2026 10:00:00 +0100\r\n\
        From: =?utf-8?Q?Dr_H=C3=A9l=C3=A8ne_Martin?= <helene.martin@nord.mssante.example>\r\nTo: Jean Dupont <jean.dupont@sud.mssante.example>\r\n\
        Subject: #med# =?utf-8?Q?Compte_rendu_d=27=C3=A9chographie?=\r\nDate: Fri, 20 Nov 2026 10:00:00 +0100\r\n\
        Message-ID: <0123456789abcdef@nord.mssante.example>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"----=_Part_123456\"\r\n\r\n\
        ------=_Part_123456\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nBonjour\r\n\
        ------=_Part_123456\r\nContent-Type: application/zip; name=\"IHE_XDM.zip\"\r\nContent-Disposition: attachment; filename=\"IHE_XDM.zip\"\r\n\
        Content-Transfer-Encoding: base64\r\n\r\nUEsDBA==\r\n------=_Part_123456--\r\n";
    let record = record(raw);
    let stored = record.encode();
    assert!((400..=1000).contains(&stored.len()), "{} bytes", stored.len());
    assert_eq!(IndexRecord::decode(&stored).unwrap(), record);
    assert!(!format!("{record:?}").contains("Martin"));
}

#[test]
fn a_damaged_record_is_an_error() {
    let stored = record("Subject: x\r\n\r\n").encode();
    assert_eq!(IndexRecord::decode(&[]), Err(DecodeError::Damaged));
    assert_eq!(IndexRecord::decode(&stored[..stored.len() - 1]), Err(DecodeError::Damaged));
    assert_eq!(IndexRecord::decode(&[&[9], &stored[1..]].concat()), Err(DecodeError::Version(9)));
    assert_eq!(IndexRecord::decode(&[stored.as_slice(), &[0]].concat()), Err(DecodeError::Damaged));
}

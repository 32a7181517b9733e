//! Messages made at random, rewritten, and read back: what each part says is the same to the byte.

use proptest::prelude::*;

use super::*;
use crate::{Limits, Scanned, Scanner, decode::Decoder, structure::Kind};

fn scan(raw: &[u8]) -> Scanned {
    let mut scanner = Scanner::new(Limits::default());
    scanner.feed(raw).unwrap();
    scanner.finish().unwrap()
}

/// The message as it leaves, its body cut into pieces of `cut` bytes.
fn recoded(raw: &[u8], is: Content, carries: Content, cut: usize) -> Result<Vec<u8>, Unconvertible> {
    let scanned = scan(raw);
    let body = &raw[scanned.header.len()..];
    let mut survey = Survey::new(&scanned.header, &scanned, is, carries);
    body.chunks(cut).for_each(|piece| survey.feed(piece));
    let plan = survey.finish()?;
    let mut out = plan.header().to_vec();
    let mut recoder = Recoder::new(plan.clone());
    body.chunks(cut).for_each(|piece| recoder.feed(piece, &mut out));
    assert_eq!(out.len() as u64, plan.size(), "the size is known beforehand");
    Ok(out)
}

fn seven(text: &str) -> Result<String, Unconvertible> {
    let raw = text.replace('\n', "\r\n");
    let out = recoded(raw.as_bytes(), Content::EightBit, Content::SevenBit, 7)?;
    Ok(String::from_utf8(out).unwrap().replace("\r\n", "\n"))
}

/// Each part that holds no parts: its type, and its content decoded.
fn leaves(raw: &[u8]) -> Vec<(String, Vec<u8>)> {
    let scanned = scan(raw);
    let body = &raw[scanned.header.len()..];
    let nodes = scanned.structure.nodes.iter().filter(|node| matches!(node.kind, Kind::Leaf));
    let leaf = nodes.map(|node| {
        let at = |offset: u64| usize::try_from(offset).unwrap();
        let content = &body[at(node.content.start)..at(node.content.end)];
        let mut decoder = Decoder::new(node.info.transfer_encoding());
        let mut out = Vec::new();
        decoder.feed(content, &mut out);
        decoder.finish(&mut out);
        let kind = format!(
            "{}/{}",
            String::from_utf8_lossy(&node.info.kind),
            String::from_utf8_lossy(&node.info.subtype)
        );
        (kind.to_lowercase(), out)
    });
    leaf.collect()
}

#[test]
fn text_becomes_quoted_printable_and_says_so() {
    assert_eq!(
        seven("Subject: a\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\nX-MSS-NIL: 1\n\nÉté\n").unwrap(),
        "Subject: a\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\nX-MSS-NIL: 1\n\n=C3=89t=C3=A9\n"
    );
    assert_eq!(
        seven("Subject: a\n\né\n").unwrap(),
        "Subject: a\nMIME-Version: 1.0\nContent-Type: text/plain; charset=unknown-8bit\nContent-Transfer-Encoding: quoted-printable\n\n=C3=A9\n"
    );
    let plain = "Subject: a\nContent-Transfer-Encoding: 8bit\n\nbon\n";
    assert_eq!(seven(plain).unwrap(), plain.replace("8bit", "7bit"), "a claim is taken back");
}

#[test]
fn parts_change_alone_and_containers_take_their_claim_back() {
    let raw = "Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: 8bit\nMIME-Version: 1.0\n\npréambule\n--b\n\
        Content-Type: text/plain\n\nsans accent\n--b\nContent-Type: application/pdf\nContent-Transfer-Encoding: binary\n\n%PDF é\n--b\n\
        Content-Type: message/rfc822\nContent-Transfer-Encoding: 8bit\n\nSubject: x\n\nété\n--b--\népilogue\n";
    assert_eq!(
        seven(raw).unwrap(),
        "Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: 7bit\nMIME-Version: 1.0\n\npr??ambule\n--b\n\
        Content-Type: text/plain\n\nsans accent\n--b\nContent-Type: application/pdf\nContent-Transfer-Encoding: base64\n\nJVBERiDDqQ==\n--b\n\
        Content-Type: message/rfc822\nContent-Transfer-Encoding: 7bit\n\nSubject: x\nMIME-Version: 1.0\nContent-Type: text/plain; charset=unknown-8bit\n\
        Content-Transfer-Encoding: quoted-printable\n\n=C3=A9t=C3=A9\n--b--\n??pilogue\n"
    );
}

#[test]
fn what_is_signed_or_cannot_be_said_otherwise_stays_here() {
    let signed = |text: &str| {
        format!(
            "Content-Type: multipart/signed; boundary=s; protocol=\"application/pkcs7-signature\"\n\n--s\nContent-Type: text/plain\n\
             Content-Transfer-Encoding: 8bit\n\n{text}\n--s\nContent-Type: application/pkcs7-signature\n\nx\n--s--\n"
        )
    };
    assert_eq!(seven(&signed("été")), Err(Unconvertible::Signed));
    assert_eq!(seven(&signed("ete")).unwrap(), signed("ete"), "not a byte of it, the claim neither");
    assert_eq!(seven("Subject: été\n\nx\n"), Err(Unconvertible::Header));
    assert_eq!(seven("Content-Transfer-Encoding: x-uuencode\n\né\n"), Err(Unconvertible::Structure));
    assert_eq!(
        seven("Content-Type: multipart/mixed; boundary=b\n\né, and no part\n"),
        Err(Unconvertible::Structure)
    );
    assert_eq!(seven("Content-Type: message/partial\n\né\n"), Err(Unconvertible::Structure));
    let name = "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Disposition: attachment; filename=é.pdf\n\nx\n--b--\n";
    assert_eq!(seven(name), Err(Unconvertible::Header));
}

#[test]
fn octets_beyond_ascii_within_an_encoding_are_escaped_or_dropped() {
    let of = |encoding: &str, text: &str| {
        format!("MIME-Version: 1.0\nContent-Transfer-Encoding: {encoding}\n\n{text}\n")
    };
    assert_eq!(seven(&of("quoted-printable", "=C3=A9 é")).unwrap(), of("quoted-printable", "=C3=A9 =C3=A9"));
    assert_eq!(seven(&of("base64", "QUéJD")).unwrap(), of("base64", "QUJD"));
}

#[test]
fn binary_content_becomes_lines() {
    let raw = b"MIME-Version: 1.0\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: BINARY\r\n\r\na\0b\nc\r";
    let out = recoded(raw, Content::Binary, Content::EightBit, 3).unwrap();
    assert!(
        out.ends_with(b"Content-Transfer-Encoding: base64\r\n\r\nYQBiCmMN\r\n"),
        "{}",
        String::from_utf8_lossy(&out)
    );
    let long = format!("MIME-Version: 1.0\r\n\r\n{}\r\n", "x".repeat(999));
    let out = recoded(long.as_bytes(), Content::Binary, Content::EightBit, 100).unwrap();
    assert!(out.split(|byte| *byte == b'\n').all(|line| line.len() < 1_000));
    let fits =
        format!("MIME-Version: 1.0\r\nContent-Transfer-Encoding: binary\r\n\r\n{}\r\n", "é".repeat(499));
    let out = recoded(fits.as_bytes(), Content::Binary, Content::EightBit, 100).unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), fits.replace("binary", "8bit"));
    let kept = recoded(raw, Content::Binary, Content::Binary, 3).unwrap();
    assert_eq!(kept, raw, "a next hop that takes all gets all");
}

/// A part, header and content; the seeds make boundaries that stand in nothing else.
fn part(depth: u32) -> BoxedStrategy<Vec<u8>> {
    let line = prop_oneof![
        Just(&b"plain text, with a blank at its end "[..]),
        Just(&b"=C3=A9= =\t"[..]),
        Just("été \u{a0}".as_bytes()),
        Just(&b"\xff\xfe\x00\xe9"[..]),
        Just(&b"-- "[..]),
        Just(&b".dot"[..]),
        Just(&b""[..]),
        Just(&b"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo="[..]),
    ];
    let content = prop::collection::vec(line, 0..8).prop_map(|lines| lines.join(&b"\r\n"[..]));
    let kind = prop::sample::select(vec![
        "",
        "Content-Type: text/plain; charset=utf-8\r\n",
        "content-type: TEXT/html;\r\n\tcharset=iso-8859-1\r\n",
        "Content-Type: application/pdf; name=a.pdf\r\n",
        "X-Folded: a\r\n b\r\nContent-Type: image/png\r\nX-Folded: again\r\n",
        "Content-Type: message/delivery-status\r\n",
    ]);
    let encoding = prop::sample::select(vec![
        "",
        "Content-Transfer-Encoding: 8bit\r\n",
        "Content-Transfer-Encoding: Binary (really)\r\n",
        "content-transfer-encoding:\r\n 7bit\r\nContent-Transfer-Encoding: 8bit\r\n",
        "Content-Transfer-Encoding: quoted-printable\r\n",
        "Content-Transfer-Encoding: BASE64\r\n",
    ]);
    let leaf = (kind, encoding, content).prop_map(|(kind, encoding, content)| {
        [kind.as_bytes(), encoding.as_bytes(), b"\r\n", &content].concat()
    });
    if depth == 0 {
        return leaf.boxed();
    }
    let multi = (
        prop::sample::select(vec!["mixed", "alternative", "related", "signed"]),
        prop::bool::ANY,
        prop::collection::vec(part(depth - 1), 1..4),
    );
    let multi = multi.prop_map(move |(subtype, preamble, parts)| {
        let boundary = format!("=_{depth}_{subtype}");
        let mut out = format!("Content-Type: multipart/{subtype};\r\n boundary=\"{boundary}\"\r\nContent-Transfer-Encoding: 8bit\r\n\r\n").into_bytes();
        if preamble {
            out.extend_from_slice("préambule\r\n".as_bytes());
        }
        for part in parts {
            out.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
            out.extend_from_slice(&part);
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
        out
    });
    let embedded = part(depth - 1)
        .prop_map(|part| [&b"Content-Type: message/rfc822\r\n\r\nSubject: inside\r\n"[..], &part].concat());
    prop_oneof![2 => leaf, 2 => multi, 1 => embedded].boxed()
}

proptest! {
    #[test]
    fn every_part_says_the_same(part in part(3), cut in 1..200_usize, binary: bool) {
        let raw = [b"Subject: outside\r\nX-MSS-NIL: 1\r\n", &part[..], b"\r\n"].concat();
        let is = if binary { Content::Binary } else { Content::EightBit };
        match recoded(&raw, is, Content::SevenBit, cut) {
            Ok(out) => {
                prop_assert!(out.is_ascii());
                prop_assert_eq!(leaves(&out), leaves(&raw), "{}\n===\n{}", String::from_utf8_lossy(&raw), String::from_utf8_lossy(&out));
                if binary {
                    prop_assert!(!out.contains(&0));
                }
                let again = recoded(&out, Content::EightBit, Content::SevenBit, cut).unwrap();
                prop_assert_eq!(again, out, "what is fit stays as it is");
            }
            Err(Unconvertible::Signed) => prop_assert!(raw.windows(16).any(|window| window == b"multipart/signed")),
            Err(Unconvertible::Structure) => prop_assert!(binary, "an encoded part with a NUL in it"),
            Err(other) => prop_assert!(false, "{other}: {}", String::from_utf8_lossy(&raw)),
        }
    }

    #[test]
    fn any_octets_are_read_without_panic(raw in prop::collection::vec(any::<u8>(), 0..300), head in prop::sample::select(vec![
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n", "\r\n", "Content-Type: message/rfc822\r\n\r\n", ""]), cut in 1..50_usize) {
        let raw = [head.as_bytes(), &raw].concat();
        for (is, carries) in [(Content::Binary, Content::SevenBit), (Content::Binary, Content::EightBit), (Content::EightBit, Content::SevenBit)] {
            if let Ok(out) = recoded(&raw, is, carries, cut) {
                prop_assert!(carries == Content::EightBit || out.is_ascii());
            }
        }
    }

    #[test]
    fn a_next_hop_that_takes_it_gets_it_as_it_is(part in part(2), cut in 1..200_usize) {
        let raw = [b"Subject: outside\r\n", &part[..], b"\r\n"].concat();
        prop_assert_eq!(recoded(&raw, Content::Binary, Content::Binary, cut).unwrap(), raw);
    }
}

//! How fast a message is understood while it streams by: the scanner over multiparts of 4 MiB in the blocks of SMTP, beside copying the
//! same bytes and looking once for line ends; then the index record, and what a search decodes.
//!
//! May use: the crate's public face. Must never become a test: nothing here passes or fails.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, unreachable_pub)]

mod measure;

use std::hint::black_box;

use measure::{row, table};
use memchr::memchr_iter;
use message::{Encoding, Header, Limits, Scanned, Scanner, decode_part, index};

const BODY: usize = 4 << 20;
const BLOCK: usize = 32 * 1024;

fn main() {
    let base64 = format!("{}\r\n", "QUJD".repeat(19)).repeat(BODY / 78);
    let quoted =
        "Le patient est rentr=C3=A9 chez lui ce matin, sans plainte =C3=A0 l'examen.=\r\n".repeat(BODY / 77);
    let text = "Une ligne de texte ordinaire, comme on en lit dans un compte rendu.\r\n".repeat(BODY / 69);
    scanner(
        "scanner, multipart with a base64 attachment (4 MiB)",
        &letter(&text[..6_900], "base64", &base64),
    );
    scanner(
        "scanner, multipart with a quoted-printable part",
        &letter(&text[..690], "quoted-printable", &quoted),
    );
    scanner("scanner, multipart with a plain part", &letter("", "7bit", &text));
    scanner("scanner, 900 parts", &many_parts());
    decoding("what a search decodes, base64 (1 MiB)", &base64, Encoding::Base64);
    decoding("what a search decodes, quoted-printable (1 MiB)", &quoted, Encoding::QuotedPrintable);
    records(&letter(&text[..690], "base64", &base64[..78 * 100]));
}

const HEADER: &str = "Received: from poste.cabinet.test ([192.0.2.1]) by mail.test with ESMTPSA id 1;\r\n\
    \tSat, 21 Nov 2026 03:41:01 +0000\r\nFrom: =?utf-8?Q?Dr_H=C3=A9l=C3=A8ne?= <helene@medecin.test>\r\n\
    To: Service <service@hopital.test>, \"Secr=?= tariat\" <secretariat@hopital.test>\r\n\
    Subject: #med# Compte rendu de consultation\r\nMessage-ID: <1@poste>\r\nDate: Sat, 21 Nov 2026 04:41:01 +0100\r\n\
    MIME-Version: 1.0\r\n";

fn letter(text: &str, encoding: &str, attachment: &str) -> Vec<u8> {
    format!(
        "{HEADER}Content-Type: multipart/mixed; boundary=\"=_limite\"\r\n\r\n--=_limite\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n--=_limite\r\n\
         Content-Type: application/pdf; name=\"cr.pdf\"\r\nContent-Transfer-Encoding: {encoding}\r\n\
         Content-Disposition: attachment; filename=\"cr.pdf\"\r\n\r\n{attachment}\r\n--=_limite--\r\n"
    )
    .into_bytes()
}

fn many_parts() -> Vec<u8> {
    let part = format!(
        "--=_limite\r\nContent-Type: image/jpeg; name=\"vue.jpg\"\r\nContent-Transfer-Encoding: base64\r\n\r\n{}",
        "QUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJD\r\n".repeat(130)
    );
    format!(
        "{HEADER}Content-Type: multipart/mixed; boundary=\"=_limite\"\r\n\r\n{}--=_limite--\r\n",
        part.repeat(900)
    )
    .into_bytes()
}

fn scanner(title: &str, raw: &[u8]) {
    let lines = memchr_iter(b'\n', raw).count();
    let (mut block, mut ends) = (Vec::with_capacity(BLOCK), Vec::with_capacity(BLOCK));
    table(
        title,
        raw.len(),
        (lines, "line"),
        vec![
            row("copied into blocks", || copied(raw, &mut block)),
            row("copied, and line ends looked for", || {
                copied(raw, &mut ends) + memchr_iter(b'\n', raw).count()
            }),
            row("scanned", || scan(raw).attachments_decoded),
        ],
    );
}

fn decoding(title: &str, part: &str, encoding: Encoding) {
    let raw = &part.as_bytes()[..1 << 20];
    let mut copy = Vec::with_capacity(raw.len());
    table(
        title,
        raw.len(),
        (1, "part"),
        vec![
            row("copied", || {
                copy.clear();
                copy.extend_from_slice(raw);
                black_box(&copy).len()
            }),
            row("decoded to text", || decode_part(raw, encoding, "utf-8")),
        ],
    );
}

fn records(raw: &[u8]) {
    let scanned = scan(raw);
    let encoded = index(&scanned.header, &scanned).encode();
    table(
        "index record of a letter with one attachment",
        scanned.header.len(),
        (1, "message"),
        vec![
            row("header copied", || scanned.header.clone()),
            row("header parsed", || Header::parse(&scanned.header)),
            row("record computed and encoded", || index(&scanned.header, &scanned).encode()),
            row("record decoded", || message::IndexRecord::decode(&encoded).unwrap()),
        ],
    );
}

fn scan(raw: &[u8]) -> Scanned {
    let mut scanner = Scanner::new(Limits::default());
    for piece in raw.chunks(BLOCK) {
        scanner.feed(piece).unwrap();
    }
    scanner.finish().unwrap()
}

fn copied(bytes: &[u8], block: &mut Vec<u8>) -> usize {
    for piece in bytes.chunks(BLOCK) {
        block.clear();
        block.extend_from_slice(piece);
        black_box(&block);
    }
    block.len()
}

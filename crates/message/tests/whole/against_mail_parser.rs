//! The scanner against mail-parser, which sees messages whole: the same leaves, the same decoded bytes.

use crate::common::{record, scan};
use mail_builder::{
    MessageBuilder,
    mime::{BodyPart, MimePart},
};
use mail_parser::{Message, MessageParser, PartType};
use message::{Header, PartKind, decode_part};
use proptest::prelude::*;

/// The leaves that mail-parser finds, texts decoded, other parts as their length.
fn theirs(message: &Message<'_>, leaves: &mut Vec<Result<String, usize>>) {
    fn walk(message: &Message<'_>, part: usize, leaves: &mut Vec<Result<String, usize>>) {
        let part = &message.parts[part];
        match &part.body {
            PartType::Multipart(children) => {
                children.iter().for_each(|child| walk(message, *child as usize, leaves));
            }
            PartType::Message(inner) => theirs(inner, leaves),
            PartType::Text(text) | PartType::Html(text) => leaves.push(Ok(text.trim_end().to_owned())),
            PartType::Binary(bytes) | PartType::InlineBinary(bytes) => leaves.push(Err(bytes.len())),
        }
    }
    walk(message, 0, leaves);
}

fn ours(raw: &str) -> Vec<Result<String, usize>> {
    let record = record(raw);
    let body = &raw.as_bytes()[record.header_len as usize..];
    let leaves =
        record.parts.iter().filter(|part| !matches!(part.kind, PartKind::Multipart | PartKind::Message));
    leaves
        .map(|part| {
            let content =
                &body[usize::try_from(part.text.start).unwrap()..usize::try_from(part.text.end).unwrap()];
            match part.kind {
                PartKind::Other => Err(decode_part(content, part.encoding, "iso-8859-1").chars().count()),
                _ => Ok(decode_part(content, part.encoding, &part.charset).trim_end().to_owned()),
            }
        })
        .collect()
}

fn agree(raw: &str) {
    let parsed = MessageParser::default().parse(raw.as_bytes()).expect("a message with a header");
    let mut leaves = Vec::new();
    theirs(&parsed, &mut leaves);
    assert_eq!(ours(raw), leaves, "on {raw}");
}

#[test]
fn on_nasty_samples() {
    for raw in [
        "Subject: x\r\n\r\nplain\r\n",
        "Content-Type: multipart/mixed; boundary=\"a\"\r\n\r\npre\r\n--a\r\n\r\n1\r\n--a\r\nContent-Type: multipart/mixed; boundary=\"ab\"\r\n\r\n\
         --ab\r\n\r\n2\r\n--ab--\r\nepi\r\n--a\r\n\r\n3\r\n--a--\r\nepilogue",
        "Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Type: text/html; charset=iso-8859-1\r\n\
         Content-Transfer-Encoding: quoted-printable\r\n\r\n<p>=E9t=E9 =\r\nsuite\r\n--a\r\nContent-Type: a/b\r\nContent-Transfer-Encoding: base64\r\n\r\nQU\r\nJDRA==\r\n--a--\r\n",
        "Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\nContent-Type: message/rfc822\r\n\r\nSubject: in\r\n\
         Content-Type: multipart/alternative; boundary=i\r\n\r\n--i\r\n\r\none\r\n--i\r\n\r\ntwo\r\n--i--\r\n\r\n--o\r\n\r\nlast\r\n--o--\r\n",
        "Content-Type: multipart/mixed; boundary=o\n\n--o\n\nbare line feeds\n--o--\n",
        "Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n\r\nnever closed",
        "Content-Type: (comment) text/plain (x); charset=utf-8\r\n\r\nété\r\n",
    ] {
        agree(raw);
    }
}

#[derive(Debug, Clone)]
enum Tree {
    Text(String),
    Html(String),
    File(Vec<u8>),
    Multi(Vec<Tree>),
    Forward(Box<Tree>),
}

fn tree() -> impl Strategy<Value = Tree> {
    let text = "([a-zé=.-]{0,90}\n?){1,4}[a-z]";
    let leaf = prop_oneof![
        text.prop_map(Tree::Text),
        text.prop_map(Tree::Html),
        prop::collection::vec(any::<u8>(), 0..200).prop_map(Tree::File),
    ];
    leaf.prop_recursive(4, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(Tree::Multi),
            inner.prop_map(|inner| Tree::Forward(Box::new(inner))),
        ]
    })
}

/// The leaves that a tree was made of.
fn leaves(tree: &Tree) -> Vec<Result<String, usize>> {
    match tree {
        Tree::Text(text) | Tree::Html(text) => vec![Ok(text.replace("\r\n", "\n"))],
        Tree::File(bytes) => vec![Err(bytes.len())],
        Tree::Multi(children) => children.iter().flat_map(leaves).collect(),
        Tree::Forward(inner) => leaves(inner),
    }
}

/// mail-parser 0.11.9 drops what follows a message that directly holds a message.
fn confuses_mail_parser(tree: &Tree) -> bool {
    match tree {
        Tree::Multi(children) => children.iter().any(confuses_mail_parser),
        Tree::Forward(inner) => matches!(**inner, Tree::Forward(_)) || confuses_mail_parser(inner),
        Tree::Text(_) | Tree::Html(_) | Tree::File(_) => false,
    }
}

fn part(tree: Tree, files: &mut u64) -> MimePart<'static> {
    match tree {
        Tree::Text(text) => MimePart::new("text/plain", BodyPart::Text(text.into())),
        Tree::Html(text) => MimePart::new("text/html", BodyPart::Text(text.into())),
        Tree::File(bytes) => {
            *files += bytes.len() as u64;
            MimePart::new("application/pdf", BodyPart::Binary(bytes.into())).attachment("é.pdf")
        }
        Tree::Multi(children) => {
            let children: Vec<MimePart<'static>> =
                children.into_iter().map(|child| part(child, files)).collect();
            MimePart::new("multipart/mixed", BodyPart::Multipart(children))
        }
        Tree::Forward(inner) => {
            let inner = MessageBuilder::new().subject("in").from("a@b.fr").body(part(*inner, files));
            let raw = inner.write_to_string().unwrap();
            MimePart::new("message/rfc822", BodyPart::Text(raw.into())).transfer_encoding("8bit")
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn on_generated_messages(tree in tree(), subject in "\\PC{0,80}") {
        let mut files = 0;
        let (leaves, confusing) = (leaves(&tree), confuses_mail_parser(&tree));
        let body = part(tree, &mut files);
        let raw = MessageBuilder::new().from(("Zoé", "zoe@a.fr")).to("b@c.fr").subject(subject.as_str()).body(body).write_to_string().unwrap();
        if !confusing {
            agree(&raw);
        }
        let found: Vec<_> = ours(&raw).into_iter().map(|leaf| leaf.map(|text| text.replace("\r\n", "\n"))).collect();
        prop_assert_eq!(found, leaves);
        prop_assert_eq!(scan(raw.as_bytes()).attachments_decoded, files);
        let header = Header::parse(raw.as_bytes());
        let read = header.subject().unwrap();
        prop_assert_eq!(read.trim_ascii(), subject.trim_ascii());
        let from = header.addresses("From");
        prop_assert_eq!((from[0].name.as_deref(), from[0].address.as_str()), (Some("Zoé"), "zoe@a.fr"));
    }

    #[test]
    fn mail_parser_survives_what_we_give_it(value in "\\PC{0,60}", bytes: Vec<u8>) {
        // Dates and charsets are all that this crate asks of it.
        let _ = mail_parser::DateTime::parse_rfc822(&value);
        let _ = decode_part(&bytes, message::Encoding::Identity, &value);
    }
}

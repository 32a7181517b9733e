//! Whatever a message looks like, only what the rules name changes on its way: every other byte of header and body is the one that was
//! sent, in each copy and in what leaves (M-6, S-3.4, S-3.5).

use proptest::{prelude::*, test_runner::TestRunner};

use crate::world::*;

/// A field as it is sent, and as each reader has it; `§` is where an own address stands.
#[derive(Clone, Debug)]
struct Field {
    text: String,
    hidden: bool,
}

fn field() -> impl Strategy<Value = Field> {
    let name = prop::sample::select(vec![
        "X-MSS-NIL",
        "X-MSS-INS",
        "x-mss-codecda",
        "References",
        "Comments",
        "Keywords",
        "Received",
        "X-Bcc",
        "List-Id",
        "DKIM-Signature",
        "Content-Language",
        "X-Folded",
        "Resent-To",
        "Authentication-Results",
    ]);
    let blank = prop::sample::select(vec![" ", "", "\t", "\r\n ", "\r\n\t \t", "  "]);
    let word = prop_oneof![
        "[!-~]{1,20}",
        "[a-z]{900,990}",
        Just("=?iso-8859-1?Q?=E9t=E9?=".to_owned()),
        Just("\u{e9}\u{a0}\u{1f600}".to_owned()),
        Just(format!("<{DOCTOR_LOGIN}>")),
    ];
    let value = prop::collection::vec((blank, word), 1..4);
    let kept = (name, prop::sample::select(vec!["", " "]), value.clone()).prop_map(|(name, gap, words)| {
        let words: String = words.into_iter().map(|(blank, word)| format!("{blank}{word}")).collect();
        Field { text: format!("{name}{gap}: a{words}\r\n"), hidden: false }
    });
    let own = prop::sample::select(vec![
        "Reply-To: §\r\n",
        "disposition-notification-to:\r\n\t<§>\r\n",
        "Sender: \"Un, Dr\" (x) <§> (\u{e9})\r\n",
    ]);
    let own = own.prop_map(|text| Field { text: text.to_owned(), hidden: false });
    let hidden = (prop::sample::select(vec!["Bcc", "BCC ", "Return-Path", "Resent-Bcc"]), value).prop_map(
        |(name, words)| {
            let words: String = words.into_iter().map(|(blank, word)| format!("{blank}{word}")).collect();
            Field { text: format!("{name}: b{words}\r\n"), hidden: true }
        },
    );
    prop_oneof![6 => kept, 1 => own, 1 => hidden]
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        prop::collection::vec(
            any::<u8>().prop_map(|byte| if byte == b'\r' || byte == b'\n' { b'.' } else { byte }),
            0..80
        ),
        prop::collection::vec(Just(b'x'), 990..3_000),
        Just(b".".to_vec()),
        Just(b"..".to_vec()),
        Just(b"From x".to_vec()),
        Just(b"--b".to_vec()),
        Just(b"--b--".to_vec()),
        Just(b"Subject: inside".to_vec()),
        Just(b"=E9= ".to_vec()),
        Just(Vec::new()),
    ];
    prop::collection::vec(line, 0..20)
        .prop_map(|lines| lines.into_iter().flat_map(|line| [line, b"\r\n".to_vec()].concat()).collect())
}

/// The fields as readers have them who see this address.
fn seen(fields: &[Field], address: &str) -> String {
    let shown = fields.iter().filter(|field| !field.hidden);
    shown.map(|field| field.text.replace('§', address)).collect()
}

#[test]
fn of_an_awkward_message_only_what_the_rules_name_changes() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let world = runtime.block_on(World::trusting(&["chu-nord.mssante.fr", "clinique-sud.mssante.fr"]));
    let mut runner = TestRunner::new(ProptestConfig { cases: 96, ..ProptestConfig::default() });
    let strategy = (prop::collection::vec(field(), 0..10), body(), any::<bool>(), any::<bool>());
    let rounds = std::cell::Cell::new(0_u32);
    let ran = runner.run(&strategy, |(mut fields, body, multipart, from_login)| {
        // one Sender at most (S-3.4)
        let mut senders = 0;
        fields.retain(|field| !field.text.starts_with("Sender") || { senders += 1; senders == 1 });
        rounds.set(rounds.get() + 1);
        let round = rounds.get();
        let own = if from_login { DOCTOR_LOGIN } else { DOCTOR };
        let kind = if multipart { "Content-Type: multipart/mixed; boundary=b\r\n" } else { "" };
        let head = |own: &str, tag: &str| {
            format!("X-First: {round}\r\nFrom: =?utf-8?Q?Dr_Un?=\r\n <{own}>\r\nsubject : {tag}r\u{e9}sultat\r\n \t2\r\n\
                Date: Sat, 21 Nov 2026 11:00:00 +0100\r\nMessage-ID: <m{round}@poste>\r\n{kind}")
        };
        let sent = fields.iter().map(|field| field.text.replace('§', own)).collect::<String>();
        let content = [format!("{}{sent}\r\n", head(own, "#MED# ")).as_bytes(), &body].concat();
        runtime.block_on(world.send(DOCTOR, own, &[INTERN, SECRETARY, PEER], &content)).map_err(|reply| {
            TestCaseError::fail(format!("{reply:?}: {}", String::from_utf8_lossy(&content)))
        })?;
        let leaving = world.queued().pop().map(|(_, header, body)| (header, body)).unwrap();
        for ((header, got), address, tag) in [
            (world.inbox(INTERN).pop().unwrap(), DOCTOR, "#MED# "),
            (world.inbox(SECRETARY).pop().unwrap(), DOCTOR_LOGIN, "#MED# "),
            (leaving, DOCTOR, ""),
        ] {
            let header = String::from_utf8(header).unwrap();
            let (added, rest) = header.split_at(header.find("X-First: ").unwrap());
            prop_assert_eq!(rest, format!("{}{}\r\n", head(address, tag), seen(&fields, address)));
            let added: Vec<&str> = added.split("\r\n").filter(|line| !line.starts_with(['\t', ' '])).collect();
            let expected = if tag.is_empty() { vec!["Received", ""] } else { vec!["Return-Path", "Received", ""] };
            let names: Vec<&str> = added.iter().map(|line| line.split(':').next().unwrap()).collect();
            prop_assert_eq!(names, expected);
            prop_assert!(got == body, "every byte of the body");
        }
        Ok(())
    });
    if let Err(error) = ran {
        panic!("{error}");
    }
    runtime.block_on(world.end());
}

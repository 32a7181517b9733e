//! Headers as each class of readers gets them, and as they leave.

use proptest::prelude::*;

use super::*;
use crate::samples::{DOCTOR, DOCTOR_LOGIN, SECRETARY, address, doctor, secretary};

const ADDED: Additions = Additions {
    hostname: String::new(),
    null_path: false,
    received: String::new(),
    date: None,
    message_id: None,
};

fn made(fields: &str, profile: &Profile, reader: Rights, additions: &Additions) -> String {
    let header = Header::parse(format!("{fields}\r\n").as_bytes());
    String::from_utf8(variant(&header, profile, reader, additions)).unwrap()
}

#[test]
fn own_addresses_follow_the_reader_and_every_other_byte_stays() {
    let fields = |own: &str| {
        format!(
            "Received: by elsewhere; before\r\nFROM :  \"Un, Docteur\"\r\n\t<{own}> (\u{e9}t\u{e9})\r\nSender: {own}\r\n\
             Reply-To: {own}, Autre <autre@example.org>\r\nDisposition-Notification-To: <{own}>\r\n\
             To: medecin.un@chu-nord.fr, medecin.un@chu-nord.mssante.fr\r\nCc: {DOCTOR_LOGIN}\r\n\
             X-MSS-CODECDA: 11488-4\r\nSubject: =?utf-8?Q?#med#_medecin.un@chu-nord.fr?=\r\nX-Own: {DOCTOR}\r\n"
        )
    };
    for (reader, seen) in [(Rights::Full, DOCTOR), (Rights::Internal, DOCTOR_LOGIN)] {
        for written in [DOCTOR, DOCTOR_LOGIN] {
            let header = made(&fields(written), &doctor().profile, reader, &ADDED);
            let expected = format!("Return-Path: <{seen}>\r\nReceived: \r\n{}\r\n", fields(seen));
            assert_eq!(header, expected, "{reader} {written}");
        }
    }
}

#[test]
fn an_account_without_mssante_address_keeps_its_own() {
    let fields = format!("From: {SECRETARY}\r\nReply-To: {DOCTOR}\r\n");
    for reader in [Rights::Full, Rights::Internal] {
        let header = made(&fields, &secretary().profile, reader, &ADDED);
        assert_eq!(header, format!("Return-Path: <{SECRETARY}>\r\nReceived: \r\n{fields}\r\n"));
    }
}

#[test]
fn an_address_that_is_right_already_keeps_its_case() {
    let header = made("From: Medecin.UN@CHU-Nord.mssante.fr\r\n", &doctor().profile, Rights::Full, &ADDED);
    assert!(header.contains("\r\nFrom: Medecin.UN@CHU-Nord.mssante.fr\r\n"), "{header}");
}

#[test]
fn what_is_missing_is_added_on_top_and_an_old_return_path_goes() {
    let additions = Additions {
        hostname: String::new(),
        null_path: false,
        received: "from a by b".into(),
        date: Some("Thu, 1 Jan 2026 00:00:00 +0000".into()),
        message_id: Some("<1@b>".into()),
    };
    let fields = format!("From: {DOCTOR}\r\nReturn-Path: <x@example.org>\r\nTo: a@b.fr\r\n");
    assert_eq!(
        made(&fields, &doctor().profile, Rights::Full, &additions),
        format!(
            "Return-Path: <{DOCTOR}>\r\nReceived: from a by b\r\nDate: Thu, 1 Jan 2026 00:00:00 +0000\r\n\
             Message-ID: <1@b>\r\nFrom: {DOCTOR}\r\nTo: a@b.fr\r\n\r\n"
        )
    );
}

/// A field that no rule touches, with the sender's own addresses in it, folded anywhere.
fn untouched() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec![
        "To",
        "Cc",
        "Subject",
        "X-MSS-CODECDA",
        "References",
        "x-from",
        "Received",
    ]);
    let word = prop_oneof![
        "[!-z|]{1,12}",
        Just(DOCTOR.to_owned()),
        Just(format!("<{DOCTOR_LOGIN}>")),
        Just("=?utf-8?B?w6k=?=".to_owned()),
        Just("\u{e9}".to_owned()),
    ];
    let blank = prop::sample::select(vec![" ", "  ", "\r\n ", "\r\n\t"]);
    (name, prop::collection::vec((blank, word), 1..5)).prop_map(|(name, words)| {
        let words: String = words.into_iter().map(|(blank, word)| format!("{blank}{word}")).collect();
        format!("{name}:{words}\r\n")
    })
}

/// A field whose own address follows the reader, with a hole for it.
fn touched() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec!["From", "SENDER", "Reply-To", "disposition-notification-to"]);
    let value = prop::sample::select(vec![
        "{}",
        "Un <{}>",
        "\"Un, Dr\"\r\n <{}> (été)",
        "Autre <autre@example.org>,\r\n\t{}",
        "Liste: {}, b@example.org;",
    ]);
    (name, value).prop_map(|(name, value)| format!("{name}: {value}\r\n"))
}

proptest! {
    #[test]
    fn whatever_stands_around_only_the_address_changes(
        fields in prop::collection::vec(prop_oneof![untouched(), touched()], 0..12),
        from_login in any::<bool>(),
        full in any::<bool>(),
    ) {
        let written = if from_login { DOCTOR_LOGIN } else { DOCTOR };
        let (reader, seen) = if full { (Rights::Full, DOCTOR) } else { (Rights::Internal, DOCTOR_LOGIN) };
        let fields = fields.concat();
        let header = made(&fields.replace("{}", written), &doctor().profile, reader, &ADDED);
        let expected = fields.replace("{}", seen);
        prop_assert_eq!(header, format!("Return-Path: <{seen}>\r\nReceived: \r\n{expected}\r\n"));
    }
}

const COLLEAGUE: &str = "interne.deux@chu-nord.fr";
const COLLEAGUE_MSSANTE: &str = "interne.deux@chu-nord.mssante.fr";

/// The login addresses that have an MSSanté one here.
fn correspondences() -> Correspondences {
    let pairs = [(DOCTOR_LOGIN, DOCTOR), (COLLEAGUE, COLLEAGUE_MSSANTE)];
    pairs.into_iter().map(|(login, mssante)| (address(login).key(), address(mssante))).collect()
}

fn leaving(fields: &str, additions: &Additions) -> String {
    let header = Header::parse(format!("{fields}\r\n").as_bytes());
    String::from_utf8(relayed(&header, &doctor().profile, &correspondences(), additions)).unwrap()
}

#[test]
fn what_leaves_shows_mssante_addresses_and_no_tag_and_no_return_path() {
    let additions = Additions { received: "from a by b".into(), ..ADDED };
    let fields = |own: &str, colleague: &str, subject: &str| {
        format!(
            "Received: by elsewhere; before\r\nFrom: \"Un, Docteur\"\r\n\t<{own}> (\u{e9}t\u{e9})\r\nSender: {own}\r\n\
             Reply-To: {own}, Autre <{COLLEAGUE}>\r\nDisposition-Notification-To: <{own}>\r\n\
             To: Deux <{colleague}>, {SECRETARY},\r\n x@chu-sud.mssante.fr\r\nCC: Moi: {own};\r\n\
             X-MSS-CODECDA: 11488-4\r\nSubject: {subject}\r\nX-Own: {DOCTOR_LOGIN}\r\n"
        )
    };
    let written = fields(DOCTOR_LOGIN, COLLEAGUE, "Re: #MED# =?utf-8?Q?r=C3=A9sultat?=");
    let hidden = format!("Bcc: {COLLEAGUE},\r\n x@example.org\r\nresent-bcc: {SECRETARY}\r\nBCC:\r\n");
    let written = format!("Return-Path: <x@example.org>\r\n{written}{hidden}");
    let expected = fields(DOCTOR, COLLEAGUE_MSSANTE, "Re: =?utf-8?Q?r=C3=A9sultat?=");
    assert_eq!(leaving(&written, &additions), format!("Received: from a by b\r\n{expected}\r\n"));
}

#[test]
fn what_is_missing_is_added_to_what_leaves_too() {
    let additions = Additions {
        date: Some("Thu, 1 Jan 2026 00:00:00 +0000".into()),
        message_id: Some("<1@b>".into()),
        ..ADDED
    };
    assert_eq!(
        leaving(&format!("From: {DOCTOR}\r\n"), &additions),
        format!(
            "Received: \r\nDate: Thu, 1 Jan 2026 00:00:00 +0000\r\nMessage-ID: <1@b>\r\nFrom: {DOCTOR}\r\n\r\n"
        )
    );
}

/// A field that what leaves keeps as it is, whatever it holds.
fn kept() -> impl Strategy<Value = String> {
    let name = "(X-MSS-(CODECDA|INS|NIL)|References|In-Reply-To|Message-ID|x-to|Received|X-Bcc|Resent-To|Thread-Topic)";
    let word = prop_oneof![
        "[!-z|]{1,12}",
        Just(DOCTOR_LOGIN.to_owned()),
        Just(format!("<{COLLEAGUE}>")),
        Just("#med#".to_owned()),
        Just("\u{e9}".to_owned()),
    ];
    let blank = prop::sample::select(vec![" ", "  ", "\r\n ", "\r\n\t"]);
    (name, prop::collection::vec((blank, word), 1..5)).prop_map(|(name, words)| {
        let words: String = words.into_iter().map(|(blank, word)| format!("{blank}{word}")).collect();
        format!("{name}:{words}\r\n")
    })
}

/// A field in which the MSSanté address of whom it names must stand in the hole.
fn shown() -> impl Strategy<Value = String> {
    let own = prop::sample::select(vec!["From", "SENDER", "Reply-To", "disposition-notification-to"]);
    let readers = prop::sample::select(vec!["To", "cc", "CC", "TO "]);
    let value = prop::sample::select(vec![
        "{}",
        "Un <{}>",
        "\"Un, Dr\"\r\n <{}> (été)",
        "Autre <autre@example.org>,\r\n\t{}",
        "Liste: {}, secretariat@cabinet-nord.fr;",
    ]);
    let named = |name: &str, value: &str, hole: &str| format!("{name}: {}\r\n", value.replace("{}", hole));
    prop_oneof![
        (own, value.clone()).prop_map(move |(name, value)| named(name, value, "{own}")),
        (readers, value).prop_map(move |(name, value)| named(name, value, "{reader}")),
    ]
}

proptest! {
    #[test]
    fn of_what_leaves_every_byte_but_addresses_and_tag_is_as_it_came(
        fields in prop::collection::vec(prop_oneof![kept(), shown()], 0..12),
        prefix in prop::sample::select(vec!["", "Re: ", "TR : RE: ", "fwd:  "]),
        tag in prop::sample::select(vec!["#med# ", "#MED# ", "#Med#\r\n "]),
        text in "[a-zA-Z0-9,;()=]{1,20}( =\\?utf-8\\?Q\\?a=C3=A9\\?=)?(\r\n [a-z#]{1,9})?",
        at in any::<prop::sample::Index>(),
        (own_login, reader_own, tagged) in any::<(bool, bool, bool)>(),
    ) {
        let subject = |tag: &str| format!("Subject: {prefix}{tag}{text}\r\n");
        let filled = |own: &str, reader: &str, tag: &str| {
            let mut fields = fields.clone();
            fields.insert(at.index(fields.len() + 1), subject(tag));
            fields.concat().replace("{own}", own).replace("{reader}", reader)
        };
        let own = if own_login { DOCTOR_LOGIN } else { DOCTOR };
        let (reader, shown) =
            if reader_own { (DOCTOR_LOGIN, DOCTOR) } else { (COLLEAGUE, COLLEAGUE_MSSANTE) };
        let tag = if tagged { tag } else { "" };
        let left = leaving(&filled(own, reader, tag), &ADDED);
        prop_assert_eq!(left, format!("Received: \r\n{}\r\n", filled(DOCTOR, shown, "")));
    }
}

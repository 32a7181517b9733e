//! The header as each class of reader gets it (S-3.5, M-6): few fields added, own addresses rewritten, every other byte kept.
//!
//! May use: header edits. Must never touch: the body.

use message::{Editor, Header};
use mssante::{Address, Profile, Rights, tag::MARK, without_tag};

use crate::{outgoing::Correspondences, sender::seen_by};

/// The fields whose own addresses follow the reader's rights (S-3.5).
const REWRITTEN: [&str; 4] = ["From", "Sender", "Reply-To", "Disposition-Notification-To"];

/// Fields that are the same for every class.
pub(crate) struct Additions {
    /// Whether the Return-Path is the null one, as the client gave it.
    pub(crate) null_path: bool,
    /// Value of the Received field (RFC 5321 §4.4).
    pub(crate) received: String,
    /// Value of a Date field, when the message has none (RFC 6409 §8.2).
    pub(crate) date: Option<String>,
    /// Value of a Message-ID field, brackets included, when the message has none (RFC 6409 §8.3).
    pub(crate) message_id: Option<String>,
}

/// The fields of what leaves in which local accounts appear under their MSSanté address too (S-3.5).
const READERS: [&str; 2] = ["To", "Cc"];

/// The header for readers with these rights.
pub(crate) fn variant(header: &Header, profile: &Profile, reader: Rights, additions: &Additions) -> Vec<u8> {
    let target = seen_by(profile, reader);
    let mut editor = header.edit();
    // Set at final delivery, and only there (RFC 5321 §4.4).
    editor.remove("Return-Path");
    editor.map_addresses(&REWRITTEN, &mut |address| rewritten(address, profile, target));
    add(&mut editor, additions);
    let path = if additions.null_path { String::new() } else { target.to_string() };
    editor.prepend("Return-Path", &format!("<{path}>"));
    editor.finish()
}

/// The header that leaves for other operators: without Return-Path, which the last host sets, and without the tag (S-3.4).
pub(crate) fn relayed(
    header: &Header,
    profile: &Profile,
    correspondences: &Correspondences,
    additions: &Additions,
) -> Vec<u8> {
    let target = seen_by(profile, Rights::Full);
    let mut editor = header.edit();
    editor.remove("Return-Path");
    editor.map_addresses(&REWRITTEN, &mut |address| rewritten(address, profile, target));
    editor.map_addresses(&READERS, &mut |address| {
        let key = Address::parse(address).ok()?.key();
        correspondences.get(&key).map(Address::to_string)
    });
    if let Some(untagged) = header.subject().and_then(|subject| without_tag(&subject)) {
        editor.cut_text("Subject", MARK, &untagged);
    }
    add(&mut editor, additions);
    editor.finish()
}

/// What every copy gets on top.
fn add(editor: &mut Editor<'_>, additions: &Additions) {
    if let Some(id) = &additions.message_id {
        editor.prepend("Message-ID", id);
    }
    if let Some(date) = &additions.date {
        editor.prepend("Date", date);
    }
    editor.prepend("Received", &additions.received);
}

/// The own address that should stand instead of `address`; nothing when it is somebody else's or stands already.
fn rewritten(address: &str, profile: &Profile, target: &Address) -> Option<String> {
    let address = Address::parse(address).ok()?;
    (profile.owns(&address) && address != *target).then(|| target.to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::samples::{DOCTOR, DOCTOR_LOGIN, SECRETARY, doctor, secretary};

    const ADDED: Additions =
        Additions { null_path: false, received: String::new(), date: None, message_id: None };

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
        let header =
            made("From: Medecin.UN@CHU-Nord.mssante.fr\r\n", &doctor().profile, Rights::Full, &ADDED);
        assert!(header.contains("\r\nFrom: Medecin.UN@CHU-Nord.mssante.fr\r\n"), "{header}");
    }

    #[test]
    fn what_is_missing_is_added_on_top_and_an_old_return_path_goes() {
        let additions = Additions {
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
}

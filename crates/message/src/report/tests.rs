//! Reports read back with another parser, and hostile ones.

use jiff::Timestamp;
use mail_parser::{Message, MessageParser, MimeHeaders, PartType};
use proptest::prelude::*;

use super::*;

const ORIGINAL: &[u8] = b"Return-Path: <medecin.un@chu-nord.mssante.fr>\r\n\
    From: medecin.un@chu-nord.mssante.fr\r\nTo: anne.martin@chu-sud.mssante.fr\r\n\
    Subject: XDM/1.0/DDM+Compte rendu DUPONT Jean\r\nBcc: secret@chu-nord.mssante.fr\r\n\
    Message-ID: <abc@poste.chu-nord.fr>\r\n\r\nLe patient va mieux.\r\nX-Body: y\r\n";

static UTC: TimeZone = TimeZone::UTC;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn outcome<'a>(recipient: &'a str, action: Action, status: &'a str) -> Outcome<'a> {
    Outcome {
        recipient,
        original: None,
        action,
        status,
        remote: None,
        diagnostic: None,
        retry_until: None,
        fr: "La boîte n'existe pas : vérifiez l'adresse.",
        en: "The box does not exist: check the address.",
    }
}

fn made<'a>(recipients: &'a [Outcome<'a>]) -> Report<'a> {
    Report {
        id: "01REPORT",
        hostname: "smtp.chu-nord.fr",
        from: "postmaster@chu-nord.mssante.fr",
        to: "medecin.un@chu-nord.mssante.fr",
        at: at("2026-11-21T12:00:00Z"),
        arrival: at("2026-11-16T12:00:00Z"),
        envelope_id: Some("env+1"),
        original: ORIGINAL,
        zone: &UTC,
        recipients,
    }
}

/// The three parts: text, status, header.
fn parts(raw: &[u8]) -> (Message<'_>, [String; 3]) {
    let message = MessageParser::default().parse(raw).unwrap();
    let kind = message.content_type().unwrap();
    assert_eq!((kind.ctype(), kind.subtype()), ("multipart", Some("report")));
    assert_eq!(kind.attribute("report-type"), Some("delivery-status"));
    let types = [
        vec![("text", "plain")],
        vec![("message", "delivery-status"), ("message", "global-delivery-status")],
        vec![("text", "rfc822-headers"), ("message", "global-headers")],
    ];
    assert_eq!(message.parts.len(), 4, "{}", String::from_utf8_lossy(raw));
    let mut found = message.parts.iter().skip(1).zip(types).map(|(part, types)| {
        let kind = part.content_type().unwrap();
        assert!(types.contains(&(kind.ctype(), kind.subtype().unwrap())), "{kind:?}");
        match &part.body {
            PartType::Text(text) => text.to_string(),
            PartType::Binary(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
            _ => String::from_utf8(part.contents().to_vec()).unwrap(),
        }
    });
    let found = [(); 3].map(|()| found.next().unwrap());
    (message, found)
}

/// The fields of the status part, unfolded: the message's, then each recipient's.
fn groups(status: &str) -> Vec<Vec<(String, String)>> {
    let unfolded = status.replace("\r\n ", " ");
    let fields = |group: &str| -> Vec<(String, String)> {
        let fields = group.lines().map(|line| line.split_once(": ").unwrap());
        fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    };
    unfolded.trim_end().split("\r\n\r\n").map(fields).collect()
}

fn pairs(fields: &[(&str, &str)]) -> Vec<(String, String)> {
    fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn a_failure_is_told_to_people_and_programs() {
    let outcome = Outcome {
        original: Some("rfc822;Anne.Martin@chu-sud.mssante.fr"),
        remote: Some("smtp.chu-sud.fr"),
        diagnostic: Some(Diagnostic::Smtp("550 5.1.1 no such box\r\n550 5.1.1 boite inconnue")),
        ..outcome("anne.martin@chu-sud.mssante.fr", Action::Failed, "5.1.1")
    };
    let raw = report(&made(&[outcome]));
    let (message, [text, status, header]) = parts(&raw);
    assert_eq!(message.subject(), Some("Message non distribué / Undelivered Mail Returned to Sender"));
    assert_eq!(message.message_id(), Some("01REPORT@smtp.chu-nord.fr"));
    assert_eq!(message.in_reply_to().as_text(), Some("abc@poste.chu-nord.fr"));
    assert_eq!(message.references().as_text(), Some("abc@poste.chu-nord.fr"));
    assert_eq!(message.header_raw("Auto-Submitted").map(str::trim), Some("auto-replied"));
    assert_eq!(message.from().unwrap().first().unwrap().address(), Some("postmaster@chu-nord.mssante.fr"));
    assert_eq!(message.to().unwrap().first().unwrap().address(), Some("medecin.un@chu-nord.mssante.fr"));
    assert_eq!(message.date().unwrap().to_rfc3339(), "2026-11-21T12:00:00Z");
    assert!(message.return_path().as_text().is_none());
    let expected = [
        pairs(&[
            ("Reporting-MTA", "dns; smtp.chu-nord.fr"),
            ("Original-Envelope-Id", "env+1"),
            ("Arrival-Date", "Mon, 16 Nov 2026 12:00:00 +0000"),
        ]),
        pairs(&[
            ("Original-Recipient", "rfc822;Anne.Martin@chu-sud.mssante.fr"),
            ("Final-Recipient", "rfc822; anne.martin@chu-sud.mssante.fr"),
            ("Action", "failed"),
            ("Status", "5.1.1"),
            ("Remote-MTA", "dns; smtp.chu-sud.fr"),
            ("Diagnostic-Code", "smtp; 550 5.1.1 no such box 550 5.1.1 boite inconnue"),
            ("Last-Attempt-Date", "Sat, 21 Nov 2026 12:00:00 +0000"),
        ]),
    ];
    assert_eq!(groups(&status), expected);
    let (french, english) = text.split_once("* * *").unwrap();
    for (part, words) in [
        (french, ["16/11/2026 à 12:00 UTC", "N'a pas pu être remis", "La boîte n'existe pas"]),
        (english, ["16/11/2026 at 12:00 UTC", "Could not be delivered", "The box does not exist"]),
    ] {
        let both = ["<anne.martin@chu-sud.mssante.fr>", "XDM/1.0/DDM+Compte rendu DUPONT Jean"];
        for word in words.iter().chain(&both) {
            assert!(part.contains(word), "{word}: {part}");
        }
    }
    for technical in ["<abc@poste.chu-nord.fr>", "Answer of smtp.chu-sud.fr: 550 5.1.1 no such box"] {
        assert!(english.contains(technical) && !french.contains(technical), "{technical}: {text}");
    }
    assert!(!french.contains("5.1.1") && !french.contains("smtp.chu-sud.fr"), "{french}");
    assert!(header.contains("Subject: XDM/1.0/DDM+Compte rendu DUPONT Jean\r\n"));
    for kept_back in ["Bcc", "Return-Path", "va mieux", "X-Body"] {
        assert!(!String::from_utf8_lossy(&raw).contains(kept_back), "{kept_back}");
    }
    let head = Header::parse(&raw);
    let elsewhere = head.whole_fields().any(|(_, field)| String::from_utf8_lossy(field).contains("DUPONT"));
    assert!(
        !elsewhere && !status.contains("DUPONT"),
        "the subject is in the text and the returned header alone"
    );
}

/// The text about an original of this header.
fn told_of(original: &[u8]) -> String {
    let recipients = [outcome("a@b.fr", Action::Failed, "5.1.1")];
    let raw = report(&Report { original, ..made(&recipients) });
    let (_, [text, ..]) = parts(&raw);
    text
}

#[test]
fn a_sender_reads_which_message_it_is_about() {
    let text =
        told_of("Subject: =?utf-8?Q?Compte_rendu_op=C3=A9ratoire?=\r\n =?utf-8?Q?_2?=\r\n\r\n".as_bytes());
    assert!(text.contains("objet : « Compte rendu opératoire 2 »\r\n"), "{text}");
    assert!(text.contains("subject: \"Compte rendu opératoire 2\"\r\n"), "{text}");
    let text = told_of(b"Subject: =?utf-8?Q?un=0D=0A=0D=0AAction:_delivered=1B=E2=80=AE?=\r\n\r\n");
    assert!(text.contains("« un Action: delivered »"), "nothing ends the line or turns it: {text}");
    let long = "é".repeat(MAX_SUBJECT);
    for (subject, shown) in
        [(long.clone(), format!("« {long} »")), (format!("{long}é"), format!("« {long} [...] »"))]
    {
        let text = told_of(format!("Subject: {subject}\r\n\r\n").as_bytes());
        assert!(text.contains(&shown), "{text}");
    }
    for original in ["From: a@b.fr\r\n\r\n", "Subject:\r\n\r\n", "Subject: =?utf-8?Q?=0D_?= \r\n\r\n", ""] {
        let text = told_of(original.as_bytes());
        assert!(
            text.contains("sans objet.\r\n") && text.contains("without a subject.\r\n"),
            "{original}: {text}"
        );
    }
}

#[test]
fn a_delay_says_until_when_and_successes_say_where() {
    let delayed = Outcome {
        retry_until: Some(at("2026-11-26T12:00:00Z")),
        diagnostic: Some(Diagnostic::Local("no answer from 192.0.2.1")),
        ..outcome("a@chu-sud.mssante.fr", Action::Delayed, "4.4.1")
    };
    let recipients = [delayed, outcome("b@chu-nord.mssante.fr", Action::Delivered, "2.1.5")];
    let raw = report(&made(&recipients));
    let (message, [text, status, _]) = parts(&raw);
    assert!(message.subject().unwrap().starts_with("Message retardé"));
    let groups = groups(&status);
    assert_eq!(groups.len(), 3);
    assert!(groups[1].contains(&("Will-Retry-Until".into(), "Thu, 26 Nov 2026 12:00:00 +0000".into())));
    assert!(
        groups[1].contains(&("Diagnostic-Code".into(), "x-vaguemestre; no answer from 192.0.2.1".into()))
    );
    assert!(groups[2].contains(&("Action".into(), "delivered".into())));
    let (french, english) = text.split_once("* * *").unwrap();
    assert!(french.contains("essais ont lieu jusqu'au 26/11/2026 à 12:00 UTC. Vous n'avez rien à faire."));
    assert!(english.contains("tried again until 26/11/2026 at 12:00 UTC"), "{english}");
    assert_eq!(text.matches("26/11/2026").count(), 2, "once in each language");
    assert!(
        !french.contains("192.0.2.1") && english.contains("Finding of this server: no answer from 192.0.2.1")
    );
    assert!(text.contains("A été déposé dans la boîte de :\r\n\r\n  <b@chu-nord.mssante.fr>"), "{text}");
    let relayed = [outcome("c@chu-sud.mssante.fr", Action::Relayed, "2.0.0")];
    let raw = report(&made(&relayed));
    let (message, [text, ..]) = parts(&raw);
    assert!(message.subject().unwrap().ends_with("Successful Mail Delivery Report"));
    assert!(text.contains("Was handed to the operator of"));
}

#[test]
fn addresses_that_are_not_ascii_make_a_global_report() {
    let outcome = Outcome {
        original: Some("utf-8;rené@chu-sud.mssante.fr"),
        ..outcome("rené@chu-sud.mssante.fr", Action::Failed, "5.1.1")
    };
    let original = "From: a@b.fr\r\nSubject: été\r\nX-Long: a\r\n b\r\n\r\n";
    let raw = report(&Report { original: original.as_bytes(), ..made(&[outcome]) });
    let (_, [text, status, header]) = parts(&raw);
    assert!(status.contains("Original-Recipient: utf-8;rené@chu-sud.mssante.fr\r\n"), "{status}");
    assert!(status.contains("Final-Recipient: utf-8; rené@chu-sud.mssante.fr\r\n"), "{status}");
    assert!(text.contains("<rené@chu-sud.mssante.fr>") && header.contains("Subject: été\r\n"));
    let raw = String::from_utf8(raw).unwrap();
    for field in [
        "\r\nContent-Type: message/global-delivery-status\r\nContent-Transfer-Encoding: 8bit\r\n",
        "\r\nContent-Type: message/global-headers\r\nContent-Transfer-Encoding: 8bit\r\n",
        "_\"\r\nContent-Transfer-Encoding: 8bit\r\n\r\n--=_",
    ] {
        assert!(raw.contains(field), "{field}: {raw}");
    }
}

#[test]
fn a_header_in_no_known_charset_goes_back_all_the_same() {
    let none = [outcome("a@b.fr", Action::Failed, "5.1.1")];
    let long = format!("X-Long: {}\r\nSubject: \u{e9}t\u{e9}\r\n\r\n", "x".repeat(2_000));
    for original in [&b"Subject: \xe9t\xe9\r\n\r\n"[..], long.as_bytes()] {
        let raw = report(&Report { original, ..made(&none) });
        assert!(raw.is_ascii() && raw.split(|byte| *byte == b'\n').all(|line| line.len() < 1_000));
        let message = MessageParser::default().parse(&raw).unwrap();
        let returned = message.parts.last().unwrap();
        let kept = match &returned.body {
            PartType::Text(text) => text.as_bytes().to_vec(),
            _ => returned.contents().to_vec(),
        };
        let subject = Header::parse(&kept).subject().unwrap();
        assert!(subject == "été" || subject == "\u{fffd}t\u{fffd}", "{subject}");
    }
}

#[test]
fn dates_are_told_in_the_zone_of_the_readers_and_to_programs_with_its_offset() {
    let Ok(paris) = TimeZone::get("Europe/Paris") else { panic!("this machine has no zones") };
    let delayed = Outcome {
        retry_until: Some(at("2026-07-26T22:30:00Z")),
        ..outcome("a@chu-sud.mssante.fr", Action::Delayed, "4.4.1")
    };
    let recipients = [delayed];
    let raw = report(&Report { zone: &paris, ..made(&recipients) });
    let (message, [text, status, _]) = parts(&raw);
    assert!(text.contains("16/11/2026 à 13:00 (heure de Paris)"), "{text}");
    assert!(text.contains("jusqu'au 27/07/2026 à 00:30 (heure de Paris)"), "summer counts: {text}");
    assert!(text.contains("16/11/2026 at 13:00 (Paris time)"));
    assert!(status.contains("Will-Retry-Until: Mon, 27 Jul 2026 00:30:00 +0200\r\n"), "{status}");
    assert_eq!(message.date().unwrap().to_rfc3339(), "2026-11-21T13:00:00+01:00");
}

#[test]
fn the_whole_message_goes_back_where_it_is_asked_for() {
    let recipients = [outcome("a@b.fr", Action::Failed, "5.1.1")];
    let body = "Le patient va mieux : é.\r\n";
    let (mut raw, after) = enclosing(&made(&recipients), recode::Content::EightBit);
    raw.extend_from_slice(body.as_bytes());
    raw.extend(after);
    let message = MessageParser::default().parse(&raw).unwrap();
    let PartType::Message(original) = &message.parts.last().unwrap().body else {
        panic!("an embedded message")
    };
    assert_eq!(original.subject(), Some("XDM/1.0/DDM+Compte rendu DUPONT Jean"));
    let whole = String::from_utf8(raw.clone()).unwrap();
    assert!(whole.contains("Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\nFrom: "));
    assert!(!whole.contains("Bcc") && !whole.contains("Return-Path: <med"), "{whole}");
    assert!(message.body_text(0).unwrap().contains("Votre message est joint en entier"));
    let (seven, _) = enclosing(&made(&recipients), recode::Content::SevenBit);
    assert!(!String::from_utf8(seven).unwrap().contains("8bit"));
}

#[test]
fn a_status_is_of_its_action_s_class() {
    for (action, given, written) in [
        (Action::Failed, "5.7.27", "5.7.27"),
        (Action::Failed, "4.4.7", "5.0.0"),
        (Action::Failed, "", "5.0.0"),
        (Action::Failed, "5.1", "5.0.0"),
        (Action::Failed, "5.1.1.1", "5.0.0"),
        (Action::Failed, "5.1.\r\nX: y", "5.0.0"),
        (Action::Delayed, "4.4.1", "4.4.1"),
        (Action::Relayed, "250", "2.0.0"),
    ] {
        let raw = report(&made(&[outcome("a@b.fr", action, given)]));
        let (_, [_, status, _]) = parts(&raw);
        assert!(status.contains(&format!("\r\nStatus: {written}\r\n")), "{given}: {status}");
    }
}

#[test]
fn many_recipients_are_listed_up_to_the_limits_and_the_rest_is_counted() {
    let addresses = (0..MAX_REPORTED + 7).map(|n| format!("b{n}@chu-sud.mssante.fr")).collect::<Vec<_>>();
    let recipients = addresses.iter().map(|a| outcome(a, Action::Failed, "5.1.1")).collect::<Vec<_>>();
    let raw = report(&made(&recipients));
    let (_, [text, status, _]) = parts(&raw);
    assert_eq!(groups(&status).len(), 1 + MAX_REPORTED);
    assert_eq!(text.matches("La boîte n'existe pas").count(), MAX_EXPLAINED);
    assert!(text.contains(&format!("... et {} autres, listés", MAX_REPORTED - MAX_EXPLAINED)), "{text}");
    assert!(text.contains("... and 7 others, which this notice cannot list."));
}

#[test]
fn a_long_header_goes_back_up_to_its_limit_in_whole_fields() {
    let long = format!("X-Long: {}\r\n", "x".repeat(MAX_HEADER));
    let fields = "Received: by somewhere in a chain of hosts\r\n".repeat(2 * MAX_HEADER / 44);
    let original = format!("{long}{fields}Message-ID: <a.long.one@b.example.org>\r\n\r\nbody");
    let none = [outcome("a@b.fr", Action::Failed, "5.1.1")];
    let raw = report(&Report { original: original.as_bytes(), ..made(&none) });
    let (message, [.., header]) = parts(&raw);
    assert!(header.len() <= MAX_HEADER && header.len() > MAX_HEADER - 44 && !header.contains("X-Long"));
    assert!(header.lines().all(|line| line == "Received: by somewhere in a chain of hosts"));
    assert_eq!(message.in_reply_to().as_text(), Some("a.long.one@b.example.org"), "though it had no room");
}

#[test]
fn the_longest_report_is_within_its_limit() {
    let long = "é€ ".repeat(4_000);
    let recipient = Outcome {
        original: Some(&long),
        remote: Some(&long),
        diagnostic: Some(Diagnostic::Smtp(&long)),
        retry_until: Some(Timestamp::MAX),
        fr: &long,
        en: &long,
        ..outcome(&long, Action::Delayed, "4.4.1")
    };
    let recipients = vec![recipient; MAX_REPORTED + 1];
    let header = format!("X: {}\r\n", "\u{e9}".repeat(MAX_HEADER / 2 - 5));
    let raw = report(&Report { original: header.as_bytes(), ..made(&recipients) });
    assert!(raw.len() <= MAX_REPORT, "{}", raw.len());
    assert!(raw.len() > MAX_REPORT / 2, "the limit is of this order: {}", raw.len());
}

/// Pieces of what a hostile peer would answer or a hostile sender write.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("\r\n".to_owned()),
        Just("\r\n\r\n".to_owned()),
        Just("\n--=_01REPORT_0_--\r\n".to_owned()),
        Just("\r\nAction: delivered\r\n".to_owned()),
        Just("\rBcc: x@evil.example\r".to_owned()),
        Just("=?utf-8?Q?=0D=0AX:_y?=".to_owned()),
        "[ -~]{0,40}",
        any::<String>(),
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn nothing_that_others_wrote_adds_a_field_or_a_part(
        texts in prop::collection::vec(hostile(), 8), original in hostile(), count in 1..4_usize,
    ) {
        let [recipient, orcpt, status, remote, reply, fr, en, envid] = &texts[..] else { unreachable!() };
        let outcome = Outcome {
            recipient,
            original: Some(orcpt),
            action: Action::Failed,
            status,
            remote: Some(remote),
            diagnostic: Some(Diagnostic::Smtp(reply)),
            retry_until: None,
            fr,
            en,
        };
        let recipients = vec![outcome; count];
        let original = format!("X-First: {original}");
        let raw = report(&Report {
            envelope_id: Some(envid),
            original: original.as_bytes(),
            ..made(&recipients)
        });
        prop_assert!(raw.len() <= MAX_REPORT);
        let header = Header::parse(&raw);
        let names = header.whole_fields().map(|(name, _)| String::from_utf8_lossy(name).into_owned());
        let known = ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "In-Reply-To", "References",
            "MIME-Version", "Content-Type", "Content-Transfer-Encoding"];
        let names: Vec<String> = names.collect();
        prop_assert!(names.iter().all(|name| known.contains(&name.as_str())), "{:?}", names);
        let (_, [_, status, _]) = parts(&raw);
        prop_assert!(status.lines().all(|line| line.len() <= 998));
        let groups = groups(&status);
        prop_assert_eq!(groups.len(), 1 + count);
        let of_recipient = ["Original-Recipient", "Final-Recipient", "Action", "Status", "Remote-MTA",
            "Diagnostic-Code", "Last-Attempt-Date"];
        for group in &groups[1..] {
            prop_assert_eq!(group.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), of_recipient);
        }
    }

    #[test]
    fn a_report_has_three_parts_whatever_the_original_is(original in any::<Vec<u8>>(), id in "[ -~]{0,12}") {
        let recipients = [outcome("a@b.fr", Action::Failed, "5.1.1")];
        let raw = report(&Report { original: &original, id: &id, ..made(&recipients) });
        let message = MessageParser::default().parse(&raw).unwrap();
        prop_assert_eq!(message.parts.len(), 4);
    }
}

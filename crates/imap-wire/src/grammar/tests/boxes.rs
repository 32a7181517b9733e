//! The commands about whole mailboxes and APPEND: their forms, and what is refused.

use proptest::prelude::*;

use super::{bad, name, parse_append, session_of};
use crate::{
    command::{
        AclCommand, AppendMessage, BinaryFetch, FetchItem, Flag, ListArgs, ListReturn, ListSelect, Partial,
        SelectedCommand, SessionCommand, SpecialUse, StatusItem,
    },
    completion::Completion,
    grammar::{FETCH_BINARIES, LIST_PATTERNS, QUOTA_RESOURCES, parse_append_end, parse_append_more},
};

#[test]
fn create_may_name_special_uses() {
    let create = |special_use| SessionCommand::Create { mailbox: name("Envois"), written: None, special_use };
    assert_eq!(session_of("a CREATE Envois"), create(vec![]));
    assert_eq!(
        session_of("a CREATE Envois (USE (\\Sent \\Archive \\sent))"),
        create(vec![SpecialUse::Sent, SpecialUse::Archive])
    );
    assert_eq!(session_of("a CREATE Envois/"), create(vec![]));
    assert_eq!(
        session_of("a CREATE Inbox/x/"),
        SessionCommand::Create {
            mailbox: name("INBOX/x"),
            written: Some("Inbox/x/".to_owned()),
            special_use: vec![]
        },
        "what it will not be called is told"
    );
}

#[test]
fn list_in_its_forms() {
    let basic = ListArgs { patterns: vec!["*".to_owned()], ..ListArgs::default() };
    assert_eq!(session_of("a LIST \"\" *"), SessionCommand::List(basic.clone()));
    assert_eq!(session_of("a LIST \"\" \"*\""), SessionCommand::List(basic.clone()));
    assert_eq!(
        session_of("a LIST \"\" \"\""),
        SessionCommand::List(ListArgs { patterns: vec![String::new()], ..ListArgs::default() })
    );
    let select = ListSelect { special_use: true, ..ListSelect::default() };
    assert_eq!(
        session_of("a LIST (SPECIAL-USE) \"\" *"),
        SessionCommand::List(ListArgs { select, ..basic.clone() })
    );
    let returns = Some(ListReturn { special_use: true, children: true, ..ListReturn::default() });
    assert_eq!(
        session_of("a LIST \"\" * RETURN (SPECIAL-USE CHILDREN)"),
        SessionCommand::List(ListArgs { returns, ..basic.clone() })
    );
    let status = vec![StatusItem::Messages, StatusItem::Size];
    let returns = Some(ListReturn { subscribed: true, status, ..ListReturn::default() });
    assert_eq!(
        session_of("a LIST \"\" * RETURN (SUBSCRIBED STATUS (MESSAGES size MESSAGES))"),
        SessionCommand::List(ListArgs { returns, ..basic })
    );
    assert_eq!(
        session_of("a LIST () Envoy&AOk-s/ (%% [x]) RETURN ()"),
        SessionCommand::List(ListArgs {
            reference: "Envoyés/".to_owned(),
            patterns: vec!["%%".to_owned(), "[x]".to_owned()],
            returns: Some(ListReturn::default()),
            ..ListArgs::default()
        })
    );
    assert_eq!(
        session_of("a LSUB \"\" %"),
        SessionCommand::Lsub { reference: String::new(), pattern: "%".to_owned() }
    );
}

#[test]
fn status_keeps_the_order_asked() {
    assert_eq!(
        session_of("a STATUS INBOX (UNSEEN messages UNSEEN APPENDLIMIT deleted-storage)"),
        SessionCommand::Status {
            mailbox: name("INBOX"),
            items: vec![
                StatusItem::Unseen,
                StatusItem::Messages,
                StatusItem::AppendLimit,
                StatusItem::DeletedStorage
            ]
        }
    );
}

#[test]
fn append_has_flags_and_a_date_or_not() {
    let append = |text: &str| parse_append(text.as_bytes()).unwrap().1;
    let plain = append("a APPEND Sent {310}\r\n");
    assert_eq!((plain.mailbox, plain.message.size, plain.message.internal_date), (name("Sent"), 310, None));
    let full = append("a APPEND Sent (\\Seen \\Recent $Forwarded) \" 7-Feb-1994 21:52:25 -0800\" {0+}\r\n");
    assert_eq!(full.message.flags, [Flag::Seen, Flag::Keyword("$Forwarded".to_owned())]);
    assert_eq!(full.message.internal_date.unwrap().to_string(), "1994-02-08T05:52:25Z");
    assert_eq!(full.message.size, 0);
    for wrong in ["a APPEND Sent \"1-Foo-2026 00:00:00 +0000\" {3}\r\n", "a APPEND Sent (\\Seen {3}\r\n"] {
        assert!(parse_append(wrong.as_bytes()).is_err(), "{wrong}");
    }
}

fn append(text: &str) -> AppendMessage {
    parse_append(text.as_bytes()).unwrap().1.message
}

#[test]
fn messages_of_append_may_be_binary_or_utf8() {
    let plain = append("a APPEND Sent {310+}\r\n");
    assert!(!plain.binary && !plain.utf8);
    let binary = append("a APPEND Sent (\\Seen) ~{310}\r\n");
    assert!(binary.binary && !binary.utf8 && binary.size == 310);
    let utf8 = append("a APPEND Sent UTF8 (~{310+}\r\n");
    assert!(utf8.binary && utf8.utf8);
    for wrong in ["a APPEND Sent UTF8 ({3}\r\n", "a APPEND Sent UTF8 ~{3}\r\n", "a APPEND Sent ~ {3}\r\n"] {
        assert!(parse_append(wrong.as_bytes()).is_err(), "{wrong}");
    }
}

#[test]
fn behind_a_message_comes_another_or_the_end() {
    let (plain, utf8) = (append("a APPEND Sent {3}\r\n"), append("a APPEND Sent UTF8 (~{3}\r\n"));
    let next = parse_append_more(b" (\\Draft) \" 7-Feb-1994 21:52:25 -0800\" {12+}\r\n", &plain).unwrap();
    assert_eq!((next.flags.as_slice(), next.size), ([Flag::Draft].as_slice(), 12));
    assert!(next.internal_date.is_some());
    assert!(parse_append_more(b") UTF8 (~{12}\r\n", &utf8).unwrap().utf8);
    for (head, before) in
        [(&b") {3}\r\n"[..], &plain), (b" {3}\r\n", &utf8), (b"{3}\r\n", &plain), (b" x {3}\r\n", &plain)]
    {
        let refused = parse_append_more(head, before).unwrap_err();
        assert!(matches!(refused, Completion::Bad(_)), "{head:?}");
    }
    assert_eq!(parse_append_end(b"", &plain), Ok(()));
    assert_eq!(parse_append_end(b" ", &plain), Ok(()));
    assert_eq!(parse_append_end(b")", &utf8), Ok(()));
    for (rest, last) in [(&b")"[..], &plain), (b"", &utf8), (b"x", &plain), (b"))", &utf8)] {
        assert!(matches!(parse_append_end(rest, last), Err(Completion::Bad(_))), "{rest:?}");
    }
}

#[test]
fn quotas_are_asked_by_root_and_by_mailbox() {
    assert_eq!(session_of("a GETQUOTA \"\""), SessionCommand::GetQuota(String::new()));
    assert_eq!(session_of("a GETQUOTA cardio@x.fr"), SessionCommand::GetQuota("cardio@x.fr".to_owned()));
    assert_eq!(session_of("a GETQUOTAROOT inbox"), SessionCommand::GetQuotaRoot(name("INBOX")));
    assert_eq!(session_of("a SETQUOTA \"\" (STORAGE 512 MESSAGE 9000000000)"), SessionCommand::SetQuota);
    assert_eq!(session_of("a SETQUOTA x ()"), SessionCommand::SetQuota);
    let many = format!("a SETQUOTA x ({})", vec!["STORAGE 1"; QUOTA_RESOURCES + 1].join(" "));
    assert_eq!(bad(&many), "a BAD SETQUOTA: at most 16 resources");
}

#[test]
fn rights_are_asked_and_the_commands_that_change_them_are_read_whole() {
    assert_eq!(session_of("a MYRIGHTS INBOX"), SessionCommand::MyRights(name("INBOX")));
    for (text, command) in [
        ("a SETACL INBOX martin +lrs", AclCommand::SetAcl),
        ("a DELETEACL INBOX martin", AclCommand::DeleteAcl),
        ("a GETACL INBOX", AclCommand::GetAcl),
        ("a LISTRIGHTS INBOX \"martin\"", AclCommand::ListRights),
    ] {
        let read = session_of(text);
        assert_eq!(read, SessionCommand::Acl { command, mailbox: name("INBOX") });
        assert!(text.contains(read.name()));
    }
}

#[test]
fn a_part_is_fetched_without_its_encoding() {
    let item = |text: &str| match super::selected_of(&format!("a FETCH 1 {text}")) {
        SelectedCommand::Fetch { items, .. } => items,
        other => panic!("{other:?}"),
    };
    let binary = |path: &[u16], peek, partial| {
        vec![FetchItem::Binary(BinaryFetch { path: path.to_vec(), peek, partial })]
    };
    assert_eq!(item("BINARY[1.2]"), binary(&[1, 2], false, None));
    assert_eq!(item("BINARY.PEEK[3]<5.10>"), binary(&[3], true, Some(Partial { origin: 5, length: 10 })));
    assert_eq!(item("binary[]"), binary(&[], false, None));
    assert_eq!(item("BINARY.SIZE[2]"), [FetchItem::BinarySize(vec![2])]);
    let many = |count: usize| {
        let items: Vec<String> = (1..=count).map(|part| format!("BINARY[{part}]")).collect();
        format!("({})", items.join(" "))
    };
    assert_eq!(item(&many(FETCH_BINARIES)).len(), FETCH_BINARIES);
    let refused = bad(&format!("a FETCH 1 {}", many(FETCH_BINARIES + 1)));
    assert_eq!(refused, "a BAD FETCH: at most 8 BINARY items");
    for wrong in
        ["BINARY", "BINARY[TEXT]", "BINARY[1.]", "BINARY[1.MIME]", "BINARY.SIZE[1]<0.3>", "BINARY[0]"]
    {
        assert!(bad(&format!("a FETCH 1 {wrong}")).starts_with("a BAD FETCH"), "{wrong}");
    }
}

#[test]
fn a_list_has_so_many_patterns() {
    let list = |patterns: usize| format!("a LIST \"\" ({})", vec!["*"; patterns].join(" "));
    assert!(matches!(session_of(&list(LIST_PATTERNS)), SessionCommand::List(_)));
    assert_eq!(bad(&list(LIST_PATTERNS + 1)), "a BAD LIST: at most 32 patterns");
}

proptest! {
    #[test]
    fn whatever_stands_behind_a_message_is_read_or_refused(
        noise in prop::collection::vec(any::<u8>(), 0..80), words in "( |\\)|\\(\\\\Seen\\)|UTF8 |~|\\{[0-9]{0,22}\\+?\\}|\r\n){0,8}", utf8: bool
    ) {
        let before = AppendMessage { flags: vec![], internal_date: None, size: 1, binary: utf8, utf8 };
        for text in [noise.as_slice(), words.as_bytes()] {
            let (more, end) = (parse_append_more(text, &before), parse_append_end(text, &before));
            prop_assert!(more.is_err() || end.is_err(), "not both");
        }
    }
}

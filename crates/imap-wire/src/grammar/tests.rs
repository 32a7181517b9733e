//! The second stage: what real clients send, what is refused and with which words, the limits, and that nothing panics.

use std::num::NonZeroU32;

use jiff::civil::date;
use proptest::prelude::*;

use super::*;
use crate::command::{
    Bound, FetchItem, Flag, MailboxName, Partial, SearchKey, SearchText, Section, SectionFetch, SectionName,
    SectionPart, SelectParams, SequenceSet, StoreMode,
};

mod boxes;

fn parse(command: &[u8]) -> Result<Tagged, Refusal> {
    super::parse(command, Names::Utf7)
}

fn parse_append(head: &[u8]) -> Result<(Tag, AppendArgs), Refusal> {
    super::parse_append(head, Names::Utf7)
}

fn read(text: &str) -> Command {
    let tagged = parse(text.as_bytes()).unwrap_or_else(|refusal| panic!("{text}: {refusal:?}"));
    assert_eq!(tagged.tag.as_str(), "a");
    tagged.command
}

fn session_of(text: &str) -> SessionCommand {
    match read(text) {
        Command::Session(command) => command,
        other => panic!("{text}: {other:?}"),
    }
}

fn selected_of(text: &str) -> SelectedCommand {
    match session_of(text) {
        SessionCommand::Selected(command) => command,
        other => panic!("{text}: {other:?}"),
    }
}

fn name(text: &str) -> MailboxName {
    MailboxName::parse(text).unwrap()
}

fn number(n: u32) -> Bound {
    Bound::Number(NonZeroU32::new(n).unwrap())
}

fn one(n: u32) -> SequenceSet {
    SequenceSet::new(vec![(number(n), number(n))])
}

fn bad(text: &str) -> String {
    let refusal = parse(text.as_bytes()).unwrap_err();
    let mut out = Vec::new();
    let (word, reply) = match refusal.completion {
        Completion::Bad(reply) => ("BAD", reply),
        Completion::No(reply) => ("NO", reply),
        other => panic!("{other:?}"),
    };
    crate::encode::status(&mut out, refusal.tag.as_ref().map_or("*", Tag::as_str), word, &reply);
    String::from_utf8(out).unwrap().trim_end().to_owned()
}

#[test]
fn refusals_say_what_was_expected_and_where() {
    let text = include_str!("../../tests/wire/refused.txt");
    let mut command = None;
    let (mut count, mut wrong) = (0, Vec::new());
    for line in text.lines() {
        match line.split_at_checked(2) {
            Some(("C:", rest)) => {
                let rest = rest.strip_prefix(' ').unwrap_or(rest);
                command = Some(rest.replace("\\r\\n", "\r\n").replace("\\0", "\0"));
            }
            Some(("S:", answer)) => {
                let said = bad(&command.take().unwrap());
                if said != answer.trim_start() {
                    wrong.push((said, answer));
                }
                count += 1;
            }
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(count > 40);
}

#[test]
fn commands_without_arguments_have_no_case() {
    assert_eq!(read("a capability"), Command::Connection(ConnectionCommand::Capability));
    assert_eq!(read("a StartTLS"), Command::Connection(ConnectionCommand::StartTls));
    assert_eq!(read("a IDLE"), Command::Idle);
    assert_eq!(session_of("a NOOP  "), SessionCommand::Noop);
    assert_eq!(session_of("a namespace"), SessionCommand::Namespace);
    assert_eq!(selected_of("a unselect"), SelectedCommand::Unselect);
    assert_eq!(selected_of("a EXPUNGE"), SelectedCommand::Expunge(None));
    assert_eq!(selected_of("a UID EXPUNGE 3"), SelectedCommand::Expunge(Some(one(3))));
}

#[test]
fn login_takes_atoms_quotes_and_literals() {
    let wanted = Command::Connection(ConnectionCommand::Login {
        user: "cardio@x.fr*medecin@x.fr".to_owned(),
        password: Secret::new(b"p\"w\\".to_vec()),
    });
    assert_eq!(read(r#"a LOGIN "cardio@x.fr*medecin@x.fr" "p\"w\\""#), wanted);
    assert_eq!(read("a LOGIN {24}\r\ncardio@x.fr*medecin@x.fr {4+}\r\np\"w\\"), wanted);
    assert!(matches!(
        read("a LOGIN user {0}\r\n"),
        Command::Connection(ConnectionCommand::Login { password, .. }) if password.bytes().is_empty()
    ));
}

#[test]
fn a_password_is_in_no_debug_output() {
    let shown = format!("{:?}", read("a LOGIN martin opensesame"));
    assert!(shown.contains("martin") && !shown.contains("opensesame"), "{shown}");
    let shown = format!("{:?} {:?}", read("a SEARCH SUBJECT durand"), read("a SELECT durand"));
    assert!(!shown.contains("durand"), "{shown}");
}

#[test]
fn authenticate_may_bring_its_first_response() {
    let authenticate = |initial: Option<&str>| {
        Command::Connection(ConnectionCommand::Authenticate {
            mechanism: "PLAIN".to_owned(),
            initial: initial.map(|text| Secret::new(text.as_bytes().to_vec())),
        })
    };
    assert_eq!(read("a AUTHENTICATE plain"), authenticate(None));
    assert_eq!(read("a AUTHENTICATE PLAIN AGEAYg=="), authenticate(Some("AGEAYg==")));
    assert_eq!(read("a AUTHENTICATE PLAIN ="), authenticate(Some("=")));
}

#[test]
fn id_takes_nil_and_pairs() {
    let id = |pairs: &[(&str, Option<&str>)]| {
        let own = |text: &str| text.to_owned();
        let pairs = pairs.iter().map(|(name, value)| (own(name), value.map(own)));
        Command::Connection(ConnectionCommand::Id(pairs.collect()))
    };
    assert_eq!(read("a ID NIL"), id(&[]));
    assert_eq!(read("a ID ()"), id(&[]));
    assert_eq!(
        read(r#"a ID ("name" "Thunderbird" "support-url" NIL)"#),
        id(&[("name", Some("Thunderbird")), ("support-url", None)])
    );
}

#[test]
fn mailbox_names_come_in_every_spelling() {
    for wire in
        ["Envoy&AOk-s", "\"Envoy&AOk-s\"", "{11}\r\nEnvoy&AOk-s", "Envoyés", "\"Envoyés\"", "Envoy&AOk-s/"]
    {
        assert_eq!(
            session_of(&format!("a SELECT {wire}")),
            SessionCommand::Select { mailbox: name("Envoyés"), params: SelectParams::default() },
            "{wire}"
        );
    }
    let written = Some("inbox".to_owned());
    assert_eq!(
        session_of("a EXAMINE inbox"),
        SessionCommand::Examine {
            mailbox: name("INBOX"),
            params: SelectParams { written, ..SelectParams::default() }
        }
    );
    assert_eq!(session_of("a DELETE inbox/[x]"), SessionCommand::Delete(name("INBOX/[x]")));
    assert_eq!(session_of("a RENAME \"A b\" C"), SessionCommand::Rename { from: name("A b"), to: name("C") });
}

#[test]
fn enable_names_capabilities_known_or_not() {
    let enable = |text: &str| session_of(text);
    let words = |words: &[&str]| SessionCommand::Enable(words.iter().map(|&word| word.to_owned()).collect());
    assert_eq!(enable("a ENABLE condstore X-GOOD-IDEA"), words(&["CONDSTORE", "X-GOOD-IDEA"]));
    assert_eq!(enable("a ENABLE UTF8=ACCEPT"), words(&["UTF8=ACCEPT"]));
    assert!(parse(format!("a ENABLE{}", " X".repeat(ENABLE_WORDS)).as_bytes()).is_ok());
    assert!(parse(format!("a ENABLE{}", " X".repeat(ENABLE_WORDS + 1)).as_bytes()).is_err());
    assert!(parse(b"a ENABLE").is_err());
}

#[test]
fn once_enabled_names_are_utf8_and_an_ampersand_is_a_letter() {
    for (wire, known) in [("\"Envoyés\"", "Envoyés"), ("R&D", "R&D"), ("&AOk-", "&AOk-")] {
        let line = format!("a SELECT {wire}");
        let read = super::parse(line.as_bytes(), Names::Utf8).unwrap().command;
        let wanted = SessionCommand::Select { mailbox: name(known), params: SelectParams::default() };
        assert_eq!(read, Command::Session(wanted));
    }
    assert!(super::parse(b"a SELECT \"Envoy\xe9s\"", Names::Utf8).is_err());
    let search = b"a SEARCH CHARSET UTF-8 SUBJECT x";
    assert!(super::parse(search, Names::Utf8).is_ok());
    assert!(super::parse(search, Names::Utf8Accept).is_err());
    let Command::Session(SessionCommand::List(args)) =
        super::parse("a LIST \"\" \"R&D/%\"".as_bytes(), Names::Utf8).unwrap().command
    else {
        panic!("not LIST")
    };
    assert_eq!(args.patterns, ["R&D/%"]);
}

#[test]
fn macros_are_spelled_out_and_uid_fetch_has_the_uid() {
    use FetchItem::{Body, BodyStructure, Envelope, Flags, InternalDate, Size, Uid};
    let items = |text: &str| match selected_of(text) {
        SelectedCommand::Fetch { items, .. } => items,
        other => panic!("{other:?}"),
    };
    assert_eq!(items("a FETCH 1 FAST"), [Flags, InternalDate, Size]);
    assert_eq!(items("a FETCH 1 all"), [Flags, InternalDate, Size, Envelope]);
    assert_eq!(items("a UID FETCH 1 FULL"), [Uid, Flags, InternalDate, Size, Envelope, Body]);
    assert_eq!(items("a UID FETCH 1 (FLAGS UID FLAGS)"), [Uid, Flags]);
    assert_eq!(items("a FETCH 1 (body BODYSTRUCTURE)"), [Body, BodyStructure]);
}

#[test]
fn sections_are_read_and_written_alike() {
    let section = |text: &str| match selected_of(&format!("a FETCH 1 {text}")) {
        SelectedCommand::Fetch { items, .. } => match items.as_slice() {
            [FetchItem::Section(section)] => section.clone(),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    };
    for text in [
        "BODY[]",
        "BODY[HEADER]",
        "BODY[TEXT]",
        "BODY[1]",
        "BODY[1.2.MIME]",
        "BODY[3.HEADER]",
        "RFC822",
        "RFC822.HEADER",
        "RFC822.TEXT",
        "BODY[HEADER.FIELDS (Date From \"a(b\")]",
        "BODY[2.HEADER.FIELDS.NOT (Bcc)]",
    ] {
        let mut label = Vec::new();
        crate::encode::section_label(&mut label, &section(text));
        assert_eq!(String::from_utf8(label).unwrap(), text);
    }
    assert_eq!(
        section("body.peek[1.text]<5.10>"),
        SectionFetch {
            name: SectionName::Body,
            section: Section { path: vec![1], part: SectionPart::Text },
            peek: true,
            partial: Some(Partial { origin: 5, length: 10 }),
        }
    );
    assert!(!section("RFC822").peek && section("RFC822.HEADER").peek && !section("RFC822.TEXT").peek);
}

#[test]
fn store_with_and_without_parentheses() {
    let store = |mode, silent, flags: &[Flag]| SelectedCommand::Store {
        messages: Messages { numbering: Numbering::Sequence, set: one(2) },
        unchanged_since: None,
        mode,
        silent,
        flags: flags.to_vec(),
    };
    assert_eq!(selected_of("a STORE 2 FLAGS ()"), store(StoreMode::Replace, false, &[]));
    assert_eq!(selected_of("a STORE 2 +flags \\Deleted"), store(StoreMode::Add, false, &[Flag::Deleted]));
    assert_eq!(
        selected_of("a STORE 2 -FLAGS.SILENT (\\seen NonJunk)"),
        store(StoreMode::Remove, true, &[Flag::Seen, Flag::Keyword("NonJunk".to_owned())])
    );
    assert_eq!(
        selected_of("a STORE 2 +FLAGS \\Seen \\Flagged"),
        store(StoreMode::Add, false, &[Flag::Seen, Flag::Flagged])
    );
}

#[test]
fn search_keys_nest() {
    let key = |text: &str| match selected_of(text) {
        SelectedCommand::Search { key, .. } => key,
        other => panic!("{other:?}"),
    };
    let text = |text: &str| SearchText::new(text.to_owned());
    assert_eq!(key("a SEARCH ALL"), SearchKey::All);
    assert_eq!(
        key("a UID SEARCH 1 UNSEEN (OR FROM \"martin\" NOT SINCE 1-Feb-2026) HEADER X-Y \"\""),
        SearchKey::And(vec![
            SearchKey::Sequence(one(1)),
            SearchKey::Lacks(Flag::Seen),
            SearchKey::Or(
                Box::new(SearchKey::Header("FROM".to_owned(), text("martin"))),
                Box::new(SearchKey::Not(Box::new(SearchKey::Since(date(2026, 2, 1)))))
            ),
            SearchKey::Header("X-Y".to_owned(), text("")),
        ])
    );
    assert_eq!(key("a SEARCH SENTON \"03-mar-1999\""), SearchKey::SentOn(date(1999, 3, 3)));
    assert_eq!(key("a SEARCH UNKEYWORD $Junk"), SearchKey::Lacks(Flag::Keyword("$Junk".to_owned())));
    assert_eq!(key("a SEARCH LARGER 60000000"), SearchKey::Larger(60_000_000));
}

#[test]
fn search_text_is_decoded() {
    let text = |command: &[u8]| match parse(command).unwrap().command {
        Command::Session(SessionCommand::Selected(SelectedCommand::Search { key, .. })) => match key {
            SearchKey::Text(text) => text.as_str().to_owned(),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    };
    assert_eq!(text("a SEARCH CHARSET UTF-8 TEXT {7}\r\nHélène".replace("{7}", "{8}").as_bytes()), "Hélène");
    assert_eq!(text(b"a SEARCH CHARSET ISO-8859-1 TEXT {6}\r\nH\xe9l\xe8ne"), "Hélène");
    assert_eq!(text("a SEARCH TEXT \"Hélène\"".as_bytes()), "Hélène");
    assert!(parse(b"a SEARCH TEXT \"H\xe9l\xe8ne\"").is_err());
}

#[test]
fn every_limit_is_met() {
    let many = |n: usize, text: &str| vec![text; n].join(" ");
    let deep = |n: usize| format!("a SEARCH {}ALL", "NOT ".repeat(n));
    assert!(parse(deep(SEARCH_DEPTH).as_bytes()).is_ok());
    assert!(bad(&deep(SEARCH_DEPTH + 1)).contains("16 levels"));
    assert!(bad(&format!("a SEARCH {}ALL", "(".repeat(100_000))).contains("16 levels"));
    assert!(parse(format!("a SEARCH {}", many(SEARCH_KEYS, "ALL")).as_bytes()).is_ok());
    assert!(bad(&format!("a SEARCH {}", many(SEARCH_KEYS + 1, "ALL"))).contains("1000 search keys"));
    assert!(parse(format!("a SEARCH {}", many(SEARCH_TEXTS, "BODY x")).as_bytes()).is_ok());
    assert!(bad(&format!("a SEARCH {}", many(SEARCH_TEXTS + 1, "BODY x"))).contains("64 texts"));
    let set = |n: usize| format!("a FETCH {} FLAGS", vec!["1"; n].join(","));
    assert!(parse(set(SET_RANGES).as_bytes()).is_ok());
    assert!(bad(&set(SET_RANGES + 1)).contains("10000 ranges"));
    let items: Vec<String> = (1..=FETCH_ITEMS + 1).map(|n| format!("BODY[{n}]")).collect();
    assert!(parse(format!("a FETCH 1 ({})", items[1..].join(" ")).as_bytes()).is_ok());
    assert!(bad(&format!("a FETCH 1 ({})", items.join(" "))).contains("64 items"));
    assert!(
        bad(&format!("a FETCH 1 BODY[HEADER.FIELDS ({})]", many(FETCH_FIELDS + 1, "x")))
            .contains("256 header")
    );
    assert!(bad(&format!("a FETCH 1 BODY[{}1]", "1.".repeat(SECTION_DEPTH))).contains("32 levels"));
    let keywords: Vec<String> = (0..=KEYWORDS).map(|n| format!("k{n}")).collect();
    assert!(bad(&format!("a STORE 1 FLAGS ({})", keywords.join(" "))).contains("32 keywords"));
    assert!(bad(&format!("a STORE 1 FLAGS {}", "k".repeat(KEYWORD_BYTES + 1))).contains("64 bytes"));
    assert!(bad(&format!("a LIST \"\" ({})", many(LIST_PATTERNS + 1, "x"))).contains("32 patterns"));
    assert!(bad(&format!("a ID ({})", many(2 * ID_PAIRS + 2, "\"x\""))).contains("30 pairs"));
    assert!(bad(&format!("a ID (\"x\" \"{}\")", "y".repeat(ID_VALUE_BYTES + 1))).contains("1024 bytes"));
    assert!(bad(&format!("a SELECT {}", "x".repeat(513))).contains("512 bytes"));
    assert!(bad(&format!("a SELECT x{}", "/x".repeat(32))).contains("32 levels"));
    assert!(bad(&format!("a {}", "X".repeat(33))).contains("expected a command"));
    assert!(bad(&format!("{} NOOP", "t".repeat(65))).starts_with("* BAD"));
}

/// Lines near the grammar: words and marks it knows, in any order.
fn near_commands() -> impl Strategy<Value = Vec<u8>> {
    let words = "a UID FETCH STORE SEARCH LIST APPEND STATUS CREATE ID LOGIN AUTHENTICATE COPY BODY[ BODY.PEEK[ \
                 HEADER.FIELDS ( ) ] < > 1 1: * , {3}\r\nabc {9}\r\n \" \\ \\Seen +FLAGS OR NOT CHARSET UTF-8 \
                 TEXT SINCE 1-Feb-2026 RETURN (USE ( &AOk- & % .";
    let words: Vec<&'static str> = words.split(' ').filter(|word| !word.is_empty()).collect();
    let piece = prop_oneof![
        prop::sample::select(words).prop_map(|word| word.as_bytes().to_vec()),
        Just(b" ".to_vec()),
        prop::collection::vec(any::<u8>(), 0..6),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| [b"a ".to_vec(), pieces.join(&b' ')].concat())
}

fn sets() -> impl Strategy<Value = SequenceSet> {
    let bound =
        || prop_oneof![Just(Bound::Largest), (1..=u32::MAX).prop_map(number), (1..20_u32).prop_map(number)];
    prop::collection::vec((bound(), bound()), 1..8).prop_map(SequenceSet::new)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn nothing_panics(line in near_commands(), noise in prop::collection::vec(any::<u8>(), 0..80)) {
        let _ = (parse(&line), parse_append(&line), parse(&noise), parse_append(&noise));
    }

    #[test]
    fn what_was_cut_short_never_panics(line in near_commands(), cut in any::<prop::sample::Index>()) {
        let _ = parse(&line[..cut.index(line.len())]);
    }

    /// A string of any bytes but zero comes back as it was, whichever form the encoder chose.
    #[test]
    fn strings_survive(text in prop::collection::vec(1..=255_u8, 0..60)) {
        let mut line = b"a LOGIN x ".to_vec();
        crate::encode::astring(&mut line, &text);
        let read = parse(&line).unwrap().command;
        let wanted = ConnectionCommand::Login { user: "x".to_owned(), password: Secret::new(text) };
        prop_assert_eq!(read, Command::Connection(wanted));
    }

    #[test]
    fn mailbox_names_survive(text in "[^\\p{Cc}/]{1,20}(/[^\\p{Cc}/]{1,20}){0,3}", utf8: bool) {
        let names = if utf8 { Names::Utf8 } else { Names::Utf7 };
        let mailbox = MailboxName::parse(&text).unwrap();
        let mut line = b"a SELECT ".to_vec();
        crate::encode::mailbox(&mut line, mailbox.as_str(), names);
        let read = super::parse(&line, names).unwrap().command;
        let wanted = SessionCommand::Select { mailbox, params: SelectParams::default() };
        prop_assert_eq!(read, Command::Session(wanted));
    }

    #[test]
    fn instants_survive(second in 0_i64..4_000_000_000) {
        let at = jiff::Timestamp::from_second(second).unwrap();
        let mut line = b"a APPEND x ".to_vec();
        crate::encode::internal_date(&mut line, at);
        line.extend_from_slice(b" {1}\r\n");
        prop_assert_eq!(parse_append(&line).unwrap().1.message.internal_date, Some(at));
    }

    #[test]
    fn a_set_holds_what_its_ranges_hold(set in sets(), largest in 0..25_u32, probe in 1..30_u32) {
        let resolved = set.resolve(largest);
        let of = |bound: Bound| match bound { Bound::Number(n) => n.get(), Bound::Largest => largest };
        let wanted = set.ranges().iter().any(|&(a, b)| {
            let (a, b) = (of(a), of(b));
            a != 0 && b != 0 && (a.min(b)..=a.max(b)).contains(&probe)
        });
        prop_assert_eq!(resolved.iter().any(|range| range.contains(&probe)), wanted);
        prop_assert!(resolved.windows(2).all(|pair| pair[0].end() + 1 < *pair[1].start()));
    }

    #[test]
    fn sets_survive(numbers in prop::collection::btree_set(1..200_u32, 1..60)) {
        let mut line = b"a UID EXPUNGE ".to_vec();
        crate::encode::numbers(&mut line, numbers.iter().copied());
        let Command::Session(SessionCommand::Selected(SelectedCommand::Expunge(Some(set)))) = parse(&line).unwrap().command else {
            panic!("not an EXPUNGE");
        };
        let read: Vec<u32> = set.resolve(0).into_iter().flatten().collect();
        prop_assert_eq!(read, numbers.into_iter().collect::<Vec<_>>());
    }
}

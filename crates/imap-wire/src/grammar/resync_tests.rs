//! CONDSTORE, QRESYNC (RFC 7162), ESEARCH (RFC 4731), SEARCHRES (RFC 5182), WITHIN (RFC 5032), SAVEDATE (RFC 8514): the
//! examples of the RFCs, and what is refused.

use std::num::NonZeroU32;

use jiff::civil::date;

use super::*;
use crate::command::{
    Bound, FetchItem, Flag, MailboxName, QResync, SearchKey, SearchReturn, SelectParams, SequenceSet,
    StatusItem, StoreMode,
};

fn parse(command: &[u8]) -> Result<Tagged, Refusal> {
    super::parse(command, Names::Utf7)
}

fn session_of(text: &str) -> SessionCommand {
    match parse(text.as_bytes()).unwrap_or_else(|refusal| panic!("{text}: {refusal:?}")).command {
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

fn set(ranges: &[(u32, u32)]) -> SequenceSet {
    let bound = |n| Bound::Number(NonZeroU32::new(n).unwrap());
    SequenceSet::new(ranges.iter().map(|(from, to)| (bound(*from), bound(*to))).collect())
}

fn is_bad(text: &str) {
    let refusal = parse(text.as_bytes()).expect_err(text);
    assert!(matches!(refusal.completion, Completion::Bad(_)), "{text}: {refusal:?}");
}

#[test]
fn select_takes_the_parameters_of_rfc_7162() {
    let select = |text: &str| match session_of(text) {
        SessionCommand::Select { params, .. } | SessionCommand::Examine { params, .. } => params,
        other => panic!("{other:?}"),
    };
    assert_eq!(select("a SELECT INBOX"), SelectParams::default());
    let condstore = SelectParams { condstore: true, ..SelectParams::default() };
    assert_eq!(select("a EXAMINE INBOX (condstore)"), condstore);
    let mut known = QResync {
        uid_validity: 67_890_007,
        modseq: 20_050_715_194_045_000,
        known_uids: None,
        sequence_match: None,
    };
    let params = |condstore, qresync: &QResync| SelectParams {
        condstore,
        qresync: Some(qresync.clone()),
        ..SelectParams::default()
    };
    assert_eq!(select("a SELECT INBOX (QRESYNC (67890007 20050715194045000))"), params(false, &known));
    known.sequence_match = Some((set(&[(1, 2)]), set(&[(7, 7), (9, 9)])));
    assert_eq!(
        select("a SELECT INBOX (QRESYNC (67890007 20050715194045000 (1:2 7,9)) CONDSTORE)"),
        params(true, &known)
    );
    known.known_uids = Some(set(&[(41, 41), (43, 211), (214, 541)]));
    assert_eq!(
        select("a SELECT INBOX (QRESYNC (67890007 20050715194045000 41,43:211,214:541 (1:2 7,9)))"),
        params(false, &known)
    );
    for wrong in [
        "a SELECT INBOX ()",
        "a SELECT INBOX (X)",
        "a SELECT INBOX CONDSTORE",
        "a SELECT INBOX (QRESYNC)",
        "a SELECT INBOX (QRESYNC (0 1))",
        "a SELECT INBOX (QRESYNC (1 0))",
        "a SELECT INBOX (QRESYNC (1 9223372036854775808))",
        "a SELECT INBOX (QRESYNC (1 1 1:*))",
        "a SELECT INBOX (QRESYNC (1 1 $))",
        "a SELECT INBOX (QRESYNC (1 1 (1:3 1,2)))",
        "a SELECT INBOX (QRESYNC (1 1) QRESYNC (1 1))",
    ] {
        is_bad(wrong);
    }
}

#[test]
fn fetch_and_store_take_modifiers() {
    let fetch = |text: &str| match selected_of(text) {
        SelectedCommand::Fetch { items, changed_since, vanished, .. } => (items, changed_since, vanished),
        other => panic!("{other:?}"),
    };
    let plain = vec![FetchItem::Uid, FetchItem::Flags];
    assert_eq!(fetch("a UID FETCH 1:* (FLAGS)"), (plain.clone(), None, false));
    assert_eq!(fetch("a UID FETCH 1:* FLAGS (CHANGEDSINCE 12345)"), (plain.clone(), Some(12345), false));
    assert_eq!(fetch("a UID FETCH 1:* (FLAGS) (vanished CHANGEDSINCE 9)"), (plain.clone(), Some(9), true));
    // iPhone Mail.
    assert_eq!(fetch("a UID FETCH 1:* (FLAGS) (CHANGEDSINCE 0)"), (plain, Some(0), false));
    let items = vec![FetchItem::ModSeq, FetchItem::SaveDate];
    assert_eq!(fetch("a FETCH 1 (MODSEQ SAVEDATE)"), (items, None, false));
    for wrong in [
        "a FETCH 1 FLAGS ()",
        "a FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)",
        "a UID FETCH 1 FLAGS (VANISHED)",
        "a UID FETCH 1 FLAGS (CHANGEDSINCE 1 CHANGEDSINCE 2)",
        "a UID FETCH 1 FLAGS CHANGEDSINCE 1",
        "a STORE 1 (UNCHANGEDSINCE) +FLAGS (\\Seen)",
        "a STORE 1 (UNCHANGEDSINCE 9223372036854775808) +FLAGS (\\Seen)",
        "a STORE 1 () +FLAGS (\\Seen)",
    ] {
        is_bad(wrong);
    }
    let store = SelectedCommand::Store {
        messages: Messages { numbering: Numbering::Uid, set: SequenceSet::saved() },
        unchanged_since: Some(0),
        mode: StoreMode::Add,
        silent: true,
        flags: vec![Flag::Deleted],
    };
    assert_eq!(selected_of("a UID STORE $ (UNCHANGEDSINCE 0) +FLAGS.SILENT (\\Deleted)"), store);
    let items = vec![StatusItem::HighestModSeq];
    assert!(
        matches!(session_of("a STATUS INBOX (HIGHESTMODSEQ)"), SessionCommand::Status { items: i, .. } if i == items)
    );
}

#[test]
fn search_returns_what_is_asked_for() {
    let search = |text: &str| match selected_of(text) {
        SelectedCommand::Search { returns, key, .. } => (returns, key),
        other => panic!("{other:?}"),
    };
    let all = SearchReturn { all: true, ..SearchReturn::default() };
    assert_eq!(search("a SEARCH ALL"), (None, SearchKey::All));
    assert_eq!(search("a SEARCH RETURN () ALL"), (Some(all), SearchKey::All));
    let several = SearchReturn { min: true, max: true, count: true, save: true, all: false };
    assert_eq!(search("a UID SEARCH return (MIN COUNT max SAVE) $").0, Some(several));
    assert_eq!(search("a SEARCH $ UNSEEN").1, {
        SearchKey::And(vec![SearchKey::Sequence(SequenceSet::saved()), SearchKey::Lacks(Flag::Seen)])
    });
    assert_eq!(search("a SEARCH RETURN (SAVE) CHARSET UTF-8 UID $").1, SearchKey::Uid(SequenceSet::saved()));
    assert_eq!(search("a SEARCH OLDER 3600").1, SearchKey::Older(3600));
    assert_eq!(search("a SEARCH NOT YOUNGER 1").1, SearchKey::Not(Box::new(SearchKey::Younger(1))));
    assert_eq!(search("a SEARCH MODSEQ 620162338").1, SearchKey::ModSeq(620_162_338));
    assert_eq!(search(r#"a SEARCH MODSEQ "/flags/\\draft" all 0"#).1, SearchKey::ModSeq(0));
    assert_eq!(search("a SEARCH SAVEDON 1-Feb-2026").1, SearchKey::SavedOn(date(2026, 2, 1)));
    assert_eq!(search("a SEARCH SAVEDBEFORE 1-Feb-2026").1, SearchKey::SavedBefore(date(2026, 2, 1)));
    assert_eq!(search("a SEARCH SAVEDSINCE 1-Feb-2026").1, SearchKey::SavedSince(date(2026, 2, 1)));
    assert_eq!(search("a SEARCH SAVEDATESUPPORTED").1, SearchKey::SaveDateSupported);
    for wrong in [
        "a SEARCH RETURN ALL",
        "a SEARCH RETURN (X) ALL",
        "a SEARCH RETURN (MIN)",
        "a SEARCH OLDER 0",
        "a SEARCH YOUNGER",
        "a SEARCH MODSEQ \"/x\" all 1",
        "a SEARCH MODSEQ \"/flags/x\" mine 1",
        "a SEARCH 1,$",
        "a FETCH $:3 FLAGS",
    ] {
        is_bad(wrong);
    }
}

#[test]
fn a_key_is_looked_for_at_every_depth() {
    let key = |text: &str| match selected_of(text) {
        SelectedCommand::Search { key, .. } => key,
        other => panic!("{other:?}"),
    };
    let has = |text: &str| key(text).any(&|key| matches!(key, SearchKey::ModSeq(_)));
    assert!(has("a SEARCH OR SEEN (NOT (UNSEEN MODSEQ 3))"));
    assert!(!has("a SEARCH OR SEEN (NOT (UNSEEN OLDER 3))"));
}

#[test]
fn names_are_still_whole() {
    let wanted = MailboxName::parse("a (b)").unwrap();
    assert!(
        matches!(session_of("a SELECT \"a (b)\" (CONDSTORE)"), SessionCommand::Select { mailbox, .. } if mailbox == wanted)
    );
}

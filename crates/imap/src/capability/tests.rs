//! The table and what the configuration takes out of it.

use super::*;
use crate::command::Command;

const APPEND_BYTES: u64 = 90_000_000;

fn told(moment: Moment, offered: Extensions) -> Vec<String> {
    line(moment, offered, APPEND_BYTES).split(' ').map(str::to_owned).collect()
}

#[test]
fn each_extension_has_one_row_and_a_name_that_is_read_back() {
    for row in table::TABLE {
        let same = table::TABLE.iter().filter(|other| other.extension == row.extension);
        assert_eq!(same.count(), 1, "{}", row.name);
        assert_eq!(row.extension.name(), row.name);
        assert_eq!(Extension::parse(row.name).is_some(), row.built, "{}", row.name);
    }
    assert_eq!(Extension::parse("idle"), Some(Extension::Idle));
    assert_eq!(Extension::parse("COMPRESS=DEFLATE"), None);
}

#[test]
fn logging_in_is_told_in_tls_only_and_literals_are_short_until_then() {
    let all = Extensions::all();
    let in_clear = told(Moment::InClear, all);
    assert!(in_clear.ends_with(&["STARTTLS".to_owned(), "LOGINDISABLED".to_owned()]), "{in_clear:?}");
    assert!(!in_clear.iter().any(|word| word.starts_with("AUTH=") || word.starts_with("LITERAL")));
    let before = told(Moment::BeforeLogin, all);
    assert!(["SASL-IR", "LITERAL-", "AUTH=PLAIN"].iter().all(|word| before.iter().any(|told| told == word)));
    let after = told(Moment::AfterLogin, all);
    assert!(after.iter().any(|word| word == "LITERAL+"));
    assert!(!after.iter().any(|word| word == "LITERAL-" || word.starts_with("AUTH=")));
    let short = told(Moment::AfterLogin, all.without(Extensions::NONE.with(Extension::LiteralPlus)));
    assert!(short.iter().any(|word| word == "LITERAL-") && !short.iter().any(|word| word == "LITERAL+"));
}

#[test]
fn each_that_is_switched_off_is_told_nowhere() {
    for row in table::built() {
        let offered = Extensions::all().without(Extensions::NONE.with(row.extension));
        for moment in [Moment::InClear, Moment::BeforeLogin, Moment::AfterLogin] {
            for word in told(moment, offered) {
                let word = word.split_once("LIMIT=").map_or(word.as_str(), |_| "APPENDLIMIT");
                assert!(!row.words.split(' ').any(|off| off == word), "{} at {moment:?}", row.name);
            }
        }
    }
}

#[test]
fn what_is_switched_off_is_neither_told_nor_done() {
    let idle = Extensions::NONE.with(Extension::Idle);
    let offered = Extensions::all().without(idle);
    assert!(!told(Moment::AfterLogin, offered).iter().any(|word| word == "IDLE"));
    let Some(refused) = refusal(&Command::Idle, offered) else { panic!("IDLE is done") };
    assert_eq!(refused, crate::completion::Completion::bad("IDLE: IDLE is not offered here"));
    assert_eq!(refusal(&Command::Idle, Extensions::all()), None);
}

#[test]
fn what_rests_on_something_switched_off_goes_with_it() {
    let offered = Extensions::all().without(Extensions::NONE.with(Extension::SpecialUse));
    assert!(!offered.has(Extension::CreateSpecialUse));
    for row in table::built() {
        for part in row.rests_on {
            let offered = Extensions::all().without(Extensions::NONE.with(*part));
            assert!(!offered.has(row.extension), "{} without {}", row.name, part.name());
        }
    }
}

#[test]
fn an_account_and_a_client_lose_what_is_theirs_to_lose() {
    let one = |extension| Extensions::NONE.with(extension);
    let offer = Offer {
        without: one(Extension::Move),
        accounts: vec![("Medecin@Chu-Nord.fr".into(), one(Extension::UidPlus))],
        clients: vec![("Old Mail".into(), one(Extension::Idle)), ("old mail".into(), one(Extension::Id))],
    };
    let anybody = offer.to_client(None);
    assert!(!anybody.has(Extension::Move) && anybody.has(Extension::Idle));
    let old = offer.to_client(Some("OLD MAIL"));
    assert!(!old.has(Extension::Idle) && !old.has(Extension::Id) && old.has(Extension::UidPlus));
    let person = offer.to_account(["medecin@chu-nord.mssante.fr", "medecin@chu-nord.fr"], Some("Other"));
    assert!(!person.has(Extension::UidPlus) && !person.has(Extension::Move) && person.has(Extension::Idle));
}

/// A command, and the extension without which it is refused.
fn needs(text: &str) -> Vec<&'static str> {
    let read = crate::wire::grammar::parse(text.as_bytes(), crate::wire::Names::Utf7).unwrap().command;
    assert_eq!(refusal(&read, Extensions::all()), None, "{text}");
    let without = |extension| Extensions::all().without(Extensions::NONE.with(extension));
    let needed = table::built().filter(|row| refusal(&read, without(row.extension)).is_some());
    needed.map(|row| row.name).collect()
}

#[test]
fn commands_about_mailboxes_need_what_their_words_come_from() {
    assert_eq!(needs("a LIST \"\" *"), [""; 0]);
    assert_eq!(needs("a LIST \"\" * RETURN (SPECIAL-USE)"), ["SPECIAL-USE"]);
    for extended in ["(SUBSCRIBED) \"\" *", "(REMOTE) \"\" *", "\"\" (a b)", "\"\" * RETURN (CHILDREN)"] {
        assert_eq!(needs(&format!("a LIST {extended}")), ["LIST-EXTENDED"], "{extended}");
    }
    assert_eq!(needs("a LIST \"\" * RETURN (STATUS (MESSAGES))"), ["LIST-EXTENDED", "LIST-STATUS"]);
    assert_eq!(
        needs("a LIST \"\" * RETURN (STATUS (SIZE))"),
        ["LIST-EXTENDED", "LIST-STATUS", "STATUS=SIZE"]
    );
    assert_eq!(needs("a STATUS INBOX (APPENDLIMIT)"), ["APPENDLIMIT"]);
    assert_eq!(needs("a STATUS INBOX (HIGHESTMODSEQ SIZE)"), ["CONDSTORE", "STATUS=SIZE"]);
    assert_eq!(needs("a STATUS INBOX (DELETED-STORAGE)"), ["QUOTA"]);
    for command in ["GETQUOTA x", "GETQUOTAROOT INBOX", "SETQUOTA x ()"] {
        assert_eq!(needs(&format!("a {command}")), ["QUOTA"], "{command}");
    }
    for command in ["MYRIGHTS INBOX", "GETACL INBOX", "SETACL INBOX x l", "LISTRIGHTS INBOX x"] {
        assert_eq!(needs(&format!("a {command}")), ["ACL"], "{command}");
    }
    for (command, extension) in [
        ("a ID NIL", "ID"),
        ("a AUTHENTICATE PLAIN =", "SASL-IR"),
        ("a ENABLE X", "ENABLE"),
        ("a IDLE", "IDLE"),
        ("a NAMESPACE", "NAMESPACE"),
        ("a CREATE x (USE (\\Sent))", "CREATE-SPECIAL-USE"),
        ("a UNSELECT", "UNSELECT"),
        ("a UID EXPUNGE 1", "UIDPLUS"),
        ("a MOVE 1 x", "MOVE"),
        ("a SELECT x (CONDSTORE)", "CONDSTORE"),
        ("a SEARCH RETURN (COUNT) ALL", "ESEARCH"),
        ("a SEARCH OLDER 60", "WITHIN"),
        ("a FETCH 1 SAVEDATE", "SAVEDATE"),
    ] {
        assert!(needs(command).contains(&extension), "{command}: {:?}", needs(command));
    }
    for item in ["BINARY[1]", "BINARY.PEEK[]", "BINARY.SIZE[1]"] {
        assert_eq!(needs(&format!("a FETCH 1 {item}")), ["BINARY"], "{item}");
    }
}

//! Two sessions of one box, over sockets: each is told what the other did, in the numbers that it knows itself (RFC 3501 §5.2,
//! §7.4.1), while it idles and between its commands.

use crate::harness::{DOCTOR, INTERN, Imap, PASSWORD, World, letter};

/// The messages that a client believes are there, by what it was told: the UID of each, None until it asked.
#[derive(Default)]
struct Known(Vec<Option<u32>>);

impl Known {
    /// Takes in untagged responses, in order.
    fn hear(&mut self, told: &str) {
        for line in told.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let ["*", number, what, ..] = words[..] else { continue };
            let Ok(number) = number.parse::<usize>() else { continue };
            match what {
                "EXISTS" => {
                    assert!(number >= self.0.len(), "EXISTS never goes down: {line}");
                    self.0.resize(number, None);
                }
                "EXPUNGE" => drop(self.0.remove(number - 1)),
                "FETCH" => {
                    let uid = words.iter().skip_while(|word| !word.ends_with("UID")).nth(1);
                    let uid = uid
                        .unwrap_or_else(|| panic!("no UID: {line}"))
                        .trim_end_matches(')')
                        .parse()
                        .unwrap();
                    let known = &mut self.0[number - 1];
                    assert!(
                        known.is_none_or(|known| known == uid),
                        "another message under its number: {line}"
                    );
                    *known = Some(uid);
                }
                _ => {}
            }
        }
    }
}

fn all(imap: &mut Imap) -> Vec<Option<u32>> {
    let mut known = Known::default();
    known.hear(&imap.text("EXAMINE INBOX"));
    known.hear(&imap.text("FETCH 1:* (UID)"));
    known.0
}

fn note(n: usize) -> String {
    letter(DOCTOR, &format!("note-{n}@poste"), &format!("note {n}"), "bonjour")
}

#[test]
fn an_idle_session_hears_what_another_does_in_its_own_numbers() {
    let world = World::start();
    let mut writer = world.imap_as(DOCTOR);
    let mut known = Known::default();
    let mut idler = world.imap_as(DOCTOR);
    known.hear(&idler.text("SELECT INBOX"));
    let tag = idler.idle();
    for n in 1..=6 {
        writer.append("INBOX", &note(n));
        let told = idler.hear();
        assert_eq!(told, format!("* {n} EXISTS"));
        known.hear(&told);
    }
    writer.ok("SELECT INBOX");
    writer.ok("STORE 3 +FLAGS.SILENT (\\Flagged $Urgent)");
    let told = idler.hear();
    assert!(
        told.starts_with("* 3 FETCH (") && told.contains("\\Flagged") && told.contains("$Urgent"),
        "{told}"
    );
    known.hear(&told);
    writer.ok("STORE 2,5 +FLAGS.SILENT (\\Deleted)");
    for _ in 0..2 {
        let told = idler.hear();
        assert!(told.contains("FETCH (") && told.contains("\\Deleted"), "{told}");
        known.hear(&told);
    }
    writer.ok("EXPUNGE");
    for _ in 0..2 {
        let told = idler.hear();
        assert!(told.ends_with(" EXPUNGE"), "{told}");
        known.hear(&told);
    }
    known.hear(&idler.wake(&tag));
    known.hear(&idler.text("FETCH 1:* (UID)"));
    assert_eq!(known.0, all(&mut writer));
    assert_eq!(known.0, [1, 3, 4, 6].map(Some));
}

#[test]
fn numbers_stay_while_a_client_speaks_in_them_and_change_when_it_may_learn_so() {
    let world = World::start();
    let mut other = world.imap_as(DOCTOR);
    for n in 1..=5 {
        other.append("INBOX", &note(n));
    }
    let mut known = Known::default();
    let mut imap = world.imap_as(DOCTOR);
    known.hear(&imap.text("SELECT INBOX"));
    known.hear(&imap.text("FETCH 1:* (UID)"));
    other.ok("SELECT INBOX");
    other.ok("STORE 1,4 +FLAGS.SILENT (\\Deleted)");
    other.ok("EXPUNGE");
    other.append("INBOX", &note(6));
    for command in ["FETCH 2:3 (FLAGS UID)", "STORE 2 +FLAGS (\\Seen)", "SEARCH SEEN"] {
        let (told, _) = imap.command(command);
        let told = String::from_utf8_lossy(&told.concat()).into_owned();
        assert!(!told.contains("EXPUNGE"), "{command}: {told}");
        // Only the answer to STORE says no UID.
        if command.starts_with("FETCH") {
            known.hear(&told);
        }
    }
    known.hear(&imap.text("NOOP"));
    known.hear(&imap.text("FETCH 1:* (UID)"));
    assert_eq!(known.0, [2, 3, 5, 6].map(Some));
    assert_eq!(known.0, all(&mut other));
}

#[test]
fn a_letter_that_is_sent_wakes_those_who_wait_for_it() {
    let world = World::start();
    let mut waiting = world.imap_as(INTERN);
    waiting.ok("SELECT INBOX");
    let tag = waiting.idle();
    let mut smtp = world.smtp();
    assert_eq!(smtp.login(DOCTOR, PASSWORD).0, 235);
    let letter = letter(INTERN, "reveil@poste", "#med# garde de nuit", "bonjour");
    assert_eq!(smtp.submit(DOCTOR, &[INTERN], letter.as_bytes()).unwrap().0, 250);
    assert_eq!(waiting.hear(), "* 1 EXISTS");
    waiting.wake(&tag);
    assert!(waiting.text("FETCH 1 (ENVELOPE)").contains("garde de nuit"));
}

/// The number behind `[NAME ` in a response code.
fn coded(answer: &str, name: &str) -> u64 {
    let start = answer.split(&format!("[{name} ")).nth(1).unwrap_or_else(|| panic!("no {name}: {answer}"));
    start.split(']').next().unwrap().parse().unwrap()
}

#[test]
fn with_qresync_what_went_is_told_by_uid_and_whoever_comes_back_is_told_only_what_changed() {
    let world = World::start();
    let mut writer = world.imap_as(DOCTOR);
    for n in 1..=6 {
        writer.append("INBOX", &note(n));
    }
    let mut idler = world.imap_as(DOCTOR);
    idler.ok("ENABLE QRESYNC");
    let selected = idler.text("SELECT INBOX");
    let (validity, modseq) = (coded(&selected, "UIDVALIDITY"), coded(&selected, "HIGHESTMODSEQ"));
    let tag = idler.idle();
    writer.ok("SELECT INBOX");
    writer.ok("UID STORE 3 +FLAGS.SILENT (\\Flagged)");
    let told = idler.hear();
    for part in ["* 3 FETCH (", "UID 3", "\\Flagged", "MODSEQ ("] {
        assert!(told.contains(part), "{told}");
    }
    writer.ok("UID STORE 2,5 +FLAGS.SILENT (\\Deleted)");
    for _ in 0..2 {
        let told = idler.hear();
        assert!(told.contains("\\Deleted") && told.contains("MODSEQ ("), "{told}");
    }
    writer.ok("EXPUNGE");
    assert_eq!(idler.hear(), "* VANISHED 2,5");
    idler.wake(&tag);
    drop(idler);

    let mut back = world.imap_as(DOCTOR);
    back.ok("ENABLE QRESYNC");
    let said = back.text(&format!("SELECT INBOX (QRESYNC ({validity} {modseq}))"));
    assert!(said.contains("* VANISHED (EARLIER) 2,5\r\n"), "{said}");
    let fetched: Vec<&str> = said.lines().filter(|line| line.contains(" FETCH ")).collect();
    let [flagged] = fetched[..] else { panic!("only one message changed and is there:\n{said}") };
    assert!(flagged.starts_with("* 2 FETCH (") && flagged.contains("UID 3"), "{flagged}");
    assert!(coded(&said, "HIGHESTMODSEQ") > modseq);
}

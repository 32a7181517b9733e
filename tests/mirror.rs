//! mbsync mirrors a box both ways, and a second run changes nothing (UIDPLUS, APPEND, flags, folders, expunge).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::maildir::{flag, flags, messages, nothing_changes};
use crate::harness::{DOCTOR, Imap, PASSWORD, World, fill, letter, succeed};

struct Mirror {
    home: PathBuf,
    rc: PathBuf,
}

impl Mirror {
    fn new(world: &World) -> Mirror {
        let home = world.dir().join("mirror");
        fs::create_dir_all(home.join("mail")).unwrap();
        let rc = home.join("mbsyncrc");
        let mail = home.join("mail");
        fs::write(
            &rc,
            format!(
                "FSync no\n\nIMAPStore far\nHost localhost\nPort {port}\nUser {DOCTOR}\nPass {PASSWORD}\nSSLType IMAPS\nSystemCertificates no\n\
                 CertificateFile {ca}\n\nMaildirStore near\nPath {mail}/\nInbox {mail}/INBOX\nSubFolders Verbatim\n\n\
                 Channel all\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nRemove Both\nExpunge Both\nSyncState *\n",
                port = world.imaps(),
                ca = world.ca().display(),
                mail = mail.display(),
            ),
        )
        .unwrap();
        Mirror { home, rc }
    }

    fn sync(&self) -> String {
        succeed(Command::new("mbsync").arg("-c").arg(&self.rc).args(["-V", "-a"]).env("HOME", &self.home))
    }

    fn mail(&self) -> PathBuf {
        self.home.join("mail")
    }

    fn folder(&self, name: &str) -> PathBuf {
        self.mail().join(name)
    }
}

#[test]
fn mbsync_mirrors_both_ways_and_a_second_run_changes_nothing() {
    let world = World::start();
    let mut imap = world.imap_as(DOCTOR);
    imap.ok("CREATE \"Dossiers/Cardiologie &AOk-t&AOk-\"");
    for n in 0..60 {
        let message =
            letter(DOCTOR, &format!("miroir-{n}@poste"), &format!("message {n}"), &"ligne\r\n".repeat(n * 7));
        imap.append(if n % 3 == 0 { "\"Dossiers/Cardiologie &AOk-t&AOk-\"" } else { "INBOX" }, &message);
    }
    let mirror = Mirror::new(&world);
    mirror.sync();
    assert_eq!(messages(&mirror.folder("INBOX")).len(), 40);
    let folder = mirror.folder("Dossiers/Cardiologie &AOk-t&AOk-");
    assert_eq!(messages(&folder).len(), 20, "folders with an accent are mirrored");
    nothing_changes(&mirror.mail(), &mut imap, || drop(mirror.sync()));

    // Here: one message written, one seen, one deleted. There: one flagged, one deleted.
    let inbox = mirror.folder("INBOX");
    let written = letter(DOCTOR, "ecrit-ici@poste", "ecrit ici", "bonjour").replace("\r\n", "\n");
    fs::write(inbox.join("cur/1000000000.ici.poste:2,S"), written).unwrap();
    let here = messages(&inbox);
    let of = |id: &str| here.iter().find(|p| fs::read_to_string(p).unwrap_or_default().contains(id)).unwrap();
    flag(of("<miroir-1@poste>"), "S");
    fs::remove_file(of("<miroir-2@poste>")).unwrap();
    imap.ok("SELECT INBOX");
    let uid = |imap: &mut Imap, id: &str| {
        let found = imap.text(&format!("UID SEARCH HEADER Message-ID \"{id}\""));
        found.split_whitespace().nth(2).unwrap_or_else(|| panic!("{id}: {found}")).to_owned()
    };
    let flagged = uid(&mut imap, "miroir-4@poste");
    imap.ok(&format!("UID STORE {flagged} +FLAGS (\\Flagged)"));
    let deleted = uid(&mut imap, "miroir-5@poste");
    imap.ok(&format!("UID STORE {deleted} +FLAGS.SILENT (\\Deleted)"));
    imap.ok(&format!("UID EXPUNGE {deleted}"));

    mirror.sync();
    let remote = imap.text("NOOP");
    drop(remote);
    let search =
        |imap: &mut Imap, key: &str| imap.text(&format!("SEARCH {key}")).split_whitespace().count() - 2;
    assert_eq!(search(&mut imap, "HEADER Message-ID \"ecrit-ici@poste\" SEEN"), 1, "written here, now there");
    assert_eq!(search(&mut imap, "HEADER Message-ID \"miroir-1@poste\" SEEN"), 1, "seen here, now there");
    assert_eq!(search(&mut imap, "HEADER Message-ID \"miroir-2@poste\""), 0, "deleted here, now there");
    let here: Vec<String> = messages(&inbox).iter().map(|p| fs::read_to_string(p).unwrap()).collect();
    assert!(!here.iter().any(|m| m.contains("<miroir-5@poste>")), "deleted there, now here");
    let flagged = messages(&inbox)
        .into_iter()
        .find(|p| fs::read_to_string(p).unwrap().contains("<miroir-4@poste>"))
        .unwrap();
    assert!(
        flagged.to_str().unwrap().rsplit(',').next().unwrap().contains('F'),
        "flagged there, now here: {flagged:?}"
    );
    nothing_changes(&mirror.mail(), &mut imap, || drop(mirror.sync()));
}

/// As many messages as people really have: what both sides did meanwhile is on both afterwards, and then nothing moves.
#[test]
fn mbsync_mirrors_ten_thousand_messages_and_what_both_sides_did_to_them() {
    const MESSAGES: usize = 10_000;
    /// Messages that each side flags, and that each side deletes.
    const SOME: usize = 300;
    let world = World::start();
    let id = |n: usize| format!("grand-{n}@poste");
    fill(&world, DOCTOR, "INBOX", MESSAGES, |n| letter(DOCTOR, &id(n), &format!("message {n}"), "bonjour"));
    let mirror = Mirror::new(&world);
    mirror.sync();
    let inbox = mirror.folder("INBOX");
    let here = messages(&inbox);
    assert_eq!(here.len(), MESSAGES);

    // The first ones here, the last ones there: nobody touches what the other does.
    for path in &here {
        match uid(path) {
            1..=SOME => flag(path, "F"),
            number if number <= 2 * SOME => fs::remove_file(path).unwrap(),
            _ => {}
        }
    }
    for n in 0..SOME {
        let written = letter(DOCTOR, &format!("neuf-{n}@poste"), "neuf", "bonjour").replace("\r\n", "\n");
        fs::write(inbox.join(format!("cur/1000000000.neuf{n}.poste:2,S")), written).unwrap();
    }
    let mut imap = world.imap_as(DOCTOR);
    imap.ok("SELECT INBOX");
    let (answered, deleted) = (MESSAGES - SOME + 1, MESSAGES - 2 * SOME + 1);
    imap.ok(&format!("STORE {answered}:{MESSAGES} +FLAGS.SILENT (\\Answered)"));
    imap.ok(&format!("STORE {deleted}:{} +FLAGS.SILENT (\\Deleted)", answered - 1));
    imap.ok("EXPUNGE");

    mirror.sync();
    let count = |imap: &mut Imap, key: &str| {
        let found = imap.text(&format!("SEARCH {key}"));
        found.lines().find_map(|line| line.strip_prefix("* SEARCH")).unwrap().split_whitespace().count()
    };
    imap.ok("NOOP");
    let kept = MESSAGES - 2 * SOME;
    assert_eq!(count(&mut imap, "ALL"), kept + SOME);
    assert_eq!(count(&mut imap, "FLAGGED"), SOME, "flagged here, now there");
    assert_eq!(count(&mut imap, "SEEN HEADER Message-ID neuf-"), SOME, "written here, now there");
    let here = messages(&inbox);
    assert_eq!(here.len(), kept + SOME);
    let replied = here.iter().filter(|path| flags(path).contains('R')).count();
    assert_eq!(replied, SOME, "answered there, now here");
    nothing_changes(&mirror.mail(), &mut imap, || drop(mirror.sync()));
}

/// The number that mbsync puts into a file's name.
fn uid(path: &Path) -> usize {
    let name = path.file_name().unwrap().to_str().unwrap();
    name.split(",U=").nth(1).unwrap().split(':').next().unwrap().parse().unwrap()
}

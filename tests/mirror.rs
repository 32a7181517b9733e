//! mbsync mirrors a box both ways, and a second run changes nothing (UIDPLUS, APPEND, flags, folders, expunge).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::{DOCTOR, PASSWORD, World, letter, succeed};

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
                "IMAPStore far\nHost localhost\nPort {port}\nUser {DOCTOR}\nPass {PASSWORD}\nSSLType IMAPS\nSystemCertificates no\n\
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

    fn folder(&self, name: &str) -> PathBuf {
        self.home.join("mail").join(name)
    }

    /// Every file below the mail directory with its content.
    fn snapshot(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        collect(&self.home.join("mail"), &mut found);
        found
    }
}

fn collect(dir: &Path, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else {
            found.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
}

fn messages(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for part in ["new", "cur"] {
        found.extend(fs::read_dir(folder.join(part)).unwrap().map(|e| e.unwrap().path()));
    }
    found.sort();
    found
}

#[test]
fn mbsync_mirrors_both_ways_and_a_second_run_changes_nothing() {
    let world = World::start();
    let mut imap = world.imap_as(DOCTOR);
    imap.ok("CREATE \"Dossiers/Cardiologie &AOk-t&AOk-\"");
    for n in 0..60 {
        let message =
            letter(DOCTOR, &format!("miroir-{n}@poste"), &format!("message {n}"), &"ligne\r\n".repeat(n * 7));
        append(
            &mut imap,
            if n % 3 == 0 { "\"Dossiers/Cardiologie &AOk-t&AOk-\"" } else { "INBOX" },
            &message,
        );
    }
    let mirror = Mirror::new(&world);
    mirror.sync();
    assert_eq!(messages(&mirror.folder("INBOX")).len(), 40);
    let folder = mirror.folder("Dossiers/Cardiologie &AOk-t&AOk-");
    assert_eq!(messages(&folder).len(), 20, "folders with an accent are mirrored");
    nothing_changes(&mirror, &mut imap);

    // Here: one message written, one seen, one deleted. There: one flagged, one deleted.
    let inbox = mirror.folder("INBOX");
    let written = letter(DOCTOR, "ecrit-ici@poste", "ecrit ici", "bonjour").replace("\r\n", "\n");
    fs::write(inbox.join("cur/1000000000.ici.poste:2,S"), written).unwrap();
    let here = messages(&inbox);
    let of = |id: &str| here.iter().find(|p| fs::read_to_string(p).unwrap_or_default().contains(id)).unwrap();
    rename_with_flags(of("<miroir-1@poste>"), "S");
    fs::remove_file(of("<miroir-2@poste>")).unwrap();
    imap.ok("SELECT INBOX");
    let uid = |imap: &mut crate::harness::Imap, id: &str| {
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
    let search = |imap: &mut crate::harness::Imap, key: &str| {
        imap.text(&format!("SEARCH {key}")).split_whitespace().count() - 2
    };
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
    nothing_changes(&mirror, &mut imap);
}

fn nothing_changes(mirror: &Mirror, imap: &mut crate::harness::Imap) {
    let before = (mirror.snapshot(), server_state(imap));
    mirror.sync();
    let after = (mirror.snapshot(), server_state(imap));
    let names = |s: &BTreeMap<PathBuf, Vec<u8>>| s.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&before.0), names(&after.0));
    assert!(before.0 == after.0, "a file of the mirror changed");
    assert_eq!(before.1, after.1);
}

fn server_state(imap: &mut crate::harness::Imap) -> Vec<String> {
    ["INBOX", "\"Dossiers/Cardiologie &AOk-t&AOk-\""]
        .iter()
        .map(|name| {
            imap.ok(&format!("EXAMINE {name}"));
            imap.text("FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE)")
        })
        .collect()
}

fn append(imap: &mut crate::harness::Imap, folder: &str, message: &str) {
    let line = format!("APPEND {folder} {{{}+}}\r\n{message}", message.len());
    imap.ok(&line);
}

fn rename_with_flags(path: &Path, flags: &str) {
    let name = path.file_name().unwrap().to_str().unwrap();
    let stem = name.split(":2,").next().unwrap();
    let cur = path.parent().unwrap().parent().unwrap().join("cur");
    fs::rename(path, cur.join(format!("{stem}:2,{flags}"))).unwrap();
}

//! OfflineIMAP keeps a Maildir in step with the boxes, and a second run changes nothing.

use std::fs;
use std::process::Command;

use crate::harness::maildir::{flag, flags, messages, nothing_changes};
use crate::harness::{DOCTOR, PASSWORD, World, fill, letter, succeed};

const MESSAGES: usize = 200;

#[test]
fn offlineimap_carries_flags_new_and_deleted_messages_both_ways() {
    let world = World::start();
    let home = world.dir().join("offline");
    fs::create_dir_all(&home).unwrap();
    let (rc, mail) = (home.join("offlineimaprc"), home.join("mail"));
    // Boxes of others have dots in their names, which OfflineIMAP would take for levels if not told.
    fs::write(
        &rc,
        format!(
            "[general]\nmetadata = {home}/state\naccounts = all\nui = basic\nfsync = no\n\
             [Account all]\nlocalrepository = near\nremoterepository = far\n\
             [Repository near]\ntype = Maildir\nlocalfolders = {mail}\nsep = /\n\
             [Repository far]\ntype = IMAP\nremotehost = localhost\nremoteport = {port}\nremoteuser = {DOCTOR}\n\
             remotepass = {PASSWORD}\nssl = yes\nsslcacertfile = {ca}\nmaxconnections = 2\n",
            home = home.display(),
            mail = mail.display(),
            port = world.imaps(),
            ca = world.ca().display(),
        ),
    )
    .unwrap();
    let sync = || {
        drop(succeed(Command::new("offlineimap").arg("-o").arg("-c").arg(&rc).env("HOME", &home)));
    };
    fill(&world, DOCTOR, "INBOX", MESSAGES, |n| {
        letter(DOCTOR, &format!("hors-ligne-{n}@poste"), &format!("message {n}"), "bonjour")
    });
    sync();
    let inbox = mail.join("INBOX");
    let here = messages(&inbox);
    assert_eq!(here.len(), MESSAGES);
    assert!(mail.join("Sent/cur").is_dir(), "the other folders come too");
    let mut imap = world.imap_as(DOCTOR);
    nothing_changes(&mail, &mut imap, sync);

    // Here: one flagged, one deleted, one written. There: one answered, one deleted.
    let uid = |path: &std::path::Path| -> usize {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.split(",U=").nth(1).unwrap().split(',').next().unwrap().parse().unwrap()
    };
    let of = |number: usize| here.iter().find(|path| uid(path) == number).unwrap();
    flag(of(1), "FS");
    fs::remove_file(of(2)).unwrap();
    let written = letter(DOCTOR, "ecrit-hors-ligne@poste", "neuf", "bonjour").replace("\r\n", "\n");
    fs::write(inbox.join("cur/1000000000_0.1.poste:2,S"), written).unwrap();
    imap.ok("SELECT INBOX");
    imap.ok("UID STORE 4 +FLAGS.SILENT (\\Answered)");
    imap.ok("UID STORE 5 +FLAGS.SILENT (\\Deleted)");
    imap.ok("UID EXPUNGE 5");
    sync();
    imap.ok("NOOP");
    let found = |imap: &mut crate::harness::Imap, key: &str| imap.text(&format!("UID SEARCH {key}"));
    assert!(found(&mut imap, "FLAGGED SEEN").contains("* SEARCH 1\r\n"), "flagged here, now there");
    assert!(found(&mut imap, "UID 2").contains("* SEARCH\r\n"), "deleted here, now there");
    let neuf = format!("* SEARCH {}\r\n", MESSAGES + 1);
    assert!(
        found(&mut imap, "SEEN HEADER Message-ID ecrit-hors-ligne").contains(&neuf),
        "written here, now there"
    );
    let here = messages(&inbox);
    assert_eq!(here.len(), MESSAGES - 1);
    assert!(here.iter().any(|path| uid(path) == 4 && flags(path).contains('R')), "answered there, now here");
    assert!(here.iter().all(|path| uid(path) != 5), "deleted there, now here");
    nothing_changes(&mail, &mut imap, sync);
}

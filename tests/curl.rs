//! curl as scripts use it over IMAPS: list, read by UID and by search, look at the header alone, upload.

use std::fs;

use crate::harness::{DOCTOR, World, letter, succeed};

#[test]
fn curl_lists_uploads_reads_and_searches() {
    let world = World::start();
    let listed = succeed(&mut world.curl(DOCTOR, ""));
    for folder in ["INBOX", "Sent", "Drafts", "Trash"] {
        assert!(listed.contains(folder), "{listed}");
    }
    succeed(world.curl(DOCTOR, "").args(["--request", "CREATE Archives/2026"]));

    let letter = letter(DOCTOR, "envoi@poste", "relevé de température", "trente-huit deux, à surveiller");
    let file = world.dir().join("lettre.eml");
    fs::write(&file, &letter).unwrap();
    for _ in 0..2 {
        succeed(world.curl(DOCTOR, "Archives%2F2026").arg("--upload-file").arg(&file));
    }
    let read = succeed(&mut world.curl(DOCTOR, "Archives%2F2026;UID=2"));
    assert_eq!(read, letter, "every byte comes back");
    let header = succeed(&mut world.curl(DOCTOR, "Archives%2F2026;MAILINDEX=1;SECTION=HEADER"));
    assert_eq!(header, letter[..letter.find("\r\n\r\n").unwrap() + 4]);
    let found = succeed(&mut world.curl(DOCTOR, "Archives%2F2026?SUBJECT%20releve"));
    assert!(found.contains("* SEARCH 1 2"), "{found}");
    let status =
        succeed(world.curl(DOCTOR, "").args(["--request", "STATUS Archives/2026 (MESSAGES UIDNEXT)"]));
    assert!(status.contains("(MESSAGES 2 UIDNEXT 3)"), "{status}");

    let (said, ok) = crate::harness::run(&mut world.curl(DOCTOR, "Absent;UID=1"));
    assert!(!ok, "a box that is not there is an error: {said}");
    let (said, ok) = crate::harness::run(&mut world.curl("personne@chu-nord.fr", ""));
    assert!(!ok && said.contains("67") || said.contains("denied"), "a wrong login is told as one: {said}");
}

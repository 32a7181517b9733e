//! A doctor's mail reader finds the department's box beside their own (S-1.7): it reads there, files from there, hears what
//! arrives, and is shut out when the box goes (S-1.5).

use crate::harness::{DEPARTMENT, DOCTOR, INTERN, PASSWORD, World, letter, succeed};

fn submit(world: &World, number: usize) {
    let mut smtp = world.smtp();
    assert_eq!(smtp.login(DOCTOR, PASSWORD).0, 235);
    let message = letter(DEPARTMENT, &format!("service-{number}@poste"), "#med# avis", "bonjour");
    assert_eq!(smtp.submit(DOCTOR, &[DEPARTMENT], message.as_bytes()).unwrap().0, 250);
}

#[test]
fn a_department_is_read_beside_ones_own_box_until_it_goes() {
    let world = World::start();
    submit(&world, 1);
    let mut imap = world.imap_as(DOCTOR);
    assert!(imap.text("CAPABILITY").contains(" ACL RIGHTS="));
    assert!(imap.text("NAMESPACE").contains("((\"Other users/\" \"/\"))"));
    let inbox = format!("\"Other users/{DEPARTMENT}/INBOX\"");
    assert!(imap.text("LIST \"\" *").contains(&inbox));
    assert!(imap.text(&format!("SELECT {inbox}")).contains("* 1 EXISTS"));
    assert!(imap.text("FETCH 1 BODY[TEXT]").contains("bonjour"));
    assert!(imap.text("COPY 1 INBOX").is_empty());
    assert!(imap.text("STATUS INBOX (MESSAGES)").contains("MESSAGES 1"));

    // The department's other reader, who acts as the box, sees that it was read.
    let mut acting = world.imap_as(&format!("{DEPARTMENT}*{INTERN}"));
    acting.ok("EXAMINE INBOX");
    assert!(acting.text("FETCH 1 FLAGS").contains("\\Seen"));

    let tag = imap.idle();
    submit(&world, 2);
    assert_eq!(imap.hear(), "* 2 EXISTS");
    imap.wake(&tag);

    // Who did what in the department's box is found by the box and the day.
    let told = succeed(&mut world.command(&["trace", "--of", DEPARTMENT]));
    for action in ["select", "first-opening", "copy"] {
        assert!(told.lines().any(|line| line.contains(action)), "{action}:\n{told}");
    }
    assert_eq!(succeed(&mut world.command(&["trace", "--of", DEPARTMENT, "--day", "2020-02-29"])), "");

    // A right that ends, ends what rests on it.
    imap.idle();
    succeed(&mut world.command(&["account", "remove", DEPARTMENT]));
    while !imap.line().unwrap().starts_with(b"* BYE") {}
    let mut imap = world.imap_as(DOCTOR);
    assert!(!imap.text("LIST \"\" *").contains(&inbox));
    assert!(imap.command(&format!("SELECT {inbox}")).1.starts_with("NO [NONEXISTENT]"));
    imap.ok("SELECT INBOX");
}

//! SIGTERM: no new sessions, sessions told, what is in flight finishes, in bounded time.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::harness::{DEPARTMENT, DOCTOR, PASSWORD, World, letter};

#[test]
fn sessions_are_told_and_the_message_in_flight_finishes() {
    let mut world = World::start();
    let mut idle_smtp = world.smtp();
    let mut idle_imap = world.imap_as(DOCTOR);
    idle_imap.ok("SELECT INBOX");
    idle_imap.send(b"i IDLE\r\n").unwrap();
    assert!(idle_imap.line().unwrap().starts_with(b"+"));

    let mut busy = world.smtp();
    assert_eq!(busy.login(DOCTOR, PASSWORD).0, 235);
    assert_eq!(busy.command(&format!("MAIL FROM:<{DOCTOR}>")).unwrap().0, 250);
    assert_eq!(busy.command(&format!("RCPT TO:<{DEPARTMENT}>")).unwrap().0, 250);
    assert_eq!(busy.command("DATA").unwrap().0, 354);
    let message = letter(DEPARTMENT, "en-vol@poste", "#med# en vol", "la suite arrive");
    let (first, rest) = message.split_at(message.len() / 2);
    busy.send(first.as_bytes()).unwrap();

    world.terminate();
    assert_eq!(idle_smtp.reply().unwrap().0, 421);
    assert!(idle_imap.line().unwrap().starts_with(b"* BYE"));
    assert!(idle_imap.line().is_err(), "after BYE the line is closed");
    let deadline = Instant::now() + Duration::from_secs(5);
    while TcpStream::connect(("127.0.0.1", world.imaps())).is_ok() {
        assert!(Instant::now() < deadline, "no new session");
    }
    busy.send(rest.as_bytes()).unwrap();
    busy.send(b".\r\n").unwrap();
    let reply = busy.reply().unwrap();
    assert_eq!(reply.0, 250, "{}", reply.1);
    drop(busy);

    assert!(world.wait(Duration::from_secs(20)).success(), "{}", world.log());
    world.serve();
    let mut imap = world.imap_as(&format!("{DEPARTMENT}*{DOCTOR}"));
    assert!(imap.text("EXAMINE INBOX").contains("* 1 EXISTS"));
}

#[test]
fn a_client_that_never_finishes_does_not_hold_the_door() {
    let mut world = World::start();
    let mut stuck = world.smtp();
    assert_eq!(stuck.login(DOCTOR, PASSWORD).0, 235);
    assert_eq!(stuck.command(&format!("MAIL FROM:<{DOCTOR}>")).unwrap().0, 250);
    assert_eq!(stuck.command(&format!("RCPT TO:<{DEPARTMENT}>")).unwrap().0, 250);
    assert_eq!(stuck.command("DATA").unwrap().0, 354);
    world.terminate();
    let status = world.wait(Duration::from_secs(60));
    assert!(status.success(), "{}", world.log());
}

//! A disk that is almost full, full, or fails: new mail is refused with the right code, the rest goes on, people are told what
//! to do, nothing that was told 250 is lost, and the daemon works again by itself once the disk does (I-9).

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::faults::{ALL, DATA, EIO, ENOSPC, Faults, Order};
use crate::harness::{
    DEPARTMENT, DOCTOR, INTERN, PASSWORD, Site, Smtp, World, base64_lines, letter, noise, succeed,
};

pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn until(world: &World, what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "not in time: {what}\n{}", world.log());
        sleep(Duration::from_millis(50));
    }
}

/// One submission; the reply that ends it.
pub(crate) fn submit(world: &World, id: &str, bytes: usize) -> (u16, String) {
    let mut smtp = world.smtp();
    // Who logs in is traced (M-10): where nothing can be kept, nobody new is let in.
    match smtp.login(DOCTOR, PASSWORD) {
        (235, _) => send(&mut smtp, id, bytes),
        refused => refused,
    }
}

fn send(smtp: &mut Smtp, id: &str, bytes: usize) -> (u16, String) {
    let body = base64_lines(&noise(bytes, id.len() as u64 + bytes as u64));
    smtp.submit(DOCTOR, &[DEPARTMENT], letter(DEPARTMENT, id, "#med# disque", &body).as_bytes()).unwrap()
}

pub(crate) fn status(world: &World) -> String {
    succeed(&mut world.command(&["status"]))
}

pub(crate) fn http(world: &World, path: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", world.metrics(Site::Nord))).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

pub(crate) fn reader() -> String {
    format!("{DEPARTMENT}*{INTERN}")
}

/// Reading, flags, deleting; an APPEND is refused.
pub(crate) fn the_rest_goes_on(world: &World) {
    let mut imap = world.imap_as(&reader());
    assert!(imap.text("SELECT INBOX").contains(" EXISTS"));
    assert!(imap.text("FETCH 1:* (FLAGS ENVELOPE)").contains("ENVELOPE"));
    imap.ok("STORE 1 +FLAGS (\\Flagged)");
    let message = letter(DEPARTMENT, "brouillon@poste", "brouillon", "texte");
    let (_, said) = imap.command(&format!("APPEND INBOX {{{}+}}\r\n{message}", message.len()));
    assert!(said.starts_with("NO [UNAVAILABLE]"), "{said}");
    let (_, said) = imap.command("COPY 1 INBOX");
    assert!(said.starts_with("NO [UNAVAILABLE]"), "{said}");
}

#[test]
fn with_less_room_than_the_reserve_new_mail_is_refused_and_the_rest_goes_on() {
    let mut world = World::start();
    assert_eq!(submit(&world, "avant@poste", 100).0, 250);
    world.terminate();
    assert!(world.wait(PATIENCE).success());
    world.configure(Site::Nord, "store", "disk_reserve", "\"1048576 GiB\"");
    world.serve();
    let (code, text) = submit(&world, "refuse@poste", 100);
    assert!(code == 452 && text.contains("4.3.1") && text.contains("manque de place"), "{code} {text}");
    the_rest_goes_on(&world);
    let mut imap = world.imap_as(&reader());
    imap.ok("SELECT INBOX");
    imap.ok("STORE 1 +FLAGS (\\Deleted)");
    assert!(String::from_utf8_lossy(&imap.ok("EXPUNGE").concat()).contains("1 EXPUNGE"));
    assert!(status(&world).contains("almost full"));
    assert!(http(&world, "/metrics").contains("vaguemestre_disk_full 1"));
}

/// Mail before, a disk that refuses these calls for a while, mail after; gives the replies while it refused.
fn refused_for_a_while(error: i32, kinds: i32) -> Vec<(u16, String)> {
    let mut world = World::prepared();
    let faults = Faults::new(&world.dir().join("faults"), &canonical(&world.dir().join("nord/store")));
    world.serve_under(Site::Nord, |command| {
        faults.over(command);
    });
    assert_eq!(submit(&world, "avant@poste", 200_000).0, 250);
    let (mut smtp, mut imap) = (world.smtp(), world.imap_as(&reader()));
    assert_eq!(smtp.login(DOCTOR, PASSWORD).0, 235);
    faults.order(Order::Fail { error, steps: None }, kinds);
    let mut replies = vec![];
    for number in 0..4 {
        replies.push(send(&mut smtp, &format!("pendant-{number}@poste"), 200_000));
    }
    assert!(faults.failed() > 0);
    assert!(matches!(submit(&world, "nouveau@poste", 100).0, 451 | 452 | 454));
    assert!(imap.text("EXAMINE INBOX").contains("* 1 EXISTS"), "reading goes on");
    assert!(!imap.section(1, "TEXT").is_empty());
    faults.order(Order::Nothing, ALL);
    until(&world, "mail is taken again", || submit(&world, "apres@poste", 200_000).0 == 250);
    // What was refused may be there once at most: its sender was told to send it again.
    let found = imap.text("EXAMINE INBOX");
    let exists = found.lines().find_map(|line| line.strip_prefix("* ")?.strip_suffix(" EXISTS")).unwrap();
    assert!((2..=3).contains(&exists.parse::<u32>().unwrap()), "{found}");
    world.kill();
    world.serve();
    assert!(world.imap_as(&reader()).text("EXAMINE INBOX").contains(&format!("* {exists} EXISTS")));
    replies
}

fn canonical(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap()
}

#[test]
fn without_room_mail_is_refused_for_now_and_taken_again_by_itself() {
    for (code, text) in refused_for_a_while(ENOSPC, DATA) {
        assert!(code == 452 && text.contains("4.3.1"), "{code} {text}");
    }
}

#[test]
fn on_a_disk_that_fails_mail_is_refused_for_now_and_taken_again_by_itself() {
    for (code, text) in refused_for_a_while(EIO, ALL) {
        assert!(matches!(code, 451 | 452), "{code} {text}");
    }
}

/// The log's own disk is full: a line that cannot be written is lost, and mail goes on. `/dev/full` takes nothing.
#[test]
fn a_daemon_whose_log_has_no_room_lives_and_serves() {
    let mut world = World::prepared();
    world.serve_under(Site::Nord, |daemon| {
        let full = || fs::File::options().write(true).open("/dev/full").unwrap();
        daemon.stdout(full()).stderr(full());
    });
    assert_eq!(world.smtp().login(DOCTOR, "not the password").0, 535);
    assert_eq!(submit(&world, "sans-journal", 100).0, 250);
    let mut imap = world.imap_as(&reader());
    assert!(imap.text("SELECT INBOX").contains("* 1 EXISTS"));
    world.terminate();
    assert!(world.wait(PATIENCE).success());
    assert_eq!(world.log(), "", "nothing of it went to a file");
    // That it had something to say shows where there is room.
    world.serve();
    assert_eq!(world.smtp().login(DOCTOR, "not the password").0, 535);
    until(&world, "the log is written", || world.log().contains("INFO"));
}

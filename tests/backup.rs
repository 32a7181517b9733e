//! An administrator backs the running service up, loses the disk, restores, and finds every letter; and takes letters out
//! to files that other programs read.

use std::{
    fs,
    io::{BufRead, BufReader, Lines},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    time::Duration,
};

use serde_json::Value;

use crate::harness::{DOCTOR, INTERN, PASSWORD, World, letter, run, succeed};

fn send(world: &World, numbers: std::ops::Range<u32>, body: &str) {
    let mut smtp = world.smtp();
    assert_eq!(smtp.login(DOCTOR, PASSWORD).0, 235);
    for number in numbers {
        let id = format!("lettre-{number}@poste");
        let message = letter(INTERN, &id, &format!("#med# Lettre {number}"), body);
        assert_eq!(smtp.submit(DOCTOR, &[INTERN], message.as_bytes()).unwrap().0, 250);
    }
}

/// The headers of the intern's INBOX, and what SELECT said.
fn inbox(world: &World) -> (String, String) {
    let mut imap = world.imap_as(INTERN);
    let selected = imap.text("SELECT INBOX");
    (imap.text("FETCH 1:* (BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])"), selected)
}

fn has(text: &str, number: u32) -> bool {
    text.contains(&format!("<lettre-{number}@poste>"))
}

pub(crate) fn json(command: &mut Command) -> Value {
    let out = command.arg("--json").output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    serde_json::from_slice(&out.stdout).unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_lost_disk_is_restored_from_the_backup_and_the_key_file() {
    let mut world = World::start();
    let path = |name: &str| world.dir().join(name);
    let (backups, store, kept_keys) = (path("backups"), path("nord/store"), path("keys-of-today"));
    let backup = |world: &World| json(world.command(&["backup"]).arg(&backups))["chored"]["backup"].clone();
    let verify = |world: &World| json(&mut world.command(&["verify"]))["chored"]["proof"].clone();
    send(&world, 1..20, "Avant la sauvegarde.");
    let first = backup(&world);
    send(&world, 20..25, "Avant la seconde.");
    let second = backup(&world);
    assert_eq!((first["id"].as_u64(), second["id"].as_u64()), (Some(1), Some(2)));
    assert!(second["shared"].as_u64() > Some(0) && second["kept"].as_array().unwrap().len() == 2, "{second}");
    assert_eq!(verify(&world)["clean"], true);
    let traced = succeed(&mut world.command(&["trace", second["trace"].as_str().unwrap()]));
    assert!(traced.contains("request=backup") && traced.contains("administrator="), "{traced}");
    succeed(world.command(&["verify"]).arg("--backup").arg(&backups));
    send(&world, 25..30, "Après la sauvegarde.");
    let known = inbox(&world).1;
    assert_eq!(mode(&backups), 0o700);

    // Nobody runs: the same commands open the store themselves.
    world.kill();
    assert_eq!(verify(&world)["clean"], true);
    fs::copy(store.join("keys"), &kept_keys).unwrap();
    fs::remove_dir_all(&store).unwrap();
    let restored = json(
        Command::new(env!("CARGO_BIN_EXE_vaguemestre"))
            .args(["restore", "--config"])
            .arg(world.config())
            .arg("--from")
            .arg(&backups)
            .arg("--keys")
            .arg(&kept_keys)
            .arg("--to")
            .arg(&store),
    );
    assert_eq!((restored["backup"].as_u64(), &restored["proof"]["clean"]), (Some(2), &Value::Bool(true)));
    world.serve();
    let (there, selected) = inbox(&world);
    for number in 1..25 {
        assert!(has(&there, number), "{number} was there before the backup:\n{there}");
    }
    assert!(!has(&there, 25));
    let validity =
        |text: &str| text.split("UIDVALIDITY ").nth(1).map(|rest| rest.split(']').next().unwrap().to_owned());
    assert!(validity(&known).is_some() && validity(&known) != validity(&selected), "{selected}");
    send(&world, 30..31, "La vie continue.");
    assert_eq!(verify(&world)["clean"], true);
}

#[test]
fn a_box_is_written_to_files_that_others_read() {
    let mut world = World::start();
    send(&world, 1..3, "From ici on cite.\r\n>From aussi.");
    let out = world.dir().join("export");
    let export = |world: &World, format: &str, to: &Path| {
        let mut command = world.command(&["export", "--account", INTERN, "--format", format]);
        json(command.arg("--to").arg(to))["chored"]["export"].clone()
    };
    let told = export(&world, "mbox", &out);
    assert_eq!((told["messages"].as_u64(), told["bad"].as_u64()), (Some(2), Some(0)), "{told}");
    let mbox = fs::read_to_string(out.join("INBOX.mbox")).unwrap();
    assert_eq!(mbox.matches("From MAILER-DAEMON ").count(), 2, "{mbox}");
    assert_eq!(mbox.matches("\n>From ici on cite.\n>>From aussi.\n").count(), 2, "{mbox}");
    assert_eq!((mode(&out), mode(&out.join("INBOX.mbox"))), (0o700, 0o600));
    let traced = succeed(&mut world.command(&["trace", told["trace"].as_str().unwrap()]));
    assert!(traced.contains("export done") && traced.contains("interne.deux"), "{traced}");
    // nothing is overwritten
    let (refused, ok) =
        run(world.command(&["export", "--account", INTERN, "--format", "eml"]).arg("--to").arg(&out));
    assert!(!ok && refused.contains("not empty"), "{refused}");

    // As IMAP gives it, byte for byte; without the daemon too.
    let mut imap = world.imap_as(INTERN);
    imap.ok("SELECT INBOX");
    let whole = imap.section(2, "");
    drop(imap);
    world.kill();
    let out = world.dir().join("export-eml");
    assert_eq!(export(&world, "eml", &out)["messages"], 2);
    assert_eq!(fs::read(out.join("INBOX/0000000002.eml")).unwrap(), whole);
}

#[test]
fn a_backup_that_cannot_be_made_says_why() {
    let world = World::start();
    let inside = world.dir().join("nord/store/backup");
    let (refused, ok) = run(world.command(&["backup"]).arg(&inside));
    assert!(!ok && refused.contains("lies in the store itself"), "{refused}");
    let (nothing, ok) = run(world.command(&["verify"]).arg("--backup").arg(world.dir()));
    assert!(!ok && nothing.contains("no whole backup"), "{nothing}");
    let (refused, ok) = run(Command::new(env!("CARGO_BIN_EXE_vaguemestre"))
        .args(["restore", "--config"])
        .arg(world.config())
        .arg("--from")
        .arg(&inside)
        .arg("--keys")
        .arg(world.dir().join("nord/store/keys"))
        .arg("--to")
        .arg(world.dir().join("elsewhere")));
    assert!(!ok && refused.contains("no whole backup"), "{refused}");
}

/// The follower, ended when the story ends, and what it says.
pub(crate) struct Follower {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Follower {
    /// Follows nord into this directory.
    pub(crate) fn start(world: &World, second: &Path) -> Self {
        let mut command = world.command(&["backup", "--json"]);
        let mut child = command.arg("--follow").arg(second).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// Waits until it says this.
    pub(crate) fn says(&mut self, word: &str) {
        assert!(self.hears(word), "it never said {word}");
    }

    /// The same; false if it ended before.
    pub(crate) fn hears(&mut self, word: &str) -> bool {
        self.lines.by_ref().map(Result::unwrap).any(|line| line.contains(word))
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_second_place_has_what_was_told_before_the_first_died() {
    let mut world = World::start();
    let second = world.dir().join("second");
    send(&world, 1..10, "Avant.");
    let mut follower = Follower::start(&world, &second);
    follower.says("copy-whole");
    follower.says("up-to");
    // A restart of the service: the second place waits and goes on.
    world.kill();
    send_after_restart(&mut world, 10..15);
    follower.says("up-to");
    send(&world, 15..20, "Encore.");
    std::thread::sleep(Duration::from_secs(3));
    send(&world, 20..25, "Dans la fenêtre de perte.");
    world.kill();
    drop(follower);

    let (store, kept_keys) = (world.dir().join("nord/store"), world.dir().join("keys-of-today"));
    fs::copy(store.join("keys"), &kept_keys).unwrap();
    fs::remove_dir_all(&store).unwrap();
    succeed(world.command(&["verify"]).arg("--backup").arg(&second));
    let restored = json(
        world
            .command(&["restore"])
            .arg("--from")
            .arg(&second)
            .arg("--keys")
            .arg(&kept_keys)
            .arg("--to")
            .arg(&store),
    );
    assert_eq!(restored["proof"]["clean"], true, "{restored}");
    assert!(restored["followed"]["batches"].as_u64() > Some(0), "{restored}");
    world.serve();
    let (there, _) = inbox(&world);
    for number in 1..20 {
        assert!(has(&there, number), "{number} was told long before the kill:\n{there}");
    }
}

fn send_after_restart(world: &mut World, numbers: std::ops::Range<u32>) {
    world.serve();
    send(world, numbers, "Après le redémarrage.");
}

#[test]
fn letters_that_were_deleted_come_back_to_their_box() {
    let mut world = World::start();
    let backups = world.dir().join("backups");
    send(&world, 1..5, "À garder.");
    succeed(world.command(&["backup"]).arg(&backups));
    let mut imap = world.imap_as(INTERN);
    imap.ok("SELECT INBOX");
    imap.ok("STORE 2:3 +FLAGS (\\Deleted)");
    imap.ok("EXPUNGE");
    let bring = |world: &World, into: &[&str]| {
        let mut command = world.command(&["restore-box", "--account", INTERN, "--box", "INBOX"]);
        let out = json(command.arg("--from").arg(&backups).args(into));
        out["chored"]["box-restored"].clone()
    };
    let told = bring(&world, &[]);
    assert_eq!((told["restored"].as_u64(), told["present"].as_u64()), (Some(2), Some(2)), "{told}");
    let (there, _) = inbox(&world);
    assert!((1..5).all(|number| has(&there, number)), "{there}");
    // where nobody runs too
    world.kill();
    let told = bring(&world, &["--into", "Retrouvés"]);
    assert_eq!(told["restored"].as_u64(), Some(4), "{told}");
    let format = json(&mut world.command(&["upgrade", "--check"]));
    assert_eq!(format["found"], format["known"]);
    assert_eq!(json(&mut world.command(&["verify"]))["chored"]["proof"]["clean"], true);
}

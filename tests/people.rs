//! A person's mail reader: mutt sends a letter with an attachment and another mutt, in a terminal, opens it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::harness::{DEPARTMENT, DOCTOR, INTERN, PASSWORD, World, letter, run, succeed};

/// How long a program may take to show something on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn muttrc(world: &World, name: &str, user: &str, from: &str) -> PathBuf {
    let home = world.dir().join(name);
    fs::create_dir_all(&home).unwrap();
    let rc = home.join("muttrc");
    fs::write(
        &rc,
        format!(
            "set certificate_file=\"{ca}\"\nset ssl_starttls=yes\nset ssl_force_tls=yes\n\
             set imap_user=\"{user}\"\nset imap_pass=\"{PASSWORD}\"\nset smtp_url=\"smtp://{at}@localhost:{smtp}/\"\n\
             set smtp_pass=\"{PASSWORD}\"\nset smtp_authenticators=\"plain\"\nset from=\"{from}\"\nset use_from=yes\n\
             set use_envelope_from=yes\nset folder=\"imap://localhost:{imap}/\"\nset spoolfile=\"+INBOX\"\nset copy=no\n\
             set header_cache=\"\"\nset sleep_time=0\nset mail_check=1\nset quit=yes\nset mark_old=no\n",
            ca = world.ca().display(),
            at = from.replace('@', "%40"),
            smtp = world.submission(),
            imap = world.imap(),
        ),
    )
    .unwrap();
    rc
}

#[test]
fn mutt_sends_with_an_attachment_and_mutt_reads() {
    let world = World::start();
    let rc = muttrc(&world, "medecin", DOCTOR, DOCTOR);
    let attachment = world.dir().join("courbe.bin");
    let bytes = crate::harness::noise(150_000, 3);
    fs::write(&attachment, &bytes).unwrap();
    let body = world.dir().join("lettre.txt");
    fs::write(&body, "Bonjour,\nci-joint la courbe de la nuit.\n").unwrap();
    let mut mutt = Command::new("mutt");
    mutt.args(["-n", "-F"]).arg(&rc).args(["-s", "#med# courbe de température", "-a"]).arg(&attachment);
    mutt.args(["--", DEPARTMENT]).stdin(fs::File::open(&body).unwrap());
    mutt.env("HOME", world.dir()).env("TERM", "dumb").env("LC_ALL", "C.UTF-8");
    succeed(&mut mutt);

    let box_and_person = format!("{DEPARTMENT}*{INTERN}");
    let rc = muttrc(&world, "interne", &box_and_person, INTERN);
    let screen = Terminal::start(&world, &format!("mutt -n -F '{}'", rc.display()));
    screen.wait_for("courbe de temp");
    screen.keys("Enter");
    screen.wait_for("ci-joint la courbe de la nuit");
    screen.keys("q");
    screen.wait_for("q:");
    screen.keys("q");

    let mut imap = world.imap_as(&box_and_person);
    imap.ok("EXAMINE INBOX");
    let flags = imap.text("FETCH 1 FLAGS");
    assert!(flags.contains("\\Seen"), "opened means seen: {flags}");
    let encoded = String::from_utf8(imap.section(1, "2")).unwrap();
    assert_eq!(encoded.replace("\r\n", ""), crate::harness::base64_lines(&bytes).replace("\r\n", ""));
}

#[test]
fn mutt_flags_deletes_and_files_and_sees_what_comes_meanwhile() {
    flags_deletes_and_files("mutt");
}

#[test]
fn neomutt_flags_deletes_and_files_and_sees_what_comes_meanwhile() {
    flags_deletes_and_files("neomutt");
}

/// The first message is flagged, the second deleted, the third filed, the fourth marked as read; then one arrives during IDLE.
fn flags_deletes_and_files(reader: &str) {
    let world = World::start();
    let mut imap = world.imap_as(DOCTOR);
    imap.ok("CREATE Archives");
    for n in 1..=5 {
        let subject = format!("sujet numero {n}");
        imap.append("INBOX", &letter(DOCTOR, &format!("lu-{n}@poste"), &subject, "bonjour"));
    }
    let rc = muttrc(&world, reader, DOCTOR, DOCTOR);
    let mut settings = fs::read_to_string(&rc).unwrap();
    settings.push_str(
        "set imap_idle=yes\nset timeout=1\nset delete=yes\nset confirmappend=no\nset confirmcreate=no\nset resolve=yes\n",
    );
    settings.push_str(
        "push \"<first-entry><flag-message><delete-message><save-message>=Archives<enter><toggle-new><sync-mailbox>\"\n",
    );
    fs::write(&rc, settings).unwrap();
    let screen = Terminal::start(&world, &format!("{reader} -n -F '{}'", rc.display()));
    screen.wait_for("sujet numero 5");
    screen.wait_without("sujet numero 2");
    imap.append("INBOX", &letter(DOCTOR, "lu-6@poste", "sujet numero 6", "bonjour"));
    screen.wait_for("sujet numero 6");
    screen.keys("q");
    screen.wait_for_the_end();

    imap.ok("SELECT INBOX");
    let listed = imap.text("FETCH 1:* (FLAGS UID)");
    for (key, number) in [("ALL", "1 2 3 4"), ("FLAGGED", "1"), ("SEEN", "2")] {
        assert!(
            imap.text(&format!("SEARCH {key}")).contains(&format!("* SEARCH {number}\r\n")),
            "{key}: {listed}"
        );
    }
    imap.ok("SELECT Archives");
    assert!(imap.text("FETCH 1:* (ENVELOPE)").contains("sujet numero 3"));
}

/// A terminal of 100 by 30 in tmux, on a server of its own.
struct Terminal {
    socket: PathBuf,
}

impl Terminal {
    fn start(world: &World, command: &str) -> Terminal {
        let terminal = Terminal { socket: world.dir().join("tmux.socket") };
        let home = format!("HOME={}", world.dir().display());
        terminal.tmux(&[
            "-f",
            "/dev/null",
            "new-session",
            "-d",
            "-x",
            "100",
            "-y",
            "30",
            "-e",
            &home,
            "-e",
            "LC_ALL=C.UTF-8",
            command,
        ]);
        terminal
    }

    fn tmux(&self, words: &[&str]) -> String {
        succeed(Command::new("tmux").arg("-u").arg("-S").arg(&self.socket).args(words))
    }

    fn keys(&self, keys: &str) {
        self.tmux(&["send-keys", keys]);
    }

    fn wait_for(&self, text: &str) {
        self.wait_until(&format!("{text:?} does not come up"), |screen| screen.contains(text));
    }

    fn wait_without(&self, text: &str) {
        self.wait_until(&format!("{text:?} does not go"), |screen| !screen.contains(text));
    }

    fn wait_until(&self, what: &str, is_so: impl Fn(&str) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let screen = self.tmux(&["capture-pane", "-p"]);
            if is_so(&screen) {
                return;
            }
            assert!(Instant::now() < deadline, "{what} on:\n{screen}");
            sleep(Duration::from_millis(50));
        }
    }

    /// Until the program in it has ended.
    fn wait_for_the_end(&self) {
        let deadline = Instant::now() + PATIENCE;
        let is_there = || run(Command::new("tmux").arg("-S").arg(&self.socket).arg("has-session")).1;
        while is_there() {
            assert!(Instant::now() < deadline, "the program does not end");
            sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = Command::new("tmux").arg("-S").arg(&self.socket).arg("kill-server").output();
    }
}

//! A person's mail reader: mutt sends a letter with an attachment and another mutt, in a terminal, opens it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::harness::{DEPARTMENT, DOCTOR, INTERN, PASSWORD, World, succeed};

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
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let screen = self.tmux(&["capture-pane", "-p"]);
            if screen.contains(text) {
                return;
            }
            assert!(Instant::now() < deadline, "{text:?} does not come up on:\n{screen}");
            sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = Command::new("tmux").arg("-S").arg(&self.socket).arg("kill-server").output();
    }
}

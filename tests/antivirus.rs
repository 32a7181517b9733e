//! Debian's clamd in front of both ways in: what it finds is refused with its name, and nothing is taken behind its back.

use std::fs;
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::harness::{
    DOCTOR, Flaw, INTERN, PASSWORD, Site, Smtp, World, base64_lines, letter, noise, succeed,
};

const PATIENCE: Duration = Duration::from_secs(60);

/// The file that every antivirus finds, in two halves so that none finds this one.
const EICAR: [&str; 2] = [r"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-", "STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"];

/// A clamd of the story's own, with a base of one signature; it ends with this value.
struct Clamd {
    socket: PathBuf,
    process: Child,
    _dir: tempfile::TempDir,
}

impl Drop for Clamd {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Clamd {
    fn start() -> Clamd {
        let dir = tempfile::Builder::new().prefix("clamd-").tempdir().unwrap();
        let base = dir.path().join("base");
        fs::create_dir(&base).unwrap();
        let hex: String = EICAR.concat().bytes().map(|byte| format!("{byte:02x}")).collect();
        fs::write(base.join("story.ndb"), format!("Story.Eicar:0:*:{hex}\n")).unwrap();
        let socket = dir.path().join("clamd.ctl");
        let config = dir.path().join("clamd.conf");
        let settings = format!(
            "LocalSocket {}\nDatabaseDirectory {}\nForeground yes\nLogFile {}\nTemporaryDirectory {}\n",
            socket.display(),
            base.display(),
            dir.path().join("clamd.log").display(),
            dir.path().display()
        );
        fs::write(&config, settings).unwrap();
        let process = Command::new("/usr/sbin/clamd")
            .arg(format!("--config-file={}", config.display()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("clamd is here (.ci/need test)");
        let mut clamd = Clamd { socket, process, _dir: dir };
        let end = Instant::now() + PATIENCE;
        while UnixStream::connect(&clamd.socket).is_err() {
            let ended = clamd.process.try_wait().unwrap();
            let log = fs::read_to_string(clamd._dir.path().join("clamd.log")).unwrap_or_default();
            assert!(ended.is_none() && Instant::now() < end, "{log}");
            sleep(Duration::from_millis(50));
        }
        clamd
    }
}

fn login(world: &World) -> Smtp {
    let mut smtp = world.smtp();
    assert_eq!(smtp.login(DOCTOR, PASSWORD).0, 235);
    smtp
}

/// A letter with this file in it.
fn carrying(id: &str, file: &[u8]) -> String {
    let head = letter(INTERN, id, "#med# Compte rendu", "");
    let (fields, _) = head.split_once("\r\nMIME-Version").unwrap();
    format!(
        "{fields}\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nBonjour\r\n--b\r\n\
         Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\
         Content-Disposition: attachment; filename=a.bin\r\n\r\n{}\r\n--b--\r\n",
        base64_lines(file)
    )
}

#[test]
fn an_infected_message_is_refused_on_both_ways_in_and_named() {
    let clamd = Clamd::start();
    let mut world = World::prepared();
    world.configure(Site::Nord, "scan", "clamd", &format!("{:?}", clamd.socket.display().to_string()));
    world.serve();
    let peer = world.operator("tiers.mssante.fr", Flaw::None);
    world.refresh(Site::Nord);
    let infected = EICAR.concat();

    let mut smtp = login(&world);
    let (code, text) =
        smtp.submit(DOCTOR, &[INTERN], carrying("mauvais@poste", infected.as_bytes()).as_bytes()).unwrap();
    assert!(code == 550 && text.contains("5.7.1") && text.contains("Story.Eicar"), "{text}");
    assert!(text.contains("l'antivirus a trouve") && text.contains("the antivirus found"), "{text}");
    let journey = text.split_whitespace().last().unwrap().to_owned();
    let told = succeed(&mut world.command(&["trace", &journey]));
    assert!(told.contains("infected") && told.contains("Story.Eicar"), "{told}");
    // as large as several pieces, beside what is found
    let (code, text) =
        smtp.submit(DOCTOR, &[INTERN], carrying("bon@poste", &noise(700_000, 7)).as_bytes()).unwrap();
    assert_eq!(code, 250, "{text}");
    let told = succeed(&mut world.command(&["trace", text.split_whitespace().last().unwrap()]));
    assert!(told.contains("antivirus") && told.contains("clean"), "{told}");

    let from = format!("docteur@{}", peer.domain);
    let foreign = |id: &str, file: &[u8]| {
        let text = carrying(id, file);
        let start = text.find("\r\nTo: ").unwrap();
        format!("From: <{from}>{}", &text[start..])
    };
    let mut relay = world.relay_as(Site::Nord, &peer).unwrap();
    let (code, text) =
        relay.submit(&from, &[DOCTOR], foreign("b@tiers", infected.as_bytes()).as_bytes()).unwrap();
    assert!(code == 550 && text.contains("Story.Eicar"), "{text}");
    let (code, text) = relay.submit(&from, &[DOCTOR], foreign("c@tiers", b"rien").as_bytes()).unwrap();
    assert_eq!(code, 250, "{text}");
    world.imap_as(DOCTOR).wait_for(1, PATIENCE);
    world.imap_as(INTERN).wait_for(1, PATIENCE);
    assert!(!world.log().contains("Story.Eicar.FOUND") && !world.log().contains("Compte rendu"));

    drop(clamd);
    let (code, text) = smtp.submit(DOCTOR, &[INTERN], carrying("sans@poste", b"rien").as_bytes()).unwrap();
    assert!(
        code == 451 && text.contains("4.7.1") && text.contains("l'antivirus de ce serveur ne repond pas"),
        "{text}"
    );
}

#[test]
fn without_a_scanner_messages_pass_with_a_trace_where_that_is_set() {
    let mut world = World::prepared();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    world.configure(Site::Nord, "scan", "clamd", &format!("\"{closed}\""));
    world.configure(Site::Nord, "scan", "on_failure", "\"pass\"");
    world.serve();
    let mut smtp = login(&world);
    let (code, text) = smtp.submit(DOCTOR, &[INTERN], carrying("sans@poste", b"rien").as_bytes()).unwrap();
    assert_eq!(code, 250, "{text}");
    let told = succeed(&mut world.command(&["trace", text.split_whitespace().last().unwrap()]));
    assert!(told.contains("antivirus") && told.contains("no-connection"), "{told}");
    assert!(world.log().contains("could not be scanned"), "{}", world.log());
}

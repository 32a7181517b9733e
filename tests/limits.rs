//! Whoever does too much, or speaks something else, is told so and cut, and the others go on (I-9): an hour's worth, sessions of a
//! peer on each kind of port, other protocols, and load balancers that say for whom they connect.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::harness::{DEPARTMENT, DOCTOR, INTERN, PASSWORD, Site, World, letter, run, succeed};

/// Generous: what is waited for comes in milliseconds on a machine that has nothing else to do.
const PATIENCE: Duration = Duration::from_secs(60);

fn figure(world: &World, start: &str) -> u64 {
    let url = format!("http://127.0.0.1:{}/metrics", world.metrics(Site::Nord));
    let text = succeed(Command::new("curl").args(["--silent", "--show-error", "--max-time", "60", &url]));
    let line = text.lines().find(|line| line.starts_with(start)).unwrap_or_else(|| panic!("{start}: {text}"));
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

fn wait_for_figure(world: &World, start: &str, least: u64) {
    let deadline = Instant::now() + PATIENCE;
    while figure(world, start) < least {
        assert!(Instant::now() < deadline, "{start} is {}, not {least}", figure(world, start));
        sleep(Duration::from_millis(50));
    }
}

/// Connects, sends, and reads to the end.
fn said_to(port: u16, sent: &[u8]) -> String {
    let mut tcp = TcpStream::connect(("127.0.0.1", port)).unwrap();
    tcp.set_read_timeout(Some(PATIENCE)).unwrap();
    tcp.write_all(sent).unwrap();
    let mut said = Vec::new();
    let _ = tcp.read_to_end(&mut said);
    String::from_utf8_lossy(&said).into_owned()
}

#[test]
fn an_hours_worth_is_told_in_two_languages_and_the_others_go_on() {
    let mut world = World::prepared();
    let hourly = "{ messages = 2, recipients = 100, refusals = 3, bytes = \"1 GB\" }";
    world.configure(Site::Nord, "limits", "person_per_hour", hourly);
    world.serve();
    let swaks = |from: &str, to: &str| {
        run(world.swaks().args(["-a", "PLAIN", "-au", from, "-ap", PASSWORD, "-f", from, "-t", to]))
    };
    for _ in 0..2 {
        let (said, ok) = swaks(DOCTOR, DEPARTMENT);
        assert!(ok, "{said}");
    }
    let (said, ok) = swaks(DOCTOR, DEPARTMENT);
    assert!(!ok && said.contains("450-4.7.1 too many messages in an hour: send the next one in "), "{said}");
    assert!(said.contains("4.7.1 trop de messages en une heure : envoyez le suivant dans "), "{said}");
    assert_eq!(figure(&world, "vaguemestre_limited_total{who=\"person\",limit=\"messages\"}"), 1);
    let mut smtp = world.smtp();
    assert_eq!(smtp.login(INTERN, PASSWORD).0, 235);
    assert_eq!(smtp.command(&format!("MAIL FROM:<{INTERN}>")).unwrap().0, 250);
    for n in 0..3 {
        let (code, text) = smtp.command(&format!("RCPT TO:<nobody.{n}@chu-nord.mssante.fr>")).unwrap();
        assert_eq!(code, 550, "{text}");
    }
    let (code, text) = smtp.command(&format!("RCPT TO:<{DEPARTMENT}>")).unwrap();
    assert_eq!(code, 421, "{text}");
    assert!(text.contains("check your address list") && text.contains("carnet d'adresses"), "{text}");
    assert!(smtp.reply().is_err(), "a 421 closes");
    assert!(world.log().contains("too-many-refusals"), "{}", world.log());
}

#[test]
fn a_session_too_many_is_told_so_in_clear_and_inside_tls() {
    let mut world = World::prepared();
    world.configure(Site::Nord, "limits", "sessions_per_peer", "1");
    world.serve();
    // the one that looked whether the daemon is up was on an IMAP port
    let held = world.smtp();
    let told = said_to(world.submission(), b"");
    assert!(told.starts_with("421-4.3.2 mail.chu-nord.fr too many sessions"), "{told}");
    assert!(told.contains("\r\n421 4.3.2 trop de sessions"), "{told}");
    let mut openssl = Command::new("openssl");
    openssl.args([
        "s_client",
        "-quiet",
        "-connect",
        &format!("localhost:{}", world.submission_tls()),
        "-CAfile",
    ]);
    let (told, _) = run(openssl.arg(world.ca()).stdin(Stdio::null()));
    assert!(told.contains("421-4.3.2 mail.chu-nord.fr too many sessions"), "{told}");
    let imap = world.imap_as(DOCTOR);
    drop((held, imap));
}

#[test]
fn other_protocols_are_cut_with_one_reply_and_counted() {
    let world = World::start();
    let port = world.submission();
    let url = format!("http://127.0.0.1:{port}/");
    let (said, _) = run(Command::new("curl").args(["--silent", "--http0.9", "--max-time", "60", &url]));
    assert!(said.contains("554 5.7.0 This is SMTP, not HTTP"), "{said}");
    let mut openssl = Command::new("openssl");
    openssl.args(["s_client", "-connect", &format!("127.0.0.1:{port}")]).stdin(Stdio::null());
    let (said, ok) = run(&mut openssl);
    assert!(!ok, "{said}");
    for sent in [
        &b"SSH-2.0-OpenSSH_9.2\r\n"[..],
        b"\x03\x00\x00\x13\x0e\xe0",
        b"PROXY TCP4 192.0.2.7 192.0.2.1 4 25\r\n",
    ] {
        let said = said_to(port, sent);
        assert_eq!(said.lines().count(), 2, "the greeting and one reply: {said}");
        assert!(said.contains("\r\n554 5.7.0 This is SMTP"), "{said}");
    }
    wait_for_figure(
        &world,
        "vaguemestre_smtp_sessions_ended_total{listener=\"submission\",end=\"not-smtp\"}",
        5,
    );
}

#[test]
fn a_load_balancer_says_who_connects_and_nobody_else_is_believed() {
    let mut world = World::prepared();
    world.configure(Site::Nord, "listeners", "proxy_from", "[\"127.0.0.1\"]");
    world.serve();
    let sent = succeed(
        world
            .swaks()
            .args(["-a", "PLAIN", "-au", DOCTOR, "-ap", PASSWORD, "-f", DOCTOR, "-t", DEPARTMENT])
            .args(["--proxy-version", "2", "--proxy-family", "AF_INET"])
            .args(["--proxy-source", "192.0.2.77", "--proxy-source-port", "40001"])
            .args(["--proxy-dest", "192.0.2.1", "--proxy-dest-port", "587"]),
    );
    assert!(sent.contains("250 2.0.0"), "{sent}");
    let without = said_to(world.submission(), b"EHLO poste.chu-nord.fr\r\n");
    assert_eq!(without, "", "a connection of a balancer begins with its header");
    let header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x4e\xc0\x00\x02\x01\x9c\x42\x00\x8f";
    let imap = said_to(world.imap(), &[&header[..], b"a LOGOUT\r\n"].concat());
    assert!(imap.starts_with("* OK ") && imap.contains("a OK "), "{imap}");
    wait_for_figure(
        &world,
        &format!(
            "vaguemestre_connections_refused_total{{listener=\"submission\",address=\"127.0.0.1:{}\",why=\"no-proxy-header\"}}",
            world.submission()
        ),
        1,
    );
    let deadline = Instant::now() + PATIENCE;
    for wanted in ["peer=192.0.2.77:40001", "peer=192.0.2.78:40002"] {
        while !world.log().contains(wanted) {
            assert!(Instant::now() < deadline, "{wanted} is not in the log:\n{}", world.log());
            sleep(Duration::from_millis(50));
        }
    }
    drop(world);

    let mut world = World::prepared();
    world.configure(Site::Nord, "listeners", "proxy_from", "[\"192.0.2.0/24\"]");
    world.serve();
    let (said, ok) = run(world
        .swaks()
        .args(["-a", "PLAIN", "-au", DOCTOR, "-ap", PASSWORD, "-f", DOCTOR, "-t", DEPARTMENT]));
    assert!(ok, "a client that is no balancer comes as itself: {said}");
    let believed = said_to(world.imap(), header);
    assert!(!believed.contains("192.0.2.78"), "{believed}");
    let mut smtp = world.smtp();
    assert_eq!(smtp.login(DOCTOR, PASSWORD).0, 235);
    let message = letter(DEPARTMENT, "sans@repartiteur", "#med# direct", "Bonjour");
    assert_eq!(smtp.submit(DOCTOR, &[DEPARTMENT], message.as_bytes()).unwrap().0, 250);
}

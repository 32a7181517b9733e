//! The audit matrix, wider (M-2, M-3): old versions of TLS both ways, renegotiation, other server names, certificates that end while a
//! connection is kept, names that differ in writing alone or in one letter, and a domain with five operators' certificates.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use demo_pki::{Leaf, Name};
use jiff::{SignedDuration, Timestamp};

use crate::harness::{DOCTOR, Flaw, PASSWORD, Peer, Sink, Site, World, letter, run, succeed};

const PATIENCE: Duration = Duration::from_secs(60);
/// How long a certificate of these stories is valid still when it is made.
const SOON: i64 = 8;

fn inward(domain: &str, id: &str) -> Vec<u8> {
    let from = format!("docteur@{domain}");
    format!(
        "From: <{from}>\r\nTo: {DOCTOR}\r\nSubject: compte rendu\r\nMessage-ID: <{id}@{domain}>\r\n\
         Date: Sat, 21 Nov 2026 10:00:00 +0100\r\n\r\nBonjour.\r\n"
    )
    .into_bytes()
}

/// Speaks to nord's relay as openssl does, with the peer's certificate; `said` goes in when TLS is there. A line that begins with Q
/// or R would be an order to openssl.
fn s_client(world: &World, peer: &Peer, options: &[&str], said: &str) -> String {
    let (chain, key) = world.files_of(peer);
    let mut client = Command::new("openssl")
        .args([
            "s_client",
            "-connect",
            &format!("127.0.0.1:{}", world.relay(Site::Nord)),
            "-starttls",
            "smtp",
        ])
        .args(["-crlf", "-CAfile"])
        .arg(world.ca())
        .arg("-cert")
        .arg(&chain)
        .arg("-key")
        .arg(&key)
        .args(options)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = client.stdin.take().unwrap();
    let (out, errors) = (client.stdout.take().unwrap(), client.stderr.take().unwrap());
    let (out, errors) = (collect(out), collect(errors));
    for line in said.lines() {
        // each is an event of its own for openssl only if it comes alone
        sleep(Duration::from_millis(300));
        if input.write_all(format!("{line}\n").as_bytes()).is_err() {
            break;
        }
    }
    let deadline = Instant::now() + PATIENCE;
    while client.try_wait().unwrap().is_none() {
        // the input ends when all of it had its time to be answered
        if Instant::now() > deadline {
            client.kill().unwrap();
            panic!("openssl does not end: {}", out.join().unwrap());
        }
        sleep(Duration::from_millis(50));
    }
    drop(input);
    format!("{}{}", out.join().unwrap(), errors.join().unwrap())
}

fn collect(mut stream: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

#[test]
fn inbound_nothing_older_than_tls_1_2_is_spoken_and_nothing_is_negotiated_twice() {
    let world = World::start();
    let peer = world.operator("tiers.mssante.fr", Flaw::None);
    world.refresh(Site::Nord);
    let mail = "EHLO mail.tiers.fr\nMAIL FROM:<docteur@tiers.mssante.fr>\nquit\n";
    for version in ["-tls1_2", "-tls1_3"] {
        let said = s_client(&world, &peer, &[version], mail);
        assert!(said.contains("250 2.1.0"), "{version}: {said}");
    }
    for version in ["-tls1", "-tls1_1"] {
        let said = s_client(&world, &peer, &[version, "-cipher", "ALL:@SECLEVEL=0"], "");
        assert!(said.contains("Cipher is (NONE)"), "{version}: {said}");
        // refused by our side, not by the caution of the client
        assert!(said.contains("SSL alert number"), "{version}: {said}");
    }
    // R makes openssl ask for a second handshake
    let said = s_client(
        &world,
        &peer,
        &["-tls1_2"],
        "EHLO mail.tiers.fr\nR\nMAIL FROM:<docteur@tiers.mssante.fr>\nquit\n",
    );
    assert!(said.contains("RENEGOTIATING"), "{said}");
    assert!(!said.contains("250 2.1.0"), "what follows is no longer heard: {said}");
}

#[test]
fn another_server_name_is_answered_with_the_one_certificate_and_judged_by_the_peers_alone() {
    let world = World::start();
    let peer = world.operator("tiers.mssante.fr", Flaw::None);
    world.refresh(Site::Nord);
    let mail = "EHLO mail.tiers.fr\nMAIL FROM:<docteur@tiers.mssante.fr>\nquit\n";
    for name in [&["-servername", "un.autre.fr"][..], &["-noservername"][..]] {
        let said = s_client(&world, &peer, name, mail);
        assert!(said.contains("CN=mail.chu-nord.fr") || said.contains("CN = mail.chu-nord.fr"), "{said}");
        assert!(said.contains("250 2.1.0"), "{said}");
    }
}

/// A server that speaks STARTTLS and then leaves TLS to openssl, which knows old versions.
struct OldServer {
    port: u16,
    openssl: Child,
}

impl OldServer {
    fn start(world: &World, peer: &Peer, version: &str) -> OldServer {
        let (chain, key) = world.files_of(peer);
        let behind = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let openssl = Command::new("openssl")
            .args(["s_server", "-accept", &format!("127.0.0.1:{behind}"), version])
            .args(["-cipher", "ALL:@SECLEVEL=0", "-quiet", "-verify", "5", "-cert"])
            .arg(&chain)
            .arg("-key")
            .arg(&key)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for client in listener.incoming() {
                thread::spawn(move || drop(front(&client.unwrap(), behind)));
            }
        });
        OldServer { port, openssl }
    }
}

impl Drop for OldServer {
    fn drop(&mut self) {
        let _ = self.openssl.kill();
        let _ = self.openssl.wait();
    }
}

fn front(client: &TcpStream, behind: u16) -> std::io::Result<()> {
    let mut lines = BufReader::new(client.try_clone()?);
    let mut line = String::new();
    let mut to = client;
    to.write_all(b"220 mail.tiers.fr ESMTP\r\n")?;
    loop {
        line.clear();
        lines.read_line(&mut line)?;
        match line.get(..4) {
            Some("EHLO") => to.write_all(b"250-mail.tiers.fr\r\n250 STARTTLS\r\n")?,
            Some("STAR") => break,
            _ => return Ok(()),
        }
    }
    let deadline = Instant::now() + PATIENCE;
    let server = loop {
        match TcpStream::connect(("127.0.0.1", behind)) {
            Ok(server) => break server,
            Err(error) if Instant::now() > deadline => return Err(error),
            Err(_) => sleep(Duration::from_millis(50)),
        }
    };
    to.write_all(b"220 2.0.0 go ahead\r\n")?;
    let (mut up, mut down) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || std::io::copy(&mut up, &mut down));
    std::io::copy(&mut { server }, &mut to).map(|_| ())
}

/// Tells what `queue list` says of a domain's mail, once it says that.
fn waits_for(world: &World, says: &str) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let listed = succeed(&mut world.command(&["queue", "list", "--json"]));
        if listed.contains(says) {
            return listed;
        }
        assert!(Instant::now() < deadline, "{says}: {listed}\n{}", world.log());
        sleep(Duration::from_millis(50));
    }
}

#[test]
fn outbound_nothing_leaves_for_a_server_that_knows_old_versions_alone() {
    let mut world = World::prepared();
    let peer = world.operator("ancien.mssante.fr", Flaw::None);
    let old = OldServer::start(&world, &peer, "-tls1_1");
    world.routes(Site::Nord, &[("ancien.mssante.fr", old.port)]);
    world.serve();
    let mut smtp = world.smtp();
    assert_eq!(smtp.login(DOCTOR, PASSWORD).0, 235);
    let to = "docteur@ancien.mssante.fr";
    let message = letter(to, "ancien@poste", "#med# ancien", "Corps.");
    assert_eq!(smtp.submit(DOCTOR, &[to], message.as_bytes()).unwrap().0, 250);
    let listed = waits_for(&world, "handshake");
    assert!(listed.contains("ancien.mssante.fr"), "{listed}");
}

/// A peer whose certificate ends in a few seconds.
fn ending(world: &World, domain: &str) -> (Peer, Timestamp) {
    let now = Timestamp::now();
    let until = now + SignedDuration::from_secs(SOON);
    let host = format!("mail.{domain}");
    let subject = Name::server(&host, "1990000003", "OPERATEUR TIERS", "Rh\u{f4}ne (69)");
    let leaf = Leaf::server(subject, &[&host, "localhost"], now);
    let leaf = leaf.lasting(now - SignedDuration::from_hours(1), until);
    let issued = world.pki().hierarchy().organisations.issue(&leaf).unwrap();
    world.list(domain, &issued.subject.to_string());
    let key = issued.key.clone();
    (Peer { domain: domain.to_owned(), host, issued, key }, until)
}

fn wait_past(until: Timestamp) {
    while Timestamp::now() <= until + SignedDuration::from_secs(1) {
        sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_certificate_that_ends_while_a_connection_is_kept_ends_what_rests_on_it() {
    let world = World::start();
    let (peer, until) = ending(&world, "finissant.mssante.fr");
    world.refresh(Site::Nord);
    let mut open = world.relay_as(Site::Nord, &peer).unwrap();
    let from = "docteur@finissant.mssante.fr";
    let (code, text) = open.submit(from, &[DOCTOR], &inward("finissant.mssante.fr", "avant")).unwrap();
    // a machine that is slower than the certificate lasts proves nothing here
    if Timestamp::now() < until {
        assert_eq!(code, 250, "{text}");
    }
    wait_past(until);
    let (code, text) = open.submit(from, &[DOCTOR], &inward("finissant.mssante.fr", "apres")).unwrap();
    assert!(code == 550 && text.contains("expired: "), "{text}");
    let inbox = world.imap_as(DOCTOR).text("EXAMINE INBOX");
    assert!(!inbox.contains("* 2 EXISTS"), "{inbox}");
}

#[test]
fn a_servers_certificate_that_ends_gets_nothing_more_on_a_connection_that_is_kept() {
    let mut world = World::prepared();
    world.configure(Site::Nord, "queue", "first_retry", "\"1 s\"");
    let (_, sink) = {
        // made before the daemon starts, renewed once it runs: starting takes its time
        let peer = world.operator("finissant.mssante.fr", Flaw::None);
        let sink = Sink::start(Some(&peer));
        (peer, sink)
    };
    world.routes(Site::Nord, &[("finissant.mssante.fr", sink.port())]);
    world.serve();
    let mut smtp = world.smtp();
    assert_eq!(smtp.login(DOCTOR, PASSWORD).0, 235);
    let (peer, until) = ending(&world, "finissant.mssante.fr");
    sink.present(Some(&peer));
    world.refresh(Site::Nord);
    let to = "docteur@finissant.mssante.fr";
    let mut submit = |id: &str| {
        let message = letter(to, id, "#med# fin", "Corps.");
        assert_eq!(smtp.submit(DOCTOR, &[to], message.as_bytes()).unwrap().0, 250);
    };
    submit("avant@poste");
    let deadline = Instant::now() + PATIENCE;
    while sink.count() == 0 && Timestamp::now() < until {
        assert!(Instant::now() < deadline);
        sleep(Duration::from_millis(20));
    }
    let had = sink.count();
    wait_past(until);
    submit("apres@poste");
    waits_for(&world, "expired on");
    assert_eq!(sink.count(), had, "nothing more was given to it");
}

#[test]
fn a_name_may_be_written_in_other_ways_but_not_differ_by_a_letter() {
    let world = World::start();
    let dn = |peer: &Peer| peer.issued.subject.to_string();
    let whole = dn(&world.credentials("modele.mssante.fr", Flaw::None));
    let parts: Vec<_> = whole.split(',').map(str::to_owned).collect();
    assert!(parts.len() == 5, "{whole}");
    let reversed = |dn: &str| dn.rsplit(',').collect::<Vec<_>>().join(",");
    type Writing<'a> = (&'a str, Box<dyn Fn(&str) -> String + 'a>, Option<&'a str>);
    let writings: Vec<Writing<'_>> = vec![
        ("majuscules", Box::new(|dn| dn.to_uppercase().replace("C=FR", "c=fr")), None),
        (
            "espaces",
            Box::new(|dn| dn.replace(',', ",  ").replace("OPERATEUR TIERS", "OPERATEUR \u{a0} TIERS ")),
            None,
        ),
        ("ordre", Box::new(move |dn| reversed(dn)), None),
        ("guillemets", Box::new(|dn| dn.replace("O=OPERATEUR TIERS", "O=\"OPERATEUR TIERS\"")), None),
        ("lettre", Box::new(|dn| dn.replace("OPERATEUR", "OPERATEUX")), Some("other-name: ")),
        ("accent", Box::new(|dn| dn.replace("Rh\u{f4}ne", "Rhone")), Some("other-name: ")),
        ("nom", Box::new(|dn| dn.replace("CN=mail.", "CN=mail2.")), Some("not-listed: ")),
        ("moins", Box::new(|dn| dn.replace(",C=FR", "")), Some("other-name: ")),
    ];
    let peers: Vec<_> = writings
        .iter()
        .map(|(name, write, refused)| {
            let peer = world.credentials(&format!("{name}.mssante.fr"), Flaw::None);
            let written = write(&dn(&peer));
            assert_ne!(written, dn(&peer), "{name}");
            world.list(&peer.domain, &written);
            (peer, *refused)
        })
        .collect();
    world.refresh(Site::Nord);
    for (peer, refused) in peers {
        let mut smtp = world.relay_as(Site::Nord, &peer).unwrap();
        let (code, text) = smtp.command(&format!("MAIL FROM:<docteur@{}>", peer.domain)).unwrap();
        match refused {
            None => assert_eq!(code, 250, "{}: {text}", peer.domain),
            Some(name) => assert!(code == 550 && text.contains(name), "{}: {text}", peer.domain),
        }
    }
}

#[test]
fn each_of_five_certificates_of_a_domain_speaks_for_it_both_ways() {
    let mut world = World::prepared();
    let domain = "migration.mssante.fr";
    let peers: Vec<_> = (1..=5)
        .map(|number| {
            let peer = world.credentials(&format!("operateur{number}.mssante.fr"), Flaw::None);
            world.list(domain, &peer.issued.subject.to_string());
            peer
        })
        .collect();
    let sixth = world.operator("sixieme.mssante.fr", Flaw::None);
    let sink = Sink::start(Some(&peers[0]));
    world.routes(Site::Nord, &[(domain, sink.port())]);
    world.serve();
    for (number, peer) in peers.iter().enumerate() {
        let mut smtp = world.relay_as(Site::Nord, peer).unwrap();
        let from = format!("docteur@{domain}");
        let (code, text) = smtp.submit(&from, &[DOCTOR], &inward(domain, &format!("m{number}"))).unwrap();
        assert_eq!(code, 250, "{number}: {text}");
    }
    let mut stranger = world.relay_as(Site::Nord, &sixth).unwrap();
    let (code, text) = stranger.command(&format!("MAIL FROM:<docteur@{domain}>")).unwrap();
    assert!(code == 550 && text.contains("not-listed-for-domain: "), "{text}");

    let mut smtp = world.smtp();
    assert_eq!(smtp.login(DOCTOR, PASSWORD).0, 235);
    let to = format!("docteur@{domain}");
    for (number, peer) in peers.iter().enumerate() {
        sink.present(Some(peer));
        let message = letter(&to, &format!("vers{number}@poste"), "#med# vers", "Corps.");
        assert_eq!(smtp.submit(DOCTOR, &[&to], message.as_bytes()).unwrap().0, 250);
        sink.wait_for(number + 1, PATIENCE);
    }
    assert!(run(&mut world.command(&["trust", "show", domain])).0.matches("CN=mail.operateur").count() == 5);
    assert!(Path::new(&world.ca()).exists());
}

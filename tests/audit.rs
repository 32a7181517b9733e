//! The audit matrix, wider (M-2, M-3): old versions of TLS both ways, renegotiation, other server names, certificates that end while a
//! connection is kept, names that differ in writing alone or in one letter, and a domain with five operators' certificates.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
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

/// openssl, which speaks to nord's relay with a peer's certificate. A line that begins with Q or R is an order to openssl itself.
struct Openssl {
    child: Child,
    input: ChildStdin,
    heard: Arc<Mutex<String>>,
    readers: Vec<thread::JoinHandle<()>>,
}

impl Openssl {
    fn start(world: &World, peer: &Peer, options: &[&str]) -> Openssl {
        let (chain, key) = world.files_of(peer);
        let address = format!("127.0.0.1:{}", world.relay(Site::Nord));
        let mut child = Command::new("openssl")
            .args(["s_client", "-connect", &address, "-starttls", "smtp", "-crlf", "-CAfile"])
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
        let heard = Arc::new(Mutex::new(String::new()));
        let (out, errors) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let readers = vec![listen(out, &heard), listen(errors, &heard)];
        Openssl { input: child.stdin.take().unwrap(), child, heard, readers }
    }

    /// Says a line, then waits until this is heard.
    fn say(&mut self, line: &str, answer: &str) {
        self.input.write_all(format!("{line}\n").as_bytes()).unwrap();
        self.wait_for(1, answer);
    }

    /// Waits until it has said this so many times.
    fn wait_for(&self, times: usize, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        while self.heard.lock().unwrap().matches(text).count() < times {
            assert!(Instant::now() < deadline, "{text}: {}", self.heard.lock().unwrap());
            sleep(Duration::from_millis(10));
        }
    }

    /// Waits for its end; all that it said.
    fn ended(mut self) -> String {
        let deadline = Instant::now() + PATIENCE;
        while self.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "openssl does not end: {}", self.heard.lock().unwrap());
            sleep(Duration::from_millis(10));
        }
        self.cut()
    }

    /// Ends it; all that it said.
    fn cut(mut self) -> String {
        let _ = self.child.kill();
        self.child.wait().unwrap();
        self.readers.into_iter().for_each(|reader| reader.join().unwrap());
        self.heard.lock().unwrap().clone()
    }
}

fn listen(mut stream: impl Read + Send + 'static, heard: &Arc<Mutex<String>>) -> thread::JoinHandle<()> {
    let heard = Arc::clone(heard);
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = stream.read(&mut buffer) {
            heard.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..length]));
        }
    })
}

/// A whole short conversation; all that openssl said.
fn converse(world: &World, peer: &Peer, options: &[&str]) -> String {
    let mut openssl = Openssl::start(world, peer, options);
    openssl.say("EHLO mail.tiers.fr", "250-PIPELINING");
    openssl.say("MAIL FROM:<docteur@tiers.mssante.fr>", "250 2.1.0");
    openssl.say("quit", "221 2.0.0");
    openssl.ended()
}

#[test]
fn inbound_nothing_older_than_tls_1_2_is_spoken_and_nothing_is_negotiated_twice() {
    let world = World::start();
    let peer = world.operator("tiers.mssante.fr", Flaw::None);
    world.refresh(Site::Nord);
    for version in ["-tls1_2", "-tls1_3"] {
        converse(&world, &peer, &[version]);
    }
    for version in ["-tls1", "-tls1_1"] {
        let said = Openssl::start(&world, &peer, &[version, "-cipher", "ALL:@SECLEVEL=0"]).ended();
        assert!(said.contains("Cipher is (NONE)"), "{version}: {said}");
        // refused by our side, not by the caution of the client
        assert!(said.contains("SSL alert number"), "{version}: {said}");
    }
    // R makes openssl ask for a second handshake; it waits for that in vain, and nothing more is heard of it
    let mut openssl = Openssl::start(&world, &peer, &["-tls1_2", "-msg"]);
    openssl.say("EHLO mail.tiers.fr", "250-PIPELINING");
    openssl.say("R", "RENEGOTIATING");
    // its two outputs come in any order
    openssl.wait_for(2, "ClientHello");
    openssl.input.write_all(b"MAIL FROM:<docteur@tiers.mssante.fr>\n").unwrap();
    // time enough for others
    converse(&world, &peer, &["-tls1_2"]);
    let said = openssl.cut();
    assert_eq!(said.matches("ServerHelloDone").count(), 1, "{said}");
    assert!(!said.contains("250 2.1.0"), "{said}");
}

#[test]
fn another_server_name_is_answered_with_the_one_certificate_and_judged_by_the_peers_alone() {
    let world = World::start();
    let peer = world.operator("tiers.mssante.fr", Flaw::None);
    world.refresh(Site::Nord);
    for name in [&["-servername", "un.autre.fr"][..], &["-noservername"][..]] {
        let said = converse(&world, &peer, name);
        assert!(said.contains("CN=mail.chu-nord.fr") || said.contains("CN = mail.chu-nord.fr"), "{said}");
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
    let after = inward("finissant.mssante.fr", "apres");
    // it is told at its next message, or was closed meanwhile
    match open.submit(from, &[DOCTOR], &after) {
        Ok((421, _)) => {}
        Ok((code, text)) => assert!(code == 550 && text.contains("expired: "), "{text}"),
        Err(error) => {
            let closed = [ErrorKind::UnexpectedEof, ErrorKind::ConnectionReset, ErrorKind::BrokenPipe];
            assert!(closed.contains(&error.kind()), "{error}");
        }
    }
    let mut again = world.relay_as(Site::Nord, &peer).unwrap();
    let (code, text) = again.submit(from, &[DOCTOR], &after).unwrap();
    assert!(code == 550 && text.contains("expired: "), "{text}");
    let inbox = world.imap_as(DOCTOR).text("EXAMINE INBOX");
    assert!(!inbox.contains("* 2 EXISTS"), "{inbox}");
}

#[test]
fn a_servers_certificate_that_ends_gets_nothing_more_on_a_connection_that_is_kept() {
    let mut world = World::prepared();
    world.restless(Site::Nord);
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
}

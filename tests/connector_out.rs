//! A hospital's own server takes delivery of what its users receive (S-3.10): Debian's Postfix over mutual TLS, a server on a Unix socket
//! in LMTP, servers that are down, refuse, or are not the one agreed on. And the ordinary smart host (S-3.3), to which nothing secure goes.

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

use crate::connector::{HOSPITAL, INTERN_LOGIN, WHO, letter, pin, wait};
use crate::harness::postfix::Postfix;
use crate::harness::{
    Answer, DOCTOR, Flaw, INTERN, PASSWORD, Peer, SECRETARY, Sink, Site, Smtp, World, run, succeed,
};

const PATIENCE: Duration = Duration::from_secs(120);

/// A connector that takes delivery, by these settings.
fn takes(deliver: &str, server: &str, rest: &str) -> String {
    format!("[[connectors]]\n{WHO}deliver = \"{deliver}\"\nserver = \"{server}\"\n{rest}")
}

fn pinned(peer: &Peer) -> String {
    format!("server_certificates = [\"{}\"]\n", pin(peer))
}

fn submit(world: &World, from: &str, to: &str, message: &str) {
    let mut smtp = world.smtp();
    assert_eq!(smtp.login(from, PASSWORD).0, 235);
    let (code, text) = smtp.submit(from, &[to], message.as_bytes()).unwrap();
    assert_eq!(code, 250, "{text}");
}

fn ids(texts: impl Iterator<Item = String>) -> HashMap<String, usize> {
    let mut counted = HashMap::new();
    for text in texts {
        let id = text.lines().find_map(|line| line.strip_prefix("Message-ID: ")).unwrap().trim().to_owned();
        *counted.entry(id).or_default() += 1;
    }
    counted
}

#[test]
fn postfix_takes_delivery_over_mutual_tls_beside_the_box() {
    let mut world = World::prepared();
    let peer = world.credentials(HOSPITAL, Flaw::None);
    let other = world.operator("tiers.mssante.fr", Flaw::None);
    let postfix = Postfix::hospital(&world, &peer, "chu-nord.fr", "error:nothing leaves", "");
    world.append(Site::Nord, &takes("both", &format!("127.0.0.1:{}", postfix.relay), &pinned(&peer)));
    world.serve();
    // from another operator, and from an account inside this operator that the reader answers by its login address
    let from = "accueil@tiers.mssante.fr";
    let mut smtp = world.relay_as(Site::Nord, &other).unwrap();
    let (code, text) = smtp.submit(from, &[INTERN], letter(from, INTERN, "Avis", "one").as_bytes()).unwrap();
    assert_eq!(code, 250, "{text}");
    submit(&world, SECRETARY, INTERN_LOGIN, &letter(SECRETARY, INTERN_LOGIN, "#med# Avis", "two"));
    submit(&world, DOCTOR, INTERN, &letter(DOCTOR, INTERN, "Avis", "three"));
    wait(|| postfix.delivered().len() == 3, "Postfix has them");
    let kept: Vec<String> =
        postfix.delivered().iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    let about = |id: &str| kept.iter().find(|text| text.contains(&format!("<{id}@{HOSPITAL}>"))).unwrap();
    for (id, path) in [("one", from), ("two", SECRETARY), ("three", DOCTOR)] {
        let text = about(id);
        assert!(text.starts_with(&format!("Return-Path: <{path}>\n")), "{text}");
        assert_eq!(text.matches("Return-Path:").count(), 1, "{text}");
        assert!(text.contains(&format!("Delivered-To: {INTERN_LOGIN}\n")), "{text}");
        assert!(
            text.contains("(Client CN \"mail.chu-nord.fr\", Issuer ") && text.contains("(verified OK)"),
            "{text}"
        );
        assert!(text.contains(&format!("From: Deux <{path}>\n")), "{text}");
    }
    assert!(about("two").contains("Subject: #med# Avis\n"), "the tag stays, an answer stays secure");
    let mut imap = world.imap_as(INTERN);
    imap.wait_for(3, PATIENCE);
    let boxed = (1..=3).map(|number| String::from_utf8(imap.section(number, "HEADER")).unwrap());
    assert!(ids(boxed).values().all(|count| *count == 1));
    assert!(!world.imap_as(DOCTOR).text("SELECT INBOX").contains("* 1 EXISTS"), "no report: nothing failed");
}

#[test]
fn a_server_on_a_socket_takes_lmtp_instead_of_the_box() {
    let mut world = World::prepared();
    let (sink, socket) = (Sink::start(None), world.dir().join("lmtp.sock"));
    sink.behind(&socket);
    let server = format!("unix:{}", socket.display());
    world.append(Site::Nord, &takes("server", &server, "server_protocol = \"lmtp\"\n"));
    world.serve();
    submit(
        &world,
        SECRETARY,
        INTERN,
        &letter(SECRETARY, INTERN, "#med# Avis", "boxless").replace("To: ", "To: x, "),
    );
    let taken = sink.wait_for(1, PATIENCE).remove(0);
    assert!(taken.from.starts_with(&format!("<{SECRETARY}>")), "{}", taken.from);
    assert!(taken.to[0].starts_with(&format!("<{INTERN_LOGIN}>")), "{:?}", taken.to);
    assert!(taken.to[0].contains(&format!("ORCPT=rfc822;{INTERN}")), "{:?}", taken.to);
    assert!(!String::from_utf8_lossy(&taken.data).contains("Return-Path"));
    assert!(world.imap_as(INTERN).text("SELECT INBOX").contains("* 0 EXISTS"), "instead of the box");
    let queue = succeed(&mut world.command(&["queue", "list"]));
    assert!(!queue.contains("interne.deux"), "{queue}");
}

#[test]
fn what_waits_for_a_server_that_is_down_comes_once_when_it_is_up_whatever_happens_to_us() {
    const MANY: usize = 30;
    let mut world = World::prepared();
    let peer = world.credentials(HOSPITAL, Flaw::None);
    let sink = Sink::start(Some(&peer));
    sink.always("CONNECT", Some(Answer::Cut));
    world.restless(Site::Nord);
    world.append(Site::Nord, &takes("server", &format!("127.0.0.1:{}", sink.port()), &pinned(&peer)));
    world.serve();
    for number in 0..MANY {
        submit(&world, SECRETARY, INTERN, &letter(SECRETARY, INTERN, "#med# Avis", &format!("n{number}")));
        if number == MANY / 2 {
            world.kill();
            world.serve();
        }
    }
    wait(|| sink.connections() > 2, "it is tried again");
    assert_eq!(sink.count(), 0);
    world.kill();
    world.serve();
    sink.always("CONNECT", None);
    let taken = sink.wait_for(MANY, PATIENCE);
    wait(|| !succeed(&mut world.command(&["queue", "list"])).contains("interne.deux"), "the queue is empty");
    let counted = ids(taken.iter().map(|taken| String::from_utf8_lossy(&taken.data).into_owned()));
    assert_eq!(counted.len(), MANY);
    assert!(counted.values().all(|count| *count == 1), "none came twice: {counted:?}");
}

#[test]
fn a_refusal_of_the_server_is_reported_to_senders_here_and_elsewhere() {
    let mut world = World::prepared();
    let peer = world.credentials(HOSPITAL, Flaw::None);
    let other = world.operator("tiers.mssante.fr", Flaw::None);
    let (server, theirs) = (Sink::start(Some(&peer)), Sink::start(Some(&other)));
    server.always("RCPT", Some(Answer::Say("550 5.1.1 nobody of that name")));
    world.routes(Site::Nord, &[("tiers.mssante.fr", theirs.port())]);
    world.append(Site::Nord, &takes("server", &format!("127.0.0.1:{}", server.port()), &pinned(&peer)));
    world.serve();
    submit(&world, SECRETARY, INTERN, &letter(SECRETARY, INTERN, "Avis", "here"));
    let mut imap = world.imap_as(SECRETARY);
    imap.wait_for(1, PATIENCE);
    let report = String::from_utf8(imap.section(1, "")).unwrap();
    assert!(report.starts_with("Return-Path: <>\r\n") && report.contains("nobody of that name"), "{report}");
    assert!(
        report.contains(&format!("Final-Recipient: rfc822; {INTERN}\r\n")),
        "as it was written: {report}"
    );

    let from = "accueil@tiers.mssante.fr";
    let mut smtp = world.relay_as(Site::Nord, &other).unwrap();
    let (code, text) =
        smtp.submit(from, &[INTERN], letter(from, INTERN, "Avis", "there").as_bytes()).unwrap();
    assert_eq!(code, 250, "{text}");
    let report = theirs.wait_for(1, PATIENCE).remove(0);
    assert!(report.from.starts_with("<>") && report.to[0].starts_with(&format!("<{from}>")), "{report:?}");
    let text = String::from_utf8(report.data).unwrap();
    assert!(
        text.contains("postmaster@chu-nord.mssante.fr") && text.contains("nobody of that name"),
        "{text}"
    );
    assert!(!text.contains(INTERN_LOGIN), "a login address is not told outside: {text}");
}

#[test]
fn a_server_that_is_not_the_one_agreed_on_gets_nothing() {
    let mut world = World::prepared();
    let (peer, other) = (world.credentials(HOSPITAL, Flaw::None), world.credentials("autre.fr", Flaw::None));
    let sink = Sink::start(Some(&other));
    world.restless(Site::Nord);
    world.configure(Site::Nord, "queue", "distrust_lifetime", "\"2 s\"");
    world.append(Site::Nord, &takes("server", &format!("127.0.0.1:{}", sink.port()), &pinned(&peer)));
    world.serve();
    submit(&world, SECRETARY, INTERN, &letter(SECRETARY, INTERN, "Avis", "wrong"));
    let mut imap = world.imap_as(SECRETARY);
    imap.wait_for(1, PATIENCE);
    let report = String::from_utf8(imap.section(1, "")).unwrap().replace("=\r\n", "");
    assert!(
        report.split_whitespace().collect::<Vec<_>>().join(" ").contains("is not the one agreed on"),
        "{report}"
    );
    assert_eq!((sink.mails(), sink.count()), (0, 0));
    assert!(sink.connections() > 1, "it was tried again");
}

/// A world with a smart host, by these settings, that was started.
fn with_smart_host(sink: &Sink, rest: &str) -> World {
    let mut world = World::prepared();
    world.restless(Site::Nord);
    world.append(Site::Nord, &format!("[smart_host]\nhost = \"127.0.0.1:{}\"\n{rest}", sink.port()));
    world.serve();
    world
}

#[test]
fn ordinary_mail_leaves_by_the_smart_host_and_nothing_that_may_be_secure_does() {
    let sink = Sink::start(None);
    let world = with_smart_host(&sink, "tls = \"none\"\n");
    let mut smtp = world.smtp();
    assert_eq!(smtp.login(DOCTOR, PASSWORD).0, 235);
    let outside = "quelquun@example.org";
    let text = letter(DOCTOR, outside, "Repas", "ordinary");
    assert_eq!(smtp.submit(DOCTOR, &[outside, SECRETARY], text.as_bytes()).unwrap().0, 250);
    let taken = sink.wait_for(1, PATIENCE).remove(0);
    assert!(taken.from.starts_with("<medecin.un@chu-nord.fr>"), "from its ordinary address: {}", taken.from);
    assert_eq!(taken.to.len(), 2, "one path for the whole message: {:?}", taken.to);
    let data = String::from_utf8(taken.data).unwrap();
    assert!(data.contains("From: Deux <medecin.un@chu-nord.fr>") && !data.contains("Return-Path"), "{data}");
    assert!(world.imap_as(SECRETARY).text("SELECT INBOX").contains("* 0 EXISTS"));
    for (subject, to) in [
        ("#med# Avis", outside),
        ("#Med#Avis", outside),
        ("Avis #med# x", outside),
        ("Avis", "x@mssante-chu.example.org"),
        ("Avis", "x@inconnu.mssante.fr"),
    ] {
        smtp.command("RSET").unwrap();
        let (code, text) =
            smtp.submit(DOCTOR, &[to], letter(DOCTOR, to, subject, "secure").as_bytes()).unwrap();
        assert!(code == 550, "{subject} {to}: {text}");
    }
    let answer = letter(DOCTOR, outside, "Re: x", "answer")
        .replace("Date:", "In-Reply-To: <x@chu-nord.mssante.fr>\r\nDate:");
    smtp.command("RSET").unwrap();
    assert_eq!(smtp.submit(DOCTOR, &[outside], answer.as_bytes()).unwrap().0, 550);
    assert_eq!(sink.count(), 1);
}

#[test]
fn the_smart_host_is_certified_for_its_name_and_logged_in_to() {
    let prepared = World::prepared();
    let peer = prepared.credentials("relais.example", Flaw::None);
    drop(prepared);
    let mut world = World::prepared();
    let good = world.credentials("relais.example", Flaw::None);
    let sink = Sink::start(Some(&peer));
    world.restless(Site::Nord);
    let secret = world.dir().join("relais.secret");
    fs::write(&secret, "motdepasse\n").unwrap();
    let host = format!(
        "[smart_host]\nhost = \"localhost:{}\"\nauthorities = \"{}\"\nuser = \"nous\"\npassword_file = \"{}\"\n",
        sink.port(),
        world.ca().display(),
        secret.display()
    );
    world.append(Site::Nord, &host);
    let (text, fine) = run(&mut world.command(&["check-config"]));
    assert!(!fine && text.contains("everyone can read this password"), "{text}");
    succeed(std::process::Command::new("chmod").arg("600").arg(&secret));
    world.serve();
    let outside = "quelquun@example.org";
    submit(&world, DOCTOR, outside, &letter(DOCTOR, outside, "Repas", "one"));
    wait(|| sink.connections() > 1, "another authority's is tried again, and told nothing");
    assert_eq!((sink.mails(), sink.logins().len()), (0, 0));
    sink.once("AUTH", Answer::Say("535 5.7.8 no"));
    sink.present(Some(&good));
    sink.wait_for(1, PATIENCE);
    assert!(sink.logins().len() >= 2, "a refused login is tried again");
    assert!(
        sink.logins().iter().all(|line| line == "AUTH PLAIN AG5vdXMAbW90ZGVwYXNzZQ=="),
        "{:?}",
        sink.logins()
    );
}

#[test]
fn a_connector_passes_ordinary_mail_on_only_if_it_was_told_to() {
    for (unsecured, code) in [("smart-host", 250), ("give-back", 550)] {
        let sink = Sink::start(None);
        let mut world = World::prepared();
        let peer = world.credentials(HOSPITAL, Flaw::None);
        let port = crate::connector::free_port();
        world.append(
            Site::Nord,
            &format!("[smart_host]\nhost = \"127.0.0.1:{}\"\ntls = \"none\"\n", sink.port()),
        );
        let listen = format!("listen = [\"127.0.0.1:{port}\"]\ncertificates = [\"{}\"]\n", pin(&peer));
        world.append(Site::Nord, &format!("[[connectors]]\n{WHO}{listen}unsecured = \"{unsecured}\"\n"));
        world.serve();
        let outside = "quelquun@example.org";
        let mut smtp = Smtp::relay(port, &world.ca(), Some(&peer)).unwrap();
        let message = letter(INTERN_LOGIN, outside, "Repas", "one");
        let reply = smtp.submit(INTERN_LOGIN, &[outside], message.as_bytes()).unwrap();
        assert_eq!(reply.0, code, "{unsecured}: {}", reply.1);
        if code == 250 {
            let taken = sink.wait_for(1, PATIENCE).remove(0);
            assert!(taken.from.starts_with(&format!("<{INTERN_LOGIN}>")), "{}", taken.from);
        } else {
            assert!(reply.1.contains("#med# "), "{}", reply.1);
        }
    }
}

#[test]
fn a_structure_whose_mail_is_all_secure_sends_nothing_to_the_smart_host() {
    let sink = Sink::start(None);
    let mut world = World::prepared();
    world
        .append(Site::Nord, &format!("[smart_host]\nhost = \"127.0.0.1:{}\"\ntls = \"none\"\n", sink.port()));
    world.configure(Site::Nord, "operator", "secure_structures", "[\"finess 590000014\"]");
    world.serve();
    let outside = "quelquun@example.org";
    let mut smtp = world.smtp();
    assert_eq!(smtp.login(INTERN, PASSWORD).0, 235);
    let (code, text) =
        smtp.submit(INTERN, &[outside], letter(INTERN, outside, "Repas", "one").as_bytes()).unwrap();
    assert!(code == 550 && text.contains("outside the MSSante trust space"), "{text}");
    submit(&world, SECRETARY, outside, &letter(SECRETARY, outside, "Repas", "two"));
    assert_eq!(sink.wait_for(1, PATIENCE).len(), 1, "another structure's does");
}

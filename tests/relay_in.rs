//! What other operators may bring, and what is said to those who may not (M-2, M-3, M-9, M-12): the audit matrix inbound, against
//! the real daemon. Every refusal has its own code and words, in English and in French, and never is a TLS alert where a text can be.

use std::{
    io,
    sync::Arc,
    thread::sleep,
    time::{Duration, Instant},
};

use crate::harness::{DOCTOR, Flaw, Peer, SECRETARY, Site, Smtp, World, client_config, run};

const DOCTOR_LOGIN: &str = "medecin.un@chu-nord.fr";

/// A letter of another operator's doctor, with this From.
fn letter(from: &str, id: &str) -> Vec<u8> {
    format!(
        "Received: from poste by mail.tiers.fr; Sat, 21 Nov 2026 10:00:00 +0100\r\n{from}\r\nTo: {DOCTOR}\r\n\
         Subject: compte rendu\r\nMessage-ID: <{id}@mail.tiers.fr>\r\nDate: Sat, 21 Nov 2026 10:00:00 +0100\r\n\
         MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nBonjour.\r\n"
    )
    .into_bytes()
}

fn doctor_of(peer: &Peer) -> String {
    format!("docteur@{}", peer.domain)
}

/// A whole message from the peer's doctor to ours; what the last step was answered.
fn bring(smtp: &mut Smtp, peer: &Peer, id: &str) -> (u16, String) {
    let from = doctor_of(peer);
    smtp.submit(&from, &[DOCTOR], &letter(&format!("From: <{from}>"), id)).unwrap()
}

/// How many messages the doctor has.
fn arrived(world: &World) -> usize {
    let text = world.imap_as(DOCTOR).text("EXAMINE INBOX");
    let exists = text.lines().find_map(|line| line.strip_prefix("* ")?.strip_suffix(" EXISTS")?.parse().ok());
    exists.unwrap_or_else(|| panic!("{text}"))
}

/// That a reply has this code and status, says all of this, and that every line of it is one that RFC 5321 allows.
fn assert_refused(name: &str, (code, text): &(u16, String), start: &str, says: &[&str]) {
    assert_eq!(format!("{code}"), start[..3], "{name}: {text}");
    for line in text.lines() {
        assert!(line.is_ascii() && line.len() <= 510, "{name}: {line}");
        assert_eq!(line.replacen('-', " ", 1).get(..start.len()), Some(start), "{name}: {text}");
    }
    // a long line is wrapped between words, and each piece has the codes again
    let whole = text
        .lines()
        .map(|line| line.get(start.len() + 1..).unwrap_or_default())
        .collect::<Vec<_>>()
        .join(" ");
    for part in says {
        assert!(whole.contains(part), "{name}: {part:?} in\n{text}");
    }
}

struct Case {
    flaw: Flaw,
    start: &'static str,
    /// The stable name of the check, English, French.
    says: [&'static str; 3],
}

#[rustfmt::skip]
const MATRIX: &[Case] = &[
    Case { flaw: Flaw::Expired, start: "550 5.7.8", says: ["expired: ", "expired on 20", "a expire le"] },
    Case { flaw: Flaw::NotYetValid, start: "550 5.7.8", says: ["not-yet-valid: ", "is not valid before 20", "pas valable avant"] },
    Case { flaw: Flaw::Revoked, start: "550 5.7.8", says: ["revoked: ", "was revoked on 20", "a ete revoque le"] },
    Case { flaw: Flaw::Foreign, start: "550 5.7.14", says: ["unknown-authority: ", "does not lead to an authority trusted here", "ne mene pas a une autorite"] },
    Case { flaw: Flaw::Impostor, start: "550 5.7.5", says: ["bad-signature: ", "is not that of its issuer", "n'est pas celle de son emetteur"] },
    Case { flaw: Flaw::Test, start: "550 5.7.14", says: ["test-certificate: ", "IGC-Sante TEST hierarchy", "hierarchie TEST"] },
    Case { flaw: Flaw::TestPolicy, start: "550 5.7.14", says: ["test-certificate: ", "IGC-Sante TEST hierarchy", "hierarchie TEST"] },
    Case { flaw: Flaw::Unlisted, start: "550 5.7.14", says: ["not-listed: ", "is not in the MSSante white list", "n'est pas dans la liste blanche"] },
    Case { flaw: Flaw::OtherName, start: "550 5.7.14", says: ["other-name: ", "but its other parts differ", "mais le reste differe"] },
    Case { flaw: Flaw::ServerOnly, start: "550 5.7.8", says: ["wrong-usage: ", "clientAuth", "n'est pas fait pour cet usage"] },
];

#[test]
fn the_audit_matrix_is_refused_case_by_case_and_the_valid_peer_delivers() {
    let world = World::start();
    let peers: Vec<(&Case, Peer)> = MATRIX
        .iter()
        .enumerate()
        .map(|(at, case)| (case, world.operator(&format!("audit-{at}.mssante.fr"), case.flaw)))
        .collect();
    let valid = [Flaw::None, Flaw::ClientOnly]
        .map(|flaw| world.operator(&format!("{flaw:?}-audit.mssante.fr").to_lowercase(), flaw));
    let thief = world.operator("vole-audit.mssante.fr", Flaw::OtherKey);
    world.refresh(Site::Nord);

    for (case, peer) in &peers {
        let name = format!("{:?}", case.flaw);
        let mut smtp = world.relay_as(Site::Nord, peer).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_refused(&name, &bring(&mut smtp, peer, "refuse"), case.start, &case.says);
        // nothing but EHLO, NOOP, RSET and QUIT until it holds
        for command in [
            "RCPT TO:<medecin.un@chu-nord.mssante.fr>",
            "DATA",
            "BDAT 0 LAST",
            "VRFY x",
            "AUTH PLAIN AGEAYg==",
        ] {
            let (code, text) = smtp.command(command).unwrap();
            assert!((500..560).contains(&code), "{name}: {command}: {text}");
        }
        for (command, expected) in [("EHLO mail.tiers.fr", 250), ("NOOP", 250), ("RSET", 250), ("QUIT", 221)]
        {
            assert_eq!(smtp.command(command).unwrap().0, expected, "{name}: {command}");
        }
    }
    // a listed certificate with another key has no name to give a text to: the handshake itself fails
    world.relay_as(Site::Nord, &thief).map(|_| ()).unwrap_err();
    assert_eq!(arrived(&world), 0, "nobody gets anything of what was refused");

    for peer in &valid {
        let mut smtp = world.relay_as(Site::Nord, peer).unwrap();
        let (code, text) = bring(&mut smtp, peer, &peer.domain);
        assert!(code == 250 && text.starts_with("250 2.0.0 "), "{text}");
    }
    assert_eq!(arrived(&world), 2);
    let mut imap = world.imap_as(DOCTOR);
    imap.ok("EXAMINE INBOX");
    let header = String::from_utf8(imap.section(1, "HEADER")).unwrap();
    assert!(
        header.starts_with("Return-Path: <docteur@none-audit.mssante.fr>\r\nAuthentication-Results: "),
        "{header}"
    );
    assert!(header.contains("Subject: compte rendu\r\n"), "untagged as it came: {header}");
}

#[test]
fn who_shows_no_certificate_or_speaks_in_clear_is_told_so() {
    let world = World::start();
    let port = world.relay(Site::Nord);
    let mut nobody = Smtp::relay(port, &world.ca(), None).unwrap();
    let reply = nobody.command("MAIL FROM:<docteur@clinique-sud.mssante.fr>").unwrap();
    let says = ["no-certificate: ", "no certificate was presented", "aucun certificat presente"];
    assert_refused("no certificate", &reply, "550 5.7.4", &says);
    assert!(!nobody.extensions.contains("AUTH"), "{}", nobody.extensions);

    let mut clear = Smtp::in_clear(port).unwrap();
    assert!(
        clear.extensions.contains("STARTTLS") && !clear.extensions.contains("AUTH"),
        "{}",
        clear.extensions
    );
    for command in ["MAIL FROM:<docteur@clinique-sud.mssante.fr>", "MAIL FROM:<>", "RCPT TO:<a@b.fr>", "DATA"]
    {
        let reply = clear.command(command).unwrap();
        assert_refused(command, &reply, "530 5.7.0", &["Must issue a STARTTLS command first"]);
    }
    assert_eq!(clear.command("QUIT").unwrap().0, 221);
}

#[test]
fn a_peer_speaks_for_its_own_domains_only() {
    let world = World::start();
    let peer = world.operator("tiers.mssante.fr", Flaw::None);
    world.refresh(Site::Nord);
    let mut smtp = world.relay_as(Site::Nord, &peer).unwrap();
    for (from, says) in [
        (
            "x@clinique-sud.mssante.fr",
            ["not-listed-for-domain: ", "speak for clinique-sud.mssante.fr", "ne laisse pas le sujet"],
        ),
        (
            "x@chu-nord.mssante.fr",
            ["not-listed-for-domain: ", "speak for chu-nord.mssante.fr", "parler pour chu-nord.mssante.fr"],
        ),
        (
            "x@inconnu.mssante.fr",
            [
                "domain-unlisted: ",
                "inconnu.mssante.fr is not in the MSSante white list",
                "n'est pas dans la liste blanche",
            ],
        ),
        (
            "x@sub.tiers.mssante.fr",
            ["domain-unlisted: ", "sub.tiers.mssante.fr is not in", "n'est pas dans la liste blanche"],
        ),
        (
            "x@exemple.fr",
            [
                "domain-unlisted: ",
                "exemple.fr is not in the MSSante white list",
                "n'est pas dans la liste blanche",
            ],
        ),
    ] {
        let reply = smtp.command(&format!("MAIL FROM:<{from}>")).unwrap();
        assert_refused(from, &reply, "550 5.7.1", &says);
        assert!(reply.1.contains(&format!("MAIL FROM <{from}>")), "{}", reply.1);
    }
}

#[test]
fn the_one_from_field_names_mailboxes_of_the_peers_domains_only() {
    let world = World::start();
    let peer = world.operator("tiers.mssante.fr", Flaw::None);
    // trust follows the list, never the suffix (M-9)
    world.list("mssante.tiers.org", &peer.issued.subject.to_string());
    world.refresh(Site::Nord);
    let mut smtp = world.relay_as(Site::Nord, &peer).unwrap();
    let own = doctor_of(&peer);
    let mut with_from = |from: &str, fields: &str| {
        let reply = smtp.submit(from, &[DOCTOR], &letter(fields, "from")).unwrap();
        assert_eq!(smtp.command("RSET").unwrap().0, 250);
        reply
    };
    for (name, fields, start, says) in [
        (
            "another's From",
            "From: x@clinique-sud.mssante.fr".to_owned(),
            "550 5.7.1",
            ["From <x@clinique-sud.mssante.fr>", "not-listed-for-domain: "],
        ),
        (
            "one of two mailboxes",
            format!("From: <{own}>, <x@inconnu.mssante.fr>"),
            "550 5.7.1",
            ["From <x@inconnu.mssante.fr>", "domain-unlisted: "],
        ),
        (
            "two From fields",
            format!("From: <{own}>\r\nFrom: <{own}>"),
            "550 5.6.0",
            ["2 From fields: exactly one is allowed", "un seul est permis"],
        ),
        (
            "no From field",
            "X-From: a".to_owned(),
            "550 5.6.0",
            ["no From field: add one", "aucun champ From"],
        ),
        (
            "a From that cannot be read",
            "From: personne".to_owned(),
            "550 5.6.0",
            ["no address can be read in the From field", "aucune adresse lisible"],
        ),
    ] {
        assert_refused(name, &with_from(&own, &fields), start, &says);
    }
    assert_eq!(arrived(&world), 0);
    for (from, fields) in [
        (own.as_str(), format!("From: <{own}>, <autre@mssante.tiers.org>")),
        ("docteur@mssante.tiers.org", format!("From: <{own}>")),
        // a report: any listed operator may bring it, and its From is not judged
        ("", "From: <mailer-daemon@mail.tiers.fr>".to_owned()),
    ] {
        let (code, text) = with_from(from, &fields);
        assert_eq!(code, 250, "{from}: {text}");
    }
    assert_eq!(arrived(&world), 3);
}

#[test]
fn only_boxes_of_ours_receive_and_nothing_is_relayed_onward() {
    let world = World::start();
    let peer = world.operator("tiers.mssante.fr", Flaw::None);
    world.refresh(Site::Nord);
    let mut smtp = world.relay_as(Site::Nord, &peer).unwrap();
    assert_eq!(smtp.command(&format!("MAIL FROM:<{}>", doctor_of(&peer))).unwrap().0, 250);
    for (to, start, says) in [
        ("urgences@clinique-sud.mssante.fr", "550 5.7.1", ["nothing is relayed onward", "ne relaie pas"]),
        ("docteur@tiers.mssante.fr", "550 5.7.1", ["nothing is relayed onward", "ne relaie pas"]),
        ("quelqu.un@exemple.fr", "550 5.7.1", ["nothing is relayed onward", "ne relaie pas"]),
        (DOCTOR_LOGIN, "550 5.7.1", ["is a login address", "adresse de connexion"]),
        (SECRETARY, "550 5.7.1", ["is a login address", "adresse de connexion"]),
        ("inconnu@chu-nord.mssante.fr", "550 5.1.1", ["no such box here", "n'existe pas ici"]),
    ] {
        let reply = smtp.command(&format!("RCPT TO:<{to}>")).unwrap();
        assert_refused(to, &reply, start, &says);
        assert!(reply.1.contains(to), "{}", reply.1);
    }
    // the percent and bang tricks of old relays
    for to in [
        "urgences%clinique-sud.mssante.fr@chu-nord.mssante.fr",
        "clinique-sud.mssante.fr!urgences@chu-nord.mssante.fr",
    ] {
        let reply = smtp.command(&format!("RCPT TO:<{to}>")).unwrap();
        assert_refused(to, &reply, "550 5.1.1", &["no such box here"]);
    }
    // who was refused stands in nobody's way
    assert_eq!(smtp.command(&format!("RCPT TO:<{DOCTOR}>")).unwrap().0, 250);
    assert_eq!(smtp.command("DATA").unwrap().0, 354);
    let message = letter(&format!("From: <{}>", doctor_of(&peer)), "seul");
    smtp.send(&[message.as_slice(), b".\r\n"].concat()).unwrap();
    assert_eq!(smtp.reply().unwrap().0, 250);
    assert_eq!(arrived(&world), 1);
}

#[test]
fn a_certificate_revoked_between_two_connections_is_refused_at_the_second() {
    let world = World::start();
    let (peer, other) =
        (world.operator("tiers.mssante.fr", Flaw::None), world.operator("quart.mssante.fr", Flaw::None));
    world.refresh(Site::Nord);
    // one memory of sessions for all of its connections: what could be resumed would carry the old verdict
    let config = client_config(&world.ca(), Some(&peer));
    let connect = || Smtp::in_clear(world.relay(Site::Nord)).unwrap().secured(Arc::clone(&config)).unwrap();
    let mut open = connect();
    assert_eq!(bring(&mut open, &peer, "un").0, 250);
    let mut others = world.relay_as(Site::Nord, &other).unwrap();
    assert_eq!(bring(&mut others, &other, "deux").0, 250);

    world.revoke(&peer);
    world.refresh(Site::Nord);
    let revoked = ["revoked: ", "was revoked on 20", "a ete revoque le"];
    let mut again = connect();
    assert_refused("a new connection", &bring(&mut again, &peer, "trois"), "550 5.7.8", &revoked);
    // the one that was open is told at its next message, or was closed meanwhile
    match open.command(&format!("MAIL FROM:<{}>", doctor_of(&peer))) {
        Ok((421, _)) => {}
        Ok(reply) => assert_refused("the open connection", &reply, "550 5.7.8", &revoked),
        Err(error) => assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof),
    }
    assert_eq!(bring(&mut others, &other, "quatre").0, 250, "nobody else is touched");
    assert_eq!(arrived(&world), 3);
}

#[test]
fn each_refusal_leaves_a_trace_that_names_the_check_and_a_log_without_content() {
    let world = World::start();
    let peer = world.operator("tiers.mssante.fr", Flaw::Expired);
    world.refresh(Site::Nord);
    let mut smtp = world.relay_as(Site::Nord, &peer).unwrap();
    let (_, text) = bring(&mut smtp, &peer, "trace");
    let trace = text.split("trace ").nth(1).and_then(|rest| rest.split_whitespace().next()).unwrap();
    // A refusal's trace is queued before the reply and durable a moment after it.
    let deadline = Instant::now() + Duration::from_secs(10);
    let shown = loop {
        let (said, found) = run(&mut world.command_at(Site::Nord, &["trace", trace]));
        if found {
            break said;
        }
        assert!(Instant::now() < deadline, "{said}");
        sleep(Duration::from_millis(20));
    };
    assert!(shown.contains("expired"), "{shown}");
    let log = world.log_at(Site::Nord);
    assert!(log.contains("expired") && !log.contains("compte rendu"), "{log}");
}

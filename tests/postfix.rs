//! Debian's Postfix as a third operator with a certificate of its own: a thousand messages each way over mutual TLS, compared
//! byte by byte but for the fields that each hop puts on top (M-2, M-6).

use std::collections::HashMap;
use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::harness::postfix::Postfix;
use crate::harness::{DEPARTMENT, DOCTOR, Flaw, PASSWORD, Site, Smtp, World, base64_lines, noise};

const MESSAGES: usize = 1000;
const DOMAIN: &str = "tiers.mssante.fr";
const THERE: &str = "accueil@tiers.mssante.fr";
const PATIENCE: Duration = Duration::from_secs(240);

#[test]
fn a_thousand_messages_leave_nord_for_postfix_and_no_byte_changes() {
    let mut world = World::prepared();
    let peer = world.operator(DOMAIN, Flaw::None);
    let postfix = Postfix::start(&world, &peer, world.relay(Site::Nord));
    world.routes(Site::Nord, &[(DOMAIN, postfix.relay)]);
    let offered = Smtp::in_clear(postfix.relay).unwrap().extensions;
    assert!(offered.contains("CHUNKING"), "what leaves goes in chunks (RFC 3030): {offered}");
    world.serve();
    let sent: Vec<_> = (0..MESSAGES).map(|n| message(n, DOCTOR, THERE)).collect();
    let mut smtp = world.smtp();
    assert_eq!(smtp.login(DOCTOR, PASSWORD).0, 235);
    for message in &sent {
        let (code, text) = smtp.submit(DOCTOR, &[THERE], message.as_bytes()).unwrap();
        assert_eq!(code, 250, "{text}");
    }
    let deadline = Instant::now() + PATIENCE;
    while postfix.delivered().len() < MESSAGES {
        assert!(Instant::now() < deadline, "{} of {MESSAGES} came", postfix.delivered().len());
        sleep(Duration::from_millis(100));
    }
    let received = postfix.delivered().into_iter().map(|file| {
        let text = String::from_utf8(fs::read(file).unwrap()).unwrap();
        assert!(text.starts_with(&format!("Return-Path: <{DOCTOR}>\n")), "{text}");
        assert!(text.contains("(Client CN \"mail.chu-nord.fr\", Issuer "), "{text}");
        assert!(text.contains("(verified OK)"), "{text}");
        text.replace('\n', "\r\n")
    });
    compare(&sent, received.collect());
    let queue = world.command(&["queue", "list"]).output().unwrap();
    assert!(
        !String::from_utf8_lossy(&queue.stdout).contains(DOMAIN),
        "nothing is left in the queue: {queue:?}"
    );
}

#[test]
fn a_thousand_messages_come_from_postfix_to_nord_and_no_byte_changes() {
    let mut world = World::prepared();
    let peer = world.operator(DOMAIN, Flaw::None);
    world.serve();
    let postfix = Postfix::start(&world, &peer, world.relay(Site::Nord));
    let sent: Vec<_> = (0..MESSAGES).map(|n| message(n, THERE, DEPARTMENT)).collect();
    let mut smtp = Smtp::in_clear(postfix.submission).unwrap();
    for message in &sent {
        let (code, text) = smtp.submit(THERE, &[DEPARTMENT], message.as_bytes()).unwrap();
        assert_eq!(code, 250, "{text}");
    }
    let mut imap = world.imap_as(&format!("{DEPARTMENT}*{DOCTOR}"));
    imap.wait_for(MESSAGES, PATIENCE);
    let received = (1..=MESSAGES).map(|number| {
        let text = String::from_utf8(imap.section(u32::try_from(number).unwrap(), "")).unwrap();
        assert!(text.starts_with(&format!("Return-Path: <{THERE}>\r\n")), "{text}");
        text
    });
    compare(&sent, received.collect());
    assert!(
        !postfix.log().contains("status=bounced") && !postfix.log().contains("status=deferred"),
        "{}",
        postfix.log()
    );
}

/// Every message sent is among the received ones exactly once, whole but for what stands above its first field.
fn compare(sent: &[String], received: Vec<String>) {
    assert_eq!(received.len(), sent.len());
    let mut by_id = HashMap::new();
    for text in received {
        let own = text.find("Message-ID: <").unwrap_or_else(|| panic!("no Message-ID:\n{text}"));
        let (above, own) = text.split_at(own);
        for field in above.split("\r\n").filter(|line| !line.is_empty() && !line.starts_with([' ', '\t'])) {
            let name = field.split(':').next().unwrap();
            assert!(
                ["Return-Path", "Authentication-Results", "X-Original-To", "Delivered-To", "Received"]
                    .contains(&name),
                "{field}"
            );
        }
        let id = own.lines().next().unwrap().to_owned();
        assert!(by_id.insert(id.clone(), own.to_owned()).is_none(), "{id} came twice");
    }
    for message in sent {
        let id = message.lines().next().unwrap();
        assert_eq!(by_id.get(id).map(String::as_str), Some(message.as_str()), "{id}");
    }
}

/// Messages of many kinds: empty and long, 8-bit and base64, with dots and blank lines where they hurt. The Message-ID is on
/// top, so that everything above it was put there on the way.
fn message(n: usize, from: &str, to: &str) -> String {
    let body = match n % 5 {
        0 => String::new(),
        1 => format!(".\r\n..\r\n.point {n}\r\n\r\n\r\n"),
        2 => format!("Élève nº {n} : 38,5 °C — à revoir\r\n").repeat(n % 90 + 1),
        3 => base64_lines(&noise(n * 13, n as u64)),
        _ => format!("{}\r\n From the start, and a tab\t\r\n", "x".repeat(n % 900 + 90)),
    };
    format!(
        "Message-ID: <{n}.aller@postes.example>\r\nDate: Sat, 21 Nov 2026 10:00:00 +0100\r\nFrom: =?utf-8?q?Un_M=C3=A9decin?=\r\n \
         <{from}>\r\nTo: {to},\r\n\t{to}\r\nSubject: Compte rendu\r\n  =?utf-8?q?plus_d=27une_ligne?= {n}\r\nX-MSS-INS: O\r\n\
         x-weird:no space\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Transfer-Encoding: 8bit\r\n\r\n{body}"
    )
}

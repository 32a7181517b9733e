//! Messages in chunks (RFC 3030), from a client of the harness and as our own relay hands them on: a binary message with every octet in it
//! is kept as it is, read by IMAP as it is, and what is refused within a chunk leaves the session in order.

use std::time::Duration;

use crate::harness::{DEPARTMENT, DOCTOR, EMERGENCIES, PASSWORD, Site, Smtp, World, noise};

/// A message whose second part is these octets, as they are.
fn binary(to: &str, octets: &[u8]) -> Vec<u8> {
    let head = format!(
        "From: {DOCTOR}\r\nTo: {to}\r\nSubject: #med# Imagerie\r\nMessage-ID: <binaire@poste>\r\n\
         Date: Sat, 21 Nov 2026 10:00:00 +0100\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"limite\"\r\n\
         Content-Transfer-Encoding: binary\r\n\r\n--limite\r\nContent-Type: text/plain\r\n\r\nVoici la coupe.\r\n--limite\r\n\
         Content-Type: application/dicom\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    );
    [head.as_bytes(), octets, b"\r\n--limite--\r\n"].concat()
}

/// Every octet, lone line ends and a line with a single dot among them.
fn octets() -> Vec<u8> {
    let all: Vec<u8> = (0..=255).collect();
    [&all[..], b"\r\n.\r\n\n.\n\r\r", &noise(70_000, 11), &all].concat()
}

/// MAIL and RCPT, then the message in chunks of this size, all in one go; the replies to the chunks.
fn send(smtp: &mut Smtp, to: &str, body: &str, message: &[u8], size: usize) -> Vec<(u16, String)> {
    let mut bytes = format!("MAIL FROM:<{DOCTOR}>{body}\r\nRCPT TO:<{to}>\r\n").into_bytes();
    let chunks: Vec<&[u8]> = message.chunks(size).collect();
    for (at, chunk) in chunks.iter().enumerate() {
        let last = if at + 1 == chunks.len() { " LAST" } else { "" };
        bytes.extend(format!("BDAT {}{last}\r\n", chunk.len()).bytes());
        bytes.extend(*chunk);
    }
    smtp.send(&bytes).unwrap();
    let mut replies: Vec<_> = (0..chunks.len() + 2).map(|_| smtp.reply().unwrap()).collect();
    assert_eq!(replies.drain(..2).map(|(code, _)| code).collect::<Vec<_>>(), [250, 250]);
    replies
}

#[test]
fn a_binary_message_is_kept_and_read_as_it_is() {
    let world = World::start();
    let mut smtp = world.smtp();
    assert!(smtp.extensions.contains("250-CHUNKING") && smtp.extensions.contains("250-BINARYMIME"));
    assert_eq!(smtp.login(DOCTOR, PASSWORD).0, 235);
    let message = binary(DEPARTMENT, &octets());
    let replies = send(&mut smtp, DEPARTMENT, " BODY=BINARYMIME", &message, 10_000);
    let (last, before) = replies.split_last().unwrap();
    assert!(
        before.iter().all(|(code, _)| *code == 250) && last.1.contains("250 2.0.0 Accepted"),
        "{replies:?}"
    );

    let mut imap = world.imap_as(&format!("{DEPARTMENT}*{DOCTOR}"));
    imap.ok("EXAMINE INBOX");
    let structure = imap.text("FETCH 1 (BODYSTRUCTURE)");
    assert!(
        structure.contains("\"application\" \"dicom\"") || structure.contains("\"APPLICATION\" \"DICOM\""),
        "{structure}"
    );
    let part = imap.ok("FETCH 1 (BINARY.PEEK[2])").concat();
    let start = part.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    assert!(
        part[..start].ends_with(format!("~{{{}}}\r\n", octets().len()).as_bytes()),
        "{}",
        String::from_utf8_lossy(&part[..start])
    );
    assert!(part[start..].starts_with(&octets()), "every octet is there");
    assert_eq!(imap.section(1, "1"), b"Voici la coupe.");
}

#[test]
fn what_is_refused_within_a_chunk_leaves_the_session_in_order() {
    let world = World::start();
    let mut smtp = world.smtp();
    assert_eq!(smtp.login(DOCTOR, PASSWORD).0, 235);
    let lone = binary(DEPARTMENT, b"x\n.\nQUIT\n");
    let replies = send(&mut smtp, DEPARTMENT, "", &lone, 50);
    let first = replies.iter().position(|(code, _)| *code != 250).unwrap();
    assert!(replies[first].1.contains("554 5.5.2 Lines must end with CR LF"), "{replies:?}");
    assert!(replies[first + 1..].iter().all(|(code, _)| *code == 503), "{replies:?}");
    let header = [b"From: a\nTo: b\r\n".to_vec(), binary(DEPARTMENT, b"x")].concat();
    let replies = send(&mut smtp, DEPARTMENT, " BODY=BINARYMIME", &header, 1_000_000);
    assert!(replies[0].1.contains("a line of the header ends with CR or LF alone"), "{replies:?}");
    let replies = send(&mut smtp, DEPARTMENT, "", &binary(DEPARTMENT, b"x\r\n.\r\nQUIT\r\n"), 7);
    assert_eq!(replies.last().unwrap().0, 250, "{replies:?}");
    let mut imap = world.imap_as(&format!("{DEPARTMENT}*{DOCTOR}"));
    assert!(imap.text("SELECT INBOX").contains("* 1 EXISTS"));
    assert_eq!(imap.section(1, "2"), b"x\r\n.\r\nQUIT\r\n");
}

#[test]
fn a_binary_message_reaches_the_other_operator_as_it_is() {
    let world = World::start_both();
    let mut smtp = world.smtp();
    assert_eq!(smtp.login(DOCTOR, PASSWORD).0, 235);
    let message = binary(EMERGENCIES, &octets());
    let replies = send(&mut smtp, EMERGENCIES, " BODY=BINARYMIME REQUIRETLS", &message, 100_000);
    assert_eq!(replies.last().unwrap().0, 250, "{replies:?}");
    let mut imap = world.imap_at(Site::Sud, &format!("{EMERGENCIES}*medecin.trois@clinique-sud.mssante.fr"));
    imap.wait_for(1, Duration::from_secs(60));
    let part = imap.ok("FETCH 1 (BINARY.PEEK[2])").concat();
    let start = part.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    assert!(part[start..].starts_with(&octets()), "both promise binary and TLS: nothing was converted");
}

//! A message with 60 MB of attachments goes in and out, and the daemon's memory stays small (I-3, S-3.6).

use crate::harness::{DEPARTMENT, DOCTOR, INTERN, PASSWORD, World, base64_lines, noise};

const MB: usize = 1_000_000;

fn with_attachments(id: &str, sizes: &[usize]) -> String {
    let mut message = format!(
        "From: {DOCTOR}\r\nTo: {DEPARTMENT}\r\nSubject: #med# imagerie\r\nMessage-ID: <{id}>\r\nDate: Sat, 21 Nov 2026 10:00:00 +0100\r\n\
         MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"limite\"\r\n\r\n\
         --limite\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nCi-joint.\r\n"
    );
    for (n, &size) in sizes.iter().enumerate() {
        message.push_str(&format!(
            "--limite\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\
             Content-Disposition: attachment; filename=\"serie-{n}.bin\"\r\n\r\n"
        ));
        message.push_str(&base64_lines(&noise(size, n as u64 + 11)));
    }
    message.push_str("--limite--\r\n");
    message
}

#[test]
fn sixty_megabytes_in_and_out_in_little_memory() {
    let world = World::start();
    // A first message of the same kind, small: what the daemon loads once is not what the large one costs.
    let mut smtp = world.smtp();
    assert_eq!(smtp.login(DOCTOR, PASSWORD).0, 235);
    assert_eq!(
        smtp.submit(DOCTOR, &[DEPARTMENT], with_attachments("petit@poste", &[MB]).as_bytes()).unwrap().0,
        250
    );
    let mut imap = world.imap_as(&format!("{DEPARTMENT}*{INTERN}"));
    imap.ok("EXAMINE INBOX");
    imap.section(1, "");
    let before = world.memory("VmRSS");

    let message = with_attachments("grand@poste", &[20 * MB, 20 * MB, 20 * MB]);
    let reply = smtp.submit(DOCTOR, &[DEPARTMENT], message.as_bytes()).unwrap();
    assert_eq!(reply.0, 250, "{}", reply.1);
    imap.ok("NOOP");
    let text = imap.section(2, "TEXT");
    let body = message.split_once("\r\n\r\n").unwrap().1;
    assert!(text == body.as_bytes(), "the bytes came out as they went in");
    let part = imap.section(2, "3");
    assert!(part == base64_lines(&noise(20 * MB, 12)).trim_end().as_bytes());
    drop((text, part));

    let peak = world.memory("VmHWM");
    println!("resident before {before} KiB, highest {peak} KiB");
    // the engine's cache and write buffers may fill meanwhile; the message, 80 MiB on the wire, would not fit
    assert!(peak - before < 64 * 1024, "grew by {} KiB", peak - before);
}

#[test]
fn more_than_sixty_megabytes_is_refused_with_the_limit() {
    let world = World::start();
    let mut smtp = world.smtp();
    assert_eq!(smtp.login(DOCTOR, PASSWORD).0, 235);
    let message = with_attachments("trop@poste", &[31 * MB, 30 * MB]);
    let reply = smtp.submit(DOCTOR, &[DEPARTMENT], message.as_bytes()).unwrap();
    assert_eq!(reply.0, 552, "{}", reply.1);
    assert!(reply.1.contains("5.3.4") && reply.1.contains("60"), "{}", reply.1);
    // The announced limit refuses before a byte is sent.
    let (code, said) = smtp.command(&format!("MAIL FROM:<{DOCTOR}> SIZE={}", 200 * MB)).unwrap();
    assert!(code == 552 && said.contains("5.3.4"), "{said}");
    let mut imap = world.imap_as(&format!("{DEPARTMENT}*{INTERN}"));
    assert!(imap.text("EXAMINE INBOX").contains("* 0 EXISTS"));
}

//! Contents of every shape and size arrive as they were, or are refused with the limit (I-3, S-3.6, M-12).

use crate::world::*;

#[tokio::test]
async fn every_body_byte_arrives_wherever_the_pieces_are_cut() {
    let world = World::start().await;
    let mut noise = 7_u64;
    let mut bytes = Vec::new();
    for _ in 0..40_000 {
        noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        bytes.extend_from_slice(format!("{noise:016x}\r\n").as_bytes());
    }
    for length in [0, 1, 2, 65_535, 65_536, 65_537, 200_000, 700_000] {
        let mut content = letter("Subject: #med# a", "");
        content.extend_from_slice(&bytes[..length]);
        world.send(DOCTOR, DOCTOR, &[DEPARTMENT], &content).await.unwrap();
        let (_, body) = world.inbox(DEPARTMENT).pop().unwrap();
        assert!(body == bytes[..length], "{length} bytes");
    }
    world.end().await;
}

#[tokio::test]
async fn a_header_without_blank_line_is_a_message_without_body() {
    let world = World::start().await;
    let content = format!("From: {DOCTOR}\r\nSubject: #med# a\r\n");
    world.send(DOCTOR, DOCTOR, &[INTERN], content.as_bytes()).await.unwrap();
    let (header, body) = world.inbox(INTERN).remove(0);
    assert!(String::from_utf8(header).unwrap().contains("\r\nSubject: #med# a\r\n"));
    assert!(body.is_empty());
    let foreign = format!("From: {INTERN}\r\nSubject: #med# a\r\n");
    let (code, _, text) = refused(world.send(DOCTOR, DOCTOR, &[DEPARTMENT], foreign.as_bytes()).await);
    assert!(code == 550 && text.contains(INTERN), "judged like any other: {text}");
    assert_eq!(world.kept(), 1);
    world.end().await;
}

#[tokio::test]
async fn attachments_are_counted_decoded() {
    let world = World::with(|settings| settings.attachment_bytes = 2 * 27 * 54).await;
    let part = |lines: usize| {
        format!(
            "--b\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\
             Content-Disposition: attachment; filename=a.pdf\r\n\r\n{}",
            "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ejAx\r\n".repeat(lines)
        )
    };
    let content = |lines: usize| {
        let body = format!("{}{}--b--\r\n", part(lines), part(lines));
        letter("Subject: #med# a\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b", &body)
    };
    world.send(DOCTOR, DOCTOR, &[INTERN], &content(27)).await.unwrap();
    let (code, status, text) = refused(world.send(DOCTOR, DOCTOR, &[INTERN], &content(28)).await);
    assert_eq!((code, status.as_str()), (552, "5.3.4"), "{text}");
    assert_eq!(world.inbox(INTERN).len(), 1);
    world.end().await;
}

#[tokio::test]
async fn sizes_beyond_the_limits_are_refused_with_the_limit() {
    let world = World::start().await;
    let long = letter(&format!("Subject: #med# a\nX-Long: {}", "x".repeat(300 * 1024)), "");
    let (code, status, text) = refused(world.send(DOCTOR, DOCTOR, &[INTERN], &long).await);
    assert_eq!((code, status.as_str()), (552, "5.3.4"));
    assert!(text.contains("256 KiB"), "{text}");
    let looping = letter(&format!("Subject: #med# a{}", "\nReceived: by x; y".repeat(51)), "");
    let (code, status, _) = refused(world.send(DOCTOR, DOCTOR, &[INTERN], &looping).await);
    assert_eq!((code, status.as_str()), (554, "5.4.6"));
    assert_eq!(world.kept(), 0);
    world.end().await;
}

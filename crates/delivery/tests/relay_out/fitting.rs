//! A next hop that takes ASCII only gets the same message in other transfer encodings, or nothing of it (RFC 6152 §3).

use std::sync::{Arc, Mutex};

use tokio::io::AsyncBufReadExt;
use tokio_rustls::TlsAcceptor;

use crate::{
    peers::{Peer, opened},
    world::*,
};

/// A peer that offers nothing beyond what it must, and what it was sent, command lines included.
async fn plain_peer(world: &World) -> (Peer, Arc<Mutex<String>>) {
    let acceptor = TlsAcceptor::from(world.tls("sud").relay_server(Vec::new()));
    let heard = Arc::new(Mutex::new(String::new()));
    let record = Arc::clone(&heard);
    let peer = Peer::play(move |stream| {
        let (acceptor, record) = (acceptor.clone(), Arc::clone(&record));
        async move {
            let mut lines = opened(stream, acceptor, "").await;
            let (mut line, mut content) = (Vec::new(), false);
            loop {
                line.clear();
                if lines.0.read_until(b'\n', &mut line).await.unwrap_or(0) == 0 {
                    return;
                }
                let text = String::from_utf8_lossy(&line).into_owned();
                record.lock().unwrap().push_str(&text);
                match text.trim_end() {
                    "." => {
                        content = false;
                        lines.say("250 2.0.0 Kept").await;
                    }
                    _ if content => {}
                    "DATA" => {
                        content = true;
                        lines.say("354 x").await;
                    }
                    _ => lines.say("250 x").await,
                }
            }
        }
    })
    .await;
    (peer, heard)
}

#[tokio::test]
async fn parts_are_rewritten_for_a_next_hop_that_takes_ascii_only() {
    let mut world = World::start().await;
    let (peer, heard) = plain_peer(&world).await;
    world.route(SUD, peer.port);
    let relay = world.relay();
    let content = format!(
        "From: <{DOCTOR}>\r\nMIME-Version: 1.0\r\nX-MSS-NIL: 1\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\
         Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nd\u{e9}j\u{e0}\r\n--b\r\n\
         Content-Type: application/pdf\r\n\r\n{}\r\n--b--\r\n",
        "\u{e9}\r\n".repeat(60_000)
    );
    world.send(Letter { content, ..Letter::to(&[&format!("a@{SUD}")]) }).await;
    world.until("an empty queue", |world| world.queue().is_empty()).await;
    let heard = heard.lock().unwrap().clone();
    assert!(heard.is_ascii() && !heard.contains("8BITMIME"));
    assert!(heard.contains(
        "\r\nX-MSS-NIL: 1\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Transfer-Encoding: quoted-printable\r\n\r\nd=C3=A9j=C3=A0\r\n--b\r\n\
         Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nw6kNCsOpDQr"
    ));
    assert!(world.reports().is_empty());
    world.end(relay).await;
}

#[tokio::test]
async fn what_a_signature_covers_is_reported_and_not_touched() {
    let mut world = World::start().await;
    let (peer, heard) = plain_peer(&world).await;
    world.route(SUD, peer.port);
    let relay = world.relay();
    let content = format!(
        "From: <{DOCTOR}>\r\nContent-Type: multipart/signed; boundary=b; protocol=\"application/pkcs7-signature\"\r\n\r\n--b\r\n\r\n\
         d\u{e9}j\u{e0}\r\n--b\r\nContent-Type: application/pkcs7-signature\r\n\r\nx\r\n--b--\r\n"
    );
    world.send(Letter { content, ..Letter::to(&[&format!("a@{SUD}")]) }).await;
    world.until("a report", |world| !world.reports().is_empty()).await;
    let report = world.reports().remove(0);
    assert!(report.contains("Status: 5.6.3") && report.contains("a signed part holds octets"), "{report}");
    assert!(report.contains("Sa forme ne convient pas"), "{report}");
    assert!(!heard.lock().unwrap().contains("MAIL"), "nothing of it was offered");
    world.end(relay).await;
}

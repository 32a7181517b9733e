//! Each parameter only where it is offered, and no text that leaves its place.

use super::*;
use crate::{Notify, Ret};

const ALL: Extensions = Extensions {
    starttls: false,
    pipelining: true,
    size: true,
    size_limit: Some(1_000),
    eight_bit: true,
    smtputf8: true,
    dsn: true,
    chunking: true,
    binary_mime: true,
    require_tls: true,
    recipients: None,
    messages: None,
};

const NONE: Extensions = Extensions {
    starttls: false,
    pipelining: false,
    size: false,
    size_limit: None,
    eight_bit: false,
    smtputf8: false,
    dsn: false,
    chunking: false,
    binary_mime: false,
    require_tls: false,
    recipients: None,
    messages: None,
};

fn envelope() -> Outgoing<&'static str> {
    Outgoing {
        from: Some("a@nord.test".to_owned()),
        smtputf8: false,
        ret: Some(Ret::Headers),
        envid: Some("id=1".to_owned()),
        require_tls: false,
        recipients: Vec::new(),
    }
}

fn recipient(to: &str) -> Recipient<&str> {
    let notify = Some(Notify { success: true, failure: true, delay: false });
    Recipient { to, notify, original: Some("rfc822;b+c@sud.test".to_owned()) }
}

fn small(eight_bit: bool) -> Measure {
    Measure { size: 500, body: if eight_bit { Body::EightBit } else { Body::SevenBit } }
}

fn binary() -> Measure {
    Measure { size: 500, body: Body::Binary }
}

#[test]
fn what_is_offered_is_said() {
    let line = mail(&Outgoing { smtputf8: true, ..envelope() }, small(true), &ALL).unwrap();
    assert_eq!(line, "MAIL FROM:<a@nord.test> SIZE=500 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=id+3D1\r\n");
    let secret = Outgoing { require_tls: true, ret: None, envid: None, ..envelope() };
    let line = mail(&secret, binary(), &ALL).unwrap();
    assert_eq!(line, "MAIL FROM:<a@nord.test> SIZE=500 BODY=BINARYMIME REQUIRETLS\r\n");
    let line = rcpt(&recipient("b@sud.test"), false, &ALL).unwrap();
    assert_eq!(line, "RCPT TO:<b@sud.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;b+2Bc@sud.test\r\n");
}

#[test]
fn what_is_not_offered_is_not_said() {
    assert_eq!(mail(&envelope(), small(false), &NONE).unwrap(), "MAIL FROM:<a@nord.test>\r\n");
    assert_eq!(rcpt(&recipient("b@sud.test"), false, &NONE).unwrap(), "RCPT TO:<b@sud.test>\r\n");
    assert_eq!(
        mail(&Outgoing { from: None, ..envelope() }, small(false), &NONE).unwrap(),
        "MAIL FROM:<>\r\n"
    );
}

#[test]
fn what_the_peer_cannot_take_is_refused_for_good() {
    let refused = |envelope: &Outgoing<&str>, measure, offered: &Extensions| {
        let reply = mail(envelope, measure, offered).unwrap_err();
        assert!(reply.code() >= 550 && reply.lines().iter().all(|line| line.is_ascii()));
        reply.status().to_owned()
    };
    assert_eq!(refused(&envelope(), Measure { size: 1_001, body: Body::SevenBit }, &ALL), "5.3.4");
    assert_eq!(refused(&envelope(), small(true), &Extensions { eight_bit: false, ..ALL }), "5.6.3");
    for offered in [Extensions { chunking: false, ..ALL }, Extensions { binary_mime: false, ..ALL }] {
        assert_eq!(refused(&envelope(), binary(), &offered), "5.6.3");
    }
    let secret = Outgoing { require_tls: true, ..envelope() };
    assert_eq!(refused(&secret, small(false), &Extensions { require_tls: false, ..ALL }), "5.7.30");
    let utf8 = Outgoing { smtputf8: true, ..envelope() };
    assert_eq!(refused(&utf8, small(false), &Extensions { smtputf8: false, ..ALL }), "5.6.7");
    assert_eq!(rcpt(&recipient("\u{e9}@sud.test"), false, &ALL).unwrap_err().status(), "5.6.7");
    assert!(mail(&envelope(), Measure { size: 1_000, body: Body::SevenBit }, &ALL).is_ok());
}

#[test]
fn no_address_ends_its_command() {
    for text in
        ["b@sud.test>\r\nDATA\r\n.", "b@sud.test> NOTIFY=NEVER", "b c@sud.test", "b@sud.test\n", "", "@x:b@y"]
    {
        assert_eq!(rcpt(&recipient(text), true, &ALL).unwrap_err().status(), "5.1.3", "{text}");
    }
    let bad = Outgoing { from: Some("a@b\r\nRSET".to_owned()), ..envelope() };
    assert_eq!(mail(&bad, small(false), &ALL).unwrap_err().status(), "5.1.7");
    assert!(rcpt(&recipient("\"b c\"@sud.test"), false, &ALL).is_ok());
}

#[test]
fn names_of_others_that_are_too_long_or_malformed_are_left_out() {
    let long = Outgoing { envid: Some("x".repeat(101)), ..envelope() };
    assert!(!mail(&long, small(false), &ALL).unwrap().contains("ENVID"));
    for original in ["no type", ";x", "rf c;x", &format!("rfc822;{}", "x".repeat(494))] {
        let recipient = Recipient { original: Some(original.to_owned()), ..recipient("b@sud.test") };
        assert!(!rcpt(&recipient, false, &ALL).unwrap().contains("ORCPT"), "{original}");
    }
}

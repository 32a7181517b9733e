//! The stories' peers against each other: what they claim to show, take and answer is so.

use std::time::Duration;

use crate::harness::{Answer, Flaw, Sink, Smtp, World};

#[test]
fn a_sink_takes_what_a_client_brings_and_sees_what_it_shows() {
    let world = World::prepared();
    let (here, there) =
        (world.credentials("a.mssante.fr", Flaw::None), world.credentials("b.mssante.fr", Flaw::None));
    let sink = Sink::start(Some(&there));
    let mut smtp = Smtp::relay(sink.port(), &world.ca(), Some(&here)).unwrap();
    assert!(smtp.extensions.contains("PIPELINING") && !smtp.extensions.contains("STARTTLS"));
    let message = b"Subject: x\r\n\r\n.point\r\n..\r\n";
    assert_eq!(smtp.submit("a@a.mssante.fr", &["b@b.mssante.fr"], message).unwrap().0, 250);
    let taken = sink.wait_for(1, Duration::from_secs(5));
    assert_eq!(taken[0].data, message);
    assert_eq!(
        (taken[0].from.as_str(), taken[0].to.as_slice()),
        ("<a@a.mssante.fr>", &["<b@b.mssante.fr>".to_owned()][..])
    );
    assert_eq!(taken[0].shown[0].as_ref(), here.issued.der());
    assert_eq!(taken[0].shown.len(), 2);

    sink.once("RCPT", Answer::Say("450 4.2.1 Later"));
    sink.once(".", Answer::KeepAndCut);
    assert_eq!(smtp.submit("a@a.mssante.fr", &["b@b.mssante.fr"], message).unwrap().0, 450);
    assert_eq!(smtp.command("RSET").unwrap().0, 250);
    smtp.submit("a@a.mssante.fr", &["b@b.mssante.fr"], message).unwrap_err();
    assert_eq!((sink.count(), sink.mails(), sink.connections()), (2, 3, 1));
    sink.always("MAIL", Some(Answer::Cut));
    let mut smtp = Smtp::relay(sink.port(), &world.ca(), None).unwrap();
    smtp.submit("a@a.mssante.fr", &["b@b.mssante.fr"], message).unwrap_err();
    assert_eq!(sink.connections(), 2);
}

#[test]
fn a_key_that_is_not_the_certificates_is_found_by_both_and_a_sink_without_tls_offers_none() {
    let world = World::prepared();
    let right = world.credentials("a.mssante.fr", Flaw::None);
    let wrong = world.credentials("a.mssante.fr", Flaw::OtherKey);
    let sink = Sink::start(Some(&wrong));
    assert!(Smtp::relay(sink.port(), &world.ca(), Some(&right)).is_err());
    sink.present(Some(&right));
    assert!(Smtp::relay(sink.port(), &world.ca(), Some(&wrong)).is_err());
    Smtp::relay(sink.port(), &world.ca(), Some(&right)).unwrap();
    sink.present(None);
    let clear = Smtp::in_clear(sink.port()).unwrap();
    assert!(!clear.extensions.contains("STARTTLS"));
    assert!(Smtp::relay(sink.port(), &world.ca(), Some(&right)).is_err());
}

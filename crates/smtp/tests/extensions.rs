//! Each extension that EHLO tells, checked against what its RFC asks of a server: when it is told, what its parameters are answered. A
//! table, so that nothing is told that is not done, and nothing is done that is not told.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;

use smtp::{
    Limits, Service, Settings,
    machine::{self, Step},
};

use crate::toy::{Toy, answer, connection};

mod toy;

const LOGIN: &str = "AUTH PLAIN AG1lAHNlY3JldA==";

/// What the server says to each line, in TLS; a content line is sent as it is.
async fn dialogue(service: Service, lines: &[&str]) -> Vec<String> {
    let settings = Arc::new(Settings { hostname: "mail.test".to_owned(), limits: Limits::default() });
    let policy = Toy::default();
    let mut connection = connection(service);
    connection.tls = Some(toy::tls("peer"));
    let mut lines = lines.iter();
    let (mut said, mut step) = (Vec::new(), machine::start::<Toy>(connection, settings));
    loop {
        step = match step {
            Step::Write(writing) => {
                said.push(String::from_utf8(writing.bytes().to_vec()).unwrap());
                writing.written()
            }
            Step::Read(mut reading) => {
                let Some(line) = lines.next() else { break };
                reading.feed(format!("{line}\r\n").as_bytes());
                reading.fed()
            }
            Step::Close(_) => break,
            Step::StartTls(_) => panic!("TLS is there already"),
            question => answer(&policy, question).await,
        };
    }
    said.split_off(1)
}

/// The extensions told, each with its words.
async fn told(service: Service, lines: &[&str]) -> Vec<String> {
    let said = dialogue(service, lines).await;
    let lines = said.last().unwrap().lines().skip(1);
    lines.map(|line| line[4..].to_owned()).collect()
}

#[tokio::test]
async fn what_is_told_depends_on_who_is_there() {
    let common = [
        "PIPELINING",
        "8BITMIME",
        "SMTPUTF8",
        "ENHANCEDSTATUSCODES",
        "DSN",
        "CHUNKING",
        "BINARYMIME",
        "SIZE 90000000",
        "LIMITS MAILMAX=1000 RCPTMAX=1000",
        // RFC 8689 §3: only in TLS
        "REQUIRETLS",
    ];
    let with_auth: Vec<&str> = common.into_iter().chain(["AUTH PLAIN LOGIN"]).collect();
    assert_eq!(told(Service::SubmissionTls, &["EHLO client"]).await, with_auth);
    // RFC 4954 §3: no AUTH once it succeeded; RFC 3207 §4.2: no STARTTLS in TLS
    assert_eq!(told(Service::SubmissionTls, &["EHLO client", LOGIN, "EHLO client"]).await, common);
    assert_eq!(told(Service::Relay, &["EHLO client"]).await, common);
    // RFC 5321 §4.1.1.1: none to HELO
    assert!(told(Service::Relay, &["HELO client"]).await.is_empty());
}

#[tokio::test]
async fn each_parameter_is_answered_as_its_rfc_asks() {
    for (parameters, code) in [
        // RFC 1870
        ("SIZE=0", "250 2.1.0"),
        ("SIZE=90000000", "250 2.1.0"),
        ("SIZE=90000001", "552 5.3.4"),
        ("SIZE=", "501 5.5.4"),
        // RFC 6152, RFC 3030
        ("BODY=7BIT", "250 2.1.0"),
        ("body=8bitmime", "250 2.1.0"),
        ("BODY=BINARYMIME", "250 2.1.0"),
        ("BODY=9BIT", "501 5.5.4"),
        // RFC 6531
        ("SMTPUTF8", "250 2.1.0"),
        ("SMTPUTF8=YES", "501 5.5.4"),
        // RFC 4954 §5
        ("AUTH=<>", "250 2.1.0"),
        ("AUTH=e+3Dmc2@example.com", "250 2.1.0"),
        ("AUTH", "501 5.5.4"),
        // RFC 3461
        ("RET=FULL ENVID=QQ314159", "250 2.1.0"),
        ("RET=SOME", "501 5.5.4"),
        ("ENVID=", "501 5.5.4"),
        // RFC 8689
        ("REQUIRETLS", "250 2.1.0"),
        ("REQUIRETLS=1", "501 5.5.4"),
        // RFC 2852, RFC 6710, RFC 4865: not offered, and RFC 5321 §4.1.1.11 has a code for that
        ("BY=120;R", "555 5.5.4"),
        ("MT-PRIORITY=3", "555 5.5.4"),
        ("HOLDFOR=120", "555 5.5.4"),
    ] {
        let mail = format!("MAIL FROM:<a@example.test> {parameters}");
        let said = dialogue(Service::SubmissionTls, &["EHLO client", LOGIN, &mail]).await;
        assert!(said.last().unwrap().starts_with(code), "{parameters}: {said:?}");
    }
    for (parameters, code) in [
        ("NOTIFY=NEVER", "250 2.1.5"),
        ("NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;b@example.test", "250 2.1.5"),
        ("NOTIFY=NEVER,SUCCESS", "501 5.5.4"),
        ("ORCPT=b@example.test", "501 5.5.4"),
        ("RRVS=2014-04-03T23:01:00Z", "555 5.5.4"),
        ("BODY=7BIT", "555 5.5.4"),
    ] {
        let rcpt = format!("RCPT TO:<b@example.test> {parameters}");
        let lines = ["EHLO client", LOGIN, "MAIL FROM:<a@example.test>", &rcpt];
        let said = dialogue(Service::SubmissionTls, &lines).await;
        assert!(said.last().unwrap().starts_with(code), "{parameters}: {said:?}");
    }
}

#[tokio::test]
async fn every_reply_but_those_that_rfc_2034_spares_has_an_enhanced_status_code() {
    let lines = [
        "EHLO client",
        "NOOP",
        "VRFY x",
        "HELP",
        "EXPN x",
        "BURL x",
        "WHAT",
        LOGIN,
        LOGIN,
        "MAIL FROM:<a@example.test>",
        "MAIL FROM:<a@example.test>",
        "RCPT TO:<unknown@example.test>",
        "DATA",
        "RCPT TO:<b@example.test>",
        "BDAT 0",
        "RCPT TO:<c@example.test>",
        "BDAT 0 LAST",
        "BDAT 0 LAST",
        "RSET",
        "STARTTLS",
        "QUIT",
    ];
    let said = dialogue(Service::SubmissionTls, &lines).await;
    assert_eq!(said.len(), lines.len());
    for (line, reply) in lines.iter().zip(&said).skip(1) {
        for text in reply.lines() {
            let (code, status) = (&text[..3], text[4..].split(' ').next().unwrap());
            assert!(status.starts_with(&code[..1]), "{line}: {text}");
            assert_eq!(
                status.split('.').filter(|number| number.parse::<u16>().is_ok()).count(),
                3,
                "{line}: {text}"
            );
        }
    }
}

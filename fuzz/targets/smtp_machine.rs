//! The whole session: any commands and bytes in any cuts, any answers of the policy, deadlines, stops and ended rights at any time.
//! What must hold is watched by the shared loop: above all, a 250 for each message that the policy kept, and for no other (I-1).
#![no_main]

use libfuzzer_sys::{
    arbitrary::{self, Arbitrary},
    fuzz_target,
};
use smtp::{Limits, Service};
use vaguemestre_fuzz::{Script, TO_DATA, play};

/// What a client says next; whole commands among bytes, so that the far states are reached.
#[derive(Arbitrary, Debug)]
enum Piece<'a> {
    Bytes(&'a [u8]),
    Line(&'a [u8]),
    Ehlo(&'a str),
    StartTls,
    Login,
    Auth(&'a [u8]),
    Mail(&'a str),
    Rcpt(&'a str),
    ToData,
    Data,
    Bdat(u8, bool, &'a [u8]),
    Binary,
    Dot,
    Reset,
    Envid(&'a str),
    Notify(&'a str, &'a str),
}

impl Piece<'_> {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Piece::Bytes(bytes) => bytes.to_vec(),
            Piece::Line(line) => [line, &b"\r\n"[..]].concat(),
            Piece::Ehlo(name) => format!("EHLO {name}\r\n").into_bytes(),
            Piece::StartTls => b"STARTTLS\r\n".to_vec(),
            Piece::Login => b"EHLO c\r\nAUTH PLAIN AGEAYg==\r\n".to_vec(),
            Piece::Auth(argument) => [&b"AUTH "[..], argument, b"\r\n"].concat(),
            Piece::Mail(path) => format!("MAIL FROM:<{path}>\r\n").into_bytes(),
            Piece::Rcpt(path) => format!("RCPT TO:<{path}>\r\n").into_bytes(),
            Piece::ToData => TO_DATA.to_vec(),
            Piece::Data => b"DATA\r\n".to_vec(),
            Piece::Bdat(size, last, bytes) => {
                let last = if *last { " LAST" } else { "" };
                [format!("BDAT {size}{last}\r\n").as_bytes(), bytes].concat()
            }
            Piece::Binary => b"MAIL FROM:<a@a.test> BODY=BINARYMIME REQUIRETLS\r\nRCPT TO:<b@b.test>\r\n".to_vec(),
            Piece::Dot => b"\r\n.\r\n".to_vec(),
            Piece::Envid(value) => format!("MAIL FROM:<a@a.test> RET=HDRS ENVID={value}\r\n").into_bytes(),
            Piece::Notify(when, original) => {
                format!("RCPT TO:<b@b.test> NOTIFY={when} ORCPT=rfc822;{original}\r\n").into_bytes()
            }
            Piece::Reset => b"RSET\r\n".to_vec(),
        }
    }
}

#[derive(Arbitrary, Debug)]
struct Session<'a> {
    relay: bool,
    implicit: bool,
    answers: &'a [u8],
    cuts: &'a [u8],
    pieces: Vec<Piece<'a>>,
}

fuzz_target!(|session: Session<'_>| {
    let limits = Limits {
        command_line: 120,
        auth_line: 160,
        text_line: 40,
        message_bytes: 100,
        dropped_bytes: 200,
        recipients: 3,
        chunks: 5,
        unknown_bytes: 30,
        refused_recipients: 4,
        mails: 6,
        ..Limits::default()
    };
    let service = match (session.relay, session.implicit) {
        (true, _) => Service::Relay,
        (false, true) => Service::SubmissionTls,
        (false, false) => Service::Submission,
    };
    let bytes: Vec<u8> = session.pieces.iter().flat_map(Piece::bytes).collect();
    play(&Script::new(session.answers), service, limits, &bytes, session.cuts);
});

//! The reader of command lines: where the client's bytes are cut changes no reply, and a lone CR or LF ends the session.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smtp::{End, Limits, Service};
use vaguemestre_fuzz::{Outcome, Script, play};

fuzz_target!(|input: (&[u8], Vec<u8>)| {
    let (bytes, cuts) = input;
    let cuts: Vec<u8> = cuts.into_iter().map(|cut| cut.clamp(1, 251)).collect();
    let (whole, cut) = (session(bytes, &[]), session(bytes, &cuts));
    assert_eq!(whole.said, cut.said);
    assert_eq!(whole.ended, cut.ended);
    let lone = lone_line_end(bytes);
    match whole.ended.map(|ended| ended.end) {
        None => assert!(!lone, "nothing behind a lone CR or LF is used"),
        Some(End::BareLineEnd) => assert!(lone),
        Some(_) => {}
    }
});

/// Nobody may log in, so that no command's reply depends on whether more has come: STARTTLS and DATA ask.
fn session(bytes: &[u8], cuts: &[u8]) -> Outcome {
    let limits = Limits { command_line: 24, auth_line: 48, ..Limits::default() };
    play(&Script::new(&[255; 64]), Service::SubmissionTls, limits, bytes, cuts)
}

fn lone_line_end(bytes: &[u8]) -> bool {
    (0..bytes.len()).any(|at| match bytes[at] {
        b'\r' => bytes.get(at + 1).is_some_and(|next| *next != b'\n'),
        b'\n' => at == 0 || bytes[at - 1] != b'\r',
        _ => false,
    })
}

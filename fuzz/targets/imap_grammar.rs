//! The grammar of IMAP: any command is read or refused, with names in either form; what was read is written back as a command that is
//! read as the same, and an answer that refuses is one line.
#![no_main]

use imap_wire::{Names, command::AppendMessage, encode, grammar};
use libfuzzer_sys::fuzz_target;

#[path = "../../crates/imap-wire/tests/commands/writer.rs"]
mod writer;

fuzz_target!(|input: (bool, &[u8])| {
    let (utf8, bytes) = input;
    let names = if utf8 { Names::Utf8 } else { Names::Utf7 };
    match grammar::parse(bytes, names) {
        Ok(tagged) => {
            let written = writer::write(&tagged, names);
            let again = grammar::parse(&written, names);
            assert_eq!(again.as_ref(), Ok(&tagged), "{}", String::from_utf8_lossy(&written));
        }
        Err(refusal) => {
            let tag = refusal.tag.as_ref().map_or("*", |tag| tag.as_str());
            let mut answer = Vec::new();
            match &refusal.completion {
                imap_wire::completion::Completion::Bad(reply) => {
                    encode::status(&mut answer, tag, "BAD", reply)
                }
                imap_wire::completion::Completion::No(reply) => encode::status(&mut answer, tag, "NO", reply),
                other => panic!("a refusal is BAD or NO: {other:?}"),
            }
            assert!(answer.ends_with(b"\r\n") && answer.iter().filter(|byte| **byte == b'\n').count() == 1);
        }
    }
    if let Ok((_, args)) = grammar::parse_append(bytes, names) {
        assert!(!args.mailbox.as_str().is_empty());
    }
    behind_a_message(bytes);
});

/// What stands behind a message of APPEND is the head of another one, or the end, never both.
fn behind_a_message(bytes: &[u8]) {
    for utf8 in [false, true] {
        let before = AppendMessage { flags: Vec::new(), internal_date: None, size: 1, binary: utf8, utf8 };
        let more = grammar::parse_append_more(bytes, &before);
        assert!(more.is_err() || grammar::parse_append_end(bytes, &before).is_err());
    }
}

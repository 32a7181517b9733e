//! The grammar beside imap-codec's, on commands made at random and on commands that are nearly right: both read the same meaning, or the
//! difference is one of those listed in `differences`.

#![cfg(test)]

mod differences;
mod meaning;
mod near;
mod writer;

use arbitrary::{Arbitrary, Unstructured};
use imap_codec::{CommandCodec, decode::Decoder, encode::Encoder, imap_types::command::Command};
use imap_wire::{Names, grammar};
use proptest::prelude::*;

use crate::meaning::meaning;

/// What imap-codec reads of a whole command.
fn codec(line: &[u8]) -> Option<Command<'static>> {
    let whole = [line, b"\r\n"].concat();
    match CommandCodec::default().decode_static(&whole) {
        Ok((b"", command)) => Some(command),
        _ => None,
    }
}

/// Fails if the two disagree on a command in a way that is not listed.
fn agree(line: &[u8]) {
    let shown = String::from_utf8_lossy(line);
    match (grammar::parse(line, Names::Utf7), codec(line)) {
        (Ok(ours), Some(theirs)) => {
            let written = writer::write(&ours, Names::Utf7);
            let read = codec(&written).unwrap_or_else(|| {
                panic!("{shown}: imap-codec cannot read {}", String::from_utf8_lossy(&written))
            });
            assert_eq!(ours.tag.as_str(), theirs.tag.inner());
            assert_eq!(meaning(&read.body), meaning(&theirs.body), "{shown}");
        }
        (Ok(ours), None) => {
            assert!(differences::only_ours(line, &ours), "only we read it: {shown}\n{ours:?}");
        }
        (Err(refusal), Some(theirs)) => {
            assert!(
                differences::only_theirs(&theirs.body, &refusal.completion),
                "only imap-codec reads it: {shown}\n{refusal:?}"
            );
        }
        (Err(_), None) => {}
    }
}

/// A command that imap-codec makes of these bytes.
fn made_of(bytes: &[u8]) -> Option<Vec<u8>> {
    let command = Command::arbitrary(&mut Unstructured::new(bytes)).ok()?;
    let mut line = CommandCodec::default().encode(&command).dump();
    line.truncate(line.strip_suffix(b"\r\n")?.len());
    Some(line)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, max_global_rejects: 200_000, ..ProptestConfig::default() })]

    #[test]
    fn commands_of_imap_codec(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        if let Some(line) = made_of(&bytes) {
            agree(&line);
        }
    }

    #[test]
    fn commands_that_are_nearly_right(line in near::line()) {
        agree(&line);
    }

    #[test]
    fn what_is_read_is_written_and_read_again(line in near::line(), utf8: bool) {
        let names = if utf8 { Names::Utf8 } else { Names::Utf7 };
        if let Ok(tagged) = grammar::parse(&line, names) {
            let written = writer::write(&tagged, names);
            prop_assert_eq!(grammar::parse(&written, names), Ok(tagged), "{}", String::from_utf8_lossy(&written));
        }
    }
}

#[test]
fn every_seed_is_a_command() {
    for seed in near::SEEDS {
        let line = seed.replace('\n', "\r\n");
        assert!(grammar::parse(line.as_bytes(), Names::Utf7).is_ok(), "{seed}");
        agree(line.as_bytes());
    }
}

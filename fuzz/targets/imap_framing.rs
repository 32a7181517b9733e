//! Where commands of IMAP end: however the bytes are cut, the same commands, messages and refusals are found, and nothing is gathered
//! beyond the limits.
#![no_main]

use imap_wire::framing::{Event, Framer, Limits};
use libfuzzer_sys::fuzz_target;

const LIMITS: Limits = Limits {
    line: 60,
    literal: 30,
    unasked_literal: 15,
    literals: 4,
    command: 120,
    append: Some(500),
    skip: 1000,
};

/// What happened, with messages put together again.
#[derive(Debug, PartialEq)]
enum Seen {
    Event(Event),
    Message(Vec<u8>),
}

fuzz_target!(|input: (u8, Vec<u8>, &[u8])| {
    let (flags, cuts, bytes) = input;
    let limits = Limits { append: LIMITS.append.filter(|_| flags & 1 == 0), ..LIMITS };
    let refuse = flags & 2 != 0;
    let whole = run(limits, &[bytes.len()], bytes, refuse);
    let cuts: Vec<usize> = cuts.into_iter().map(|cut| usize::from(cut).max(1)).collect();
    assert_eq!(run(limits, &cuts, bytes, refuse), whole);
    assert_eq!(run(limits, &[1], bytes, refuse), whole);
    for seen in whole {
        if let Seen::Event(Event::Command(command)) = seen {
            assert!(command.len() <= LIMITS.command + 2 * LIMITS.literals);
        }
    }
});

/// Feeds the bytes in pieces of these lengths, in turn. Each APPEND is accepted, unless `refuse` is set and the client waits.
fn run(limits: Limits, lengths: &[usize], bytes: &[u8], refuse: bool) -> Vec<Seen> {
    let mut framer = Framer::new(limits);
    let mut seen = Vec::new();
    let mut rest = bytes;
    for length in lengths.iter().chain([&bytes.len()]).cycle() {
        if rest.is_empty() {
            break;
        }
        let (mut piece, after) = rest.split_at((*length).clamp(1, rest.len()));
        rest = after;
        while let (taken, Some(event)) = framer.feed(piece) {
            let (read, unread) = piece.split_at(taken);
            piece = unread;
            match event {
                Event::Message(length) => {
                    let bytes = &read[taken - length..];
                    match seen.last_mut() {
                        Some(Seen::Message(message)) => message.extend_from_slice(bytes),
                        _ => seen.push(Seen::Message(bytes.to_vec())),
                    }
                    continue;
                }
                Event::Append { asked: true, .. } if refuse => framer.refuse_append(),
                Event::Append { .. } => framer.accept_append(),
                Event::Close(_) => {
                    seen.push(Seen::Event(event));
                    return seen;
                }
                _ => {}
            }
            seen.push(Seen::Event(event));
        }
    }
    seen
}

//! ENVELOPE, BODY and BODYSTRUCTURE of awkward messages, ours beside those of Debian's Dovecot: what differs is listed in
//! `differences` with the RFC that says so, anything else fails.

#![cfg(test)]

mod compare;
mod corpus;
mod differences;
mod dovecot;
mod sections;
mod value;

use std::collections::HashMap;

use message::{IndexRecord, Limits, Scanner, index};
use value::Value;

use crate::{compare::Answer, corpus::Case, differences::Judge, dovecot::Dovecot};

/// How many messages the corpus has at least.
const MESSAGES: usize = 500;

/// How many sections are compared at least.
const SECTIONS: usize = 2000;

#[test]
fn listings_are_those_of_dovecot() {
    let cases = corpus::cases();
    assert!(cases.len() >= MESSAGES, "{}", cases.len());
    let mut dovecot = full(&cases);
    let mut judge = Judge::new();
    for (number, case) in (1..).zip(&cases) {
        let command = format!("FETCH {number} (RFC822.SIZE ENVELOPE BODY BODYSTRUCTURE)");
        let told = fetched(&dovecot.say(command.as_bytes()));
        let theirs = Answer {
            size: told["RFC822.SIZE"].clone(),
            envelope: told["ENVELOPE"].clone(),
            body: told["BODY"].clone(),
            bodystructure: told["BODYSTRUCTURE"].clone(),
        };
        judge.compare(case, &ours(&record(case)), &theirs);
    }
    judge.verdict();
}

/// In messages where both see the same parts, all but those with bare LF, of which Dovecot makes CRLF.
#[test]
fn sections_are_those_of_dovecot() {
    let cases: Vec<Case> = corpus::cases().into_iter().filter(|case| !has_bare_lf(case)).collect();
    let mut dovecot = full(&cases);
    let (mut compared, mut failures) = (0, Vec::new());
    for (number, case) in (1..).zip(&cases) {
        let record = record(case);
        let sections = sections::of(&record);
        let items: Vec<String> = sections.iter().map(|(name, _)| format!("BODY.PEEK[{name}]")).collect();
        let command = format!("FETCH {number} (BODYSTRUCTURE {})", items.join(" "));
        let told = fetched(&dovecot.say(command.as_bytes()));
        if !compare::same_parts(&Value::whole(&record.bodystructure), &told["BODYSTRUCTURE"]) {
            continue;
        }
        for (name, path) in &sections {
            let (ours, theirs) = (sections::read(&case.raw, &record, path), &told[&format!("BODY[{name}]")]);
            compared += 1;
            if !sections::agree(&ours, theirs) {
                failures.push(format!("{} [{name}]\n  ours   {ours:?}\n  theirs {theirs:?}", case.name));
            }
        }
    }
    assert!(failures.is_empty(), "{}\n{}", failures.len(), failures.join("\n"));
    assert!(compared >= SECTIONS, "{compared}");
}

/// Dovecot with these messages in its INBOX, selected.
fn full(cases: &[Case]) -> Dovecot {
    let mut dovecot = Dovecot::start();
    for case in cases {
        dovecot.append(&case.raw);
    }
    dovecot.say(b"SELECT INBOX");
    dovecot
}

fn has_bare_lf(case: &Case) -> bool {
    case.raw.windows(2).any(|pair| pair[1] == b'\n' && pair[0] != b'\r')
}

fn record(case: &Case) -> IndexRecord {
    let mut scanner = Scanner::new(Limits::default());
    scanner.feed(&case.raw).unwrap();
    let scanned = scanner.finish().unwrap();
    index(&scanned.header, &scanned)
}

/// What we would answer.
fn ours(record: &IndexRecord) -> Answer {
    Answer {
        size: Value::number(record.size),
        envelope: Value::whole(&record.envelope),
        body: Value::whole(&record.body),
        bodystructure: Value::whole(&record.bodystructure),
    }
}

/// The items of the one FETCH response, by name.
fn fetched(told: &[Vec<u8>]) -> HashMap<String, Value> {
    let is_fetch = |response: &&Vec<u8>| response.windows(7).any(|window| window == b"FETCH (");
    let response = told.iter().find(is_fetch).expect("a FETCH response");
    let start = response.windows(7).position(|window| window == b"FETCH (").unwrap() + b"FETCH ".len();
    let list = Value::whole(&response[start..]);
    let pairs = list.entries().chunks_exact(2).map(|pair| match &pair[0] {
        Value::Word(name) => (name.clone(), pair[1].clone()),
        other => panic!("not the name of an item: {other:?}"),
    });
    pairs.collect()
}

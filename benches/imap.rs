//! How fast IMAP reads commands: from bytes to a parsed command, beside copying the same bytes.
//!
//! May use: the wire of the crate. Must never become a test: nothing here passes or fails.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, unreachable_pub)]

mod measure;

use imap_wire::{Names, grammar};
use measure::{row, table};

const TIMES: usize = 10_000;

fn main() {
    one("NOOP", "a1 NOOP");
    one(
        "FETCH, as a phone asks",
        "A17 UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE BODY.PEEK[HEADER.FIELDS (References In-Reply-To)])",
    );
    one("SEARCH", "b2 UID SEARCH UNSEEN OR FROM \"cabinet\" SUBJECT \"compte rendu\" SINCE 1-Nov-2026");
    one("STORE with 300 ranges", &store());
}

fn store() -> String {
    let ranges: Vec<String> = (1..=300).map(|n| format!("{}:{}", n * 10, n * 10 + 4)).collect();
    format!("c3 UID STORE {} +FLAGS.SILENT (\\Seen)", ranges.join(","))
}

fn one(title: &str, command: &str) {
    let bytes = command.as_bytes();
    grammar::parse(bytes, Names::Utf7).unwrap();
    table(
        title,
        bytes.len() * TIMES,
        (TIMES, "command"),
        vec![
            row("copied", || (0..TIMES).map(|_| std::hint::black_box(bytes).to_vec().len()).sum::<usize>()),
            row("parsed", || {
                (0..TIMES)
                    .filter(|_| grammar::parse(std::hint::black_box(bytes), Names::Utf7).is_ok())
                    .count()
            }),
        ],
    );
}

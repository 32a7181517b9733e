//! Awkward messages, made of small pieces and always the same: what senders write, what old software writes, and what nobody
//! should write. None holds NUL: such a message is refused at entry.
//! May use nothing but a seeded random generator.

mod addresses;
mod by_hand;
mod fields;
mod trees;
mod types;

/// A message and what it is about, for whoever reads a failure.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) raw: Vec<u8>,
}

/// All of them.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for of in [addresses::cases, fields::cases, types::cases, by_hand::cases, trees::cases] {
        cases.extend(of());
    }
    cases
}

fn case(name: impl Into<String>, raw: impl Into<Vec<u8>>) -> Case {
    Case { name: name.into(), raw: raw.into() }
}

/// A message with these bytes as its header, without the blank line, and a short text.
fn with_header(name: impl Into<String>, header: &[u8]) -> Case {
    case(name, [header, b"\r\n\r\nline 1\r\nline 2\r\n"].concat())
}

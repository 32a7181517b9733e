//! ENABLE (RFC 5161 §3.1): capabilities, whatever they are called.

use super::cursor::{Cursor, Fault, Parsed};

/// Most capabilities in one ENABLE.
pub const ENABLE_WORDS: usize = 32;

/// The words, in upper case. Unknown ones are no fault (RFC 5161 §3.1): they are only not enabled.
pub(super) fn capabilities(cursor: &mut Cursor<'_>) -> Parsed<Vec<String>> {
    let mut words = Vec::new();
    while words.is_empty() || !cursor.at_end() {
        cursor.space()?;
        if words.len() == ENABLE_WORDS {
            return Err(Fault::other("at most 32 capabilities"));
        }
        let word = cursor.atom("a capability such as CONDSTORE")?;
        words.push(String::from_utf8_lossy(word).to_ascii_uppercase());
    }
    Ok(words)
}

//! The announcement of a literal at the end of a line: `{n}` or `{n+}` (RFC 3501 §4.3, RFC 7888).

/// A literal to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Announcement {
    /// Its length in bytes; saturated when more digits were written than a length can have.
    pub(super) size: u64,
    /// Whether the client waits for a continuation before it sends it.
    pub(super) asked: bool,
}

/// Reads the announcement a line ends with. Whatever comes before it is not looked at: a client that wrote it where no
/// literal is allowed still sends the bytes.
pub(super) fn announcement(line: &[u8]) -> Option<Announcement> {
    let inside = line.strip_suffix(b"}")?;
    let (digits, asked) = match inside.strip_suffix(b"+") {
        Some(digits) => (digits, false),
        None => (inside, true),
    };
    let start = digits.iter().rposition(|byte| !byte.is_ascii_digit())?;
    if digits.get(start) != Some(&b'{') || start + 1 == digits.len() {
        return None;
    }
    let size = digits
        .get(start + 1..)?
        .iter()
        .fold(0_u64, |size, digit| size.saturating_mul(10).saturating_add(u64::from(digit - b'0')));
    Some(Announcement { size, asked })
}

/// Whether the literal announced at the end of `command` is the message of an APPEND (RFC 3501 §6.3.11) rather than the
/// name of its mailbox: it is the second literal, or something stands between the word APPEND and it.
pub(super) fn is_append_message(command: &[u8], literals: usize) -> bool {
    let mut words = command.splitn(3, |&byte| byte == b' ');
    let (Some(_tag), Some(word), Some(rest)) = (words.next(), words.next(), words.next()) else {
        return false;
    };
    word.eq_ignore_ascii_case(b"APPEND") && (literals > 1 || rest.trim_ascii().contains(&b' '))
}

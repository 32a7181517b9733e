//! Strings of the IMAP wire (RFC 3501 §4.3): quoted where every byte may be, literals otherwise.
//!
//! May use: nothing. Writes into a buffer that goes to the client as it is.

/// Writes a string. NUL, which no string can hold, is dropped.
pub(super) fn string(out: &mut Vec<u8>, text: &[u8]) {
    if text.iter().all(|byte| byte.is_ascii() && !matches!(byte, b'\r' | b'\n' | 0)) {
        out.push(b'"');
        for byte in text {
            if matches!(byte, b'"' | b'\\') {
                out.push(b'\\');
            }
            out.push(*byte);
        }
        out.push(b'"');
        return;
    }
    let text: Vec<u8> = text.iter().copied().filter(|byte| *byte != 0).collect();
    out.extend_from_slice(format!("{{{}}}\r\n", text.len()).as_bytes());
    out.extend_from_slice(&text);
}

/// Writes a string or NIL.
pub(super) fn nstring(out: &mut Vec<u8>, text: Option<&[u8]>) {
    match text {
        Some(text) => string(out, text),
        None => out.extend_from_slice(b"NIL"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_or_literal() {
        let wire = |text: &[u8]| {
            let mut out = Vec::new();
            string(&mut out, text);
            out
        };
        assert_eq!(wire(b""), b"\"\"");
        assert_eq!(wire(b"a \"b\\"), b"\"a \\\"b\\\\\"");
        assert_eq!(wire("é".as_bytes()), "{2}\r\né".as_bytes());
        assert_eq!(wire(b"a\0\rb"), b"{3}\r\na\rb");
    }
}

//! What a sender asks about reports (RFC 3461), the same on both sides of the protocol.

use std::fmt;

/// What of a message a failure report returns (RFC 3461 §4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ret {
    /// The whole message.
    Full,
    /// Its header only.
    Headers,
}

impl fmt::Display for Ret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Ret::Full => "FULL",
            Ret::Headers => "HDRS",
        })
    }
}

/// When reports about a recipient are wanted (RFC 3461 §4.1); none at all is `NEVER`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Notify {
    /// When it was delivered.
    pub success: bool,
    /// When it was not.
    pub failure: bool,
    /// When it takes long.
    pub delay: bool,
}

impl fmt::Display for Notify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let asked = [(self.success, "SUCCESS"), (self.failure, "FAILURE"), (self.delay, "DELAY")];
        let asked: Vec<&str> = asked.into_iter().filter_map(|(is, name)| is.then_some(name)).collect();
        if asked.is_empty() { f.write_str("NEVER") } else { f.write_str(&asked.join(",")) }
    }
}

/// Text as xtext (RFC 3461 §4): what is not plain ASCII, `+` and `=` as `+XX`, byte by byte.
pub(crate) fn to_xtext(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_graphic() && byte != b'+' && byte != b'=' {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("+{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_written_as_rfc_3461_has_them() {
        let notify = |success, failure, delay| Notify { success, failure, delay }.to_string();
        assert_eq!(notify(false, false, false), "NEVER");
        assert_eq!(notify(true, true, true), "SUCCESS,FAILURE,DELAY");
        assert_eq!(notify(false, true, false), "FAILURE");
        assert_eq!(format!("{} {}", Ret::Full, Ret::Headers), "FULL HDRS");
        assert_eq!(to_xtext("a+b=c d\r\n\u{e9}<>"), "a+2Bb+3Dc+20d+0D+0A+C3+A9<>");
    }
}

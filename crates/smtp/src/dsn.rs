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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
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

/// The text that this xtext stands for; `None` if it is malformed. Lower case hexadecimal digits are forgiven; characters that are not ASCII
/// pass as they are, which the caller allows or not.
pub(crate) fn from_xtext(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = match byte {
            b'+' => {
                let (digits, after) = after.split_at_checked(2)?;
                decoded.push(hexadecimal(digits)?);
                after
            }
            b'!'..=b'~' if byte != b'=' => {
                decoded.push(byte);
                after
            }
            0x80.. => {
                decoded.push(byte);
                after
            }
            _ => return None,
        };
    }
    String::from_utf8(decoded).ok()
}

/// Replaces each `\x{HEX}` by its character (RFC 6533 §3); `None` if one is malformed.
pub(crate) fn from_unicode_names(text: &str) -> Option<String> {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\\x{") {
        let (digits, after) = after.split_once('}')?;
        let valid = (2..=6).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let code = valid.then(|| u32::from_str_radix(digits, 16).ok()).flatten()?;
        decoded.push_str(before);
        decoded.push(char::from_u32(code)?);
        rest = after;
    }
    decoded.push_str(rest);
    Some(decoded)
}

fn hexadecimal(digits: &[u8]) -> Option<u8> {
    let value = |digit: &u8| char::from(*digit).to_digit(16);
    match digits {
        [high, low] => u8::try_from(value(high)? * 16 + value(low)?).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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

    #[test]
    fn only_plus_and_equals_are_special() {
        assert_eq!(from_xtext("a+2Bb+3dc+20d").unwrap(), "a+b=c d");
        for bad in ["+", "+4", "a+G0", "a=b", "a b", "a\tb", "+FF", "+2\u{e9}"] {
            assert_eq!(from_xtext(bad), None, "{bad}");
        }
    }

    #[test]
    fn characters_beyond_ascii_have_a_name() {
        assert_eq!(from_unicode_names("a\\x{E9}\\x{1F600}b").unwrap(), "a\u{e9}\u{1f600}b");
        for bad in ["\\x{", "\\x{}", "\\x{1}", "\\x{D800}", "\\x{1234567}", "\\x{+E9}"] {
            assert_eq!(from_unicode_names(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_text_survives(text in "\\PC{0,60}") {
            prop_assert_eq!(from_xtext(&to_xtext(&text)), Some(text));
        }

        #[test]
        fn nothing_panics(text in "[+=\\\\x{}0-9A-F\u{e9}]{0,30}") {
            let _ = (from_xtext(&text), from_unicode_names(&text));
        }
    }
}

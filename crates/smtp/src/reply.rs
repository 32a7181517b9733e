//! A reply and its rendering (RFC 5321 §4.2, RFC 2034). What comes from outside can never start a line of its own here.

use std::{borrow::Cow, fmt};

/// Longest reply line, CR LF included (RFC 5321 §4.5.3.1.5).
const LINE: usize = 512;

/// What the server says: a code, an enhanced status code (RFC 3463) and one or more lines of text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    code: u16,
    status: Cow<'static, str>,
    lines: Vec<String>,
}

impl Reply {
    /// A reply of `code` (200 to 599), `status` ("5.7.1"; empty for none, as in the greeting) and lines of text, of any length
    /// and number: long ones are wrapped between words. Characters that are not printable ASCII are written as `?`.
    pub fn new<T: Into<String>>(
        code: u16,
        status: impl Into<Cow<'static, str>>,
        lines: impl IntoIterator<Item = T>,
    ) -> Self {
        Reply { code, status: status.into(), lines: lines.into_iter().map(Into::into).collect() }
    }

    /// The three-digit code.
    pub fn code(&self) -> u16 {
        self.code
    }

    /// The enhanced status code, empty when there is none.
    pub fn status(&self) -> &str {
        &self.status
    }

    /// The lines of text as given.
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// Appends the reply as it goes on the wire.
    pub fn render(&self, out: &mut Vec<u8>) {
        let head = self.head();
        let room = LINE - 2 - head.len().min(LINE / 2);
        let mut texts: Vec<String> =
            self.lines.iter().flat_map(|line| wrap(&printable(line), room)).collect();
        if texts.is_empty() {
            texts.push(String::new());
        }
        let last = texts.len() - 1;
        for (at, text) in texts.iter().enumerate() {
            let separator = if at == last { ' ' } else { '-' };
            let line = format!("{}{separator}{}{text}", self.code, head.get(4..).unwrap_or_default());
            out.extend_from_slice(line.as_bytes());
            out.extend_from_slice(b"\r\n");
        }
    }

    /// This reply if it refuses (class 4 or 5); otherwise one that says a local error: a refusal never reads as a success.
    pub(crate) fn refusal(self) -> Self {
        if (400..600).contains(&self.code) {
            return self;
        }
        Reply::new(451, "4.3.0", ["Local error in processing; try again later"])
    }

    fn head(&self) -> String {
        let status: String =
            self.status.chars().filter(|c| c.is_ascii_digit() || *c == '.').take(12).collect();
        if status.is_empty() { format!("{} ", self.code) } else { format!("{} {status} ", self.code) }
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.head(), self.lines.join(" / "))
    }
}

fn printable(text: &str) -> String {
    text.chars().map(|c| if c == ' ' || c.is_ascii_graphic() { c } else { '?' }).collect()
}

/// Cuts ASCII `text` into pieces of at most `room` bytes, between words where that is possible.
fn wrap(text: &str, room: usize) -> Vec<String> {
    let mut rest = text;
    let mut pieces = Vec::new();
    while let Some(head) = rest.get(..room).filter(|_| rest.len() > room) {
        let cut = head.rfind(' ').filter(|&at| at > 0).unwrap_or(room);
        let (piece, tail) = rest.split_at(cut);
        pieces.push(piece.to_owned());
        rest = tail.trim_start_matches(' ');
    }
    pieces.push(rest.to_owned());
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(reply: &Reply) -> String {
        let mut out = Vec::new();
        reply.render(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_line_carries_both_codes() {
        let reply = Reply::new(550, "5.7.1", ["english", "francais"]);
        assert_eq!(rendered(&reply), "550-5.7.1 english\r\n550 5.7.1 francais\r\n");
        assert_eq!(rendered(&Reply::new(354, "", ["Go on"])), "354 Go on\r\n");
        assert_eq!(rendered(&Reply::new(250, "2.0.0", Vec::<String>::new())), "250 2.0.0 \r\n");
    }

    #[test]
    fn no_text_starts_a_line_of_its_own() {
        let reply = Reply::new(550, "5.1.1", ["<a\r\n250 ok>\u{e9}\0"]);
        assert_eq!(rendered(&reply), "550 5.1.1 <a??250 ok>??\r\n");
        assert_eq!(rendered(&Reply::new(550, "5.1.1\r\n250 x", ["y"])), "550 5.1.1250 y\r\n");
    }

    #[test]
    fn lines_stay_within_512_octets() {
        for text in ["word ".repeat(400), "x".repeat(2_000)] {
            let reply = rendered(&Reply::new(550, "5.7.1", [text.trim_end()]));
            assert!(reply.split_inclusive("\r\n").all(|line| line.len() <= LINE && line.ends_with("\r\n")));
            let words: Vec<&str> = reply.lines().map(|line| &line[10..]).collect();
            assert!(words.concat().len() >= text.trim_end().len() - 4 && words.len() >= 4);
        }
    }

    #[test]
    fn a_refusal_is_never_a_success() {
        assert_eq!(Reply::new(250, "2.0.0", ["fine"]).refusal().code(), 451);
        assert_eq!(Reply::new(552, "5.3.4", ["big"]).refusal().code(), 552);
    }
}

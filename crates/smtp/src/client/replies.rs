//! The reader of replies (RFC 5321 §4.2): lines of a peer that is not trusted, cut anywhere, within limits. It gives whole replies and
//! nothing that is half-way; a line that is no reply is a fault, after which nothing can be believed.

use memchr::memchr2;

use super::Settings;
use crate::Reply;

/// Bytes that came and are not used yet.
#[derive(Debug)]
pub(super) struct Replies {
    line_limit: usize,
    lines_limit: usize,
    buffer: Vec<u8>,
    used: usize,
    begun: Option<Begun>,
}

/// A reply whose last line has not come.
#[derive(Debug)]
struct Begun {
    code: u16,
    lines: Vec<String>,
}

/// What is wrong with what came; the text is for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed(pub(super) &'static str);

impl Replies {
    pub(super) fn new(settings: &Settings) -> Self {
        Replies {
            line_limit: settings.reply_line,
            lines_limit: settings.reply_lines,
            buffer: Vec::new(),
            used: 0,
            begun: None,
        }
    }

    /// Adds bytes that came.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.used);
        self.used = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// Whether everything that came is used.
    pub(super) fn is_empty(&self) -> bool {
        self.used >= self.buffer.len() && self.begun.is_none()
    }

    /// The next whole reply, if it is there.
    pub(super) fn next(&mut self) -> Result<Option<Reply>, Malformed> {
        while let Some((code, last, text)) = self.line()? {
            let begun = self.begun.get_or_insert_with(|| Begun { code, lines: Vec::new() });
            if begun.code != code {
                return Err(Malformed("the lines of one reply have different codes"));
            }
            if begun.lines.len() >= self.lines_limit {
                return Err(Malformed("a reply has too many lines"));
            }
            begun.lines.push(text);
            if last {
                return Ok(self.begun.take().map(Begun::finish));
            }
        }
        Ok(None)
    }

    /// The next line: its code, whether it is the last of its reply, its text.
    fn line(&mut self) -> Result<Option<(u16, bool, String)>, Malformed> {
        let rest = self.buffer.get(self.used..).unwrap_or_default();
        let end = memchr2(b'\r', b'\n', rest);
        if end.unwrap_or(rest.len()) + 2 > self.line_limit {
            return Err(Malformed("a line of a reply is too long"));
        }
        let Some(end) = end else { return Ok(None) };
        match (rest.get(end), rest.get(end + 1)) {
            (Some(b'\r'), Some(b'\n')) => {}
            (Some(b'\r'), None) => return Ok(None),
            _ => return Err(Malformed("a line of a reply does not end with CR LF")),
        }
        let parsed = parse(rest.get(..end).unwrap_or_default());
        self.used += end + 2;
        parsed.map(Some).ok_or(Malformed("a line is no reply"))
    }
}

impl Begun {
    /// The reply; an enhanced status code (RFC 2034) that starts its lines is taken out of them.
    fn finish(self) -> Reply {
        let Begun { code, lines } = self;
        let Some(status) = lines.first().and_then(|line| status(code, line)).map(str::to_owned) else {
            return Reply::new(code, "", lines);
        };
        let bare = |line: &String| match line.strip_prefix(&status) {
            Some(rest) if rest.is_empty() || rest.starts_with(' ') => rest.trim_start().to_owned(),
            _ => line.clone(),
        };
        let lines: Vec<String> = lines.iter().map(bare).collect();
        Reply::new(code, status, lines)
    }
}

/// A line without its end: three digits, then a hyphen if more lines follow, a space before the text.
fn parse(line: &[u8]) -> Option<(u16, bool, String)> {
    let [a @ b'2'..=b'5', b @ b'0'..=b'9', c @ b'0'..=b'9', rest @ ..] = line else { return None };
    let code = [a, b, c].iter().fold(0, |code, digit| code * 10 + u16::from(**digit - b'0'));
    let (last, text) = match rest {
        [] => (true, rest),
        [b' ', text @ ..] => (true, text),
        [b'-', text @ ..] => (false, text),
        _ => return None,
    };
    // what is not printable ASCII would come back in logs and reports
    let shown = |&byte: &u8| if byte == b' ' || byte.is_ascii_graphic() { char::from(byte) } else { '?' };
    Some((code, last, text.iter().map(shown).collect()))
}

/// The enhanced status code at the start of a line, if its class is the code's (RFC 2034 §3).
fn status(code: u16, line: &str) -> Option<&str> {
    let word = line.split(' ').next()?;
    let mut parts = word.split('.');
    let class = parts.next()?;
    let number = |part: Option<&str>| {
        part.is_some_and(|part| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit()))
    };
    let whole = number(parts.next()) && number(parts.next()) && parts.next().is_none();
    (whole && class == (code / 100).to_string()).then_some(word)
}

#[cfg(test)]
mod tests;

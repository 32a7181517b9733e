//! One message of an mbox file, the variant called mboxrd: RFC 4155 says what a message begins with, and every line that is
//! `From ` behind any number of `>` gets one more, so that a reader can take it away again.

use std::io::{self, Write};

use jiff::{Timestamp, tz::TimeZone};
use store::{Flags, Salvaged, SystemFlag};

/// What begins a message, and must not begin a line of one.
const FROM: &[u8] = b"From ";

/// Writes a message, its flags in Status and X-Status, and the empty line behind it.
///
/// # Errors
/// What writing gives; `InvalidData` if its body does not open whole.
pub(super) fn write(message: &Salvaged<'_>, to: &mut impl Write) -> io::Result<()> {
    let (flags, date) = message.listing.clone().unwrap_or_default();
    writeln!(to, "From MAILER-DAEMON {}", asctime(date))?;
    let mut lines = Lines::new(to);
    let (fields, empty) = split_header(&message.header);
    lines.write(fields)?;
    lines.end_line()?;
    lines.write(status(&flags).as_bytes())?;
    lines.write(empty)?;
    message.read_body(&mut |piece| lines.write(piece))?;
    lines.finish()
}

/// The fields, and the empty line that ends them.
fn split_header(header: &[u8]) -> (&[u8], &[u8]) {
    let fields = header.strip_suffix(b"\r\n").unwrap_or(header);
    if fields.is_empty() || fields.ends_with(b"\r\n") { (fields, b"\r\n") } else { (header, b"\r\n") }
}

/// The time as RFC 4155 wants it: UTC, the shape of C's `asctime`.
fn asctime(seconds: i64) -> String {
    let at = Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH);
    at.to_zoned(TimeZone::UTC).strftime("%a %b %e %H:%M:%S %Y").to_string()
}

fn status(flags: &Flags) -> String {
    let seen = if flags.has(SystemFlag::Seen) { "RO" } else { "O" };
    let letters: String = [
        (SystemFlag::Answered, 'A'),
        (SystemFlag::Flagged, 'F'),
        (SystemFlag::Draft, 'T'),
        (SystemFlag::Deleted, 'D'),
    ]
    .into_iter()
    .filter_map(|(flag, letter)| flags.has(flag).then_some(letter))
    .collect();
    let mut text = format!("Status: {seen}\r\n");
    if !letters.is_empty() {
        text.push_str(&format!("X-Status: {letters}\r\n"));
    }
    let keywords: Vec<_> = flags.keywords().collect();
    if !keywords.is_empty() {
        text.push_str(&format!("X-Keywords: {}\r\n", keywords.join(" ")));
    }
    text
}

/// Lines on their way into an mbox: CRLF becomes LF, `From ` is quoted, wherever the pieces were cut.
struct Lines<'w, W> {
    to: &'w mut W,
    at: At,
    /// A CR that may be the first half of a line end.
    cr: bool,
}

/// Where in a line the next byte stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    /// At its beginning, behind `>` perhaps, and behind so many bytes of `From `.
    Start(usize),
    Within,
}

impl<'w, W: Write> Lines<'w, W> {
    fn new(to: &'w mut W) -> Self {
        Self { to, at: At::Start(0), cr: false }
    }

    fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        let mut rest = piece;
        while let Some((&byte, after)) = rest.split_first() {
            if std::mem::take(&mut self.cr) && byte != b'\n' {
                self.byte(b'\r')?;
            }
            // Most bytes are within a line: they go on together, up to what may end it.
            let plain = if self.at == At::Within {
                rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(rest.len())
            } else {
                0
            };
            if plain > 0 {
                let (line, behind) = rest.split_at(plain);
                self.to.write_all(line)?;
                rest = behind;
                continue;
            }
            if byte == b'\r' {
                self.cr = true;
            } else {
                self.byte(byte)?;
            }
            rest = after;
        }
        Ok(())
    }

    fn byte(&mut self, byte: u8) -> io::Result<()> {
        let At::Start(matched) = self.at else {
            if byte == b'\n' {
                self.at = At::Start(0);
            }
            return self.to.write_all(&[byte]);
        };
        if matched == 0 && byte == b'>' {
            return self.to.write_all(b">");
        }
        if FROM.get(matched) == Some(&byte) {
            self.at = At::Start(matched + 1);
            if matched + 1 < FROM.len() {
                return Ok(());
            }
            self.at = At::Within;
            self.to.write_all(b">")?;
            return self.to.write_all(FROM);
        }
        self.release(matched)?;
        self.at = if byte == b'\n' { At::Start(0) } else { At::Within };
        self.to.write_all(&[byte])
    }

    /// Lets go of what could have been `From `.
    fn release(&mut self, matched: usize) -> io::Result<()> {
        self.to.write_all(FROM.get(..matched).unwrap_or_default())
    }

    /// Ends the line that is open, if one is.
    fn end_line(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.cr) {
            self.byte(b'\r')?;
        }
        match self.at {
            At::Start(0) => return Ok(()),
            At::Start(matched) => self.release(matched)?,
            At::Within => {}
        }
        self.at = At::Start(0);
        self.to.write_all(b"\n")
    }

    fn finish(mut self) -> io::Result<()> {
        self.end_line()?;
        self.to.write_all(b"\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pieces: &[&[u8]]) -> String {
        let mut out = vec![];
        let mut lines = Lines::new(&mut out);
        for piece in pieces {
            lines.write(piece).unwrap();
        }
        lines.finish().unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn lines_that_look_like_the_next_message_are_quoted() {
        let text = b"From a\r\n>From b\r\n>>From c\r\nFrom\r\nFrome\r\n> From d\r\nx From e\r\nFro";
        let expected = ">From a\n>>From b\n>>>From c\nFrom\nFrome\n> From d\nx From e\nFro\n\n";
        assert_eq!(lines(&[text]), expected);
    }

    #[test]
    fn the_cut_of_the_pieces_changes_nothing() {
        let text: &[u8] = b"\r\nFrom a\r\r\n>Fr\rom b\n\r\nFrom \r\nFrom";
        let whole = lines(&[text]);
        assert_eq!(whole, "\n>From a\r\n>Fr\rom b\n\n>From \nFrom\n\n");
        for cut in 0..=text.len() {
            assert_eq!(lines(&[&text[..cut], &text[cut..]]), whole, "cut at {cut}");
        }
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(lines(&bytes), whole);
    }

    #[test]
    fn a_message_ends_with_an_empty_line_whatever_it_ends_with() {
        assert_eq!(lines(&[b"a\r\n"]), "a\n\n");
        assert_eq!(lines(&[b"a\r"]), "a\r\n\n");
        assert_eq!(lines(&[b""]), "\n");
    }

    #[test]
    fn the_first_line_has_the_time_in_utc() {
        assert_eq!(asctime(1_768_471_200), "Thu Jan 15 10:00:00 2026");
        assert_eq!(asctime(1_767_229_323), "Thu Jan  1 01:02:03 2026");
    }

    #[test]
    fn flags_are_written_as_mailers_read_them() {
        let mut flags = Flags::new().with(SystemFlag::Flagged).with(SystemFlag::Answered);
        assert_eq!(status(&flags), "Status: O\r\nX-Status: AF\r\n");
        flags.add_keyword("$Forwarded").unwrap();
        flags.set(SystemFlag::Seen, true);
        assert_eq!(status(&flags), "Status: RO\r\nX-Status: AF\r\nX-Keywords: $Forwarded\r\n");
    }
}

//! The messages: an attachment in base64 that no compression shortens, a header with a number of its own, so that each is another
//! message and each can be compared again when it comes out.
//!
//! Pure: the same number gives the same message.

use std::sync::OnceLock;

use crate::harness::{base64_lines, noise};

/// Different bodies of one size: made once, so that nothing is made while time is taken.
const BODIES: usize = 32;

/// How large a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    Kib4,
    Kib100,
}

impl Size {
    pub fn name(self) -> &'static str {
        match self {
            Size::Kib4 => "4 KiB",
            Size::Kib100 => "100 KiB",
        }
    }

    fn octets(self) -> usize {
        match self {
            Size::Kib4 => 4 * 1024,
            Size::Kib100 => 100 * 1024,
        }
    }

    /// What follows the header of message `number`, CRLF lines; none of them begins with a dot.
    pub fn body(self, number: usize) -> &'static str {
        static KIB4: OnceLock<Vec<String>> = OnceLock::new();
        static KIB100: OnceLock<Vec<String>> = OnceLock::new();
        let all = match self {
            Size::Kib4 => &KIB4,
            Size::Kib100 => &KIB100,
        };
        let make = |n: usize| base64_lines(&noise(self.octets() * 3 / 4, 7 + n as u64 * 0x9E37_79B9));
        &all.get_or_init(|| (0..BODIES).map(make).collect())[number % BODIES]
    }
}

/// The header of message `number` of a series, its blank line included. The number stands on top, so that what stands above it was
/// put there on the way.
pub fn header(series: usize, number: usize, from: &str, to: &str) -> String {
    format!(
        "Message-ID: <charge-{series}-{number}@poste.example>\r\nDate: Sat, 21 Nov 2026 10:00:00 +0100\r\nFrom: <{from}>\r\n\
         To: <{to}>\r\nSubject: Compte rendu {number}\r\nMIME-Version: 1.0\r\n\
         Content-Type: application/pdf; name=\"compte-rendu.pdf\"\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    )
}

/// The number that the message has in its series, whatever stands above its Message-ID.
pub fn number(message: &[u8]) -> Option<usize> {
    const MARK: &[u8] = b"Message-ID: <charge-";
    let at = message.windows(MARK.len()).position(|window| window == MARK)?;
    let text = message.get(at + MARK.len()..)?;
    let end = text.iter().position(|&octet| octet == b'@')?;
    let (_, number) = std::str::from_utf8(text.get(..end)?).ok()?.split_once('-')?;
    number.parse().ok()
}

/// That a message came out as it went in: its body octet by octet.
pub fn assert_whole(size: Size, message: &[u8]) {
    let number = number(message).expect("the message has its number");
    let end = message.windows(4).position(|window| window == b"\r\n\r\n").expect("a blank line") + 4;
    assert!(&message[end..] == size.body(number).as_bytes(), "message {number} is not what was sent");
}

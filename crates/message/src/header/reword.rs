//! A text field made to read otherwise by the smallest change of its bytes (S-3.4, M-6).
//!
//! May use: `words`. Must never touch: what the text means; the caller says what is cut and what must be left.

use crate::words;

/// Most times that a piece is cut out of one value; a text with more of them is written anew.
const MAX_CUTS: usize = 16;
/// Longest text that is written as it is, on one line, in bytes (RFC 5322 §2.1.1: 998 with the name).
const MAX_PLAIN: usize = 900;
/// The blanks that end a piece, as a value may write them: folded, plain, and the two of the Q encoding.
const BLANKS: [&[u8]; 4] = [b"\r\n ", b" ", b"_", b"=20"];

/// The value, line break included, changed so that it reads as `wanted`: by cutting `piece` and one blank after it, in
/// any case, as often as it takes and from the front; else by writing it anew.
pub(super) fn reworded(value: &[u8], piece: &str, wanted: &str) -> Vec<u8> {
    cut(value, piece, wanted).unwrap_or_else(|| {
        let end = line_break(value);
        [b" ", written(wanted).as_bytes(), end].concat()
    })
}

fn cut(value: &[u8], piece: &str, wanted: &str) -> Option<Vec<u8>> {
    let mut left = value.to_vec();
    for _ in 0..MAX_CUTS {
        let start = position(&left, piece.as_bytes())?;
        let after = left.get(start + piece.len()..)?;
        let blank = BLANKS.iter().find(|blank| after.starts_with(blank))?.len();
        left.drain(start..start + piece.len() + blank);
        if words::decode(&left).trim_start() == wanted.trim_start() {
            return is_sound(&left).then_some(left);
        }
    }
    None
}

fn position(text: &[u8], piece: &[u8]) -> Option<usize> {
    text.windows(piece.len().max(1)).position(|window| window.eq_ignore_ascii_case(piece))
}

/// Whether no encoded word was emptied and no folded line left blank: other readers stumble over both.
fn is_sound(value: &[u8]) -> bool {
    let upper = value.to_ascii_uppercase();
    let emptied = [&b"?Q??="[..], b"?B??="].iter().any(|word| memchr::memmem::find(&upper, word).is_some());
    let body = value.strip_suffix(line_break(value)).unwrap_or(value);
    !emptied && body.split(|byte| *byte == b'\n').skip(1).all(|line| !line.trim_ascii().is_empty())
}

fn line_break(value: &[u8]) -> &[u8] {
    let length = if value.ends_with(b"\r\n") { 2 } else { usize::from(value.ends_with(b"\n")) };
    value.get(value.len() - length..).unwrap_or_default()
}

fn written(text: &str) -> String {
    let plain = text.len() <= MAX_PLAIN && text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if plain && words::decode(text.as_bytes()) == text { text.to_owned() } else { words::encode(text) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn made(value: &str, wanted: &str) -> String {
        String::from_utf8(reworded(value.as_bytes(), "#med#", wanted)).unwrap()
    }

    #[test]
    fn the_piece_alone_is_cut_where_it_can_be() {
        for (value, wanted, left) in [
            (" #med# test\r\n", "test", " test\r\n"),
            (" Re: #MED# test\r\n", "Re: test", " Re: test\r\n"),
            ("\r\n #med# test\r\n", "test", "\r\n test\r\n"),
            (" #med#\r\n test\r\n", "test", " test\r\n"),
            (" Re: #med# TR: #med# a\r\n", "Re: TR: a", " Re: TR: a\r\n"),
            (" #med# un #med# deux", "un #med# deux", " un #med# deux"),
            (
                " =?utf-8?Q?#med#_r=C3=A9?=\r\n =?utf-8?q?sultat?=\n",
                "résultat",
                " =?utf-8?Q?r=C3=A9?=\r\n =?utf-8?q?sultat?=\n",
            ),
            (" =?latin1?Q?Re:_#med#=20=E9?=\r\n", "Re: é", " =?latin1?Q?Re:_=E9?=\r\n"),
            ("#med# =?utf-8?B?w6k=?=\r\n", "é", "=?utf-8?B?w6k=?=\r\n"),
        ] {
            assert_eq!(made(value, wanted), left, "{value}");
        }
    }

    #[test]
    fn what_cannot_be_cut_is_written_anew() {
        for (value, wanted, left) in [
            (" =?utf-8?B?I21lZCMgYQ==?=\r\n", "a", " a\r\n"),
            (" =?utf-8?Q?=23med=23_r=C3=A9?=\r\n", "ré", " =?utf-8?Q?r=C3=A9?=\r\n"),
            (" =?utf-8?Q?#med#_?= =?utf-8?Q?a?=\r\n", "a", " a\r\n"),
            (" =?utf-8?Q?#med#?= a\r\n", "a", " a\r\n"),
            ("\r\n #med# \r\n a\r\n", "a", " a\r\n"),
            (
                " #med# =?utf-8?Q?=3D=3Futf-8=3FQ=3Fx=3F=3D?=",
                "=?utf-8?Q?x?=",
                " =?utf-8?Q?=3D=3Futf-8=3FQ=3Fx=3F=3D?=",
            ),
            (" #med#  x #med# y", "x y", "  x y"),
            (" nothing\r\n", "", " \r\n"),
        ] {
            assert_eq!(made(value, wanted), left, "{value}");
        }
        let many = "#med# ".repeat(MAX_CUTS + 1);
        assert_eq!(made(&format!(" {many}a"), "a"), " a");
    }

    proptest! {
        #[test]
        fn it_reads_as_wanted_and_stays_one_field(value in "[ #medéQ=?_0-9\r\n\t-]{0,40}", wanted in "[ -~é€=?_]{0,200}") {
            let left = reworded(value.as_bytes(), "#med#", &wanted);
            let read = words::decode(&left);
            prop_assert_eq!(read.trim(), wanted.trim());
        }
    }
}

//! Cutting a header block into fields (RFC 5322 §2.2), leniently.
//!
//! May use: nothing. Every byte of the block belongs to exactly one field, opaque line or the blank line.

use std::ops::Range;

/// A field, or a run of lines that are none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field {
    /// Offsets of all of it, final line break included.
    pub(super) whole: Range<usize>,
    /// Length of the name; 0 for opaque lines.
    pub(super) name: usize,
    /// Where the value starts, just after the colon.
    pub(super) value: usize,
}

/// Cuts `raw` into fields. Gives them and the range of the blank line (empty, at the end, if there is none).
pub(super) fn fields(raw: &[u8]) -> (Vec<Field>, Range<usize>) {
    let mut fields: Vec<Field> = Vec::new();
    let mut at = 0;
    while at < raw.len() {
        let rest = raw.get(at..).unwrap_or_default();
        let end = memchr::memchr(b'\n', rest).map_or(raw.len(), |newline| at + newline + 1);
        let line = raw.get(at..end).unwrap_or_default();
        if matches!(line, b"\r\n" | b"\n") {
            return (fields, at..end);
        }
        let continues = line.starts_with(b" ") || line.starts_with(b"\t");
        let name = if continues { None } else { name_length(line) };
        match (name, fields.last_mut()) {
            (None, Some(last)) if continues || last.name == 0 => last.whole.end = end,
            (None, _) => fields.push(Field { whole: at..end, name: 0, value: at }),
            (Some((name, colon)), _) => fields.push(Field { whole: at..end, name, value: at + colon + 1 }),
        }
        at = end;
    }
    (fields, raw.len()..raw.len())
}

/// The values of the fields of this name, in any case, as [`fields`] would cut them; nothing is kept of the others.
pub(super) fn named<'b>(raw: &'b [u8], name: &'b str) -> impl Iterator<Item = &'b [u8]> {
    let mut rest = raw;
    std::iter::from_fn(move || {
        while !rest.is_empty() && !matches!(rest, [b'\n', ..] | [b'\r', b'\n', ..]) {
            let (line, after) = rest.split_at(line_end(rest));
            rest = after;
            let Some(value) = value_of(line, name.as_bytes()) else { continue };
            let mut length = value.len();
            while let [b' ' | b'\t', ..] = rest {
                let end = line_end(rest);
                length += end;
                rest = rest.get(end..).unwrap_or_default();
            }
            let start = raw.len() - rest.len() - length;
            return raw.get(start..start + length);
        }
        None
    })
}

/// Where the first line ends, its line break included.
fn line_end(rest: &[u8]) -> usize {
    memchr::memchr(b'\n', rest).map_or(rest.len(), |newline| newline + 1)
}

/// What follows the colon, if the line starts a field of this name.
fn value_of<'b>(line: &'b [u8], name: &[u8]) -> Option<&'b [u8]> {
    let (start, rest) = line.split_at_checked(name.len())?;
    let rest = start.eq_ignore_ascii_case(name).then(|| rest.trim_ascii_start())?;
    let value = rest.strip_prefix(b":")?;
    // A name that no line can start with: blanks or a colon in it, or nothing at all.
    name_length(line).filter(|(length, _)| *length == name.len()).map(|_| value)
}

/// Length of the field name that the line starts with, and offset of its colon; blanks between them are the
/// obsolete syntax (RFC 5322 §4.5).
fn name_length(line: &[u8]) -> Option<(usize, usize)> {
    let colon = memchr::memchr(b':', line)?;
    let name = line.get(..colon)?.trim_ascii_end();
    (!name.is_empty() && name.iter().all(u8::is_ascii_graphic)).then_some((name.len(), colon))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_fields_foldings_and_oddities() {
        let raw = b"From joe Mon\r\nodd\r\nA: 1\r\n\t2\r\nB :3\n\r\nbody: x";
        let (fields, blank) = fields(raw);
        let pieces: Vec<(&[u8], &[u8])> = fields
            .iter()
            .map(|field| {
                (&raw[field.whole.start..field.whole.start + field.name], &raw[field.value..field.whole.end])
            })
            .collect();
        assert_eq!(
            pieces,
            [(&b""[..], &b"From joe Mon\r\nodd\r\n"[..]), (b"A", b" 1\r\n\t2\r\n"), (b"B", b"3\n"),]
        );
        assert_eq!(&raw[blank], b"\r\n");
    }

    proptest::proptest! {
        #[test]
        fn named_fields_are_those_among_all(raw in "([aAb:x \t]{0,3}:?[ :a]{0,3}\r?\n?){0,12}", name in "[aAb: ]{0,2}") {
            let (fields, _) = fields(raw.as_bytes());
            let all: Vec<&[u8]> = fields
                .iter()
                .filter(|field| field.name > 0)
                .filter(|field| raw[field.whole.start..field.whole.start + field.name].eq_ignore_ascii_case(&name))
                .map(|field| &raw.as_bytes()[field.value..field.whole.end])
                .collect();
            proptest::prop_assert_eq!(named(raw.as_bytes(), &name).collect::<Vec<_>>(), all);
        }

        #[test]
        fn every_byte_has_its_place(raw in "[ \ta:\r\n-]{0,60}") {
            let (fields, blank) = fields(raw.as_bytes());
            let mut at = 0;
            for field in fields {
                proptest::prop_assert_eq!(field.whole.start, at);
                proptest::prop_assert!(field.value <= field.whole.end);
                at = field.whole.end;
            }
            proptest::prop_assert_eq!(blank.start, at);
        }
    }
}

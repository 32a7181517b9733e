//! Edits of a header block that leave every byte alone that they do not name (M-6, S-3.5).
//!
//! May use: the parsed header. Edits are collected and applied once, so they cannot disturb each other's offsets.

use std::collections::BTreeMap;

use super::{
    Header,
    address::{Entries, Entry},
    reword,
};
use crate::words;

/// Changes to a header block.
pub struct Editor<'a> {
    header: &'a Header,
    top: Vec<u8>,
    bottom: Vec<u8>,
    removed: Vec<bool>,
    /// Replacements by the offset where they start: where they end, and what stands there instead.
    replaced: BTreeMap<usize, (usize, Vec<u8>)>,
}

impl<'a> Editor<'a> {
    pub(super) fn new(header: &'a Header) -> Self {
        let removed = vec![false; header.fields.len()];
        Self { header, top: Vec::new(), bottom: Vec::new(), removed, replaced: BTreeMap::new() }
    }

    /// Puts a field on top of the block (a later call lands above). Takes the value without its final line break; folded
    /// lines are kept, any other line break becomes a blank, so that a value can never become a second field. What is no
    /// visible ASCII in `name` is dropped.
    pub fn prepend(&mut self, name: &str, value: &str) {
        self.top.splice(0..0, written(name, value));
    }

    /// Gives the first field of this name another value and drops its namesakes; a block without one gets it as its last field.
    /// Takes the value as [`prepend`](Self::prepend) does.
    pub fn set(&mut self, name: &str, value: &str) {
        let mut known = false;
        for (field, removed) in self.header.fields.iter().zip(&mut self.removed) {
            if !self.header.is_named(field, name) {
                continue;
            }
            if known {
                *removed = true;
            } else {
                let value = format!(" {}\r\n", contained(value));
                self.replaced.insert(field.value, (field.whole.end, value.into_bytes()));
            }
            known = true;
        }
        if !known {
            self.bottom.extend(written(name, value));
        }
    }

    /// Drops every field of this name that the parsed block has; fields prepended stay.
    pub fn remove(&mut self, name: &str) {
        for (field, removed) in self.header.fields.iter().zip(&mut self.removed) {
            *removed |= self.header.is_named(field, name);
        }
    }

    /// Drops the fields of this name whose value, unfolded, is unwanted.
    pub fn remove_where(&mut self, name: &str, unwanted: &dyn Fn(&str) -> bool) {
        for (field, removed) in self.header.fields.iter().zip(&mut self.removed) {
            if self.header.is_named(field, name) {
                let value = words::unfold(self.header.value(field));
                *removed |= unwanted(&String::from_utf8_lossy(&value));
            }
        }
    }

    /// Offers each addr-spec of the named fields to `f`, without comments or folding; where it answers, exactly the bytes of
    /// the addr-spec are replaced by the answer (control characters dropped), unless that is what stood there. Display names,
    /// groups, comments around and folding stay.
    pub fn map_addresses(&mut self, names: &[&str], f: &mut dyn FnMut(&str) -> Option<String>) {
        for field in &self.header.fields {
            if !names.iter().any(|name| self.header.is_named(field, name)) {
                continue;
            }
            for entry in Entries::new(self.header.value(field)) {
                let Entry::Mailbox(spot) = entry else { continue };
                let spec = spot.spec();
                if spec.is_empty() {
                    continue;
                }
                let spec = String::from_utf8_lossy(&spec);
                let Some(new) = f(&spec).filter(|new| *new != spec) else { continue };
                let new: String = new.chars().filter(|c| !c.is_control()).collect();
                let range = spot.range();
                self.replaced.insert(field.value + range.start, (field.value + range.end, new.into_bytes()));
            }
        }
    }

    /// Makes every text field of this name read as `wanted`, by cutting `piece` and one blank after it out of its bytes
    /// where that is enough, encoded words and folding left alone; else by writing the value anew (RFC 2047).
    pub fn cut_text(&mut self, name: &str, piece: &str, wanted: &str) {
        for field in self.header.fields.iter().filter(|field| self.header.is_named(field, name)) {
            let new = reword::reworded(self.header.value(field), piece, wanted);
            self.replaced.insert(field.value, (field.whole.end, new));
        }
    }

    /// The edited block.
    pub fn finish(self) -> Vec<u8> {
        let raw = self.header.raw();
        let mut out = self.top;
        out.reserve(raw.len());
        for (field, removed) in self.header.fields.iter().zip(&self.removed) {
            if *removed {
                continue;
            }
            let mut at = field.whole.start;
            for (start, (end, new)) in self.replaced.range(field.whole.clone()) {
                out.extend_from_slice(raw.get(at..*start).unwrap_or_default());
                out.extend_from_slice(new);
                at = *end;
            }
            out.extend_from_slice(raw.get(at..field.whole.end).unwrap_or_default());
        }
        if !self.bottom.is_empty() && !out.is_empty() && !out.ends_with(b"\n") {
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(&self.bottom);
        out.extend_from_slice(raw.get(self.header.blank.clone()).unwrap_or_default());
        out
    }
}

/// A field, line break included.
fn written(name: &str, value: &str) -> Vec<u8> {
    let mut field: Vec<u8> = name.bytes().filter(|byte| byte.is_ascii_graphic() && *byte != b':').collect();
    field.extend_from_slice(b": ");
    field.extend_from_slice(contained(value).as_bytes());
    field.extend_from_slice(b"\r\n");
    field
}

/// The value with only such line breaks as are folding: CRLF before a blank, with something on the line that follows.
fn contained(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for (number, line) in value.split("\r\n").enumerate() {
        let folds = line.starts_with([' ', '\t']) && !line.trim().is_empty();
        if number > 0 {
            out.push_str(if folds { "\r\n" } else { " " });
        }
        out.push_str(&line.replace(['\r', '\n', '\0'], " "));
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mapped(raw: &str, from: &str, to: &str) -> String {
        let header = Header::parse(raw.as_bytes());
        let mut edit = header.edit();
        edit.map_addresses(&["From", "Reply-To"], &mut |spec| (spec == from).then(|| to.to_owned()));
        String::from_utf8(edit.finish()).unwrap()
    }

    #[test]
    fn only_the_address_changes() {
        let raw = "FROM : =?utf-8?Q?Jean_D?= (a@b)\r\n\t<a@b>,G: \"a@b\" <a@b> (x) ;\r\nTo: a@b\r\nreply-to:a@b\r\n\r\n";
        let want = "FROM : =?utf-8?Q?Jean_D?= (a@b)\r\n\t<long@c.d>,G: \"a@b\" <long@c.d> (x) ;\r\nTo: a@b\r\nreply-to:long@c.d\r\n\r\n";
        assert_eq!(mapped(raw, "a@b", "long@c.d"), want);
    }

    #[test]
    fn quoted_and_folded_addresses() {
        assert_eq!(mapped("From: \"a b\"@c\r\n", "\"a b\"@c", "x@y"), "From: x@y\r\n");
        assert_eq!(mapped("From: <a\r\n @b>\r\n", "a@b", "x@y"), "From: <x@y>\r\n");
        assert_eq!(mapped("From: J <>, a@b\r\n", "", "x@y"), "From: J <>, a@b\r\n");
        assert_eq!(mapped("From: a@b", "a@b", "x@y\r\nBcc: z"), "From: x@yBcc: z");
    }

    #[test]
    fn prepends_and_removes() {
        let header = Header::parse(b"A: 1\r\nB: 2\r\n 3\r\nodd\r\nb: 4\r\n\r\n");
        let mut edit = header.edit();
        edit.prepend("X", "one\r\n\ttwo");
        edit.remove("B");
        edit.prepend("B", "safe\r\nEvil: yes\n\r\n \r\n");
        assert_eq!(
            String::from_utf8(edit.finish()).unwrap(),
            "B: safe Evil: yes     \r\nX: one\r\n\ttwo\r\nA: 1\r\nodd\r\n\r\n".replace("yes     ", "yes    ")
        );
    }

    #[test]
    fn sets_one_field_and_leaves_the_others() {
        let set = |raw: &str| {
            let header = Header::parse(raw.as_bytes());
            let mut edit = header.edit();
            edit.set("X", "new");
            String::from_utf8(edit.finish()).unwrap()
        };
        assert_eq!(
            set("A: 1\r\nx : old\r\n more\r\nB: 2\r\nX: again\r\n\r\n"),
            "A: 1\r\nx : new\r\nB: 2\r\n\r\n"
        );
        assert_eq!(set("A: 1\r\n\r\n"), "A: 1\r\nX: new\r\n\r\n");
        assert_eq!(set("A: 1"), "A: 1\r\nX: new\r\n");
        assert_eq!(set("\r\n"), "X: new\r\n\r\n");
    }

    fn block() -> impl Strategy<Value = String> {
        let name = prop::sample::select(vec!["From", "reply-to", "To", "Subject ", "odd line", " folded"]);
        let value = "[ab@.<>,;:\"\\\\() \t=?é-]{0,24}";
        let line = (name, value, prop::sample::select(vec!["\r\n", "\n", "\r\n\t"]));
        prop::collection::vec(line, 0..8).prop_map(|lines| {
            lines.into_iter().map(|(name, value, end)| format!("{name}:{value}{end}")).collect()
        })
    }

    proptest! {
        #[test]
        fn no_change_is_byte_identical(raw in block()) {
            let header = Header::parse(raw.as_bytes());
            let mut edit = header.edit();
            edit.map_addresses(&["From", "Reply-To"], &mut |spec| Some(spec.to_owned()));
            prop_assert_eq!(edit.finish(), header.raw());
        }

        #[test]
        fn only_touched_spans_change(raw in block()) {
            let header = Header::parse(raw.as_bytes());
            let mut edit = header.edit();
            edit.map_addresses(&["From"], &mut |_| Some("\u{1F4E8}".to_owned()));
            let edited = String::from_utf8(edit.finish()).unwrap();
            // What stands between the replacements must be found in the original, in order and up to both ends.
            let mut pieces = edited.split('\u{1F4E8}');
            let raw = std::str::from_utf8(header.raw()).unwrap();
            let mut rest = raw.strip_prefix(pieces.next().unwrap()).expect("the start is untouched");
            let pieces: Vec<&str> = pieces.collect();
            for (number, piece) in pieces.iter().enumerate() {
                if number + 1 == pieces.len() {
                    prop_assert!(rest.ends_with(piece));
                } else {
                    let at = rest.find(piece).expect("a piece between replacements is untouched");
                    rest = &rest[at + piece.len()..];
                }
            }
        }
    }
}

//! Header blocks: parsed into byte ranges, so that reading keeps the sender's bytes and editing touches nothing else.
//!
//! May use: `words`. Knows nothing of MIME bodies.

pub(crate) mod address;
mod edit;
mod parse;
mod reword;

pub use edit::Editor;

use std::{borrow::Cow, fmt, ops::Range};

use address::{Entries, Entry};

use crate::{decode::Encoding, mime::MimeInfo, words};

/// A parsed header block: the raw bytes and where its fields are (RFC 5322 §2.2).
#[derive(Clone)]
pub struct Header {
    raw: Vec<u8>,
    fields: Vec<parse::Field>,
    blank: Range<usize>,
}

/// A mailbox of an address field (RFC 5322 §3.4).
#[derive(Clone, PartialEq, Eq)]
pub struct Mailbox {
    /// Display name, decoded; a comment beside a bare address counts as one.
    pub name: Option<String>,
    /// addr-spec, without comments or folding, local part quoted as it was. Text without `@` is given as it is.
    pub address: String,
}

impl Header {
    /// Parses a header block, with or without its blank line; what follows the blank line is cut off. Never fails:
    /// lines that are no field are kept as opaque lines.
    pub fn parse(raw: &[u8]) -> Self {
        let (fields, blank) = parse::fields(raw);
        Self { raw: raw.get(..blank.end).unwrap_or(raw).to_vec(), fields, blank }
    }

    /// The block as it was given, blank line included if it had one.
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// How many fields have this name, in any case.
    pub fn count(&self, name: &str) -> usize {
        self.values(name).count()
    }

    /// The subject: first Subject field, unfolded, encoded words decoded (RFC 2047).
    pub fn subject(&self) -> Option<String> {
        self.text("Subject")
    }

    /// The first field of this name as unstructured text: unfolded, encoded words decoded. Line breaks and NUL that
    /// encoded words hide become blanks.
    pub fn text(&self, name: &str) -> Option<String> {
        self.values(name).next().map(words::decode)
    }

    /// Whether the transfer encoding that is named is one that can be undone, or none is named (RFC 2045 §6).
    pub fn has_known_encoding(&self) -> bool {
        MimeInfo::parse(self, false).encoding.is_none_or(|name| Encoding::is_known(&name))
    }

    /// All mailboxes of all fields of this name, groups flattened, in order.
    pub fn addresses(&self, name: &str) -> Vec<Mailbox> {
        let entries = self.values(name).flat_map(Entries::new);
        entries
            .filter_map(|entry| match entry {
                Entry::Mailbox(spot) => Some(Mailbox {
                    name: spot.name().map(|name| words::decode(&name)),
                    address: String::from_utf8_lossy(&spot.spec()).into_owned(),
                }),
                Entry::GroupStart(_) | Entry::GroupEnd => None,
            })
            .collect()
    }

    /// All message identifiers of all fields of this name, with their angle brackets. A value without brackets and blanks
    /// is taken as one identifier and given brackets.
    pub fn message_ids(&self, name: &str) -> Vec<String> {
        self.values(name).flat_map(|value| identifiers(&words::unfold(value))).collect()
    }

    /// How many Received fields there are (RFC 5321 §6.3, loops).
    pub fn received_count(&self) -> usize {
        self.count("Received")
    }

    /// Starts an edit of this block.
    pub fn edit(&self) -> Editor<'_> {
        Editor::new(self)
    }

    /// The raw values of all fields of this name, in order.
    pub(crate) fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.fields.iter().filter(move |field| self.is_named(field, name)).map(|field| self.value(field))
    }

    /// Every field with its name, whole, final line break included; lines that are no field are not given.
    pub(crate) fn whole_fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let fields = self.fields.iter().filter(|field| field.name > 0);
        fields.map(|field| (self.name(field), self.raw.get(field.whole.clone()).unwrap_or_default()))
    }

    fn is_named(&self, field: &parse::Field, name: &str) -> bool {
        field.name > 0 && self.name(field).eq_ignore_ascii_case(name.as_bytes())
    }

    fn name(&self, field: &parse::Field) -> &[u8] {
        self.raw.get(field.whole.start..field.whole.start + field.name).unwrap_or_default()
    }

    fn value(&self, field: &parse::Field) -> &[u8] {
        self.raw.get(field.value..field.whole.end).unwrap_or_default()
    }
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Header").field("bytes", &self.raw.len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mailbox")
    }
}

/// The texts of all fields of this name in a header block, in any case and in order, each as [`Header::text`] gives the first.
/// Keeps nothing of the other fields: for whoever looks through many headers.
pub fn field_texts<'b>(block: &'b [u8], name: &'b str) -> impl Iterator<Item = Cow<'b, str>> {
    parse::named(block, name).map(words::text)
}

/// The fields of a header block that IMAP's `HEADER.FIELDS` (or, with `not`, `HEADER.FIELDS.NOT`) asks for, byte-exact and in order,
/// followed by the blank line if the block has one (RFC 3501 §6.4.5). Opaque lines have no name: only `not` gives them.
pub fn filter_fields<N: AsRef<str>>(block: &[u8], names: &[N], not: bool) -> Vec<u8> {
    let (fields, blank) = parse::fields(block);
    let mut out = Vec::new();
    for field in fields {
        let name = block.get(field.whole.start..field.whole.start + field.name).unwrap_or_default();
        let wanted =
            !name.is_empty() && names.iter().any(|want| name.eq_ignore_ascii_case(want.as_ref().as_bytes()));
        if wanted != not {
            out.extend_from_slice(block.get(field.whole).unwrap_or_default());
        }
    }
    out.extend_from_slice(block.get(blank).unwrap_or_default());
    out
}

fn identifiers(value: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = value;
    while let Some(open) = memchr::memchr(b'<', rest) {
        rest = rest.get(open..).unwrap_or_default();
        let Some(close) = memchr::memchr(b'>', rest) else { break };
        let (id, after) = rest.split_at(close + 1);
        // Folding may have cut an identifier in two.
        let id: Vec<u8> = id.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
        found.push(String::from_utf8_lossy(&id).into_owned());
        rest = after;
    }
    if found.is_empty()
        && !value.is_empty()
        && !value.iter().any(|byte| byte.is_ascii_whitespace() || *byte == b'<')
    {
        found.push(format!("<{}>", String::from_utf8_lossy(value)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const RAW: &[u8] = b"Received: a\r\nreceived: b\r\nSubject: =?utf-8?Q?#med#_=C3=A9?=\r\n\tcho\r\n\
        To: A <a@b>, G: c@d;\r\nTO: e@f\r\nodd line\r\nReferences: <a@b>\r\n <c@\r\n d>\r\nMessage-ID: bare@id\r\n\r\n";

    #[test]
    fn reads() {
        let header = Header::parse(&[RAW, b"Subject: not me\r\n"].concat());
        assert_eq!(header.raw(), RAW);
        assert_eq!(header.received_count(), 2);
        assert_eq!(header.count("subject"), 1);
        assert_eq!(header.subject().unwrap(), "#med# é\tcho");
        let to: Vec<String> = header.addresses("To").into_iter().map(|mailbox| mailbox.address).collect();
        assert_eq!(to, ["a@b", "c@d", "e@f"]);
        assert_eq!(header.addresses("To")[0].name.as_deref(), Some("A"));
        assert_eq!(header.message_ids("References"), ["<a@b>", "<c@d>"]);
        assert_eq!(header.message_ids("Message-ID"), ["<bare@id>"]);
        assert_eq!(header.text("Absent"), None);
        assert_eq!(field_texts(RAW, "TO").collect::<Vec<_>>(), ["A <a@b>, G: c@d;", "e@f"]);
        assert_eq!(field_texts(RAW, "subject").collect::<Vec<_>>(), ["#med# é\tcho"]);
    }

    #[test]
    fn debug_shows_no_content() {
        let header = Header::parse(b"Subject: secret\r\nFrom: secret@x\r\n\r\n");
        assert!(!format!("{header:?}{:?}", header.addresses("From")).contains("secret"));
    }

    #[test]
    fn filters_byte_exact() {
        let block = b"A: 1\r\n 2\r\nodd\r\nB:3\r\na : 4\r\n\r\n";
        assert_eq!(filter_fields(block, &["a"], false), b"A: 1\r\n 2\r\na : 4\r\n\r\n");
        assert_eq!(filter_fields(block, &["a"], true), b"odd\r\nB:3\r\n\r\n");
        assert_eq!(filter_fields(b"A: 1", &["a"], false), b"A: 1");
        assert_eq!(filter_fields::<&str>(block, &[], false), b"\r\n");
    }

    proptest::proptest! {
        #[test]
        fn never_panics(raw: Vec<u8>) {
            let header = Header::parse(&raw);
            for name in ["From", "a"] {
                let _ = (header.addresses(name), header.message_ids(name), header.text(name), header.count(name));
            }
            proptest::prop_assert_eq!(filter_fields::<&str>(&raw, &[], true), header.raw());
        }

        #[test]
        fn hostile_values_never_panic(value in "[-=?_a-fQBqb0-9<>@,:;\"\\\\() \t\r\n\u{e9}]{0,80}") {
            let header = Header::parse(format!("X: {value}").as_bytes());
            let _ = (header.addresses("X"), header.message_ids("X"), header.text("X"));
        }
    }
}

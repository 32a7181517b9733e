//! Header blocks: parsed into byte ranges, so that reading copies nothing and editing touches nothing else.
//!
//! May use: `words`, `decode`. Knows nothing of MIME bodies.

/// A parsed header block: the raw bytes and where its fields are (RFC 5322 §2.2).
#[derive(Clone)]
pub struct Header {
    raw: Vec<u8>,
}

/// A mailbox of an address field (RFC 5322 §3.4).
#[derive(Clone, PartialEq, Eq)]
pub struct Mailbox {
    /// Display name, decoded; a comment after a bare address counts as one.
    pub name: Option<String>,
    /// addr-spec, without comments or folding, local part quoted as it was.
    pub address: String,
}

impl Header {
    /// Parses a header block, with or without its blank line; what follows the blank line is cut off. Never fails:
    /// lines that are no field are kept as opaque lines.
    pub fn parse(raw: &[u8]) -> Self {
        Self { raw: raw.to_vec() }
    }

    /// The block as it was given.
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// How many fields have this name, in any case.
    pub fn count(&self, name: &str) -> usize {
        todo!("{name}")
    }

    /// The subject: first Subject field, unfolded, encoded words decoded (RFC 2047).
    pub fn subject(&self) -> Option<String> {
        self.text("Subject")
    }

    /// The first field of this name as unstructured text: unfolded, encoded words decoded.
    pub fn text(&self, name: &str) -> Option<String> {
        todo!("{name}")
    }

    /// All mailboxes of all fields of this name, groups flattened, in order.
    pub fn addresses(&self, name: &str) -> Vec<Mailbox> {
        todo!("{name}")
    }

    /// All message identifiers of all fields of this name, with their angle brackets.
    pub fn message_ids(&self, name: &str) -> Vec<String> {
        todo!("{name}")
    }

    /// How many Received fields there are (RFC 5321 §6.3, loops).
    pub fn received_count(&self) -> usize {
        self.count("Received")
    }

    /// Starts an edit of this block.
    pub fn edit(&self) -> Editor<'_> {
        Editor { header: self }
    }
}

/// Changes to a header block that leave every byte alone that they do not name.
pub struct Editor<'a> {
    header: &'a Header,
}

impl Editor<'_> {
    /// Puts a field on top of the block (a later call lands above). Line breaks in `value` that are no folding become blanks.
    pub fn prepend(&mut self, name: &str, value: &str) {
        todo!("{name} {value}")
    }

    /// Drops every field of this name that the parsed block has; fields prepended stay.
    pub fn remove(&mut self, name: &str) {
        todo!("{name}")
    }

    /// Offers each addr-spec of the named fields to `f`; where it answers, exactly the bytes of the addr-spec are replaced.
    pub fn map_addresses(&mut self, names: &[&str], f: &mut dyn FnMut(&str) -> Option<String>) {
        let _ = (names, f);
        todo!()
    }

    /// The edited block.
    pub fn finish(self) -> Vec<u8> {
        self.header.raw.clone()
    }
}

/// The fields of a header block that IMAP's `HEADER.FIELDS` (or, with `not`, `HEADER.FIELDS.NOT`) asks for, byte-exact and in order,
/// followed by the blank line if the block has one (RFC 3501 §6.4.5).
pub fn filter_fields<N: AsRef<str>>(block: &[u8], names: &[N], not: bool) -> Vec<u8> {
    let _ = (block, names, not);
    todo!()
}

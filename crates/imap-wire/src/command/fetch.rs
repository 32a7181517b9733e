//! What FETCH asks for (RFC 3501 §6.4.5, RFC 3516 §4.2). Plain values only.

/// One item of FETCH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FetchItem {
    /// `UID`.
    Uid,
    /// `FLAGS`.
    Flags,
    /// `INTERNALDATE`.
    InternalDate,
    /// `RFC822.SIZE`.
    Size,
    /// `ENVELOPE`.
    Envelope,
    /// `BODY` without a section: the structure without extensions.
    Body,
    /// `BODYSTRUCTURE`.
    BodyStructure,
    /// `MODSEQ` (RFC 7162 §3.1.4.2).
    ModSeq,
    /// `SAVEDATE` (RFC 8514 §4.2).
    SaveDate,
    /// `BODY[…]`, `RFC822`, `RFC822.HEADER`, `RFC822.TEXT`.
    Section(SectionFetch),
    /// `BINARY[…]`: a part without its transfer encoding.
    Binary(BinaryFetch),
    /// `BINARY.SIZE[…]` with the numbers of the part: how long it is without its transfer encoding.
    BinarySize(Vec<u16>),
}

/// Some bytes of a part without its transfer encoding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BinaryFetch {
    /// Part numbers, from 1; empty for the whole message, which has no transfer encoding.
    pub path: Vec<u16>,
    /// Whether `\\Seen` stays as it is (`BINARY.PEEK[…]`).
    pub peek: bool,
    /// `<origin.length>`, counted in decoded bytes.
    pub partial: Option<Partial>,
}

/// Some bytes of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SectionFetch {
    /// How the answer must call it; see `encode::section_label`.
    pub name: SectionName,
    /// Which bytes.
    pub section: Section,
    /// Whether `\Seen` stays as it is (`BODY.PEEK[…]`, `RFC822.HEADER`).
    pub peek: bool,
    /// `<origin.length>`.
    pub partial: Option<Partial>,
}

/// How the client called the section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SectionName {
    /// `BODY[…]`.
    Body,
    /// `RFC822`, answered by that name.
    Rfc822,
    /// `RFC822.HEADER`, answered by that name.
    Rfc822Header,
    /// `RFC822.TEXT`, answered by that name.
    Rfc822Text,
}

/// `section-spec` of RFC 3501 §9.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Section {
    /// Part numbers, from 1; empty for the message itself.
    pub path: Vec<u16>,
    /// What of that part.
    pub part: SectionPart,
}

/// What of a part.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum SectionPart {
    /// Everything: the message if the path is empty, else the content of the part.
    #[default]
    All,
    /// `HEADER`.
    Header,
    /// `HEADER.FIELDS (…)`, names as the client wrote them.
    HeaderFields(Vec<String>),
    /// `HEADER.FIELDS.NOT (…)`.
    HeaderFieldsNot(Vec<String>),
    /// `TEXT`.
    Text,
    /// `MIME`; only with a path.
    Mime,
}

/// `<origin.length>` of RFC 3501 §6.4.5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Partial {
    /// First byte, from 0.
    pub origin: u32,
    /// Most bytes wanted, at least 1.
    pub length: u32,
}

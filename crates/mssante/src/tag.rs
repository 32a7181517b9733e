//! The subject tag that asks for the secure path, and what only looks like it (S-3.3, S-3.4).
//!
//! May use: the folding of look-alikes. Must never touch: header bytes; subjects come decoded and unfolded.

/// What a subject says about the secure path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tag {
    /// The tag is there, as it must be written.
    Present,
    /// Something that a person may have meant as the tag (S-3.3: such a message is never sent in clear).
    NearMiss(NearMiss),
    /// Nothing like it.
    Absent,
}

/// How a would-be tag differs from the tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NearMiss {
    /// The right characters, but not at the start or after reply and forward prefixes.
    Place,
    /// A space is missing after it, stands inside it, or is of another kind.
    Space,
    /// Accents, twins of letters from other alphabets, characters that cannot be seen, or a `#` left out.
    Letters,
}

/// Judges a decoded subject.
#[must_use]
pub fn tag(decoded_subject: &str) -> Tag {
    let _ = decoded_subject;
    todo!()
}

/// The subject without its tag, for copies relayed to other operators; nothing when there is no tag (S-3.4).
#[must_use]
pub fn without_tag(decoded_subject: &str) -> Option<String> {
    let _ = decoded_subject;
    todo!()
}

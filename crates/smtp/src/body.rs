//! What octets a message may hold, as MAIL says it on both sides of the protocol. A value only.

/// `BODY` of MAIL (RFC 6152, RFC 3030 §3), from the narrowest to the widest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Body {
    /// `7BIT`: lines of ASCII. What is meant when nothing is said.
    #[default]
    SevenBit,
    /// `8BITMIME`: lines, with any octet in them.
    EightBit,
    /// `BINARYMIME`: any octets at all; the header is lines all the same. Travels by BDAT only.
    Binary,
}

//! In which of its two forms a mailbox name stands on the wire. Plain values only.

use crate::mutf7::{self, Mutf7Error};

/// How mailbox names are written, both ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Names {
    /// Modified UTF-7 (RFC 3501 §5.1.3).
    #[default]
    Utf7,
    /// UTF-8, once the client enabled IMAP4rev2 (RFC 9051 §5.1): `&` is a letter like others.
    Utf8,
    /// The same, once it enabled UTF8=ACCEPT: a SEARCH then names no charset (RFC 6855 §3).
    Utf8Accept,
}

impl Names {
    /// Reads a name, a reference or a pattern.
    ///
    /// # Errors
    /// Why the bytes are none.
    pub fn decode(self, bytes: &[u8]) -> Result<String, Mutf7Error> {
        match self {
            Self::Utf7 => mutf7::decode(bytes),
            Self::Utf8 | Self::Utf8Accept => {
                std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| Mutf7Error::NotUtf8)
            }
        }
    }
}

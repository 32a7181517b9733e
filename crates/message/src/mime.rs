//! What the Content-* fields of one header say (RFC 2045, 2183, 3282, 2557), read leniently.
//!
//! May use: `header`, `words`. Knows nothing of boundaries or of IMAP.

/// The MIME fields of a part, in the bytes that the sender wrote.
#[derive(Debug, Clone, Default)]
pub(crate) struct MimeInfo {}

//! Headers that say how content is written now (RFC 2045 §6.1); every other field stays as it is.
//!
//! May use: header edits. Must never touch: what a field that is not about transfer says.

use super::{Content, Unconvertible};
use crate::{Header, mime::MimeInfo};

const FIELD: &str = "Content-Transfer-Encoding";

/// The header, saying this encoding. A message that does not say that it is MIME then says so, and, if it says nothing of its text
/// either, that its charset is not known (RFC 1428 §3).
pub(super) fn labelled(raw: &[u8], encoding: &str, message: bool) -> Vec<u8> {
    let header = Header::parse(raw);
    let mut edit = header.edit();
    let silent = message && header.count("MIME-Version") == 0;
    if silent {
        edit.set("MIME-Version", "1.0");
    }
    if silent && header.count("Content-Type") == 0 {
        edit.set("Content-Type", "text/plain; charset=unknown-8bit");
    }
    edit.set(FIELD, encoding);
    edit.finish()
}

/// The header with a claim of 8-bit or binary content taken back, if it makes one that a next hop of this kind does not take.
pub(super) fn relabelled(raw: &[u8], carries: Content) -> Option<Vec<u8>> {
    let claim = MimeInfo::parse(&Header::parse(raw), false).encoding?;
    let claims = |name: &str| claim.eq_ignore_ascii_case(name.as_bytes());
    let too_much = match carries {
        Content::SevenBit => claims("8bit") || claims("binary"),
        Content::EightBit => claims("binary"),
        Content::Binary => false,
    };
    too_much.then(|| labelled(raw, carries.name(), false))
}

/// Whether content under this header may be encoded (RFC 2045 §6.4): not what holds parts or messages, nor what is in an encoding
/// that nobody knows.
pub(super) fn may_be_encoded(raw: &[u8]) -> Result<(), Unconvertible> {
    let header = Header::parse(raw);
    let info = MimeInfo::parse(&header, false);
    let composite = info.is_kind("multipart")
        || ["rfc822", "partial", "external-body"].iter().any(|subtype| info.is("message", subtype));
    if composite || !header.has_known_encoding() { Err(Unconvertible::Structure) } else { Ok(()) }
}
